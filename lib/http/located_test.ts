import { assertEquals } from "@std/assert";
import { cutPath, isHidden, joinSegments, locate, restAfter } from "./located.ts";

const CUTS: readonly (readonly [path: string, segments: readonly string[]])[] = [
  ["", []],
  ["/", []],
  ["///", []],
  ["/a", ["a"]],
  ["/a/", ["a"]],
  ["//a///b c/", ["a", "b c"]],
  ["/a;b/..c/...", ["a;b", "..c", "..."]],
  ["*", ["*"]],
];

for (const [path, segments] of CUTS) {
  Deno.test(`cutPath() and joinSegments() take "${path}" apart and together`, () => {
    assertEquals(cutPath(path), segments);
    assertEquals(joinSegments(segments), segments.length === 0 ? "" : `/${segments.join("/")}`);
  });
}

type Want = readonly [mount: string, rest: string, path: string];

const LOCATED: readonly (readonly [path: string, mountCount: number, want: Want])[] = [
  ["/", 0, ["", "/", "/"]],
  ["//", 0, ["", "//", "/"]],
  ["/a/b", 0, ["", "/a/b", "/a/b"]],
  ["//a//b//", 0, ["", "//a//b//", "/a/b/"]],
  ["/c", 1, ["/c", "", ""]],
  ["//c", 1, ["/c", "", ""]],
  ["/c/", 1, ["/c", "/", "/"]],
  ["/c//", 1, ["/c", "//", "/"]],
  ["//c//p///x/", 1, ["/c", "//p///x/", "/p/x/"]],
  ["//c//p///x/", 2, ["/c/p", "///x/", "/x/"]],
  ["//c//p///x/", 3, ["/c/p/x", "/", "/"]],
];

for (const [path, mountCount, [mount, rest, below]] of LOCATED) {
  Deno.test(`locate() sees "${below}" when "${path}" is asked for of a place of ${mountCount} segments`, () => {
    assertEquals(locate(path, cutPath(path), mountCount), { mount, rest, path: below, segments: cutPath(below) });
  });
}

Deno.test("restAfter() keeps the slashes that were sent", () => {
  assertEquals([0, 1, 2, 3].map((count) => restAfter("//a//b/", count)), ["//a//b/", "//b/", "/", ""]);
});

const HIDDEN: readonly (readonly [path: string, mountCount: number, want: boolean])[] = [
  ["/a/b", 0, false],
  ["/a.b/c", 0, false],
  ["/.a", 0, true],
  ["/a/.b/c", 0, true],
  ["//.a", 0, true],
  ["/.well-known", 0, false],
  ["//.well-known//x", 0, false],
  ["/.well-known/.x", 0, true],
  ["/.well-knownx", 0, true],
  ["/a/.well-known", 0, true],
  ["/a/.well-known", 1, true],
  // the operator has named the place
  ["/.a/b", 1, false],
];

for (const [path, mountCount, want] of HIDDEN) {
  Deno.test(`isHidden() is ${want} when "${path}" is asked for of a place of ${mountCount} segments`, () => {
    assertEquals(isHidden(locate(path, cutPath(path), mountCount)), want);
  });
}
