import { assert, assertEquals, assertNotMatch, assertStringIncludes } from "@std/assert";
import { directoryListing, type ListedEntry } from "./directory_listing.ts";

const MTIME_MS = Date.UTC(2026, 0, 31, 23, 59, 58);
const OPTIONS = { path: "/a/", isCut: false };

function file(name: string, size = 1): ListedEntry {
  return { name, size, mtimeMs: MTIME_MS };
}

function folder(name: string): ListedEntry {
  return { name, size: null, mtimeMs: MTIME_MS };
}

/** The links of the page, as they stand there, and their texts. */
function links(page: string): (readonly [href: string, text: string])[] {
  return [...page.matchAll(/<a href="([^"]*)">([^<]*)<\/a>/g)].map(([, href, text]) => [href, text]);
}

Deno.test("directoryListing() puts folders first and orders names when there are both", () => {
  const entries = [file("b10.txt"), file("B2.txt"), file("a"), folder("z"), folder("y"), file("ä"), file("b2.txt")];
  assertEquals(links(directoryListing(entries, OPTIONS)).map(([, text]) => text), [
    ...["Home", "Parent folder", "y/", "z/", "a", "ä", "b2.txt", "B2.txt", "b10.txt"],
  ]);
});

Deno.test("directoryListing() leads home and to the parent folder, the root nowhere", () => {
  assertEquals(links(directoryListing([], OPTIONS)), [["/", "Home"], ["../", "Parent folder"]]);
  assertEquals(links(directoryListing([file("a")], { path: "/", isCut: false })), [["a", "a"]]);
});

// RFC 3986 3.3 and 4.2: what the browser asks for, and what it shows
const NAMES: readonly (readonly [name: string, href: string, text: string])[] = [
  ["plain.txt", "plain.txt", "plain.txt"],
  ["a b", "a%20b", "a b"],
  ["100%", "100%25", "100%"],
  ["a?b#c", "a%3Fb%23c", "a?b#c"],
  ["javascript:alert(1)", "javascript%3Aalert(1)", "javascript:alert(1)"],
  ["<script>alert(1)<", "%3Cscript%3Ealert(1)%3C", "&#60;script&#62;alert(1)&#60;"],
  ['"><img src=x>', "%22%3E%3Cimg%20src%3Dx%3E", "&#34;&#62;&#60;img src=x&#62;"],
  ["it's", "it&#39;s", "it&#39;s"],
  ["&amp;", "%26amp%3B", "&#38;amp;"],
  ["a\nb", "a%0Ab", "a\nb"],
  ["a\\b", "a%5Cb", "a\\b"],
  ["ümläut", "%C3%BCml%C3%A4ut", "ümläut"],
  ["\u{1f600}", "%F0%9F%98%80", "\u{1f600}"],
  ["\ud800", "%EF%BF%BD", "\ud800"],
];

for (const [name, href, text] of NAMES) {
  Deno.test(`directoryListing() links ${href} when the name is ${JSON.stringify(name)}`, () => {
    const page = directoryListing([file(name)], { path: "/", isCut: false });
    assertEquals(links(page), [[href, text]]);
    assertEquals(new URL(href.replaceAll("&#39;", "'"), "http://h/d/").origin, "http://h");
  });
}

Deno.test("directoryListing() escapes the path when it holds markup", () => {
  const page = directoryListing([], { path: "/</title><script>&\"'/", isCut: false });
  assertStringIncludes(page, "<title>Index of /&#60;/title&#62;&#60;script&#62;&#38;&#34;&#39;/</title>");
  assertNotMatch(page, /<script/);
});

// The longest that each unit shows has three digits.
const SIZES: readonly (readonly [bytes: number, want: string])[] = [
  [0, "0 B"],
  [1023, "1023 B"],
  [1024, "1.0 KiB"],
  [1536, "1.5 KiB"],
  [10_240, "10 KiB"],
  [1_023_000, "999 KiB"],
  [1_048_575, "1.0 MiB"],
  [1_048_576, "1.0 MiB"],
  [5 * 2 ** 30, "5.0 GiB"],
  [2 ** 50, "1.0 PiB"],
];

for (const [bytes, want] of SIZES) {
  Deno.test(`directoryListing() shows ${want} when a file has ${bytes} bytes`, () => {
    assertStringIncludes(directoryListing([file("a", bytes)], OPTIONS), `<td>${want}</td>`);
  });
}

Deno.test("directoryListing() shows the minute in UTC when a date has one, and none for a date out of range", () => {
  const page = directoryListing([file("a"), { ...file("b"), mtimeMs: Infinity }], OPTIONS);
  assertStringIncludes(page, "<td>2026-01-31 23:59</td>");
  assertStringIncludes(page, ">b</a></td><td>1 B</td><td></td>");
});

Deno.test("directoryListing() says so when it is cut", () => {
  assertStringIncludes(directoryListing([file("a")], { path: "/", isCut: true }), "first 1 entries");
  assert(!directoryListing([file("a")], OPTIONS).includes("first 1"));
});
