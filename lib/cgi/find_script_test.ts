import { assertEquals, assertThrows } from "@std/assert";
import { cutPath, locate } from "../http/located.ts";
import { HttpError } from "../http/message.ts";
import { findHandled, findProgram, type HandledPlace, type ProgramPlace } from "./find_script.ts";

/** A folder of scripts and a root, all of it beside a file that is in neither. */
function makeTree(): string {
  const top = Deno.makeTempDirSync({ prefix: "lisod-test-" });
  const program = (path: string, mode = 0o755) => Deno.writeTextFileSync(`${top}/${path}`, "#!/bin/sh\n", { mode });
  for (
    const folder of [
      ...["bin", "bin/deep", "bin/deep/er", "bin/.hid", "bin/dir.php"],
      ...["root", "root/a.php", "root/.git", "root/.well-known", "root/folder", "root/programs"],
    ]
  ) {
    Deno.mkdirSync(`${top}/${folder}`);
  }
  for (const path of ["bin/run", "bin/deep/er/run", "bin/.hidden", "bin/.hid/run", "outside"]) program(path);
  for (const path of ["bin/data", "bin/page.php", "bin/LOUD.PHP", "bin/dir.php/run.php"]) program(path, 0o644);
  for (const path of ["index.php", "INDEX.PhP", "a.php/b.php", "page.htm", ".git/x.php"]) {
    program(`root/${path}`, 0o644);
  }
  for (const path of [".well-known/x.php", "folder/index.html", "programs/x.php"]) program(`root/${path}`, 0o644);
  Deno.symlinkSync(`${top}/bin/run`, `${top}/bin/link`);
  Deno.symlinkSync(`${top}/outside`, `${top}/bin/leave`);
  Deno.symlinkSync(`${top}/outside`, `${top}/root/leave.php`);
  Deno.symlinkSync(`${top}/root/programs`, `${top}/root/alias`);
  Deno.symlinkSync("loop", `${top}/bin/loop`);
  new Deno.Command("/usr/bin/mkfifo", { args: ["--mode=755", `${top}/bin/fifo`] }).outputSync();
  return top;
}

const top = makeTree();
globalThis.addEventListener("unload", () => Deno.removeSync(top, { recursive: true }));

const HANDLERS = { ".php": "/usr/bin/php-cgi" };
const FOLDER: ProgramPlace = { cgiPath: `${top}/bin`, handlers: HANDLERS, links: "inside" };
const FILE: ProgramPlace = { cgiPath: `${top}/bin/run`, handlers: {}, links: "inside" };

type Found = readonly [file: string, scriptName: string, pathInfo: string, interpreter?: string];

const FOUND: readonly (readonly [path: string, want: Found, place?: ProgramPlace, mountCount?: number])[] = [
  ["/cgi/run", ["bin/run", "/cgi/run", ""]],
  ["/cgi/run/", ["bin/run", "/cgi/run", "/"]],
  ["/cgi/run//", ["bin/run", "/cgi/run", "//"]],
  ["/cgi/run/a//b/", ["bin/run", "/cgi/run", "/a//b/"]],
  ["/cgi//run", ["bin/run", "/cgi/run", ""]],
  ["//cgi///run//a", ["bin/run", "/cgi/run", "//a"]],
  ["/cgi/run/.hidden", ["bin/run", "/cgi/run", "/.hidden"]],
  ["/cgi/deep/er/run/x", ["bin/deep/er/run", "/cgi/deep/er/run", "/x"]],
  ["/cgi/deep//er/run/x", ["bin/deep/er/run", "/cgi/deep/er/run", "/x"]],
  ["/cgi/link/x", ["bin/link", "/cgi/link", "/x"]],
  ["/cgi/page.php/x", ["bin/page.php", "/cgi/page.php", "/x", "/usr/bin/php-cgi"]],
  ["/cgi/LOUD.PHP", ["bin/LOUD.PHP", "/cgi/LOUD.PHP", "", "/usr/bin/php-cgi"]],
  ["/cgi/dir.php/run.php", ["bin/dir.php/run.php", "/cgi/dir.php/run.php", "", "/usr/bin/php-cgi"]],
  // one program for everything: trailing slashes are kept
  ["/cgi", ["bin/run", "/cgi", ""], FILE],
  ["//cgi", ["bin/run", "/cgi", ""], FILE],
  ["/cgi/", ["bin/run", "/cgi", "/"], FILE],
  ["/cgi//", ["bin/run", "/cgi", "//"], FILE],
  ["/cgi/blog/", ["bin/run", "/cgi", "/blog/"], FILE],
  ["/cgi/.x//y", ["bin/run", "/cgi", "/.x//y"], FILE],
  ["/a/pp/x", ["bin/run", "/a/pp", "/x"], FILE, 2],
  ["/x", ["bin/run", "", "/x"], FILE, 0],
  ["//x", ["bin/run", "", "//x"], FILE, 0],
];

for (const [path, [file, scriptName, pathInfo, interpreter = null], place = FOLDER, mountCount = 1] of FOUND) {
  Deno.test(`findProgram() finds ${file} when "${path}" is asked for of a place of ${mountCount} segments`, () => {
    const at = locate(path, cutPath(path), mountCount);
    assertEquals(findProgram(at, place), { file: `${top}/${file}`, scriptName, pathInfo, interpreter });
  });
}

for (const path of ["/cgi", "//cgi", "/cgi/deep", "/cgi/deep//er", "/cgi/dir.php"]) {
  Deno.test(`findProgram() tells a folder when "${path}" is asked for`, () => {
    assertEquals(findProgram(locate(path, cutPath(path), 1), FOLDER), "folder");
  });
}

const REFUSED: readonly (readonly [path: string, status: number, place?: ProgramPlace])[] = [
  ["/cgi/", 403],
  ["/cgi//", 403],
  ["/cgi/deep/er/", 403],
  ["/cgi/dir.php/", 403],
  ["/cgi/none", 404],
  ["/cgi/deep/none/x", 404],
  ["/cgi/.hidden", 404],
  ["/cgi//.hidden", 404],
  ["/cgi/.hid/run", 404],
  ["/cgi/data", 403],
  ["/cgi/fifo", 403],
  ["/cgi/leave", 403],
  ["/cgi/loop", 403],
  [`/cgi/${"x".repeat(300)}`, 404],
  ["/cgi/x", 500, { ...FILE, cgiPath: `${top}/none` }],
  ["/cgi/x", 500, { ...FILE, cgiPath: `${top}/bin/data` }],
  ["/cgi/x", 500, { ...FILE, cgiPath: `${top}/bin/fifo` }],
];

for (const [path, status, place = FOLDER] of REFUSED) {
  Deno.test(`findProgram() throws ${status} when "${path.slice(0, 40)}" is asked for of ${place.cgiPath.slice(top.length)}`, () => {
    const at = locate(path, cutPath(path), 1);
    assertEquals(assertThrows(() => findProgram(at, place), HttpError).status, status);
  });
}

const FILES: HandledPlace = {
  documentRoot: `${top}/root`,
  handlers: HANDLERS,
  servesDotFiles: false,
  indexNames: ["index.html", "index.php"],
  cgiPaths: [`${top}/bin`],
  links: "inside",
};
const DOTS: HandledPlace = { ...FILES, servesDotFiles: true };
const PAGES: HandledPlace = { ...FILES, handlers: { ".html": "/usr/bin/page" } };
const ALIASED: HandledPlace = { ...FILES, cgiPaths: [`${top}/root/programs`] };

const HANDLED: readonly (readonly [path: string, want: Found | null, place?: HandledPlace])[] = [
  ["/index.php", ["index.php", "/index.php", ""]],
  ["//index.php", ["index.php", "/index.php", ""]],
  ["/INDEX.PhP", ["INDEX.PhP", "/INDEX.PhP", ""]],
  ["/index.php/x/y.php/", ["index.php", "/index.php", "/x/y.php/"]],
  ["/index.php//x", ["index.php", "/index.php", "//x"]],
  ["/index.php/.x", ["index.php", "/index.php", "/.x"]],
  ["/a.php/b.php/c", ["a.php/b.php", "/a.php/b.php", "/c"]],
  ["//a.php//b.php//c", ["a.php/b.php", "/a.php/b.php", "//c"]],
  ["/.well-known/x.php", [".well-known/x.php", "/.well-known/x.php", ""]],
  ["//.well-known//x.php/y", [".well-known/x.php", "/.well-known/x.php", "/y"]],
  ["/.git/x.php", [".git/x.php", "/.git/x.php", ""], DOTS],
  ["/folder/", ["folder/index.html", "/folder/index.html", "", "/usr/bin/page"], PAGES],
  ["//folder//", ["folder/index.html", "/folder/index.html", "", "/usr/bin/page"], PAGES],
  ["/programs/x.php", ["programs/x.php", "/programs/x.php", ""]],
  ["/", ["index.php", "/index.php", ""]],
  ["//", ["index.php", "/index.php", ""]],
  ["/", null, PAGES],
  // Another name comes first, and is a file.
  ["/", null, { ...FILES, indexNames: ["page.htm", "index.php"] }],
  ["/", null, { ...FILES, indexNames: ["index.html"] }],
  ["/folder", null, PAGES],
  ["/page.htm", null],
  ["/none.php", null],
  ["/page.htm/x.php", null],
  ["/a.php", null],
  ["/a.php/", null],
  ["/.git/x.php", null],
  ["/index.PHP", null],
  ["/index.php;x", null],
  ["/index.php", null, { ...FILES, handlers: {} }],
];

for (const [path, want, place = FILES] of HANDLED) {
  const dots = place.servesDotFiles ? " among dot files" : "";
  Deno.test(`findHandled() finds ${want?.[0] ?? "nothing"} when "${path}" is asked for${dots}`, () => {
    const found = findHandled(locate(path), place);
    if (want === null) return assertEquals(found, null);
    const [file, scriptName, pathInfo, interpreter = "/usr/bin/php-cgi"] = want;
    assertEquals(found, { file: `${top}/root/${file}`, scriptName, pathInfo, interpreter });
  });
}

for (const [path, place] of [["/leave.php", FILES], ["/programs/x.php", ALIASED], ["/alias/x.php", ALIASED]] as const) {
  Deno.test(`findHandled() throws 403 when "${path}" leads out of the place or into another`, () => {
    assertEquals(assertThrows(() => findHandled(locate(path), place), HttpError).status, 403);
  });
}

Deno.test("findProgram() and findHandled() follow links that lead out where the place lets them", () => {
  const leave = locate("/cgi/leave/x", undefined, 1);
  assertEquals(findProgram(leave, { ...FOLDER, links: "all" }), {
    ...{ file: `${top}/bin/leave`, interpreter: null, scriptName: "/cgi/leave", pathInfo: "/x" },
  });
  assertEquals(findHandled(locate("/leave.php"), { ...FILES, links: "owner" })?.file, `${top}/root/leave.php`);
  // Where programs of another place are kept is no matter of links.
  const other = { ...FILES, cgiPaths: [`${top}/outside`], links: "all" } as const;
  assertEquals(assertThrows(() => findHandled(locate("/leave.php"), other), HttpError).status, 403);
});
