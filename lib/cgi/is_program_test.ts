import { assertEquals } from "@std/assert";
import { isProgram, type ProgramPlaces } from "./is_program.ts";

const top = Deno.makeTempDirSync({ prefix: "lisod-test-" });
globalThis.addEventListener("unload", () => Deno.removeSync(top, { recursive: true }));
Deno.mkdirSync(`${top}/root/programs`, { recursive: true });
Deno.symlinkSync("root/programs", `${top}/cgi`);
Deno.symlinkSync("nowhere", `${top}/broken`);

const PLACES: ProgramPlaces = {
  cgiPaths: [`${top}/cgi`, `${top}/root/one`, `${top}/broken`],
  handlers: { ".php": "/usr/bin/php-cgi" },
};

const TABLE: readonly (readonly [path: string, want: boolean])[] = [
  ["root/a.php", true],
  ["root/A.PHP", true],
  ["root/a.Php", true],
  ["root/a.php.", true],
  ["root/a.php. .", true],
  ["root/a.php.txt", false],
  ["root/a.phps", false],
  ["root/php", false],
  ["root/.php", false],
  ["root/a.constructor", false],
  ["root/one", true],
  ["root/one/x", true],
  ["root/onex", false],
  ["root/programs", true],
  ["root/programs/a/b", true],
  ["root/programsx/a", false],
  ["cgi/a", true],
  ["broken/a", true],
];

for (const [path, want] of TABLE) {
  Deno.test(`isProgram() is ${want} when the path is ${path}`, () => {
    assertEquals(isProgram(`${top}/${path}`, PLACES), want);
  });
}
