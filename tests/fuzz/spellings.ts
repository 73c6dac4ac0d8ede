/**
 * Spellings of paths against a site with files, programs and guards: what is answered, by what and under which rule is what a
 * slow and obvious model says, and the source of a program never comes. The model reads the same tree with stat and
 * realpath alone. I/O.
 */
import { dirname, extname, join } from "@std/path";
import { parseCommandLine } from "../../lib/config/config.ts";
import { HeaderFields } from "../../lib/http/header_fields.ts";
import { EMPTY_BODY, HttpError, type HttpRequest, type HttpResponse } from "../../lib/http/message.ts";
import { decodeEscapes, ENCODED_SLASH, parseTarget } from "../../lib/http/target.ts";
import type { Router } from "../../lib/site/router.ts";
import { choose, type FuzzOptions, mutateOften, playCases, type Random } from "./mutate.ts";
import { createSitesRouter } from "./sites_router.ts";
import { NO_FILES } from "../config_texts.ts";

const SOURCE = "the source of a program";
const NAMES_OF_PROGRAMS = [
  ...["cgi-bin/p", "cgi-bin/sub/q", "cgi-bin/sub/r.sh", "cgi-bin/data", "cgi-bin/.h/p", "run.sh", "LOUD.SH"],
  ...["folder/in.sh", ".well-known/x.sh", ".hid/x.sh", "closed/s.sh", "members/s.sh", "run.sh.gz", "folder/run.sh.GZ"],
  ...["folder/run.sh", "dir.sh/deep.sh"],
];
const NAMES_OF_FILES = [
  ...["index.html", "a.txt", "folder/index.html", "folder/b.txt", ".well-known/k.txt", ".hid/h.txt", "dir.sh/c.txt"],
  ...["semi;colon.txt", "closed/x.txt", "members/m.txt", "tool.sh.gz", "cgi", "cgix", "run.shx", "per%cent.txt"],
];
const LINKS = [["alias", "cgi-bin"], ["link.txt", "run.sh"], ["linkp", "cgi-bin/p"], ["way", "folder"], ["out", ".."]];

/** Which users and addresses may have what is below; the longest prefix counts, for each kind alone. */
const REALMS = [["members"], ["cgi", "sub"], ["folder", "index.html"], ["w", "b.txt"], ["moved", "x"]] as const;
const CLOSED = [["closed"], ["cgi", "p", "closed"], [".well-known", "closed"], ["to", "a.txt"]] as const;
const CREDENTIALS = `Basic ${btoa("eva:secret")}`;

const SNIPPETS = [
  ...["/", "//", "/./", "/../", "/x/../", "%2e", "%2E%2e/", "%2f", "%2F", "%5c", ";", ";a=b", "%3b", ".", "..", "%"],
  ...["/cgi", "/cgi/", "cgi-bin", ".sh", ".SH", ".gz", "/index.html", "/closed", "/members", "%25", "%20", "\\", "?"],
];

interface Tree {
  readonly root: string;
  /** Whether paths are rewritten, redirected and fallen back from. */
  readonly moves: boolean;
  /** Whether encoded slashes pass. */
  readonly passes: boolean;
  readonly handlesIndex: boolean;
  readonly servesDotFiles: boolean;
}

/** What a request comes to: the status, who says what, and what a program is told. */
interface Outcome {
  readonly status: number;
  readonly by?: string;
  readonly scriptName?: string;
  readonly pathInfo?: string;
  /** Where a client is sent to, without the query. */
  readonly location?: string;
  /** Nothing is there, as far as clients may know. */
  readonly isMissing?: boolean;
}

const MOVES = [
  ...["--redirect=/moved=302 /folder", "--rewrite=/w/:name=/folder/{name}", "--rewrite=/to/*=/{0}"],
  ...["--rewrite=/w/:a/:b=/cgi/{a}/{b}", "--rewrite=/sent/:name=302 /folder/{name}", "--fallback=/cgi/p/{path}"],
];

/** Throws plain Error naming the case. */
export async function fuzzSpellings(options: FuzzOptions): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "lisod-fuzz-" }));
  const root = join(folder, "root");
  try {
    makeTree(root);
    const players = Array.from({ length: 16 }, (_, bits) => {
      const [handlesIndex, servesDotFiles, moves, passes] = [1, 2, 4, 8].map((bit) => (bits & bit) !== 0);
      const tree = { root, handlesIndex, servesDotFiles, moves, passes };
      return { tree, router: createRouter(tree) };
    });
    await playCases(options, (_, random) => playCase(makeTarget(random), { random, ...choose(players, random) }));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function makeTree(root: string): void {
  const write = (name: string, text: string) => {
    Deno.mkdirSync(dirname(`${root}/${name}`), { recursive: true });
    Deno.writeTextFileSync(`${root}/${name}`, text, { mode: name === "cgi-bin/data" ? 0o644 : 0o755 });
  };
  for (const name of NAMES_OF_PROGRAMS) write(name, SOURCE);
  for (const name of NAMES_OF_FILES) write(name, `${root}/${name}`);
  for (const [name, target] of LINKS) Deno.symlinkSync(target, `${root}/${name}`);
}

/** The server's own parts, with a runner that only says what it was to run. */
function createRouter({ root, handlesIndex, servesDotFiles, moves, passes }: Tree): Router {
  const args = ["--root", root, "--cgi", `${root}/cgi-bin`, "--cgi-prefix", "/cgi", "--cgi-handler", ".Sh=/bin/sh"];
  const rules = CLOSED.map((prefix) => `--deny=0.0.0.0/0:/${prefix.join("/")}`);
  const more = [
    handlesIndex ? ["--cgi-handler=.html=/bin/sh"] : [],
    servesDotFiles ? ["--dot-files"] : [],
    moves ? MOVES : [],
  ];
  const surroundings = { cwd: root, environment: {}, configFiles: NO_FILES };
  const command = parseCommandLine(
    [...args, ...rules, ...more.flat(), ...passes ? ["--encoded-slash=pass"] : []],
    surroundings,
  );
  if (command.kind !== "serve") throw new Error("Not a command to serve");
  return createSitesRouter(command.config, {
    tell: ({ file, scriptName, pathInfo }) => encodeURIComponent(JSON.stringify({ by: file, scriptName, pathInfo })),
    realms: [REALMS.map((segments) => ({ name: "A", prefix: { segments } }))],
  });
}

function makeTarget(random: Random): string {
  const names = [
    ...NAMES_OF_PROGRAMS,
    ...NAMES_OF_FILES,
    ...LINKS.flatMap(([name]) => [name, `${name}/p`]),
    "cgi/p/closed",
    "cgi",
  ];
  const known = [...names, ...names.map((name) => name.replace("cgi-bin", "cgi"))];
  const below = choose(["", "", "", "", "w/", "to/", "moved/", "sent/", "none/"], random) + choose(known, random);
  const encoded = `/${encodeURI(below)}`;
  const respelled = encoded.replace(/\/|[^/]/g, (character) => respell(character, random));
  const target = mutateOften(respelled, { random, snippets: SNIPPETS, count: random(3) });
  return target.replace(/[^\x21-\x7e]|#/g, encodeURIComponent);
}

/** The same character, most often as it is, now and then in another way. */
function respell(character: string, random: Random): string {
  if (character === "/") return choose(["/", "/", "/", "/", "//", "/./", "/x/../", "/%2E/", "///"], random);
  if (character === "%" || random(8) > 0) return character;
  const escape = `%${character.charCodeAt(0).toString(16)}`;
  return random(2) === 0 ? escape : escape.toUpperCase();
}

async function playCase(
  target: string,
  { tree, router, random }: { readonly tree: Tree; readonly router: Router; readonly random: Random },
): Promise<string | null> {
  const isKnown = random(2) === 0;
  const [got, want] = [await ask(router, target, isKnown), foresee(target, { tree, isKnown })];
  if (JSON.stringify(got) === JSON.stringify(want)) return null;
  return `${JSON.stringify({ target, isKnown, ...tree })} came to ${JSON.stringify(got)}, not ${JSON.stringify(want)}`;
}

async function ask(router: Router, target: string, isKnown: boolean): Promise<Outcome> {
  try {
    const { path, query, form } = parseTarget("GET", target, "keep");
    if (form !== "origin") throw new HttpError(400, "Not a path");
    return await outcomeOf(await router.answer(requestFor(target, { path, query, isKnown })));
  } catch (error) {
    if (error instanceof HttpError) return { status: error.status };
    throw error;
  }
}

async function outcomeOf({ status, fields, body }: HttpResponse): Promise<Outcome> {
  const told = fields.get("X-Told");
  if (told !== null) return { status, ...JSON.parse(decodeURIComponent(told)) };
  let content = "";
  for await (const part of body) content += new TextDecoder().decode(part);
  await body.close();
  if (status === 302) return { status, location: fields.get("Location")?.replace(/\?.*$/s, "") ?? "" };
  return status === 200 ? { status, by: content } : { status };
}

function requestFor(
  target: string,
  { path, query, isKnown }: { readonly path: string; readonly query: string; readonly isKnown: boolean },
): HttpRequest {
  return {
    ...{ method: "GET", target, version: "1.1", path, query, host: "", body: EMPTY_BODY, user: null },
    fields: isKnown ? HeaderFields.of(["Authorization", CREDENTIALS]) : HeaderFields.EMPTY,
    connection: { id: 1, remoteAddress: "192.0.2.1", remotePort: 0, localAddress: "", localPort: 0, secure: false },
    signal: new AbortController().signal,
  };
}

/** The model: the path as a browser reads it, cut at slashes, and each question asked in turn. */
function foresee(target: string, { tree, isKnown }: { readonly tree: Tree; readonly isKnown: boolean }): Outcome {
  if (!target.startsWith("/")) return { status: 400 };
  const [raw] = target.split("?");
  if (/%5c|\\/i.test(raw)) return { status: 404 };
  if (/%00|%(?![0-9a-f]{2})/i.test(raw)) return { status: 400 };
  if (!tree.passes && /%2f/i.test(raw)) return { status: 404 };
  // What ".." takes away is known only where nobody takes an encoded slash for a separator.
  if (losesSlash(raw)) return { status: 404 };
  const path = decodeEscapes(new URL(`http://host${target}`).pathname.replace(/%2f/gi, ENCODED_SLASH)) ?? "";
  const names = namesOf(path);
  if (!tree.moves) return foreseePath(path, [path], { tree, isKnown });
  const served = rewriteByHand(`/${names.join("/")}${path.endsWith("/") && names.length > 0 ? "/" : ""}`) ?? path;
  const outcome = foreseePath(served, [served, path], { tree, isKnown });
  if (outcome.isMissing !== true) return outcome;
  const fallback = `/cgi/p/${served.replace(/^\/+/, "")}`;
  return foreseePath(fallback, [fallback], { tree, isKnown });
}

/** Whether ".." takes away a segment with an encoded slash. */
function losesSlash(raw: string): boolean {
  const kept: string[] = [];
  return raw.split("/").slice(1).some((segment) => {
    const name = segment.replace(/%2e/gi, ".");
    if (name === "..") return /%2f/i.test(kept.pop() ?? "");
    if (name !== ".") kept.push(segment);
    return false;
  });
}

/** What MOVES put in place of a path. */
function rewriteByHand(path: string): string | null {
  const [, top, ...rest] = path.split("/");
  if (top === "to" && rest.length > 0) return `/${rest.join("/")}`;
  if (top !== "w" || rest.includes("")) return null;
  if (rest.length === 1) return `/folder/${rest[0]}`;
  return rest.length === 2 ? `/cgi/${rest.join("/")}` : null;
}

/** What is served for a path, if all who guard one of `guarded` let the request pass. */
function foreseePath(
  path: string,
  guarded: readonly string[],
  { tree, isKnown }: { readonly tree: Tree; readonly isKnown: boolean },
): Outcome {
  for (const each of guarded) {
    const names = namesOf(each);
    const refusal = refusalOf(names, isKnown) ??
      (each.endsWith("/") ? refusalOf([...names, "index.html"], isKnown) : null);
    if (refusal !== null) return { status: refusal };
  }
  const names = namesOf(path);
  if (names[0] === "cgi") return foreseeProgram(path, names, tree);
  if (tree.moves && names[0] === "sent" && names.length === 2 && !path.endsWith("/")) {
    return { status: 302, location: `/folder/${encodeName(names[1])}` };
  }
  if (tree.moves && names[0] === "moved") {
    const slash = path.endsWith("/") ? "/" : "";
    return { status: 302, location: `/folder${names.slice(1).map((name) => `/${encodeName(name)}`).join("")}${slash}` };
  }
  const outcome = foreseeFile(path, names, tree);
  return tree.moves || outcome.isMissing !== true ? outcome : { status: outcome.status };
}

/** RFC 3986 3.3: a segment as it is sent; a lone surrogate stands for a byte. */
function encodeName(name: string): string {
  return Array.from(name, (character) => {
    if (/[\w\-.~!$&'()*+,;=:@]/.test(character)) return character;
    return character.isWellFormed()
      ? encodeURIComponent(character)
      : `%${(character.charCodeAt(0) & 0xff).toString(16).toUpperCase()}`;
  }).join("");
}

function namesOf(path: string): readonly string[] {
  return path.split("/").filter((name) => name !== "");
}

function refusalOf(names: readonly string[], isKnown: boolean): 403 | 401 | null {
  const isIn = (prefix: readonly string[]) => prefix.every((name, at) => names[at] === name);
  if (CLOSED.some(isIn)) return 403;
  return REALMS.some(isIn) && !isKnown ? 401 : null;
}

/** What was sent after so many names; nothing where the path has fewer, and leads to an index. */
function restOf(path: string, count: number): string {
  if (path.split("/").filter((name) => name !== "").length < count) return "";
  return path.replace(new RegExp(`^(?:/+[^/]+){${count}}`), "");
}

function foreseeProgram(path: string, names: readonly string[], { root }: Tree): Outcome {
  for (let count = 2; count <= names.length; count++) {
    if (names[count - 1].startsWith(".")) return { status: 404 };
    const file = `${root}/cgi-bin/${names.slice(1, count).join("/")}`;
    const info = look(file);
    if (info === null) return { status: 404 };
    if (info.isDirectory) continue;
    if (file.endsWith("/data")) return { status: 403 };
    return { status: 200, by: file, scriptName: `/${names.slice(0, count).join("/")}`, pathInfo: restOf(path, count) };
  }
  return { status: path.endsWith("/") ? 403 : 301 };
}

function foreseeFile(path: string, names: readonly string[], tree: Tree): Outcome {
  const { root, servesDotFiles } = tree;
  const isFolder = path.endsWith("/");
  const isHidden = (some: readonly string[]) =>
    !servesDotFiles && some.some((name, at) => name.startsWith(".") && !(at === 0 && name === ".well-known"));
  const candidates = isFolder ? [...names, "index.html"] : names;
  for (let count = 1; count <= candidates.length; count++) {
    const some = candidates.slice(0, count);
    const file = `${root}/${some.join("/")}`;
    if (!isHandled(file, tree) || !look(file)?.isFile) continue;
    if (isHidden(some)) return { status: 404 };
    if (!isServed(file, tree)) return { status: 403 };
    return { status: 200, by: file, scriptName: `/${some.join("/")}`, pathInfo: restOf(path, count) };
  }
  if (isHidden(names)) return { status: 404 };
  const found = `${root}/${names.join("/")}`;
  const info = look(found);
  if (info === null || (isFolder && info.isFile)) return { status: 404, isMissing: true };
  if (!isServed(found, tree)) return { status: 403 };
  if (info.isFile) {
    return {
      status: isSource(found, tree) ? 403 : 200,
      ...(isSource(found, tree) ? {} : { by: Deno.realPathSync(found) }),
    };
  }
  if (!isFolder) return { status: 301 };
  const index = look(`${found}/index.html`);
  return index?.isFile ? { status: 200, by: Deno.realPathSync(`${found}/index.html`) } : { status: 403 };
}

function isHandled(file: string, { handlesIndex }: Tree): boolean {
  const extension = extname(file).toLowerCase();
  return extension === ".sh" || (handlesIndex && extension === ".html");
}

/** Whether it lies in the root and not among the programs of /cgi. */
function isServed(file: string, { root }: Tree): boolean {
  const real = Deno.realPathSync(file);
  return `${real}/`.startsWith(`${root}/`) && !`${real}/`.startsWith(`${root}/cgi-bin/`);
}

function isSource(file: string, tree: Tree): boolean {
  return [file, Deno.realPathSync(file)].some((path) => {
    if (isHandled(path.replace(/[. ]+$/, ""), tree)) return true;
    const source = path.replace(/\.(gz|br|zst)$/i, "");
    return source !== path && isHandled(source, tree) && look(source) !== null;
  });
}

function look(file: string): Deno.FileInfo | null {
  // Bytes that are not UTF-8, which the runtime would replace.
  if (!file.isWellFormed()) return null;
  try {
    return Deno.statSync(file);
  } catch {
    return null; // not there, or its name is too long
  }
}
