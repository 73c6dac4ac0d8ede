import { assertEquals, assertThrows } from "@std/assert";
import { latin1Bytes, latin1Text } from "../http/grammar.ts";
import { BrokenAnswer } from "../http/message.ts";
import { DEFAULT_LIMITS } from "../limits.ts";
import { ChunkedOutput } from "./chunked_output.ts";

/** Decodes the text in pieces of `size` bytes. */
function decode(text: string, size: number): { content: string; hasEnded: boolean } {
  const output = new ChunkedOutput({ ...DEFAULT_LIMITS, maxBodyBytes: 4 });
  const bytes = latin1Bytes(text);
  let content = "";
  for (let start = 0; start < bytes.length; start += size) {
    output.push(bytes.subarray(start, start + size));
    for (let part = output.take(); part !== null; part = output.take()) content += latin1Text(part, 0, part.length);
  }
  return { content, hasEnded: output.hasEnded };
}

const LONG = "x".repeat(20_000);

const ROWS: readonly (readonly [name: string, text: string, content: string, hasEnded: boolean])[] = [
  ["chunks, beyond the limit of a request", "5\r\nHello\r\n7;a=b\r\n, world\r\n0\r\n\r\n", "Hello, world", true],
  ["a chunk larger than the buffer", `${LONG.length.toString(16)}\r\n${LONG}\r\n0\r\n\r\n`, LONG, true],
  ["no content", "0\r\n\r\n", "", true],
  ["up to the last chunk and no further", "1\r\na\r\n0\r\n\r\n1\r\nb\r\n", "a", true],
  ["a trailer", "1\r\na\r\n0\r\nX: y\r\n\r\n", "a", true],
  ["what came before a sudden end", "5\r\nHel", "Hel", false],
];

for (const [name, text, content, hasEnded] of ROWS) {
  Deno.test(`ChunkedOutput.take() gives ${name}`, () => {
    for (const size of [1, 3, 8192, text.length]) assertEquals(decode(text, size), { content, hasEnded });
  });
}

Deno.test("ChunkedOutput.take() throws BrokenAnswer when a size is malformed", () => {
  assertThrows(() => decode("x\r\n", 1), BrokenAnswer, "chunked output is malformed: ");
});
