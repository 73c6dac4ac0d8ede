/**
 * Checks the house of the server: imports go down only, folders of one floor never meet, functions of the C library are
 * declared and opened on one floor alone, no folder overflows, and a pure file (each but those of WITH_IO) does no I/O, reads no
 * clock, sets no timer, logs nothing and imports pure files alone. Separate from the linter because it compares files with
 * each other. `deno task layers` prints each breach, and those of the texts (check_texts.ts), with file and line. What each
 * folder holds: design.txt 1.
 */
import { dirname, join } from "@std/path";
import { type Breach, checkTexts } from "./check_texts.ts";

/** Paths and folders that stand beside each other. */
interface Layer {
  readonly floor: number;
  /** Of several folders here none imports from another. */
  readonly entries: readonly string[];
}

/**
 * From the bottom up. A file belongs to the longest entry that its path starts with, and may import from its own folder and
 * from layers below. Some floors have an order of their own.
 */
const LAYERS: readonly Layer[] = [
  { floor: 0, entries: ["lib/std/"] },
  {
    floor: 0,
    entries: [
      "lib/asked_worker.ts",
      "lib/clock.ts",
      "lib/free_bytes.ts",
      "lib/host_map.ts",
      "lib/html_page.ts",
      "lib/ip_address.ts",
      "lib/limits.ts",
      "lib/linked_list.ts",
      "lib/memory_budget.ts",
      "lib/progress.ts",
      "lib/request_id.ts",
      "lib/request_notes.ts",
      "lib/rules.ts",
      "lib/start_error.ts",
      "lib/version.ts",
    ],
  },
  { floor: 0, entries: ["lib/first_line.ts", "lib/refused_path.ts", "lib/small_file.ts"] },
  { floor: 0, entries: ["lib/link_rule.ts"] },
  { floor: 1, entries: ["lib/system/"] },
  {
    floor: 2,
    entries: [
      "lib/http/grammar.ts",
      "lib/http/header_fields.ts",
      "lib/http/kept_head.ts",
      "lib/http/message.ts",
      "lib/http/own_fields.ts",
      "lib/http/receive_buffer.ts",
    ],
  },
  { floor: 2, entries: ["lib/http/"] },
  { floor: 2, entries: ["lib/http/connection.ts"] },
  { floor: 2, entries: ["lib/http2/", "lib/websocket/"] },
  { floor: 3, entries: ["lib/log/"] },
  { floor: 4, entries: ["lib/net/", "lib/child/", "lib/coding/"] },
  { floor: 5, entries: ["lib/balance/", "lib/gateway/", "lib/listing/", "lib/warm/"] },
  { floor: 6, entries: ["lib/static/", "lib/cgi/", "lib/forward/", "lib/access/"] },
  { floor: 7, entries: ["lib/site/", "lib/status/"] },
  { floor: 8, entries: ["lib/config/", "lib/serve/"] },
  { floor: 9, entries: ["lib/process/"] },
  { floor: 10, entries: ["lib/worker/"] },
  { floor: 11, entries: ["main.ts"] },
];

/** The one folder that speaks to the C library by itself; all others are handed its functions. */
const FFI_FOLDER = "lib/system/";
const FFI = /\b(?:dlopen|Unsafe(?:Pointer|PointerView|Callback|FnPointer)|ForeignLibraryInterface)\b/g;

/** Files of a folder, tests apart: more are told, and beyond the second number refused. */
const MANY_FILES = 20;
const MOST_FILES = 24;

/** The files that do I/O or read the clock. All others are pure, and their tests run without any permission. */
const WITH_IO: readonly string[] = [
  "lib/asked_worker.ts",
  "lib/access/authenticator.ts",
  "lib/access/load_realms.ts",
  "lib/access/password_checker.ts",
  "lib/access/password_worker.ts",
  "lib/access/verify_password.ts",
  "lib/cgi/find_script.ts",
  "lib/cgi/is_program.ts",
  "lib/cgi/script_handler.ts",
  "lib/cgi/script_run.ts",
  "lib/cgi/script_runner.ts",
  "lib/cgi/start_failure.ts",
  "lib/cgi/take_place.ts",
  "lib/cgi/web_socket_handler.ts",
  "lib/child/child.ts",
  "lib/child/child_guard.ts",
  "lib/child/child_process.ts",
  "lib/child/command_child.ts",
  "lib/child/command_starter.ts",
  "lib/child/pipe.ts",
  "lib/child/process_end.ts",
  "lib/child/spawn_arguments.ts",
  "lib/child/spawner.ts",
  "lib/child/start_gate.ts",
  "lib/child/stream_pipe.ts",
  "lib/clock.ts",
  "lib/coding/codings.ts",
  "lib/coding/compress_worker.ts",
  "lib/coding/compressed_answer.ts",
  "lib/coding/compressor.ts",
  "lib/config/load_config_file.ts",
  "lib/first_line.ts",
  "lib/forward/answer_errors.ts",
  "lib/forward/answer_wait.ts",
  "lib/forward/fastcgi_peer.ts",
  "lib/forward/forwarder.ts",
  "lib/forward/http_peer.ts",
  "lib/forward/scgi_peer.ts",
  "lib/forward/known_upstream.ts",
  "lib/forward/start_peer.ts",
  "lib/forward/upstream_checks.ts",
  "lib/forward/upstream_connection.ts",
  "lib/forward/upstream_socket.ts",
  "lib/gateway/program_exchange.ts",
  "lib/gateway/gather_timer.ts",
  "lib/gateway/nameless_file.ts",
  "lib/gateway/spool_folder.ts",
  "lib/gateway/output_ahead.ts",
  "lib/gateway/spool_content.ts",
  "lib/listing/listings.ts",
  "lib/listing/pace.ts",
  "lib/log/log.ts",
  "lib/log/log_file.ts",
  "lib/net/check_credentials.ts",
  "lib/net/connect_socket.ts",
  "lib/net/handed_socket.ts",
  "lib/net/https_listener.ts",
  "lib/net/is_peer_gone.ts",
  "lib/net/key_log.ts",
  "lib/net/listen.ts",
  "lib/net/listening_port.ts",
  "lib/net/load_credentials.ts",
  "lib/net/named_credentials.ts",
  "lib/net/socket.ts",
  "lib/net/socket_file.ts",
  "lib/net/socket_listener.ts",
  "lib/net/socket_shutdown.ts",
  "lib/net/transport.ts",
  "lib/process/check_config.ts",
  "lib/process/daemon.ts",
  "lib/process/descriptors.ts",
  "lib/process/folder_walk.ts",
  "lib/process/leave_root.ts",
  "lib/process/lock_file.ts",
  "lib/process/orphan_reaper.ts",
  "lib/process/path_rights.ts",
  "lib/process/permissions.ts",
  "lib/process/privileges.ts",
  "lib/process/renew_config.ts",
  "lib/process/predecessor.ts",
  "lib/process/program_fault.ts",
  "lib/process/service_manager.ts",
  "lib/process/signals.ts",
  "lib/process/successor.ts",
  "lib/process/survey_files.ts",
  "lib/process/survey_settings.ts",
  "lib/link_rule.ts",
  "lib/refused_path.ts",
  "lib/serve/answer_request.ts",
  "lib/serve/begin_connection.ts",
  "lib/serve/connection_socket.ts",
  "lib/serve/http1_connection.ts",
  "lib/serve/http2_connection.ts",
  "lib/serve/http2_exchange.ts",
  "lib/serve/is_settled_soon.ts",
  "lib/serve/open_connections.ts",
  "lib/serve/resting_connection.ts",
  "lib/serve/serve_exchange.ts",
  "lib/serve/server.ts",
  "lib/serve/socket_info.ts",
  "lib/serve/socket_reader.ts",
  "lib/site/load_error_pages.ts",
  "lib/small_file.ts",
  "lib/static/examine_file.ts",
  "lib/static/file_body.ts",
  "lib/static/file_handle.ts",
  "lib/static/file_memory.ts",
  "lib/static/folder_listing.ts",
  "lib/static/known_files.ts",
  "lib/static/open_file.ts",
  "lib/static/read_folder.ts",
  "lib/static/read_readme.ts",
  "lib/static/static_files.ts",
  "lib/static/turnstile.ts",
  "lib/system/descriptor_bound.ts",
  "lib/system/epoll.ts",
  "lib/system/file_ranges.ts",
  "lib/system/file_times.ts",
  "lib/system/folder_names.ts",
  "lib/system/libc.ts",
  "lib/system/message_socket.ts",
  "lib/system/paced_readiness.ts",
  "lib/system/proc_file.ts",
  "lib/system/process_stat.ts",
  "lib/system/process_calls.ts",
  "lib/system/program_pages.ts",
  "lib/system/readiness.ts",
  "lib/system/runtime_epoll.ts",
  "lib/system/socket_calls.ts",
  "lib/warm/warm_script.ts",
  "lib/warm/warm_starter.ts",
  "lib/warm/zygote.ts",
  "lib/worker/build_site.ts",
  "lib/worker/explain.ts",
  "lib/worker/memory_return.ts",
  "lib/worker/plain_listeners.ts",
  "lib/worker/thread_gateways.ts",
  "lib/worker/thread_server.ts",
  "lib/worker/thread_status.ts",
  "lib/worker/standstill.ts",
  "lib/worker/way.ts",
  "lib/worker/worker_pool.ts",
  "lib/worker/worker_thread.ts",
  "main.ts",
];

/** What a pure file must not contain, looked for in code alone: not in comments and quoted strings. */
const IMPURE: readonly { readonly pattern: RegExp; readonly name: string }[] = [
  { pattern: /\bDeno\b/g, name: "Deno" },
  { pattern: /\bconsole\b/g, name: "console" },
  { pattern: /\bprocess\s*\./g, name: "process" },
  { pattern: /\b(?:setTimeout|setInterval)\b|\bAbortSignal\s*\.\s*timeout\b/g, name: "a timer" },
  {
    pattern: /\bDate\s*\.\s*now\b|\bDate\s*\(\s*\)|\bnew\s+Date\b(?!\s*\()|\bperformance\b|\bTemporal\s*\.\s*Now\b/g,
    name: "a clock",
  },
  { pattern: /\b(?:fetch\s*\(|new\s+(?:Worker|WebSocket)\b)/g, name: "I/O" },
];

/** Of the modules of Node the one that works on bytes in memory and nothing else. */
const MEMORY_ALONE = "node:buffer";

const UNLISTED = "yet does not stand in WITH_IO of scripts/check_layers.ts";

/** A literal or a comment: what must be told apart from code. A slash starts an expression only where no value ends. */
const LITERAL =
  /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\[^]|[^`\\])*`|\/\/.*|\/\*[^]*?\*\/|(?<=[=(,:!&|?{};[>]\s*|\breturn\s+)\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n])+\//g;

const IMPORT = /\b(?:import|export)\b\s*(type\b)?[^;"'()=]*?\bfrom\s*"([^"]+)"|\bimport\s*\(?\s*"([^"]+)"/g;

/** True for a file that does no I/O and so is tested without permissions; `path` is relative to the project's folder. */
export function isPure(path: string): boolean {
  return !WITH_IO.includes(path);
}

/** The floor on which a file or folder stands, counted from 0; null where none was made for it. A folder ends in a slash. */
export function floorOf(path: string): number | null {
  return LAYERS[layerOf(path)]?.floor ?? (path === "lib/" ? 0 : null);
}

/** Every breach in `files`, which holds the text of each source (tests apart) by its path from the project's folder. */
export function checkLayers(files: ReadonlyMap<string, string>): Breach[] {
  const overflowing = crowdedFolders([...files.keys()], MOST_FILES).map(({ folder, count }) => ({
    path: folder,
    line: null,
    message: `holds ${count} files, tests apart, and may hold ${MOST_FILES}: find a second noun in it`,
  }));
  return [...overflowing, ...[...files].flatMap(([path, text]) => checkFile(path, text))].sort((a, b) =>
    a.path.localeCompare(b.path) || (a.line ?? 0) - (b.line ?? 0)
  );
}

/** Folders with more than `most` of the files at `paths`, and how many they have. */
export function crowdedFolders(
  paths: readonly string[],
  most = MANY_FILES,
): readonly { readonly folder: string; readonly count: number }[] {
  const folders = Map.groupBy(paths, (path) => `${dirname(path)}/`);
  return [...folders].map(([folder, { length: count }]) => ({ folder, count })).filter(({ count }) => count > most);
}

/** Files that this script names and `paths` lacks: left behind when a file was moved. */
export function findLeftBehind(paths: readonly string[]): Breach[] {
  const listed = [...WITH_IO, ...LAYERS.flatMap(({ entries }) => entries).filter((entry) => entry.endsWith(".ts"))];
  return [...new Set(listed)].filter((path) => !paths.includes(path)).map((path) => ({
    path: "scripts/check_layers.ts",
    line: null,
    message: `names "${path}", which is not there`,
  }));
}

function checkFile(path: string, text: string): Breach[] {
  const breaches: Breach[] = [];
  const report = (index: number, message: string) => {
    breaches.push({ path, line: text.slice(0, index).split("\n").length, message });
  };
  if (layerOf(path) === -1) report(0, "stands in no layer: give it a place in LAYERS of scripts/check_layers.ts");
  const withoutComments = blank(text, (literal) => /^\/[/*]/.test(literal));
  for (const match of withoutComments.matchAll(IMPORT)) {
    const fault = checkImport(path, match[2] ?? match[3], match[1] === "type");
    if (fault !== null) report(match.index, fault);
  }
  const code = blank(text, () => true);
  const refuse = (pattern: RegExp, message: (found: string) => string) => {
    for (const match of code.matchAll(pattern)) report(match.index, message(match[0]));
  };
  if (!path.startsWith(FFI_FOLDER)) refuse(FFI, (name) => `uses ${name}, which is for ${FFI_FOLDER} alone`);
  if (isPure(path)) {
    for (const { pattern, name } of IMPURE) refuse(pattern, () => `uses ${name}, ${UNLISTED}`);
  }
  return breaches;
}

/** What is wrong with an import of `specifier` in the file at `path`, or null. */
function checkImport(path: string, specifier: string, isTypeOnly: boolean): string | null {
  if (!specifier.startsWith(".")) {
    const isIo = specifier.startsWith("node:") && specifier !== MEMORY_ALONE && isPure(path);
    return isIo ? `imports "${specifier}", ${UNLISTED}` : null;
  }
  const target = join(dirname(path), specifier);
  if (layerOf(target) > layerOf(path)) return `imports "${target}", which is a layer above it`;
  const [from, to] = [path, target].map(entryOf);
  if (layerOf(target) === layerOf(path) && from !== to && from?.endsWith("/")) {
    return `imports "${target}": ${from} and ${to} never meet`;
  }
  if (isPure(path) && !isPure(target) && !isTypeOnly) return `imports "${target}", ${UNLISTED}`;
  return null;
}

/** An index of LAYERS; -1 for a path that belongs to none. */
function layerOf(path: string): number {
  const entry = entryOf(path);
  return LAYERS.findIndex(({ entries }) => entry !== undefined && entries.includes(entry));
}

/** The longest entry of LAYERS that the path belongs to. */
function entryOf(path: string): string | undefined {
  const found = LAYERS.flatMap(({ entries }) => entries).filter((entry) => matches(entry, path));
  return found.sort((a, b) => b.length - a.length)[0];
}

function matches(entry: string, path: string): boolean {
  return entry.endsWith("/") ? path.startsWith(entry) : path === entry;
}

/** `text` with spaces for the literals and comments that `isBlanked` picks, but not for the code in a template. */
function blank(text: string, isBlanked: (literal: string) => boolean): string {
  return text.replace(LITERAL, (literal) => {
    // No index and no line may change.
    const toSpaces = () => literal.replace(/(\$\{[^{}]*\})|[^\n]/g, (_, code?: string) => code ?? " ");
    return isBlanked(literal) ? toSpaces() : literal;
  });
}

/** The paths of all TypeScript files below `folder`, sorted. */
export function listSources(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory) return listSources(path);
    return path.endsWith(".ts") ? [path] : [];
  }).sort();
}

if (import.meta.main) {
  const sources = ["main.ts", ...listSources("lib")].filter((path) => !path.endsWith("_test.ts"));
  const texts = new Map(sources.map((path) => [path, Deno.readTextFileSync(path)]));
  const breaches = [...checkLayers(texts), ...findLeftBehind(sources), ...checkTexts(floorOf)];
  for (const { path, line, message } of breaches) {
    console.error(`${path}${line === null ? "" : `:${line}`}: ${message}`);
  }
  for (const { folder, count } of crowdedFolders(sources)) {
    console.error(`${folder} is full: ${count} files, tests apart`);
  }
  console.error(
    `Checked the layers of ${sources.length} files and what texts say of them, ${breaches.length} breaches`,
  );
  Deno.exit(breaches.length === 0 ? 0 : 1);
}
