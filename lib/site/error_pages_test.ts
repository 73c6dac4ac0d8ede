import { assert, assertEquals, assertLessOrEqual, assertMatch, assertNotMatch, assertThrows } from "@std/assert";
import { HeaderFields } from "../http/header_fields.ts";
import { type HttpResponse, reasonPhrase } from "../http/message.ts";
import { RULES } from "../rules.ts";
import type { Charset } from "../static/charset.ts";
import { errorPage, ErrorPages, type OwnPages } from "./error_pages.ts";

const STATUSES = Array.from({ length: 200 }, (_, index) => 400 + index);

function textOf(response: HttpResponse): string {
  return new TextDecoder().decode(response.body.bytes);
}

Deno.test("errorPage() is a small document of its own for every status from 400 to 599", () => {
  for (const status of STATUSES) {
    const page = errorPage(status);
    assertMatch(page, /^<!DOCTYPE html>\n<html lang="en">[^]*<\/html>\n$/);
    assert(page.includes(`<title>${status} ${reasonPhrase(status)}`), page);
    assertMatch(page, /<h1><strong>\d{3}<\/strong> [A-Z].*<\/h1>\n<p>[A-Z].*\.<\/p>\n<p><a href="\/">Home<\/a><\/p>/);
    assertMatch(page, /prefers-color-scheme:dark/);
    // The one link that leads anywhere is the way home.
    const rest = page.replace('<a href="/">', "").replace('<link rel="icon" href="data:,">', "");
    assertNotMatch(rest, /<script|https?:|url\(|src=|href=|undefined|null/);
    assertLessOrEqual(new TextEncoder().encode(page).length, 1535, `${status}`);
  }
});

Deno.test("errorPage() has a sentence of its own for what people meet", () => {
  const sentences = [400, 401, 403, 404, 405, 410, 413, 414, 416, 429, 431, 500, 501, 502, 503, 504, 505]
    .map((status) => errorPage(status).match(/<p>(.*)<\/p>/)?.[1]);
  assertEquals(new Set(sentences).size, sentences.length);
});

Deno.test("ErrorPages.response() has the page, and the Content-Type that the rules ask for", () => {
  const cases = [["course", "text/html"], ["standard", "text/html; charset=utf-8"]] as const;
  for (const [name, contentType] of cases) {
    const response = new ErrorPages(RULES[name]).response(404);
    assertEquals([response.status, textOf(response)], [404, errorPage(404)]);
    assertEquals([...response.fields], [["Content-Type", contentType]]);
    assertEquals(response.body.length, response.body.bytes?.length ?? -1);
  }
});

Deno.test("ErrorPages.response() says of an operator's page what it is, and of a built-in one always UTF-8", () => {
  const latin1 = Uint8Array.of(0x3c, 0x70, 0x3e, 0xe9);
  const own: OwnPages = new Map([["404", latin1], ["410", new TextEncoder().encode("<p>\u00e9")]]);
  const typesOf = (charset: Charset) =>
    [404, 410, 500].map((status) => new ErrorPages({ charset }, own).response(status).fields.get("content-type"));
  const [bare, utf8, greek] = ["text/html", "text/html; charset=utf-8", "text/html; charset=iso-8859-7"];
  assertEquals(typesOf("auto"), [bare, utf8, utf8]);
  assertEquals(typesOf("off"), [bare, bare, bare]);
  assertEquals(typesOf({ name: "iso-8859-7" }), [greek, greek, utf8]);
});

Deno.test("ErrorPages.response() adds the fields of the error and keeps them out of the next answer", () => {
  const pages = new ErrorPages(RULES.course);
  const response = pages.response(405, HeaderFields.of(["Allow", "GET"], ["Set-Cookie", "a"], ["Set-Cookie", "b"]));
  assertEquals([...response.fields], [
    ["Allow", "GET"],
    ["Set-Cookie", "a"],
    ["Set-Cookie", "b"],
    ["Content-Type", "text/html"],
  ]);
  assertEquals([...pages.response(405).fields], [["Content-Type", "text/html"]]);
  const other = pages.response(400, HeaderFields.of(["content-type", "text/plain"]));
  assertEquals([...other.fields], [["Content-Type", "text/html"]]);
});

Deno.test("ErrorPages.response() renders a page once and its body may be read again and again", async () => {
  const pages = new ErrorPages(RULES.course);
  const first = pages.response(404);
  assert(first === pages.response(404));
  for (let round = 0; round < 2; round++) {
    const chunks = [];
    for await (const chunk of first.body) chunks.push(new TextDecoder().decode(chunk));
    await first.body.close();
    assertEquals(chunks.join(""), errorPage(404));
  }
});

Deno.test("ErrorPages.response() has no content below 400", () => {
  const fields = HeaderFields.of(["ETag", '"x"']);
  for (const status of [204, 301, 304]) {
    assertEquals(new ErrorPages(RULES.course).response(status, fields), {
      status,
      fields,
      body: new ErrorPages(RULES.course).response(204).body,
    });
    assertEquals(new ErrorPages(RULES.course).response(status).body.length, 0);
  }
});

Deno.test("ErrorPages.response() refuses what is no status of an answer", () => {
  for (const status of [0, 100, 199, 600, 404.5, NaN]) {
    assertThrows(() => new ErrorPages(RULES.course).response(status), Error, `No status of an answer: ${status}`);
  }
});

Deno.test("ErrorPages.response() takes the nearest of the operator's pages", () => {
  const own = (...keys: Parameters<OwnPages["get"]>): OwnPages =>
    new Map(keys.map((key) => [key, new TextEncoder().encode(key)]));
  const all: OwnPages = new Map([...own("404"), ...own("4xx"), ...own("5xx"), ...own("error")]);
  const cases: [OwnPages, number, string][] = [
    [all, 404, "404"],
    [all, 403, "4xx"],
    [all, 499, "4xx"],
    [all, 500, "5xx"],
    [all, 599, "5xx"],
    [own("error"), 404, "error"],
    [own("error"), 503, "error"],
    [own("4xx"), 503, errorPage(503)],
    [own("404"), 403, errorPage(403)],
  ];
  for (const [pages, status, want] of cases) {
    assertEquals(textOf(new ErrorPages(RULES.course, pages).response(status)), want, `${status}`);
  }
});
