import { assertEquals } from "@std/assert";
import { checkLayers, isPure } from "./check_layers.ts";

/** Breaches of one file as "line message start". */
function breachesOf(path: string, text: string): string[] {
  return checkLayers(new Map([[path, text]])).map(({ line, message }) => `${line} ${message}`);
}

const ABOVE = (target: string) => `1 imports "${target}", which is a layer above it`;

Deno.test("checkLayers() accepts imports that go down and refuses those that go up", () => {
  const table: readonly { file: string; specifier: string; want: readonly string[] }[] = [
    { file: "lib/http/readers.ts", specifier: "./grammar.ts", want: [] },
    { file: "lib/http/message.ts", specifier: "./header_fields.ts", want: [] },
    { file: "lib/http/message.ts", specifier: "../limits.ts", want: [] },
    { file: "lib/http/connection.ts", specifier: "./dates.ts", want: [] },
    { file: "main.ts", specifier: "./lib/log/log.ts", want: [] },
    { file: "lib/log/log.ts", specifier: "./daemon.ts", want: [] },
    { file: "lib/limits.ts", specifier: "./http/message.ts", want: [ABOVE("lib/http/message.ts")] },
    { file: "lib/http/grammar.ts", specifier: "./readers.ts", want: [ABOVE("lib/http/readers.ts")] },
    { file: "lib/http/dates.ts", specifier: "./connection.ts", want: [ABOVE("lib/http/connection.ts")] },
    { file: "lib/cgi/cgi_scripts.ts", specifier: "../server/log.ts", want: [ABOVE("lib/log/log.ts")] },
    { file: "lib/process/daemon.ts", specifier: "../../main.ts", want: [ABOVE("main.ts")] },
    { file: "lib/std/path.ts", specifier: "../limits.ts", want: [ABOVE("lib/limits.ts")] },
  ];
  for (const { file, specifier, want } of table) {
    assertEquals(breachesOf(file, `import { a } from "${specifier}";`), want, `${file} ${specifier}`);
  }
});

Deno.test("checkLayers() keeps static/ and cgi/ apart", () => {
  const want = (target: string, from: string, to: string) => [`1 imports "${target}": ${from} and ${to} never meet`];
  assertEquals(
    breachesOf("lib/static/static_files.ts", `import { a } from "../cgi/cgi_scripts.ts";`),
    want("lib/cgi/cgi_scripts.ts", "lib/static/", "lib/cgi/"),
  );
  assertEquals(
    breachesOf("lib/cgi/cgi_scripts.ts", `import type { A } from "../static/static_files.ts";`),
    want("lib/static/static_files.ts", "lib/cgi/", "lib/static/"),
  );
});

Deno.test("checkLayers() finds each form of import when it names the line", () => {
  const forms = [
    `import { a } from "./server/log.ts";`,
    `import {\n  a,\n  b,\n} from "./server/log.ts";`,
    `import type { A } from "./server/log.ts";`,
    `import * as log from "./server/log.ts";`,
    `import "./server/log.ts";`,
    `export * from "./server/log.ts";`,
    `export { a } from "./server/log.ts";`,
    `const log = await import("./server/log.ts");`,
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
    { code: `setTimeout(f, 1);`, want: "uses a timer" },
    { code: `setInterval(f, 1);`, want: "uses a timer" },
    { code: `AbortSignal.timeout(1);`, want: "uses a timer" },
    { code: `Date.now();`, want: "uses a clock" },
    { code: `new Date();`, want: "uses a clock" },
    { code: `new Date;`, want: "uses a clock" },
    { code: `performance.now();`, want: "uses a clock" },
    { code: `fetch(url);`, want: "uses I/O" },
    { code: `new Worker(url);`, want: "uses I/O" },
    { code: `import { openSync } from "node:fs";`, want: 'imports "node:fs"' },
    { code: `import { log } from "./log.ts";`, want: 'imports "lib/log/log.ts"' },
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
    `import type { Log } from "./log.ts";`,
    `import { join } from "@std/path";`,
  ];
  for (const code of innocent) assertEquals(breachesOf("lib/site/router.ts", code), [], code);
});

Deno.test("checkLayers() names a file when no layer holds it", () => {
  const want = ["1 stands in no layer: give it a place in LAYERS of scripts/check_layers.ts"];
  assertEquals(breachesOf("lib/new/noun.ts", "const a = 1;"), want);
  assertEquals(breachesOf("lib/stray.ts", "const a = 1;"), want);
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
