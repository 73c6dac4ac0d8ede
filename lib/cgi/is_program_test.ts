import { assertEquals } from "@std/assert";
import { isBackup, isProgram, type ProgramPlaces, programsOf } from "./is_program.ts";

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

const BACKUPS: readonly (readonly [name: string, want: boolean])[] = [
  ["a.php~", true],
  ["A.PHP.BAK", true],
  ["a.php.bak.", true],
  ["a.php.old", true],
  ["a.php.orig", true],
  ["a.php.save", true],
  ["a.php.save.1", true],
  ["a.php.tmp", true],
  ["a.php.~1~", true],
  ["a.php.bak~", true],
  ["#a.php#", true],
  [".a.php.swp", true],
  [".a.php.swo", true],
  ["a.php.swp", true],
  ["one~", true],
  [".one.swp", true],
  ["#one#", true],
  ["a.php", false],
  ["a.txt~", false],
  ["a.bak", false],
  ["a.php.txt", false],
  ["a.php.bak.txt", false],
  ["~", false],
  [".bak", false],
  ["##", false],
  ["a.php.bakery", false],
  ["one.txt", false],
];

for (const [name, want] of BACKUPS) {
  Deno.test(`isBackup() is ${want} when the name is ${name}`, () => {
    assertEquals(isBackup(`${top}/root/${name}`, PLACES), want);
  });
}

Deno.test("programsOf() takes for a program what any of two places of one folder runs, in whichever order they stand", () => {
  const running = { folder: `${top}/root/app`, handlers: { ".php": "/usr/bin/php-cgi" } };
  const sending = { folder: `${top}/root/app`, handlers: {} };
  const around = { folder: `${top}/root`, handlers: {} };
  const asked = (place: typeof sending, folders: readonly (typeof sending)[]) =>
    programsOf({ ...place, cgiPaths: [], folders }).isProgram(`${top}/root/app/a.php`);
  for (const folders of [[around, running, sending], [around, sending, running]]) {
    assertEquals([around, running, sending].map((place) => asked(place, folders)), [true, true, false]);
  }
});
