import { assertEquals } from "@std/assert";
import { TargetTemplate } from "./target_template.ts";

const isName = (name: string) => name === "a" || name === "b";

const FILLED: readonly (readonly [text: string, query: string, path: string, want: string])[] = [
  ["/x", "", "/x", ""],
  ["/x", "q=1&r", "/x", "q=1&r"],
  ["/x?", "q", "/x", "q"],
  ["/x?y=1", "q", "/x", "y=1&q"],
  ["/x/{a}/{b}/z?i={b}&j={a}", "q", "/x/A b/c/d;e=f&g+h%41/z", "i=c/d%3Be%3Df%26g%2Bh%2541&j=A%20b&q"],
  ["/{a}{a}", "", "/A bA b", ""],
  ["/\u00fc {a}", "", "/\u00fc A b", ""],
  // Nothing that is put together is looked up as a dot segment.
  ["/x/.{b}", "", "/x/.c/d;e=f&g+h%41", ""],
];

for (const [text, query, path, want] of FILLED) {
  Deno.test(`TargetTemplate.fill() fills ${text}${query && ` for the query ${query}`}`, () => {
    const filled = TargetTemplate.parse(text, isName)?.fill({ a: "A b", b: "c/d;e=f&g+h%41" }, query);
    assertEquals(filled, { path, query: want });
  });
}

Deno.test("TargetTemplate.fill() resolves dot segments that parts make, and takes what is missing as empty", () => {
  assertEquals(TargetTemplate.parse("/x/.{a}/y", isName)?.fill({ a: "." }, "").path, "/y");
  assertEquals(TargetTemplate.parse("/x/{a}{b}", isName)?.fill({ a: "..", b: undefined }, "").path, "/");
  assertEquals(TargetTemplate.parse("/{a}", isName)?.fill({ a: "\udcff" }, "").path, "/\udcff");
});

for (const text of ["", "x", "//x", "/x%20", "/x#y", "/x?y#z", "/{c}", "/{a", "/a}", "/?{}", "/x?a b", "/\\x", "/\0"]) {
  Deno.test(`TargetTemplate.parse() refuses ${JSON.stringify(text)}`, () => {
    assertEquals(TargetTemplate.parse(text, isName), null);
  });
}
