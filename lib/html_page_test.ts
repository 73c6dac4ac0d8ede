import { assert, assertEquals, assertMatch, assertNotMatch } from "@std/assert";
import { escapeHtml, HOME_LINK, PAGE_END, PAGE_STYLE, pageStart } from "./html_page.ts";

Deno.test("pageStart() and PAGE_END make a whole document that loads nothing", () => {
  const page = `${pageStart({ title: "A title", style: "p{margin:0}\n" })}<p>Text</p>\n${PAGE_END}`;
  assertMatch(
    page,
    /^<!DOCTYPE html>\n<html lang="en">\n<head>[^]*<\/head>\n<body>\n<p>Text<\/p>\n<\/body>\n<\/html>\n$/,
  );
  assert(page.includes(`<style>\n${PAGE_STYLE}p{margin:0}\n</style>`));
  // An icon without content keeps browsers from asking for one.
  const rest = page.replace('<link rel="icon" href="data:,">', "");
  assert(rest !== page);
  assertNotMatch(rest + HOME_LINK, /<script|<link|https?:|url\(|src=|@import/);
});

Deno.test("pageStart() escapes the title when it holds markup", () => {
  const page = pageStart({ title: "</title><script>&", style: "" });
  assertMatch(page, /<title>&#60;\/title&#62;&#60;script&#62;&#38;<\/title>/);
});

Deno.test("escapeHtml() leaves no character that could end text or a quoted attribute", () => {
  assertEquals(escapeHtml(`a<b>&"c'`), "a&#60;b&#62;&#38;&#34;c&#39;");
  assertEquals(escapeHtml("ä \u{1f600}\n\\"), "ä \u{1f600}\n\\");
});
