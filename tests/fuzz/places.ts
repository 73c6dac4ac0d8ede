/**
 * Random tables of sites and places, as a configuration file says them, against a slow and obvious model: for each host and path
 * what is served, by whom, and under which rule. The model knows no tree of prefixes and no inheritance but the words of the
 * readme. I/O.
 */
import { dirname, join } from "@std/path";
import { parseCommandLine } from "../../lib/config/config.ts";
import { HeaderFields } from "../../lib/http/header_fields.ts";
import { EMPTY_BODY, HttpError, type HttpRequest } from "../../lib/http/message.ts";
import { parseTarget } from "../../lib/http/target.ts";
import type { Router } from "../../lib/site/router.ts";
import { configFilesOf } from "../config_texts.ts";
import { choose, type FuzzOptions, playCases, type Random } from "./mutate.ts";
import { createSitesRouter } from "./sites_router.ts";

const FILES = ["f.txt", "x.sh", "p/f.txt", "p/x.sh", "p/q/f.txt", "p/q/x.sh", "d/f.txt", "d/q/x.sh"];
const ROOTS = ["r0", "r1", "r2"];
const PROGRAMS = ["run", "sub/run"];
const PREFIXES = ["/", "/p/", "/p/q/", "/p/q/f.txt", "/d/", "/c/", "/c/sub/", "/x.sh/"];
const HOSTS = ["a", "b", "x.w", "other"];
/** What a site may be called, and whether a host is one of it. */
const SITE_HOSTS = ["a", "b", "*.w"];

/** What one section says. */
interface Said {
  readonly host: string | null;
  readonly prefix: string | null;
  readonly source?: string;
  readonly handlers?: "on" | "off";
  readonly access?: "deny" | "allow";
  readonly auth?: boolean;
}

/** What becomes of a request: a status, or what is sent or run. */
type Outcome = string;

/** Requests for each table. */
const ASKED = 12;

/** Throws plain Error naming the case. */
export async function fuzzPlaces(options: FuzzOptions): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "lisod-fuzz-" }));
  try {
    const write = (name: string, mode: number) => {
      Deno.mkdirSync(dirname(join(folder, name)), { recursive: true });
      Deno.writeTextFileSync(join(folder, name), name, { mode });
    };
    for (const root of ROOTS) for (const file of FILES) write(`${root}/${file}`, 0o644);
    for (const program of PROGRAMS) write(`c0/${program}`, 0o755);
    await playCases(options, (_, random) => playTable(folder, random));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function playTable(folder: string, random: Random): Promise<string | null> {
  const table = makeTable(random);
  const text = table.map(sectionText).join("");
  const router = createRouter(folder, text);
  for (let count = 0; count < ASKED; count++) {
    const [host, target, isKnown] = [choose(HOSTS, random), makeTarget(random), random(2) === 0];
    const [got, want] = [await ask(router, { host, target, isKnown }), foresee(table, { host, target, isKnown })];
    if (got !== want) return `${JSON.stringify({ host, target, isKnown })} came to ${got}, not ${want}, with\n${text}`;
  }
  return null;
}

/** The top first, then sites, then places, each section once. */
function makeTable(random: Random): readonly Said[] {
  const hosts = SITE_HOSTS.filter(() => random(2) === 0);
  const places = PREFIXES.filter(() => random(2) === 0).flatMap((prefix) =>
    [null, ...hosts].filter(() => random(3) === 0).map((host) => ({ host, prefix }))
  );
  const sites = hosts.map((host) => ({ host, prefix: null }));
  return [{ host: null, prefix: null }, ...sites, ...places].map((section, index) => {
    const isPlace = section.prefix !== null;
    const sources = isPlace ? [...ROOTS, "c0", "none", "none"] : [...ROOTS, "none"];
    const source = index === 0 ? "r0" : choose(sources, random);
    return {
      ...section,
      ...(source === "none" ? {} : { source }),
      ...(random(3) === 0 ? { handlers: choose(["on", "off"] as const, random) } : {}),
      ...(random(4) === 0 ? { access: choose(["deny", "allow"] as const, random) } : {}),
      ...(random(5) === 0 ? { auth: true } : {}),
    };
  });
}

function sectionText({ host, prefix, source, handlers, access, auth }: Said): string {
  const header = host === null && prefix === null
    ? ""
    : `[${[host, prefix].filter((part) => part !== null).join(" ")}]\n`;
  return [
    header,
    source === undefined ? "" : `${source === "c0" ? "cgi" : "root"} = ${source}\n`,
    handlers === undefined ? "" : `cgi-handler = ${handlers === "on" ? ".sh=/bin/sh" : "off"}\n`,
    access === undefined ? "" : `${access} = 0.0.0.0/0\n`,
    auth === true ? "auth = A:users\n" : "",
  ].join("");
}

function createRouter(folder: string, text: string): Router {
  const configFiles = configFilesOf({ [`${folder}/a.conf`]: text });
  const command = parseCommandLine(["--config", "a.conf"], { cwd: folder, environment: {}, configFiles });
  if (command.kind !== "serve") throw new Error("Not a command to serve");
  const { config } = command;
  return createSitesRouter(config, {
    tell: ({ file, scriptName, pathInfo }) => `run ${file.slice(folder.length + 1)} ${scriptName} ${pathInfo}`,
    realms: config.sites.map(({ realms }) => realms),
  });
}

interface Asked {
  readonly host: string;
  readonly target: string;
  readonly isKnown: boolean;
}

/** A path of the table or near it, in one of its spellings. */
function makeTarget(random: Random): string {
  const below = choose([
    ...FILES,
    "run",
    "run/more",
    "sub/run",
    "x.sh/more",
    "p/q/f.txt/x.sh",
    "",
    "p",
    "p/",
    "q/x.sh",
    "none",
  ], random);
  const path = choose(["/", "/", ...PREFIXES], random) + below;
  return path.replace(/\/|[a-z]/g, (character) => {
    if (character === "/") return choose(["/", "/", "/", "//", "/./", "/y/../", "/%2e/", "/%2E%2e/"], random);
    return random(8) === 0 ? `%${character.charCodeAt(0).toString(16)}` : character;
  });
}

async function ask(router: Router, { host, target, isKnown }: Asked): Promise<Outcome> {
  const { path, query } = parseTarget("GET", target);
  const credentials = isKnown ? [["Authorization", `Basic ${btoa("eva:secret")}`] as const] : [];
  const connection = {
    id: 1,
    remoteAddress: "192.0.2.9",
    remotePort: 1,
    localAddress: "",
    localPort: 1,
    secure: false,
  };
  const request: HttpRequest = {
    ...{ method: "GET", target, version: "1.1", fields: HeaderFields.of(...credentials), path, query, host },
    ...{ body: EMPTY_BODY, connection, signal: new AbortController().signal },
  };
  try {
    const { status, fields, body } = await router.answer(request);
    const told = fields.get("X-Told");
    if (told !== null) return told;
    let content = "";
    for await (const part of body) content += new TextDecoder().decode(part);
    await body.close();
    return status === 200 ? `send ${content}` : `${status}`;
  } catch (error) {
    if (error instanceof HttpError) return `${error.status}`;
    throw error;
  }
}

/** The same by hand. */
function foresee(table: readonly Said[], { host, target, isKnown }: Asked): Outcome {
  const path = decodeURIComponent(new URL(`http://host${target}`).pathname);
  const names = path.split("/").filter((name) => name !== "");
  const [top, ...sections] = table;
  const sites = sections.filter(({ prefix }) => prefix === null);
  const site = sites.find((each) => each.host === host) ??
    sites.find((each) => each.host === "*.w" && host.endsWith(".w")) ?? sites[0];
  const ofSite = table.filter((section) => section === top || section.host === null || section.host === site?.host);
  const last = lastOf(ofSite, names);
  if (last(({ access }) => access !== undefined)?.access === "deny") return "403";
  if (last(({ auth }) => auth === true) !== undefined && !isKnown) return "401";
  const mounted = last(({ source }) => source !== undefined);
  if (mounted?.source === undefined) throw new Error("No source");
  const mount = namesOf(mounted.prefix);
  const isHandled = last(({ handlers }) => handlers !== undefined)?.handlers === "on";
  const rest = names.slice(mount.length);
  const isFolder = path.endsWith("/");
  return mounted.source === "c0"
    ? foreseeProgram(names, { mount, rest, path })
    : foreseeFile(names, { root: mounted.source, rest, path, isHandled, isFolder, ofSite });
}

/** From the widest to the narrowest that holds there: each says what it says in place of those before it. */
function lastOf(ofSite: readonly Said[], names: readonly string[]) {
  const holding = ofSite
    .filter(({ prefix }) => isBelow(names, namesOf(prefix)))
    .toSorted((one, other) => namesOf(one.prefix).length - namesOf(other.prefix).length || rank(one) - rank(other));
  return (says: (section: Said) => boolean) => holding.findLast(says);
}

/** Whether a place with a deeper folder around the file than that of the path runs it: then nobody is sent its source. */
function isRunElsewhere(
  file: string,
  { names, ofSite }: { names: readonly string[]; ofSite: readonly Said[] },
): boolean {
  const places = ofSite.flatMap(({ prefix }) => {
    const own = namesOf(prefix);
    const last = lastOf(ofSite, own);
    const mounted = last(({ source }) => source !== undefined);
    if (mounted?.source === undefined || mounted.source === "c0") return [];
    const folder = [mounted.source, ...own.slice(namesOf(mounted.prefix).length)];
    if (!isBelow(file.split("/"), folder)) return [];
    return [{
      depth: folder.length,
      count: own.length,
      isHere: isBelow(names, own),
      runs: last(({ handlers }) => handlers !== undefined)?.handlers === "on",
    }];
  });
  const here = places.filter(({ isHere }) => isHere).toSorted((one, other) => one.count - other.count).at(-1);
  const deepest = Math.max(...places.map(({ depth }) => depth));
  return here?.depth !== deepest && places.some(({ depth, runs }) => depth === deepest && runs);
}

/** Of two for one prefix that which names the host is the narrower, and the top the widest. */
function rank({ host, prefix }: Said): number {
  return (host === null ? 0 : 2) + (prefix === null ? 0 : 1);
}

function namesOf(prefix: string | null): readonly string[] {
  return (prefix ?? "").split("/").filter((name) => name !== "");
}

function isBelow(names: readonly string[], prefix: readonly string[]): boolean {
  return prefix.every((name, index) => names[index] === name);
}

/** The path after that many names, as it is. */
function restOf(path: string, count: number): string {
  return path.replace(new RegExp(`^(?:/+[^/]+){${count}}`), "");
}

function foreseeProgram(
  names: readonly string[],
  { mount, rest, path }: { readonly mount: readonly string[]; readonly rest: readonly string[]; readonly path: string },
): Outcome {
  for (const program of PROGRAMS) {
    const own = program.split("/");
    if (!isBelow(rest, own)) continue;
    const count = mount.length + own.length;
    return `run c0/${program} /${names.slice(0, count).join("/")} ${restOf(path, count)}`;
  }
  const isThere = rest.length === 0 || (rest.length === 1 && rest[0] === "sub");
  if (!isThere) return "404";
  return path.endsWith("/") ? "403" : "301";
}

function foreseeFile(
  names: readonly string[],
  { root, rest, path, isHandled, isFolder, ofSite }: {
    readonly root: string;
    readonly rest: readonly string[];
    readonly path: string;
    readonly isHandled: boolean;
    readonly isFolder: boolean;
    readonly ofSite: readonly Said[];
  },
): Outcome {
  const file = FILES.find((file) => isBelow(rest, file.split("/")));
  const depth = file?.split("/").length ?? 0;
  if (file !== undefined && file.endsWith(".sh") && isHandled) {
    const count = names.length - rest.length + depth;
    return `run ${root}/${file} /${names.slice(0, count).join("/")} ${restOf(path, count)}`;
  }
  if (file !== undefined) {
    if (depth !== rest.length || isFolder) return "404";
    const isSource = file.endsWith(".sh") && isRunElsewhere(`${root}/${file}`, { names, ofSite });
    return isSource ? "403" : `send ${root}/${file}`;
  }
  const isThere = rest.length === 0 || FILES.some((file) => file.startsWith(`${rest.join("/")}/`));
  if (!isThere) return "404";
  return isFolder ? "403" : "301";
}
