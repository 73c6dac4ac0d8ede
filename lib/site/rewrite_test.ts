import { assert, assertEquals } from "@std/assert";
import { parseRewrite, type Rewrite, rewrite, sendThere } from "./rewrite.ts";

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
    const got = rewrite(path, [parse(text)])?.address("q") ?? null;
    assertEquals<unknown>(got === null ? null : [got.path, got.query], want);
  });
}

Deno.test("rewrite() goes by the first pattern that fits, and once", () => {
  const rewrites = ["/a=/b", "/b=/c", "/:x=/d"].map(parse);
  const paths = ["/a", "/b", "/c", "/c/d"].map((path) => rewrite(path, rewrites)?.address("").path ?? null);
  assertEquals(paths, ["/b", "/c", "/d", null]);
});

for (
  const text of [
    ...["/a", "a=/b", "/a=b", "/a=", "/a=//b", "/a%20=/b", "/a#=/b", "/:a=/{b}", "/a=/{0}", "/*=/{1}", "/(=/b"],
    ...[
      "/:a:a=/b",
      "/a=/b#c",
      "/a=http://b",
      "/a=ftp://b/c",
      "/a=304 /b",
      "/a=301",
      "/a=301 //b",
      "/a=301 /a",
      "/:x=302 /b",
    ],
  ]
) {
  Deno.test(`parseRewrite() refuses ${text}`, () => assertEquals(parseRewrite(text), null));
}

/** Where the path sends a client with the query "q"; null: nowhere. */
const SENT: readonly (readonly [text: string, path: string, want: string | null])[] = [
  ["/=302 /app/", "/", "302 /app/?q"],
  ["/=302 /app/", "/x", null],
  ["/blog/:year/:name=/{year}", "/blog/2024/x", null],
  ["/blog/:year/:name=308 /articles/{name}?y={year}", "/blog/2024/a b", "308 /articles/a%20b?y=2024&q"],
  ["/old/*=https://example.org/new/{0}", "/old/\u00fc/", "301 https://example.org/new/%C3%BC/?q"],
  ["/old/*=307\thttp://example.org:81/", "/old/", "307 http://example.org:81/?q"],
  // Nowhere but to this site, whatever a group begins with.
  ["/x(.*)=301 /{0}", "/x/evil.example", "301 /evil.example?q"],
];

for (const [text, path, want] of SENT) {
  Deno.test(`sendThere() by ${text} sends ${path} ${want === null ? "nowhere" : "on"}`, () => {
    const rewritten = rewrite(path, [parse(text)]);
    const answer = rewritten && sendThere({ query: "q" }, rewritten);
    assertEquals(answer && `${answer.status} ${answer.fields.get("Location")}`, want);
  });
}

const SLOW = [
  "/:a-:b-:c-:d-:e=/x",
  "/*/a/*/b/*/c/*=/x",
  "/((?:a+)+)=/x",
  "/(a+)+=/x",
  "/:a*/b/:c*/d/:e*/f/:g*=/x",
  "/{/a}*=/x",
  "/(a*a*a*a*)=/x",
];

for (const text of SLOW) {
  Deno.test(`parseRewrite() refuses ${text}, which the matcher may try for ever`, () => {
    assertEquals(parseRewrite(text), null);
  });
}

Deno.test("rewrite() takes the patterns with most work on paths that are long, and leaves longer ones alone", () => {
  const rewrites = ["/blog/:y-:m-:d=/index", "/w/*/x/*/y/*=/z"].flatMap((text) => parseRewrite(text) ?? []);
  assertEquals(rewrites.length, 2);
  assertEquals(rewrite("/blog/1-2-3", rewrites)?.address("").path, "/index");
  for (const length of [400, 100_000]) {
    assertEquals(rewrite(`/blog/${"a-".repeat(length / 2)}/x`, rewrites), null);
    assertEquals(rewrite(`/w${"/x/y".repeat(length / 4)}`, rewrites) === null, length > 512);
  }
});
