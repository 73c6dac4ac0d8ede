import { assertEquals } from "@std/assert";
import { checkLayers, crowdedFolders, findLeftBehind, floorOf, isPure } from "./check_layers.ts";

/** Breaches of one file as "line message start". */
function breachesOf(path: string, text: string): string[] {
  return checkLayers(new Map([[path, text]])).map(({ line, message }) => `${line} ${message}`);
}

const ABOVE = (target: string) => `1 imports "${target}", which is a layer above it`;

Deno.test("checkLayers() accepts imports that go down and refuses those that go up", () => {
  // Pure files, all of them: no list of the script names them.
  const down: readonly (readonly [string, string])[] = [
    ["lib/limits.ts", "lib/std/path.ts"],
    ["lib/system/a.ts", "lib/start_error.ts"],
    ["lib/http/dates.ts", "lib/limits.ts"],
    ["lib/http/dates.ts", "lib/system/a.ts"],
    ["lib/http/dates.ts", "lib/http/grammar.ts"],
    ["lib/http/connection.ts", "lib/http/dates.ts"],
    ["lib/http2/frames.ts", "lib/http/connection.ts"],
    ["lib/log/a.ts", "lib/http2/frames.ts"],
    ["lib/net/a.ts", "lib/log/a.ts"],
    ["lib/child/a.ts", "lib/log/a.ts"],
    ["lib/gateway/a.ts", "lib/child/a.ts"],
    ["lib/forward/a.ts", "lib/net/a.ts"],
    ["lib/cgi/a.ts", "lib/gateway/a.ts"],
    ["lib/site/a.ts", "lib/static/a.ts"],
    ["lib/serve/a.ts", "lib/status/a.ts"],
    ["lib/config/a.ts", "lib/log/a.ts"],
    ["lib/process/a.ts", "lib/config/a.ts"],
    ["lib/worker/a.ts", "lib/process/a.ts"],
    ["main.ts", "lib/worker/a.ts"],
  ];
  const relative = (from: string, to: string) => `${"../".repeat(from.split("/").length - 1) || "./"}${to}`;
  const code = (from: string, to: string) => `import { a } from "${relative(from, to)}";`;
  for (const [above, below] of down) {
    assertEquals(breachesOf(above, code(above, below)), [], `${above} ${below}`);
    assertEquals(breachesOf(below, code(below, above)), [ABOVE(above)], `${below} ${above}`);
  }
});

Deno.test("checkLayers() lets files of one layer that are in one folder, or in none, import each other", () => {
  const table: readonly { file: string; specifier: string }[] = [
    { file: "lib/http/message.ts", specifier: "./header_fields.ts" },
    { file: "lib/http/dates.ts", specifier: "./target.ts" },
    { file: "lib/rules.ts", specifier: "./start_error.ts" },
    { file: "lib/serve/server.ts", specifier: "./http1_connection.ts" },
    { file: "main.ts", specifier: "./lib/log/log.ts" },
  ];
  for (const { file, specifier } of table) {
    assertEquals(breachesOf(file, `import { a } from "${specifier}";`), [], `${file} ${specifier}`);
  }
});

Deno.test("checkLayers() keeps folders of one floor apart", () => {
  const strangers = [
    ["lib/net/", "lib/child/"],
    ["lib/static/", "lib/cgi/", "lib/forward/", "lib/access/"],
    ["lib/site/", "lib/status/"],
    ["lib/config/", "lib/serve/"],
  ];
  for (const folders of strangers) {
    for (const from of folders) {
      for (const to of folders.filter((folder) => folder !== from)) {
        for (const form of [`import { a } from`, `import type { A } from`]) {
          const breaches = breachesOf(`${from}a.ts`, `${form} "../${to.replace("lib/", "")}b.ts";`);
          assertEquals(breaches, [`1 imports "${to}b.ts": ${from} and ${to} never meet`]);
        }
      }
    }
  }
});

Deno.test("checkLayers() finds each form of import when it names the line", () => {
  const forms = [
    `import { a } from "./log/log.ts";`,
    `import {\n  a,\n  b,\n} from "./log/log.ts";`,
    `import type { A } from "./log/log.ts";`,
    `import * as log from "./log/log.ts";`,
    `import "./log/log.ts";`,
    `export * from "./log/log.ts";`,
    `export { a } from "./log/log.ts";`,
    `const log = await import("./log/log.ts");`,
  ];
  for (const form of forms) {
    const breaches = breachesOf("lib/rules.ts", `/** A rule. */\n\n${form}\n`);
    assertEquals(breaches[0], `3 imports "lib/log/log.ts", which is a layer above it`, form);
  }
});

Deno.test("checkLayers() lets a pure file use bytes in memory as Node has them", () => {
  assertEquals(breachesOf("lib/http/grammar.ts", `import { Buffer } from "node:buffer";`), []);
});

Deno.test("checkLayers() refuses I/O, timers, clocks and logs when the file is pure", () => {
  const table: readonly { code: string; want: string }[] = [
    { code: `Deno.readFileSync("x");`, want: "uses Deno" },
    { code: `const { stat } = Deno;`, want: "uses Deno" },
    { code: `const line = \`\${Deno.pid}\`;`, want: "uses Deno" },
    { code: `console.log(1);`, want: "uses console" },
    { code: `const { PATH } = process.env;`, want: "uses process" },
    { code: `setTimeout(f, 1);`, want: "uses a timer" },
    { code: `setInterval(f, 1);`, want: "uses a timer" },
    { code: `AbortSignal.timeout(1);`, want: "uses a timer" },
    { code: `Date.now();`, want: "uses a clock" },
    { code: `new Date();`, want: "uses a clock" },
    { code: `new Date;`, want: "uses a clock" },
    { code: `performance.now();`, want: "uses a clock" },
    { code: `Temporal.Now.instant();`, want: "uses a clock" },
    { code: `fetch(url);`, want: "uses I/O" },
    { code: `new Worker(url);`, want: "uses I/O" },
    { code: `import { openSync } from "node:fs";`, want: 'imports "node:fs"' },
    { code: `await import("node:net");`, want: 'imports "node:net"' },
    { code: `import { log } from "../log/log.ts";`, want: 'imports "lib/log/log.ts"' },
  ];
  for (const { code, want } of table) {
    const breaches = breachesOf("lib/site/router.ts", `const a = 1;\n${code}\n`);
    assertEquals(breaches, [`2 ${want}, yet does not stand in WITH_IO of scripts/check_layers.ts`], code);
    const inImpureFile = breachesOf("lib/serve/http1_connection.ts", `const a = 1;\n${code}\n`);
    assertEquals(inImpureFile, [], code);
  }
});

Deno.test("checkLayers() finds nothing when the forbidden word is no code", () => {
  const innocent = [
    `// Deno.open() blocks here.`,
    `/** Date.now() is passed in;\n * so is console. */`,
    `const text = "Deno.open";`,
    "const text = `lisod (Deno ${version})`;",
    `const range = "*/*"; // a media range, then a comment about Deno\nconst other = "/*";`,
    `const quotes = /["'\`]/; // Deno\nconst next = '"';`,
    `const at = new Date(ms);`,
    `const quotient = a / b; // Deno / console`,
    `import type { Log } from "../log/log.ts";`,
    `const dlopen_like = "dlopen"; // dlopen(3)`,
    `const text = "process.env";`,
    `import { join } from "@std/path";`,
  ];
  for (const code of innocent) assertEquals(breachesOf("lib/site/router.ts", code), [], code);
});

Deno.test("checkLayers() names a file when no layer holds it", () => {
  const want = ["1 stands in no layer: give it a place in LAYERS of scripts/check_layers.ts"];
  assertEquals(breachesOf("lib/new/noun.ts", "const a = 1;"), want);
  assertEquals(breachesOf("lib/stray.ts", "const a = 1;"), want);
});

Deno.test("checkLayers() keeps the functions of the C library to lib/system", () => {
  const table = [
    { code: `const { symbols } = Deno.dlopen("libc.so.6", {});`, name: "dlopen" },
    { code: `const { dlopen } = Deno;`, name: "dlopen" },
    { code: `const pointer = Deno.UnsafePointer.of(bytes);`, name: "UnsafePointer" },
    { code: `const view = new Deno.UnsafePointerView(pointer);`, name: "UnsafePointerView" },
    { code: `const called = new Deno.UnsafeCallback(definition, f);`, name: "UnsafeCallback" },
    { code: `const f = new Deno.UnsafeFnPointer(pointer, definition);`, name: "UnsafeFnPointer" },
    { code: `const CALLS = {} as const satisfies Deno.ForeignLibraryInterface;`, name: "ForeignLibraryInterface" },
  ];
  for (const { code, name } of table) {
    for (const path of ["lib/net/socket.ts", "lib/child/pipe.ts", "main.ts"]) {
      assertEquals(
        breachesOf(path, `\n${code}`),
        [`2 uses ${name}, which is for lib/system/ alone`],
        `${path} ${code}`,
      );
    }
    assertEquals(breachesOf("lib/system/libc.ts", code), [], code);
  }
});

Deno.test("checkLayers() refuses a folder that overflows, and crowdedFolders() tells before that", () => {
  const namesOf = (count: number) => Array.from({ length: count }, (_, index) => `lib/http/file_${index}.ts`);
  const table: readonly { count: number; isTold: boolean; isRefused: boolean }[] = [
    { count: 20, isTold: false, isRefused: false },
    { count: 21, isTold: true, isRefused: false },
    { count: 24, isTold: true, isRefused: false },
    { count: 25, isTold: true, isRefused: true },
  ];
  for (const { count, isTold, isRefused } of table) {
    const names = namesOf(count);
    assertEquals(crowdedFolders([...names, "main.ts"]), isTold ? [{ folder: "lib/http/", count }] : []);
    const message = `holds ${count} files, tests apart, and may hold 24: find a second noun in it`;
    const breaches = checkLayers(new Map(names.map((name) => [name, ""])));
    assertEquals(breaches, isRefused ? [{ path: "lib/http/", line: null, message }] : [], `${count}`);
  }
});

Deno.test("findLeftBehind() names the files of its lists that are not there", () => {
  const messages = findLeftBehind(["main.ts", "lib/limits.ts"]).map(({ message }) => message);
  for (const path of ["lib/rules.ts", "lib/log/log.ts", "lib/http/grammar.ts"]) {
    assertEquals(messages.filter((message) => message === `names "${path}", which is not there`).length, 1, path);
  }
  assertEquals(messages.filter((message) => /"main.ts"|"lib\/limits.ts"|\/"/.test(message)), []);
});

Deno.test("floorOf() tells the floor of a file and of a folder", () => {
  const table: readonly (readonly [string, number | null])[] = [
    ["main.ts", 11],
    ["lib/worker/", 10],
    ["lib/net/listen.ts", 4],
    ["lib/http/grammar.ts", 2],
    ["lib/http2/", 2],
    ["lib/std/", 0],
    ["lib/", 0],
    ["lib/limits.ts", 0],
    ["lib/attic/", null],
    ["lib/stray.ts", null],
  ];
  for (const [path, want] of table) assertEquals(floorOf(path), want, path);
});

Deno.test("checkLayers() sorts breaches by file and line", () => {
  const files = new Map([
    ["lib/rules.ts", `console.log(Date.now());\nDeno.exit();`],
    ["lib/limits.ts", `\nDeno.exit();`],
  ]);
  const places = checkLayers(files).map(({ path, line }) => `${path}:${line}`);
  assertEquals(places, ["lib/limits.ts:2", "lib/rules.ts:1", "lib/rules.ts:1", "lib/rules.ts:2"]);
});

Deno.test("isPure() tells the files that are tested without permissions", () => {
  for (const path of ["lib/limits.ts", "lib/http/new_file.ts", "lib/gateway/meta_variables.ts", "lib/site/router.ts"]) {
    assertEquals(isPure(path), true, path);
  }
  for (const path of ["main.ts", "lib/static/static_files.ts", "lib/log/log.ts"]) {
    assertEquals(isPure(path), false, path);
  }
});
