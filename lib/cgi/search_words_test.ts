import { assertEquals } from "@std/assert";
import { searchWords } from "./search_words.ts";

const ROWS: readonly (readonly [name: string, method: string, query: string, words: readonly string[]])[] = [
  ["no word when there is no query", "GET", "", []],
  ["one word", "GET", "cat", ["cat"]],
  ["words at each plus", "GET", "cat+dog+bird", ["cat", "dog", "bird"]],
  ["the same for HEAD", "HEAD", "cat+dog", ["cat", "dog"]],
  ["none for POST", "POST", "cat", []],
  ["none for a form", "GET", "a=b", []],
  ["none for a form, wherever its = stands", "GET", "cat+a=b", []],
  ["a decoded =, escaped", "GET", "a%3Db", ["a\\=b"]],
  ["a decoded plus", "GET", "a%2Bb", ["a+b"]],
  ["decoded UTF-8", "GET", "gr%C3%BCn", ["grün"]],
  ["bytes that are not UTF-8", "GET", "cat+caf%E9%7C", ["cat", "caf\udce9\\|"]],
  ["none at all when a word holds NUL", "GET", "cat+a%00b", []],
  ["none at all when a word holds a line end", "GET", "cat+a%0Ab", []],
  ["none when an escape is broken", "GET", "cat%2", []],
  ["none when a word is empty", "GET", "cat++dog", []],
  ["none when a character may not stand in a query", "GET", "a|b", []],
  ["a dash as it is", "GET", "-s", ["-s"]],
  ["reserved characters, the active ones escaped", "GET", "a;b/c?d:e@f&g,h$i", ["a\\;b/c\\?d:e@f\\&g,h\\$i"]],
  [
    "each character that a shell acts on behind a backslash",
    "GET",
    encodeURIComponent("|&;<>()$`\\\"' *?[]#~=%!{}^"),
    [[..."|&;<>()$`\\\"' *?[]#~=%!{}^"].map((character) => `\\${character}`).join("")],
  ],
];

for (const [name, method, query, words] of ROWS) {
  Deno.test(`searchWords() gives ${name}`, () => assertEquals(searchWords(method, query), words));
}
