import { assertEquals } from "@std/assert";
import { fallBack, parseFallback } from "./fallback.ts";

const TABLE: readonly (readonly [text: string, prefix: readonly string[], path: string, want: string])[] = [
  ["/index.php", [], "/a/b", "/index.php q"],
  ["/doku.php?id={path}", [], "/a b/c", "/doku.php id=a%20b/c&q"],
  ["/wiki/doku.php?id={path}", ["wiki"], "//wiki//a/", "/wiki/doku.php id=a/&q"],
  ["/cgi/app/{path}", [], "//a//b/", "/cgi/app/a//b/ q"],
];

for (const [text, segments, path, want] of TABLE) {
  Deno.test(`fallBack() to ${text} takes ${path} there`, () => {
    const fallback = parseFallback(text, { segments });
    const got = fallback && fallBack({ path, query: "q" }, fallback);
    assertEquals(`${got?.path} ${got?.query}`, want);
  });
}

Deno.test("parseFallback() refuses what is no path of the site", () => {
  for (const text of ["index.php", "http://a/", "//a", "/{page}", "/a#b", "/a%20b"]) {
    assertEquals(parseFallback(text, { segments: [] }), null);
  }
});
