import { assertEquals } from "@std/assert";
import { listingJson } from "./listing_json.ts";
import type { ListedEntry } from "./sort_entries.ts";

const MTIME_MS = Date.UTC(2026, 0, 31, 23, 59, 58, 999);

function textOf(entries: readonly ListedEntry[], path = "/x/", shown: number | null = null): string {
  const { begin, row, end } = listingJson(path);
  return begin + entries.map(row).join("") + end(shown);
}

Deno.test("listingJson() has an entry a line, and says of each what the page does", () => {
  const entries = [
    { name: "d", size: null, mtimeMs: MTIME_MS },
    { name: "a", size: 1, mtimeMs: null },
    { name: "b", size: 0, mtimeMs: Infinity },
  ];
  assertEquals(
    textOf(entries),
    `{"path":"/x/","entries":[
{"name":"d","type":"folder","size":null,"modified":"2026-01-31T23:59:58Z"},
{"name":"a","type":"file","size":1,"modified":null},
{"name":"b","type":"file","size":0,"modified":null}
],"cut":false}
`,
  );
});

Deno.test("listingJson() is an empty list when there is nothing, and says so when it is cut", () => {
  assertEquals(JSON.parse(textOf([], "/")), { path: "/", entries: [], cut: false });
  assertEquals(JSON.parse(textOf([], "/", 0)), { path: "/", entries: [], cut: true });
});

const NAMES = [
  '"},{"',
  "\\",
  "<script>",
  "javascript:alert(1)",
  "100%",
  "a\nb",
  "\u0001\u2028",
  "\ud800",
  "\u{1f600}",
  "it's",
];

for (const name of NAMES) {
  Deno.test(`listingJson() gives the name ${JSON.stringify(name)} as it is, on one line`, () => {
    const text = textOf([{ name, size: 1, mtimeMs: null }], `/${name}/`);
    const { path, entries } = JSON.parse(text);
    assertEquals([path, entries.length, entries[0].name], [`/${name}/`, 1, name]);
    assertEquals(text.split("\n").length, 4);
  });
}
