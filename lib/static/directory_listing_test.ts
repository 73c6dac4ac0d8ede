import { assert, assertEquals, assertNotMatch, assertStringIncludes } from "@std/assert";
import { directoryListing, type ListedEntry, sortEntries } from "./directory_listing.ts";

const MTIME_MS = Date.UTC(2026, 0, 31, 23, 59, 58);
const ALONE = { isDue: () => false, pause: () => Promise.resolve() };
const OPTIONS = { path: "/a/", isCut: false };

/** All of the page. */
async function pageOf(
  entries: readonly ListedEntry[],
  options: { readonly path: string; readonly isCut: boolean },
): Promise<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let page = "";
  const sorted = await sortEntries(entries, ALONE);
  for await (const part of directoryListing(sorted, { ...options, pace: ALONE, maxBytes: 1_000_000 })) {
    page += decoder.decode(part, { stream: true });
  }
  return page;
}

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

Deno.test("directoryListing() puts folders first and orders names when there are both", async () => {
  const entries = [file("b10.txt"), file("B2.txt"), file("a"), folder("z"), folder("y"), file("ä"), file("b2.txt")];
  assertEquals(links(await pageOf(entries, OPTIONS)).map(([, text]) => text), [
    ...["Home", "Parent folder", "y/", "z/", "a", "ä", "b2.txt", "B2.txt", "b10.txt"],
  ]);
});

Deno.test("directoryListing() leads home and to the parent folder, the root nowhere", async () => {
  assertEquals(links(await pageOf([], OPTIONS)), [["/", "Home"], ["../", "Parent folder"]]);
  assertEquals(links(await pageOf([file("a")], { path: "/", isCut: false })), [["a", "a"]]);
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
  ["\ud800", "%EF%BF%BD", "\ufffd"],
];

for (const [name, href, text] of NAMES) {
  Deno.test(`directoryListing() links ${href} when the name is ${JSON.stringify(name)}`, async () => {
    const page = await pageOf([file(name)], { path: "/", isCut: false });
    assertEquals(links(page), [[href, text]]);
    assertEquals(new URL(href.replaceAll("&#39;", "'"), "http://h/d/").origin, "http://h");
  });
}

Deno.test("directoryListing() escapes the path when it holds markup", async () => {
  const page = await pageOf([], { path: "/</title><script>&\"'/", isCut: false });
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
  Deno.test(`directoryListing() shows ${want} when a file has ${bytes} bytes`, async () => {
    assertStringIncludes(await pageOf([file("a", bytes)], OPTIONS), `<td>${want}</td>`);
  });
}

Deno.test("directoryListing() shows the minute in UTC when a date has one, and none for a date out of range", async () => {
  const page = await pageOf([file("a"), { ...file("b"), mtimeMs: Infinity }], OPTIONS);
  assertStringIncludes(page, "<td>2026-01-31 23:59</td>");
  assertStringIncludes(page, ">b</a></td><td>1 B</td><td></td>");
});

Deno.test("directoryListing() says so when it is cut", async () => {
  assertStringIncludes(await pageOf([file("a")], { path: "/", isCut: true }), "first 1 entries");
  assert(!(await pageOf([file("a")], OPTIONS)).includes("first 1"));
});

Deno.test("directoryListing() comes in parts of some 64 KiB, others having a turn between rows, and is cut where it is too long", async () => {
  const entries = Array.from({ length: 3000 }, (_, index) => file(`${index}-ü`));
  let pauses = 0;
  const pace = {
    isDue: () => true,
    pause: () => {
      pauses++;
      return Promise.resolve();
    },
  };
  for (const maxBytes of [1_000_000, 300_000, 1000]) {
    pauses = 0;
    let page = "";
    for await (const part of directoryListing(entries, { ...OPTIONS, pace, maxBytes })) {
      assert(part.length < 150_000, `${part.length} bytes`);
      page += new TextDecoder("utf-8", { fatal: true }).decode(part);
    }
    const names = links(page).slice(2).map(([, text]) => text);
    assertEquals(names, entries.slice(0, names.length).map(({ name }) => name));
    assert(pauses >= names.length);
    assert(page.endsWith("</html>\n"));
    const isWhole = names.length === entries.length;
    assertEquals(isWhole, maxBytes === 1_000_000);
    assertEquals(/Only the first (\d+) entries/.exec(page)?.[1], isWhole ? undefined : `${names.length}`);
    if (maxBytes === 300_000) assert(names.length > 500 && page.length <= maxBytes, `${names.length} names`);
  }
});
