/**
 * Checks the layers of the server: imports go down only, static/ and cgi/ never meet, and a pure file (each but those of
 * WITH_IO) does no I/O, reads no clock, sets no timer, logs nothing and imports pure files alone. Separate from the
 * linter because it compares files with each other. `deno task layers` prints each breach with its file and line.
 */
import { dirname, join } from "@std/path";

/**
 * Paths and folders from the bottom up. A file belongs to the longest entry that its path starts with, and may import
 * from its own layer and from those below.
 */
const LAYERS: readonly (readonly string[])[] = [
  ["lib/std/"],
  ["lib/limits.ts", "lib/rules.ts"],
  [
    "lib/http/grammar.ts",
    "lib/http/header_fields.ts",
    "lib/http/kept_head.ts",
    "lib/http/message.ts",
    "lib/http/receive_buffer.ts",
  ],
  ["lib/http/"],
  ["lib/http/connection.ts"],
  ["lib/system/"],
  ["lib/static/", "lib/cgi/", "lib/access/"],
  ["lib/server/"],
  ["main.ts"],
];

/** Folders of one layer that may not import from each other. */
const STRANGERS: readonly string[] = ["lib/static/", "lib/cgi/", "lib/access/"];

/** The files that do I/O or read the clock. All others are pure, and their tests run without any permission. */
const WITH_IO: readonly string[] = [
  "lib/access/access_guard.ts",
  "lib/access/password_checker.ts",
  "lib/access/password_worker.ts",
  "lib/access/verify_password.ts",
  "lib/cgi/cgi_scripts.ts",
  "lib/cgi/find_script.ts",
  "lib/child/pipe.ts",
  "lib/child/child_process.ts",
  "lib/cgi/script_run.ts",
  "lib/child/spawn_arguments.ts",
  "lib/child/spawner.ts",
  "lib/gateway/spool_content.ts",
  "lib/child/start_gate.ts",
  "lib/system/process_calls.ts",
  "lib/serve/answer_request.ts",
  "lib/process/check_config.ts",
  "lib/net/check_credentials.ts",
  "lib/process/daemon.ts",
  "lib/process/descriptors.ts",
  "lib/net/https_listener.ts",
  "lib/net/is_peer_gone.ts",
  "lib/serve/is_settled_soon.ts",
  "lib/net/key_log.ts",
  "lib/process/leave_root.ts",
  "lib/system/libc.ts",
  "lib/net/listen.ts",
  "lib/net/listening_port.ts",
  "lib/config/load_config_file.ts",
  "lib/site/load_error_pages.ts",
  "lib/access/load_realms.ts",
  "lib/small_file.ts",
  "lib/process/lock_file.ts",
  "lib/log/log.ts",
  "lib/log/log_file.ts",
  "lib/serve/open_connections.ts",
  "lib/process/permissions.ts",
  "lib/process/privileges.ts",
  "lib/serve/response_sender.ts",
  "lib/serve/http1_connection.ts",
  "lib/serve/server.ts",
  "lib/process/service_manager.ts",
  "lib/process/signals.ts",
  "lib/worker/thread_server.ts",
  "lib/worker/worker_thread.ts",
  "lib/net/socket.ts",
  "lib/net/socket_listener.ts",
  "lib/net/socket_shutdown.ts",
  "lib/net/load_credentials.ts",
  "lib/net/transport.ts",
  "lib/worker/worker_pool.ts",
  "lib/static/file_body.ts",
  "lib/static/known_files.ts",
  "lib/static/open_file.ts",
  "lib/static/read_folder.ts",
  "lib/static/static_files.ts",
  "lib/system/epoll.ts",
  "lib/system/paced_readiness.ts",
  "lib/system/readiness.ts",
  "main.ts",
];

/** What a pure file must not contain, looked for in code alone: not in comments and quoted strings. */
const IMPURE: readonly { readonly pattern: RegExp; readonly name: string }[] = [
  { pattern: /\bDeno\b/g, name: "Deno" },
  { pattern: /\bconsole\b/g, name: "console" },
  { pattern: /\b(?:setTimeout|setInterval)\b|\bAbortSignal\s*\.\s*timeout\b/g, name: "a timer" },
  { pattern: /\bDate\s*\.\s*now\b|\bDate\s*\(\s*\)|\bnew\s+Date\b(?!\s*\()|\bperformance\b/g, name: "a clock" },
  { pattern: /\b(?:fetch\s*\(|new\s+(?:Worker|WebSocket)\b)/g, name: "I/O" },
];

/** Of the modules of Node the one that works on bytes in memory and nothing else. */
const MEMORY_ALONE = "node:buffer";

const UNLISTED = "yet does not stand in WITH_IO of scripts/check_layers.ts";

/** A literal or a comment: what must be told apart from code. A slash starts an expression only where no value ends. */
const LITERAL =
  /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\[^]|[^`\\])*`|\/\/.*|\/\*[^]*?\*\/|(?<=[=(,:!&|?{};[>]\s*|\breturn\s+)\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n])+\//g;

const IMPORT = /\b(?:import|export)\b\s*(type\b)?[^;"'()=]*?\bfrom\s*"([^"]+)"|\bimport\s*\(?\s*"([^"]+)"/g;

/** One place where the code leaves the layers. */
export interface Breach {
  /** Relative to the project's folder. */
  readonly path: string;
  /** Counted from 1. */
  readonly line: number;
  readonly message: string;
}

/** True for a file that does no I/O and so is tested without permissions; `path` is relative to the project's folder. */
export function isPure(path: string): boolean {
  return !WITH_IO.includes(path);
}

/** Every breach in `files`, which holds the text of each source (tests apart) by its path from the project's folder. */
export function checkLayers(files: ReadonlyMap<string, string>): Breach[] {
  return [...files].flatMap(([path, text]) => checkFile(path, text)).sort((a, b) =>
    a.path.localeCompare(b.path) || a.line - b.line
  );
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
  if (isPure(path)) {
    const code = blank(text, () => true);
    for (const { pattern, name } of IMPURE) {
      for (const match of code.matchAll(pattern)) report(match.index, `uses ${name}, ${UNLISTED}`);
    }
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
  const [from, to] = [path, target].map((file) => STRANGERS.find((folder) => file.startsWith(folder)));
  if (from && to && from !== to) return `imports "${target}": ${from} and ${to} never meet`;
  if (isPure(path) && !isPure(target) && !isTypeOnly) return `imports "${target}", ${UNLISTED}`;
  return null;
}

function layerOf(path: string): number {
  const entries = LAYERS.flatMap((layer, rank) => layer.map((entry) => ({ entry, rank })));
  const found = entries.filter(({ entry }) => matches(entry, path)).sort((a, b) => b.entry.length - a.entry.length);
  return found[0]?.rank ?? -1;
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
  const breaches = checkLayers(new Map(sources.map((path) => [path, Deno.readTextFileSync(path)])));
  for (const { path, line, message } of breaches) console.error(`${path}:${line}: ${message}`);
  console.error(`Checked the layers of ${sources.length} files, ${breaches.length} breaches`);
  Deno.exit(breaches.length === 0 ? 0 : 1);
}
