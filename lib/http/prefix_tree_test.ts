import { assertEquals } from "@std/assert";
import { cutPath } from "./located.ts";
import { PrefixTree } from "./prefix_tree.ts";

const TREE = new PrefixTree(
  ["/", "/a", "/a/b/c", "/x/y"].map((value) => ({ segments: cutPath(value), value })),
);

const TABLE: readonly (readonly [path: string, want: string])[] = [
  ["/", "/"],
  ["/none", "/"],
  ["/a", "/a"],
  ["/a/", "/a"],
  ["/ab", "/"],
  ["/A", "/"],
  ["/a/b", "/a"],
  ["/a/b/d", "/a"],
  ["/a/b/c", "/a/b/c"],
  ["/a/b/c/d/e", "/a/b/c"],
  ["/a/b/cd", "/a"],
  ["/x", "/"],
  ["/x/y/z", "/x/y"],
  ["/y", "/"],
  ["/b/c", "/"],
  ["/__proto__", "/"],
];

for (const [path, want] of TABLE) {
  Deno.test(`nearest() gives "${want}" when the path is "${path}"`, () => {
    assertEquals(TREE.nearest(cutPath(path)), { segments: cutPath(want), value: want });
  });
}

Deno.test("nearest() gives null when no prefix fits, and what was set last", () => {
  const tree = new PrefixTree([{ segments: ["a"], value: 1 }]);
  assertEquals([tree.nearest([]), tree.nearest(["b"])], [null, null]);
  tree.set({ segments: ["a"] }, 2);
  assertEquals(tree.nearest(["a", "b"])?.value, 2);
});

Deno.test("get() knows the prefix itself alone", () => {
  assertEquals(["/", "/a", "/a/b", "/a/b/c", "/b"].map((path) => TREE.get({ segments: cutPath(path) })), [
    ...["/", "/a", undefined, "/a/b/c", undefined],
  ]);
});
