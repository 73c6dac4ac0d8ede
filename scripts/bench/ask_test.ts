import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { checkAnswer, decodeContent } from "./ask.ts";
import type { ExpectedContent } from "./row.ts";

const PAGE = "<h1>A page</h1>";

interface Case {
  readonly name: string;
  readonly status?: number;
  readonly text: string;
  readonly content: ExpectedContent;
  /** Part of the message; null when the answer is right. */
  readonly fault: string | null;
}

const CASES: readonly Case[] = [
  { name: "the same text", text: "hello", content: { text: "hello" }, fault: null },
  { name: "another text", text: "hallo", content: { text: "hello" }, fault: "wrong content from byte 1 on" },
  { name: "a text with more", text: "hello!", content: { text: "hello" }, fault: "6 bytes instead of 5" },
  { name: "a page that holds the text", text: PAGE, content: { holds: "A page" }, fault: null },
  { name: "a page without the text", text: PAGE, content: { holds: "Another" }, fault: '15 bytes without "Another"' },
  { name: "another status", status: 500, text: PAGE, content: { holds: "A page" }, fault: "status 500 instead of 200" },
];

Deno.test("checkAnswer() refuses an answer when it is not the one of the row", async (t) => {
  for (const { name, status = 200, text, content, fault } of CASES) {
    await t.step(name, () => {
      const check = (): void =>
        checkAnswer({ status, content: new TextEncoder().encode(text) }, { path: "/x", status: 200, content });
      if (fault === null) check();
      else assertThrows(check, Error, fault);
    });
  }
});

Deno.test("decodeContent() gives what was compressed, and refuses another coding than the row is about", async () => {
  const text = new TextEncoder().encode("hello");
  const packed = await new Response(new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"))).bytes();
  const compressed = { fields: new Map([["content-encoding", "gzip"]]), content: packed };
  const plain = { fields: new Map<string, string>(), content: text };
  assertEquals(await decodeContent(compressed, { path: "/x", coding: "gzip" }), text);
  assertEquals(await decodeContent(plain, { path: "/x" }), text);
  await assertRejects(() => decodeContent(plain, { path: "/x", coding: "gzip" }), Error, 'instead of "gzip"');
  await assertRejects(
    () => decodeContent(compressed, { path: "/x" }),
    Error,
    'the coding "gzip" instead of "undefined"',
  );
});
