import { assert, assertEquals, assertNotMatch, assertStringIncludes } from "@std/assert";
import { directoryListing, type Readme } from "./directory_listing.ts";
import { listingForm, type ListingOrder, orderQuery } from "./listing_form.ts";
import type { ListedEntry } from "./sort_entries.ts";
import { HeaderFields } from "../http/header_fields.ts";

const MTIME_MS = Date.UTC(2026, 0, 31, 23, 59, 58);
const BY_NAME: ListingOrder = { column: "name", isDescending: false };

interface PageOptions {
  readonly path?: string;
  readonly order?: ListingOrder;
  readonly readme?: Readme | null;
  /** How many of more entries are shown; null: all. */
  readonly shown?: number | null;
}

/** All of the page, as UTF-8 has it. */
function pageOf(
  entries: readonly ListedEntry[],
  { path = "/a/", order = BY_NAME, readme = null, shown = null }: PageOptions = {},
): string {
  const { begin, row, end } = directoryListing({ path, order, readme });
  return (begin + entries.map(row).join("") + end(shown)).toWellFormed();
}

function file(name: string, size = 1): ListedEntry {
  return { name, size, mtimeMs: MTIME_MS };
}

/** The links of the page but those of its columns, as they stand there, and their texts. */
function links(page: string): (readonly [href: string, text: string])[] {
  return [...page.matchAll(/<a href="(?!\?)([^"]*)">([^<]*)<\/a>/g)].map(([, href, text]) => [href, text]);
}

Deno.test("directoryListing() leads home and to the parent folder, the root nowhere", () => {
  assertEquals(links(pageOf([])), [["/", "Home"], ["../", "Parent folder"]]);
  assertEquals(links(pageOf([file("a")], { path: "/" })), [["a", "a"]]);
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
  Deno.test(`directoryListing() links ${href} when the name is ${JSON.stringify(name)}`, () => {
    const page = pageOf([file(name)], { path: "/" });
    assertEquals(links(page), [[href, text]]);
    assertEquals(new URL(href.replaceAll("&#39;", "'"), "http://h/d/").origin, "http://h");
  });
}

Deno.test("directoryListing() escapes the path when it holds markup", () => {
  const page = pageOf([], { path: "/</title><script>&\"'/" });
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
    assertStringIncludes(pageOf([file("a", bytes)]), `<td>${want}</td>`);
  });
}

Deno.test("directoryListing() shows the minute in UTC when a date has one, and none for a date out of range", () => {
  const page = pageOf([file("a"), { ...file("b"), mtimeMs: Infinity }]);
  assertStringIncludes(page, "<td>2026-01-31 23:59</td>");
  assertStringIncludes(page, ">b</a></td><td>1 B</td><td></td>");
});

Deno.test("directoryListing() says so when it is cut", () => {
  assertStringIncludes(pageOf([file("a")], { shown: 1 }), "first 1 entries");
  assert(!(pageOf([file("a")])).includes("first 1"));
});

/** Of each column: what aria-sort says, where its link leads, and its words. */
function heads(page: string): (readonly [sorted: string | undefined, href: string, text: string])[] {
  const columns = page.matchAll(/<th scope="col"(?: aria-sort="(\w+)")?><a href="([^"]*)">(.*?)<\/a><\/th>/g);
  return Array.from(columns, ([, sorted, href, text]) => [sorted, href, text.replaceAll(/<.*?>/g, "")]);
}

const [UP, DOWN] = ["\u2191", "\u2193"];

const HEADS: readonly (readonly [order: ListingOrder, want: ReturnType<typeof heads>])[] = [
  [BY_NAME, [
    ["ascending", "?sort=name&#38;order=desc", `Name ${UP}`],
    [undefined, "?sort=size&#38;order=desc", "Size"],
    [undefined, "?sort=time&#38;order=desc", "Last changed (UTC)"],
  ]],
  [{ column: "size", isDescending: true }, [
    [undefined, "?sort=name&#38;order=asc", "Name"],
    ["descending", "?sort=size&#38;order=asc", `Size ${DOWN}`],
    [undefined, "?sort=time&#38;order=desc", "Last changed (UTC)"],
  ]],
  [{ column: "time", isDescending: false }, [
    [undefined, "?sort=name&#38;order=asc", "Name"],
    [undefined, "?sort=size&#38;order=desc", "Size"],
    ["ascending", "?sort=time&#38;order=desc", `Last changed (UTC) ${UP}`],
  ]],
];

for (const [order, want] of HEADS) {
  Deno.test(`directoryListing() links each column when the order is ${orderQuery(order)}`, () => {
    const found = heads(pageOf([], { order }));
    assertEquals(found, want);
    for (const [sorted, href] of found) {
      const form = listingForm({ query: href.slice(1).replaceAll("&#38;", "&"), fields: HeaderFields.EMPTY });
      // The link of the column that they are sorted by turns the order round.
      if (sorted !== undefined) assertEquals([form.column, form.isDescending], [order.column, !order.isDescending]);
    }
  });
}

Deno.test("directoryListing() shows a readme below the entries, its markup as text", () => {
  const readme = { name: '<b>"README.txt', text: '</pre><script>alert("1")</script> &amp;\n', isCut: false };
  const page = pageOf([file("a")], { readme });
  assertStringIncludes(
    page.slice(page.indexOf("</table>")),
    `<h2><a href="%3Cb%3E%22README.txt">&#60;b&#62;&#34;README.txt</a></h2>
<pre>
&#60;/pre&#62;&#60;script&#62;alert(&#34;1&#34;)&#60;/script&#62; &#38;amp;
</pre>
</main>`,
  );
  assertNotMatch(page, /<script|All of/);
});

Deno.test("directoryListing() leads to all of a readme when it shows its beginning", () => {
  const page = pageOf([], { readme: { name: "README", text: "begin", isCut: true } });
  assertStringIncludes(page, 'begin</pre>\n<p><a href="README">All of README</a></p>');
});

Deno.test("directoryListing() frames a readme that is a page, without scripts", () => {
  const page = pageOf([], { readme: { name: "it's.html", text: null, isCut: false } });
  assertStringIncludes(page, '<iframe src="it&#39;s.html" title="it&#39;s.html" sandbox="allow-downloads ');
  assertNotMatch(page, /allow-scripts|allow-same-origin|allow-top/);
});
