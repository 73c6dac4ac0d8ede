import { assert, assertEquals } from "@std/assert";
import { parseRewrite, type Rewrite, rewrite } from "./rewrite.ts";

function parse(text: string): Rewrite {
  const parsed = parseRewrite(text);
  assert(parsed !== null, text);
  return parsed;
}

/** What the path comes to, with the query "q"; null: it stays. */
const TABLE: readonly (readonly [text: string, path: string, want: readonly [path: string, query: string] | null])[] = [
  ["/wiki/:page=/doku.php?id={page}", "/wiki/start", ["/doku.php", "id=start&q"]],
  ["/wiki/:page=/doku.php?id={page}", "//wiki///start", ["/doku.php", "id=start&q"]],
  ["/wiki/:page=/doku.php?id={page}", "/wiki/a/b", null],
  ["/wiki/:page=/doku.php?id={page}", "/wiki/", null],
  ["/wiki/:page=/doku.php?id={page}", "/Wiki/start", null],
  ["/wiki/:page=/doku.php?id={page}", "/wiki/?#%41\n", ["/doku.php", "id=%3F%23%2541%0A&q"]],
  ["/wiki/*=/doku.php?id={0}", "/wiki/a/b/", ["/doku.php", "id=a/b/&q"]],
  ["/:lang(de|en)/:rest*=/{rest}?lang={lang}", "/de/a/b", ["/a/b", "lang=de&q"]],
  ["/:lang(de|en)/:rest*=/{rest}?lang={lang}", "/fr/a", null],
  ["/a{/:b}?=/x/{b}", "/a", ["/x/", "q"]],
  ["/\u00fc/:x=/{x}", "/\u00fc/\u00fc", ["/\u00fc", "q"]],
  ["/x/:y=/{y}", "/x/\udcff", ["/\udcff", "q"]],
  // An encoded slash stays one.
  ["/x/:y=/{y}?{y}", "/x/a\udc2fb", ["/a\udc2fb", "a%2Fb&q"]],
  ["/x^[]|`/:y=/{y}", "/x^[]|`/y", ["/y", "q"]],
  // A dot segment that it makes is resolved before anything is looked up.
  ["/x.:y=/a/.{y}", "/x..", ["/", "q"]],
  ["/=/app/", "/", ["/app/", "q"]],
  ["/:x=/y", "*", null],
  ["/*=/y", "", null],
  ["/my page=/x", "/my page", ["/x", "q"]],
];

for (const [text, path, want] of TABLE) {
  Deno.test(`rewrite() by ${text} answers for ${JSON.stringify(path)}`, () => {
    const got = rewrite(path, [parse(text)])?.("q") ?? null;
    assertEquals<unknown>(got === null ? null : [got.path, got.query], want);
  });
}

Deno.test("rewrite() goes by the first pattern that fits, and once", () => {
  const rewrites = ["/a=/b", "/b=/c", "/:x=/d"].map(parse);
  const paths = ["/a", "/b", "/c", "/c/d"].map((path) => rewrite(path, rewrites)?.("").path ?? null);
  assertEquals(paths, ["/b", "/c", "/d", null]);
});

for (
  const text of [
    ...["/a", "a=/b", "/a=b", "/a=", "/a=//b", "/a%20=/b", "/a#=/b", "/:a=/{b}", "/a=/{0}", "/*=/{1}", "/(=/b"],
    ...["/:a:a=/b", "/a=/b#c", "/a=http://b/"],
  ]
) {
  Deno.test(`parseRewrite() refuses ${text}`, () => assertEquals(parseRewrite(text), null));
}
