import { assertEquals, assertThrows } from "@std/assert";
import { HttpError } from "../http/message.ts";
import { findScript, isScriptPath, type ScriptPlaces } from "./find_script.ts";

/** A folder of scripts and a root, all of it beside a file that is in neither. */
function makeTree(): string {
  const top = Deno.makeTempDirSync({ prefix: "lisod-test-" });
  const program = (path: string, mode = 0o755) => Deno.writeTextFileSync(`${top}/${path}`, "#!/bin/sh\n", { mode });
  for (
    const folder of ["bin", "bin/deep", "bin/deep/er", "bin/.hid", "bin/dir.php", "root", "root/a.php", "root/.git"]
  ) {
    Deno.mkdirSync(`${top}/${folder}`);
  }
  for (const path of ["bin/run", "bin/deep/er/run", "bin/.hidden", "bin/.hid/run", "outside"]) program(path);
  for (const path of ["bin/data", "bin/page.php", "bin/dir.php/run.php"]) program(path, 0o644);
  for (const path of ["root/index.php", "root/a.php/b.php", "root/page.html", "root/.git/x.php"]) program(path, 0o644);
  Deno.symlinkSync(`${top}/bin/run`, `${top}/bin/link`);
  Deno.symlinkSync(`${top}/outside`, `${top}/bin/leave`);
  Deno.symlinkSync(`${top}/outside`, `${top}/root/leave.php`);
  Deno.symlinkSync("loop", `${top}/bin/loop`);
  new Deno.Command("/usr/bin/mkfifo", { args: ["--mode=755", `${top}/bin/fifo`] }).outputSync();
  return top;
}

const top = makeTree();
globalThis.addEventListener("unload", () => Deno.removeSync(top, { recursive: true }));

const FOLDER: ScriptPlaces = {
  cgiPath: `${top}/bin`,
  prefix: "/cgi/",
  handlers: { ".php": "/usr/bin/php-cgi" },
  documentRoot: `${top}/root`,
};
const FILE: ScriptPlaces = { ...FOLDER, cgiPath: `${top}/bin/run`, handlers: {} };

type Found = readonly [file: string, scriptName: string, pathInfo: string, interpreter?: string];

const FOUND: readonly (readonly [path: string, want: Found, places?: ScriptPlaces])[] = [
  ["/cgi/run", ["bin/run", "/cgi/run", ""]],
  ["/cgi/run/", ["bin/run", "/cgi/run", "/"]],
  ["/cgi/run/a//b/", ["bin/run", "/cgi/run", "/a//b/"]],
  ["/cgi/run/.hidden", ["bin/run", "/cgi/run", "/.hidden"]],
  ["/cgi/deep/er/run/x", ["bin/deep/er/run", "/cgi/deep/er/run", "/x"]],
  ["/cgi/link/x", ["bin/link", "/cgi/link", "/x"]],
  ["/cgi/page.php/x", ["bin/page.php", "/cgi/page.php", "/x", "/usr/bin/php-cgi"]],
  ["/cgi/dir.php/run.php", ["bin/dir.php/run.php", "/cgi/dir.php/run.php", "", "/usr/bin/php-cgi"]],
  ["/index.php", ["root/index.php", "/index.php", "", "/usr/bin/php-cgi"]],
  ["/index.php/x/y.php/", ["root/index.php", "/index.php", "/x/y.php/", "/usr/bin/php-cgi"]],
  ["/a.php/b.php/c", ["root/a.php/b.php", "/a.php/b.php", "/c", "/usr/bin/php-cgi"]],
  // one program for everything: trailing slashes are kept
  ["/cgi/", ["bin/run", "/cgi", "/"], FILE],
  ["/cgi/blog/", ["bin/run", "/cgi", "/blog/"], FILE],
  ["/cgi/.x//y", ["bin/run", "/cgi", "/.x//y"], FILE],
  ["/app/x", ["bin/run", "/app", "/x"], { ...FILE, prefix: "/app/" }],
  ["/x", ["bin/run", "", "/x"], { ...FILE, prefix: "/" }],
];

for (const [path, [file, scriptName, pathInfo, interpreter = null], places = FOLDER] of FOUND) {
  Deno.test(`findScript() finds ${file} when "${path}" is asked for below "${places.prefix}"`, () => {
    assertEquals(findScript(path, places), { file: `${top}/${file}`, scriptName, pathInfo, interpreter });
    assertEquals(isScriptPath(path, places), true);
  });
}

const REFUSED: readonly (readonly [path: string, status: number, places?: ScriptPlaces])[] = [
  ["/cgi/", 403],
  ["/cgi/deep", 403],
  ["/cgi/deep/er/", 403],
  ["/cgi/dir.php/", 403],
  ["/cgi/none", 404],
  ["/cgi/deep/none/x", 404],
  ["/cgi//run", 404],
  ["/cgi/.hidden", 404],
  ["/cgi/.hid/run", 404],
  ["/cgi/data", 403],
  ["/cgi/fifo", 403],
  ["/cgi/leave", 403],
  ["/cgi/loop", 403],
  [`/cgi/${"x".repeat(300)}`, 404],
  ["/leave.php", 403],
  ["/none.php", 404],
  ["/page.html", 404],
  ["/.git/x.php", 404],
  ["/cgi/run", 404, { ...FOLDER, cgiPath: null }],
  ["/cgi/x", 500, { ...FILE, cgiPath: `${top}/none` }],
  ["/cgi/x", 500, { ...FILE, cgiPath: `${top}/bin/data` }],
  ["/cgi/x", 500, { ...FILE, cgiPath: `${top}/bin/fifo` }],
];

for (const [path, status, places = FOLDER] of REFUSED) {
  Deno.test(`findScript() throws ${status} when "${path.slice(0, 40)}" is asked for of ${places.cgiPath?.slice(top.length)}`, () => {
    assertEquals(assertThrows(() => findScript(path, places), HttpError).status, status);
  });
}

for (
  const path of [
    "/",
    "/page.html",
    "/none.php",
    "/page.html/x.php",
    "/a.php",
    "/a.php/",
    "/.git/x.php",
    "/cgi",
    "/x.php/cgi/run",
  ]
) {
  Deno.test(`isScriptPath() is false when "${path}" is asked for`, () =>
    assertEquals(isScriptPath(path, FOLDER), false));
}
