import { assertEquals } from "@std/assert";
import {
  type Breach,
  checkChangelog,
  checkChangeMap,
  checkFolderTable,
  checkPaths,
  checkWidth,
  type Tree,
} from "./check_texts.ts";

const TREE: Tree = new Set([
  "main.ts",
  "readme.txt",
  ".ci/",
  ".ci/run",
  "cgi-bin/",
  "cgi-bin/form.py",
  "lib/",
  "lib/limits.ts",
  "lib/http/",
  "lib/http/target.ts",
  "lib/http/target_test.ts",
  "lib/log/",
  "lib/log/log.ts",
  "scripts/",
  "scripts/bench/",
  "scripts/bench/conf/",
  "scripts/bench/conf/nginx.conf",
  "scripts/bench/rows.ts",
  "tests/",
  "tests/http_limits_test.ts",
]);

function said(breaches: readonly Breach[]): string[] {
  return breaches.map(({ path, line, message }) => `${path}:${line}: ${message}`);
}

Deno.test("checkPaths() accepts what is there, however a text names it", () => {
  const lines = [
    "lib/http/target.ts, (lib/http/), lib/http and `lib/limits.ts`: main.ts.",
    "A sentence that ends with lib/log/log.ts. Another with tests/.",
    "target_test.ts and form.py without their folders; .ci/run",
    "all of tests/http_* and lib/*/target.ts",
    "made later: cgi-bin/.venv",
    "no path of ours: /lib/gone.ts, HTTP/1.1, text/html, MiB/s, ADDRESS/BITS, @deno/linux-x64, ~/lib/gone.ts",
    "addresses: http://localhost:8080/cgi-bin/gone and https://h.example/lib/gone.ts",
    "of other projects: testssl.sh, Makefile.am, h11/_state.py",
  ];
  for (const line of lines) assertEquals(said(checkPaths("readme.txt", line, TREE)), [], line);
});

Deno.test("checkPaths() names what is not there with its line", () => {
  const table: readonly { text: string; want: readonly string[] }[] = [
    { text: "one\ntwo lib/http/gone.ts", want: ['readme.txt:2: names "lib/http/gone.ts", which is not there'] },
    { text: "see lib/gone/.", want: ['readme.txt:1: names "lib/gone/", which is not there'] },
    { text: "(lib/gone)", want: ['readme.txt:1: names "lib/gone", which is not there'] },
    { text: "in target_tests.ts.", want: ['readme.txt:1: names "target_tests.ts", which is not there'] },
    { text: "tests.txt says", want: ['readme.txt:1: names "tests.txt", which is not there'] },
    { text: "tests/tls_*", want: ['readme.txt:1: names "tests/tls_*", which is not there'] },
    { text: "lib/*", want: [] },
    { text: "scripts/*.ts", want: ['readme.txt:1: names "scripts/*.ts", which is not there'] },
    { text: "lib/*/limits.ts", want: ['readme.txt:1: names "lib/*/limits.ts", which is not there'] },
    { text: ".ci/walk", want: ['readme.txt:1: names ".ci/walk", which is not there'] },
    { text: "conf/nginx.conf", want: [] },
  ];
  for (const { text, want } of table) assertEquals(said(checkPaths("readme.txt", text, TREE)), want, text);
});

Deno.test("checkPaths() finds names beside the text", () => {
  const path = "scripts/bench/NOTES.md";
  assertEquals(said(checkPaths(path, "conf/ and conf/nginx.conf, rows.ts, lib/log/log.ts", TREE)), []);
  assertEquals(said(checkPaths(path, "\nconf/lighttpd.conf", TREE)), [
    'scripts/bench/NOTES.md:2: names "conf/lighttpd.conf", which is not there',
  ]);
});

const FLOORS: Readonly<Record<string, number>> = { "lib/": 0, "lib/http/": 2, "lib/log/": 3 };
const floorOf = (folder: string) => FLOORS[folder] ?? null;

function tableOf(...rows: readonly string[]): string {
  return ["lisod", "", "1 The design", "------------", ...rows, "", "2 HTTP", "------", "  9  lib/later/  no row"].join(
    "\n",
  );
}

const ROWS = ["  2  lib/http/   bytes  nothing", "  3  lib/log/    lines  files", "  0  lib/        limits  nothing"];

Deno.test("checkFolderTable() takes each folder once, on its floor", () => {
  assertEquals(said(checkFolderTable(tableOf(...ROWS), { tree: TREE, floorOf })), []);
});

Deno.test("checkFolderTable() names folders without a row, with two, on another floor, and rows of nothing", () => {
  const table: readonly { rows: readonly string[]; want: readonly string[] }[] = [
    { rows: ROWS.slice(1), want: ['3: "lib/http/" has 0 rows in the table of folders'] },
    { rows: ROWS.slice(0, 2), want: ['3: "lib/" has 0 rows in the table of folders'] },
    { rows: [...ROWS, ROWS[0]], want: ['8: "lib/http/" has 2 rows in the table of folders'] },
    { rows: [...ROWS.slice(1), "  3  lib/http/  bytes  nothing"], want: ['7: "lib/http/" stands on floor 2, not 3'] },
    { rows: [...ROWS, "  4  lib/net/  sockets  all"], want: ['8: "lib/net/" of the table of folders is not there'] },
  ];
  for (const { rows, want } of table) {
    const breaches = said(checkFolderTable(tableOf(...rows), { tree: TREE, floorOf }));
    assertEquals(breaches, want.map((each) => `design.txt:${each}`), rows.join("\n"));
  }
  assertEquals(checkFolderTable("no section", { tree: TREE, floorOf }).length, 3);
});

function mapOf(...rows: readonly string[]): string {
  return ["2 The change map", "----", "Words.", ...rows, "", "3 Dependencies", "----", "    x   lib/gone.ts"].join(
    "\n",
  );
}

Deno.test("checkChangeMap() takes files under their folder, elsewhere, and whole folders", () => {
  const maps = [
    ["  lib/        all", "    limits   limits.ts", "  lib/http/", "    paths  target.ts", "    lines  lib/log/log.ts"],
    ["  lib/        all", "    limits   limits.ts; lib/log/log.ts, lib/http/target.ts"],
    ["  lib/log/    log", "    lines    log.ts", "    the rest  lib/"],
    ["  beside lib/", "    all  lib/http/, lib/log/, lib/limits.ts, main.ts"],
  ];
  for (const rows of maps) assertEquals(said(checkChangeMap(mapOf(...rows), TREE)), [], rows.join("\n"));
});

Deno.test("checkChangeMap() names what is not there, and files that no row reaches", () => {
  const unreached = (path: string) => `${path}:null: no row of the change map leads here`;
  const rows = [
    "  lib/        the file limits.ts alone is no row",
    "  lib/http/   bytes",
    "    lines    log.ts",
    "    limits   limits.ts",
  ];
  assertEquals(said(checkChangeMap(mapOf(...rows), TREE)), [
    'design.txt:6: the change map names "log.ts", which is neither in lib/http/ nor beside it',
    'design.txt:7: the change map names "limits.ts", which is neither in lib/http/ nor beside it',
    unreached("lib/limits.ts"),
    unreached("lib/http/target.ts"),
    unreached("lib/log/log.ts"),
  ]);
});

Deno.test("checkChangelog() wants the version's chapter first", () => {
  const chapter = (version: string) => `${version} (2026-11-29)\n------------------\n- Something.\n\n`;
  const text = (...versions: readonly string[]) => `Changes\n=======\n\n${versions.map(chapter).join("")}`;
  assertEquals(checkChangelog(text("1.2.3", "1.2.2"), "1.2.3"), []);
  const message = (found: string) => `the first chapter is that of ${found}, and the version is 1.2.3`;
  assertEquals(said(checkChangelog(text("1.2.2"), "1.2.3")), [`changelog.txt:4: ${message("1.2.2")}`]);
  assertEquals(said(checkChangelog(text("1.2.4", "1.2.3"), "1.2.3")), [`changelog.txt:4: ${message("1.2.4")}`]);
  assertEquals(said(checkChangelog(text(), "1.2.3")), [`changelog.txt:null: ${message("nothing")}`]);
});

Deno.test("checkWidth() finds the lines that are wider than 134 columns", () => {
  const text = ["a".repeat(134), "b".repeat(135), "", "c".repeat(200)].join("\n");
  const wrap = "which is more than 134: go on in the next line";
  assertEquals(checkWidth("readme.txt", text), [
    { path: "readme.txt", line: 2, message: `has 135 columns, ${wrap}` },
    { path: "readme.txt", line: 4, message: `has 200 columns, ${wrap}` },
  ]);
});
