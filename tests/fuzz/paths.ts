/**
 * Mutated targets against a folder with hostile names and links: whatever is asked for, nothing from outside the root
 * comes back, and what comes back is the file that realpath(3) finds for the decoded path. I/O.
 */
import { join } from "@std/path";
import { EMPTY_BODY, HttpError, type HttpRequest } from "../../lib/http/message.ts";
import { HeaderFields } from "../../lib/http/header_fields.ts";
import { locate } from "../../lib/http/located.ts";
import { parseTarget } from "../../lib/http/target.ts";
import { DEFAULT_LIMITS } from "../../lib/limits.ts";
import { RULES } from "../../lib/rules.ts";
import { createFileMemory } from "../../lib/static/file_memory.ts";
import { createStaticHandler } from "../../lib/static/static_files.ts";
import { choose, type FuzzOptions, mutateOften, playCases, type Random } from "./mutate.ts";

const OUTSIDE = "outside";

/** Names of files, below the root; each holds its own name. */
const NAMES = [
  "a",
  "index.html",
  "folder/index.html",
  "folder/b.txt",
  "folder/.hidden",
  ".hidden",
  ".well-known/x",
  "with space",
  "percent%2e%2e",
  "%2e%2e/c",
  "...",
  "..d/e",
  "back\\slash",
  "question?mark",
  "hash#mark",
  "semi;colon",
  "quote\"'<>&",
  "new\nline",
  "ümläut/ß",
  "a".repeat(200),
  "deep/er/and/deep/er/f",
] as const;

/** Links below the root and what they lead to, from the folder of the root; `..` is where the outside begins. */
const LINKS = [
  ["link-in", "folder"],
  ["link-file", "a"],
  ["link-out", "../outside"],
  ["link-file-out", "../outside/secret"],
  ["link-sibling", "../root-sibling"],
  ["link-up", ".."],
  ["folder/link-up-up", "../.."],
  ["link-root", "/"],
  ["link-loop", "link-loop"],
  ["link-link", "link-out"],
  ["link-dangling", "nothing"],
] as const;

const SNIPPETS = [
  ...["/", "//", "/./", "/../", "..", ".", "%2e", "%2E%2e", "%2f", "%5c", "\\", "%00", "%", "%c0%af", "%25", "%252e"],
  ...["?", "#", ";", " ", "%20", "*", "%ff", "%e0%80%af", "http://a/", "link-out/secret", "link-up/outside/secret"],
  ...["/../../outside/secret", "/outside/secret", "etc/passwd", ".html", "%0a", "~", "..;/"],
];

/** Makes the folder anew; `dispose` removes it. */
async function makeTree(): Promise<{ readonly root: string; dispose(): Promise<void> }> {
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "lisod-fuzz-" }));
  const root = join(folder, "root");
  const write = async (path: string, content: string) => {
    await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    await Deno.writeTextFile(path, content);
  };
  for (const name of NAMES) await write(`${root}/${name}`, name);
  for (const name of ["secret", "index.html", "a"]) await write(`${folder}/outside/${name}`, OUTSIDE);
  await write(`${folder}/root-sibling/a`, OUTSIDE);
  for (const [name, target] of LINKS) await Deno.symlink(target, `${root}/${name}`);
  return { root, dispose: () => Deno.remove(folder, { recursive: true }) };
}

function makeTarget(random: Random): string {
  const name = choose([...NAMES, ...LINKS.map(([link]) => `${link}/a`), "outside/secret"], random);
  const encoded = random(2) === 0 ? encodeURI(name) : name.split("/").map(encodeURIComponent).join("/");
  const target = mutateOften(`/${encoded}`, { random, snippets: SNIPPETS, count: random(5) });
  // As the reader of heads lets through: visible ASCII.
  return target.replace(/[^\x21-\x7e]/g, encodeURIComponent);
}

/** Throws plain Error naming the case. */
export async function fuzzPaths(options: FuzzOptions): Promise<void> {
  const tree = await makeTree();
  const limits = { ...DEFAULT_LIMITS, fileCacheMs: 1 };
  const handler = createStaticHandler({
    ...{ root: tree.root, listing: true, servesDotFiles: false, limits, memory: createFileMemory(limits) },
    rules: RULES.standard,
    nowMs: () => 0,
  });
  try {
    await playCases(options, (_, random) => playCase(makeTarget(random), { root: tree.root, handler }));
  } finally {
    await tree.dispose();
  }
}

async function playCase(
  text: string,
  { root, handler }: { readonly root: string; readonly handler: ReturnType<typeof createStaticHandler> },
): Promise<string | null> {
  let request: HttpRequest;
  try {
    const { path, query } = parseTarget("GET", text);
    if (!path.startsWith("/")) return null;
    const want = pathOf(text);
    if (want !== null && path !== want) return `"${text}" became "${path}", not "${want}"`;
    request = requestFor(text, { path, query });
  } catch (error) {
    if (error instanceof HttpError) return null;
    throw error;
  }
  try {
    const at = locate(request.path);
    const answer = await (handler.recall(request, at) ?? handler.answer(request, at));
    const content = await contentOf(answer.body);
    if (!request.path.isWellFormed()) return `"${text}" is not UTF-8 and gave ${answer.status}`;
    if (answer.status !== 200) return content.includes(OUTSIDE) ? `"${text}" gave ${content}` : null;
    return judge(content, { path: request.path, root });
  } catch (error) {
    if (error instanceof HttpError && error.status < 500) return null;
    throw error;
  }
}

/** The path as the URL parser of browsers reads it; null for the absolute form, and where it is not UTF-8. */
function pathOf(target: string): string | null {
  // Deno 2.7.11 lets no ".." take away a segment like "a:" or "a|", a drive of Windows, also in http URLs
  // (findings/deno-url-drive-letter.sh); encoded they are not taken for one.
  const plain = target.replace(/[:|]/g, encodeURIComponent);
  try {
    return target.startsWith("/") ? decodeURIComponent(new URL(`http://host${plain}`).pathname) : null;
  } catch (error) {
    if (error instanceof URIError) return null;
    throw error;
  }
}

/** What is wrong with the content of a path that was answered with 200. */
function judge(content: string, { path, root }: { readonly path: string; readonly root: string }): string | null {
  const real = Deno.realPathSync(root + path);
  if (real !== root && !real.startsWith(`${root}/`)) return `"${path}" led to "${real}"`;
  if (/\/\.(?!well-known(?:\/|$))/.test(real.slice(root.length))) return `"${path}" is hidden`;
  if (content === OUTSIDE) return `"${path}" led outside`;
  if (Deno.statSync(real).isDirectory) {
    const index = `${real}/index.html`;
    const isIndex = content === index.slice(root.length + 1);
    return isIndex || content.includes("<!") ? null : `"${path}" gave "${content.slice(0, 200)}"`;
  }
  return content === real.slice(root.length + 1) ? null : `"${path}" gave "${content.slice(0, 200)}"`;
}

function requestFor(target: string, { path, query }: { readonly path: string; readonly query: string }): HttpRequest {
  return {
    method: "GET",
    target,
    version: "1.1",
    fields: HeaderFields.EMPTY,
    path,
    query,
    host: "",
    body: EMPTY_BODY,
    connection: { id: 1, remoteAddress: "", remotePort: 0, localAddress: "", localPort: 0, secure: false },
    signal: new AbortController().signal,
  };
}

async function contentOf(body: AsyncIterable<Uint8Array> & { close(): Promise<void> }): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const part of body) text += decoder.decode(part, { stream: true });
  await body.close();
  return text;
}
