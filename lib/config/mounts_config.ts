/**
 * What is mounted where: folders of files, and programs. Separate from sites_config.ts because the options that mount something
 * below a prefix that they name themselves are read here alone. Pure.
 */
import { cutPath, joinSegments } from "../http/located.ts";
import { ALL_PATHS, parsePrefix, type PathPrefix } from "../http/path_prefix.ts";
import { PrefixTree } from "../http/prefix_tree.ts";
import { GROUP_EXAMPLES, groupFault, parseUpstreamGroup, type UpstreamGroup } from "../forward/upstream_group.ts";
import { parseRedirect, type Redirect } from "../site/redirect.ts";
import type { Given } from "../start_error.ts";
import type { Framing } from "../websocket/program_messages.ts";
import type { Settings, ValueContext } from "./settings.ts";

/** Files, or programs. */
export interface PathSource {
  readonly kind: "files" | "programs";
  /** Folder of files; program or folder of programs. */
  readonly path: Given;
  /** It must be there at the start; else requests for it are answered 500 until it is. */
  readonly isRequired: boolean;
  /** How programs are talked with that speak to WebSocket clients; absent: they answer requests. */
  readonly webSocket?: WebSocketSettings;
}

/** As WebSocketMount has it. */
export interface WebSocketSettings {
  readonly framing: Framing;
  /** Whether pages of other sites may ask. */
  readonly allowsAnyOrigin: boolean;
}

/** All of it has moved. */
export interface RedirectSource {
  readonly kind: "redirect";
  readonly redirect: Redirect;
}

/** Somebody else answers. */
export interface ForwardSource {
  readonly kind: "forward";
  /** The upstreams as they were written. */
  readonly path: Given;
  readonly group: UpstreamGroup;
}

/** The server tells of itself. */
export interface StatusSource {
  readonly kind: "status";
  /** What asked for it. */
  readonly path: Given;
}

/** What answers. */
export type Source = PathSource | RedirectSource | ForwardSource | StatusSource;

/** What answers for the paths that begin with the prefix. */
export interface Mount {
  readonly prefix: PathPrefix;
  readonly source: Source;
}

/**
 * What is mounted in that section itself, a prefix no more than once. `place` is the prefix of a place, else null. Throws
 * UsageError.
 */
export function readMounts(
  settings: Settings,
  { place, requiresProgram }: { readonly place: PathPrefix | null; readonly requiresProgram: boolean },
): readonly Mount[] {
  if (place !== null) return readPlaceMount(settings, place);
  const mounts: Mount[] = [];
  if (settings.hasOwn("root")) mounts.push({ prefix: ALL_PATHS, source: sourceOf("files", settings.path("root")) });
  if (settings.hasOwn("cgi")) {
    const source = { ...sourceOf("programs", settings.path("cgi")), isRequired: requiresProgram };
    mounts.push({ prefix: readCgiPrefix(settings), source });
  }
  if (settings.around !== null && settings.hasOwn("cgi-prefix") && !settings.hasOwn("cgi")) {
    throw settings.refusal("cgi-prefix", { problem: "no cgi in the same section", remedy: "give both in one" });
  }
  const taken = new Set(["", ...mounts.map(({ prefix }) => joinSegments(prefix.segments))]);
  for (const name of ["alias", "script-alias"] as const) {
    mounts.push(...settings.eachOwn(name, {
      parse: (text, context) => parseMount(text, context, { name, taken }),
      problem: "not a prefix that is free, and a path",
      remedy: `give one such as ${EXAMPLES[name]}`,
    }));
  }
  mounts.push(...settings.eachOwn("forward", {
    parse: (text, context) => parseForwardMount(text, context, { taken, hasRoot: settings.hasOwn("root") }),
    problem: "not a prefix that is free, and an upstream",
    remedy:
      `give one such as /app=fastcgi:127.0.0.1:9000 (${GROUP_EXAMPLES}); a prefix stands once, and / in place of --root`,
    explain: (text) => {
      const [, , value] = PREFIXED.exec(text) ?? [];
      return value === undefined ? null : groupFault(value);
    },
  }));
  mounts.push(...settings.eachOwn("status", {
    parse: (text, { argument }) => parseStatusMount({ argument, value: text }, taken),
    problem: "not a prefix that is free",
    remedy: "give one such as /status/",
  }));
  mounts.push(...settings.eachOwn("websocket", {
    parse: (text, context) => parseWebSocketMount(text, context, taken),
    problem: "not a prefix that is free, and a program",
    remedy: `give one such as /chat=/srv/chat, or "/chat=binary any-origin /srv/chat"; a prefix stands once`,
  }));
  mounts.push(...settings.eachOwn("redirect", {
    parse: (text) => parseRedirectMount(text, taken),
    problem: "not a prefix that is free, and where it has moved",
    remedy:
      'give one such as "/old=/new" or "/old=308 https://example.org/new"; a prefix stands once, and leads elsewhere',
  }));
  return mounts;
}

/** A prefix, and what is mounted there. */
const PREFIXED = /^(\/[^=]*)=(.+)$/s;

const PLACE_SOURCES = ["root", "cgi", "redirect", "forward", "websocket", "status"] as const;

/** At most one. */
function readPlaceMount(settings: Settings, place: PathPrefix): readonly Mount[] {
  const [name, other] = PLACE_SOURCES.filter((name) => settings.hasOwn(name));
  if (name === undefined) return [];
  if (other !== undefined) {
    const problem = `together with ${settings.label(name)}`;
    throw settings.refusal(other, {
      problem,
      remedy:
        "a place is files, programs, a redirect, an upstream, a WebSocket program or the status: give one of them",
    });
  }
  if (name === "forward") return [readPlaceForward(settings, place)];
  if (name === "websocket") return [readPlaceWebSocket(settings, place)];
  if (name === "status") return [readPlaceStatus(settings, place)];
  if (name !== "redirect") {
    return [{ prefix: place, source: sourceOf(name === "root" ? "files" : "programs", settings.path(name)) }];
  }
  const mounts = settings.eachOwn("redirect", {
    parse: (text) => {
      const redirect = parseRedirect(text);
      return redirect === null || isLoop(place, redirect) ? null : { prefix: place, source: { kind: name, redirect } };
    },
    problem: "not where it has moved",
    remedy: 'give one such as "/new" or "308 https://example.org/new", which leads elsewhere',
  });
  if (mounts.length === 1) return mounts;
  throw settings.refusal("redirect", { problem: "given again", remedy: "a place moves to one other" });
}

function readPlaceForward(settings: Settings, prefix: PathPrefix): Mount {
  const sources = settings.eachOwn("forward", {
    parse: (text, { argument }) => forwardTo({ argument, value: text }),
    problem: "not an upstream",
    remedy: `give ${GROUP_EXAMPLES}`,
    explain: groupFault,
  });
  if (sources.length === 1) return { prefix, source: sources[0] };
  throw settings.refusal("forward", {
    problem: "given again",
    remedy: "name several upstreams in one, with commas between them",
  });
}

function readPlaceStatus(settings: Settings, prefix: PathPrefix): Mount {
  const path = settings.given("status");
  if (path?.value !== "on") throw settings.refusal("status", { problem: "unknown", remedy: "give on" });
  return { prefix, source: { kind: "status", path } };
}

function readPlaceWebSocket(settings: Settings, prefix: PathPrefix): Mount {
  const sources = settings.eachOwn("websocket", {
    parse: parseWebSocket,
    problem: "not a program",
    remedy: 'give its path, or one such as "binary any-origin /srv/chat"',
  });
  if (sources.length === 1) return { prefix, source: sources[0] };
  throw settings.refusal("websocket", { problem: "given again", remedy: "a place has one program" });
}

/** `[binary ][any-origin ]PATH`; a path that begins with such a word begins by ./ here. */
function parseWebSocket(text: string, { argument, resolvePath }: ValueContext): PathSource | null {
  const [, words, pathText] = /^((?:(?:binary|any-origin) +)*)(.+)$/s.exec(text) ?? [];
  const value = pathText === undefined ? null : resolvePath(pathText);
  if (value === null) return null;
  const given = words.split(" ");
  return {
    ...sourceOf("programs", { argument, value }),
    webSocket: {
      framing: given.includes("binary") ? "binary" : "text",
      allowsAnyOrigin: given.includes("any-origin"),
    },
  };
}

function forwardTo(path: Given): ForwardSource | null {
  const group = parseUpstreamGroup(path.value);
  return group === null ? null : { kind: "forward", path, group };
}

const EXAMPLES = {
  "alias": "/icons=/usr/share/icons; a prefix stands once, and / is --root",
  "script-alias": "/cgi-bin=/usr/lib/cgi-bin; a prefix stands once",
} as const;

function sourceOf(kind: PathSource["kind"], path: Given | null): PathSource {
  if (path === null) throw new Error("No path that was given");
  return { kind, path, isRequired: true };
}

function readCgiPrefix(settings: Settings): PathPrefix {
  const prefix = parseUriPrefix(settings.text("cgi-prefix") ?? "/cgi/");
  if (prefix !== null) return prefix;
  throw settings.refusal("cgi-prefix", { problem: "not a path of URIs", remedy: "give one such as /cgi/" });
}

function parseMount(
  text: string,
  { argument, resolvePath }: ValueContext,
  { name, taken }: { readonly name: keyof typeof EXAMPLES; readonly taken: Set<string> },
): Mount | null {
  const [, prefixText, pathText] = PREFIXED.exec(text) ?? [];
  if (prefixText === undefined) return null;
  const [prefix, value] = [parseUriPrefix(prefixText), resolvePath(pathText)];
  if (prefix === null || value === null || taken.has(joinSegments(prefix.segments))) return null;
  taken.add(joinSegments(prefix.segments));
  return { prefix, source: sourceOf(name === "alias" ? "files" : "programs", { argument, value }) };
}

function parseForwardMount(
  text: string,
  { argument }: ValueContext,
  { taken, hasRoot }: { readonly taken: Set<string>; readonly hasRoot: boolean },
): Mount | null {
  const [, prefixText, value] = PREFIXED.exec(text) ?? [];
  if (prefixText === undefined) return null;
  const [prefix, source] = [parseUriPrefix(prefixText), forwardTo({ argument, value })];
  if (prefix === null || source === null) return null;
  const key = joinSegments(prefix.segments);
  if (key === "" && !hasRoot) taken.delete("");
  if (taken.has(key)) return null;
  taken.add(key);
  return { prefix, source };
}

function parseStatusMount(path: Given, taken: Set<string>): Mount | null {
  const prefix = parseUriPrefix(path.value);
  if (prefix === null || taken.has(joinSegments(prefix.segments))) return null;
  taken.add(joinSegments(prefix.segments));
  return { prefix, source: { kind: "status", path } };
}

function parseWebSocketMount(text: string, context: ValueContext, taken: Set<string>): Mount | null {
  const [, prefixText, value] = PREFIXED.exec(text) ?? [];
  const prefix = prefixText === undefined ? null : parseUriPrefix(prefixText);
  const source = prefix === null ? null : parseWebSocket(value, context);
  if (prefix === null || source === null || taken.has(joinSegments(prefix.segments))) return null;
  taken.add(joinSegments(prefix.segments));
  return { prefix, source };
}

function parseRedirectMount(text: string, taken: Set<string>): Mount | null {
  const [, prefixText, target] = PREFIXED.exec(text) ?? [];
  const prefix = prefixText === undefined ? null : parseUriPrefix(prefixText);
  const redirect = prefix === null ? null : parseRedirect(target);
  if (prefix === null || redirect === null || taken.has(joinSegments(prefix.segments))) return null;
  if (isLoop(prefix, redirect)) return null;
  taken.add(joinSegments(prefix.segments));
  return { prefix, source: { kind: "redirect", redirect } };
}

/** What it leads to would be led there again. */
function isLoop(prefix: PathPrefix, { base }: Redirect): boolean {
  if (!base.startsWith("/")) return false;
  return new PrefixTree([{ ...prefix, value: true }]).nearest(cutPath(base)) !== null;
}

/** Null where it is no path of URIs: two slashes in a row are a mistake, and what begins a query or an escape is no part of one. */
export function parseUriPrefix(text: string): PathPrefix | null {
  return /\/\/|[?#%]/.test(text) ? null : parsePrefix(text);
}
