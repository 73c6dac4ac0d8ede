import { assertEquals } from "@std/assert";
import { logLines, type ScriptLog } from "./child_log.ts";

/** Logs what comes in these parts, and returns the lines. */
async function linesOf(parts: readonly string[], maxBytes = 1000): Promise<string[]> {
  const lines: string[] = [];
  const ignore = () => {};
  const log: ScriptLog = {
    debug: ignore,
    info: ignore,
    error: ignore,
    warn: (source, text) => lines.push(`${source}: ${text}`),
  };
  const bytes = parts.map((part) => Uint8Array.from(part, (character) => character.charCodeAt(0)));
  const reader = { read: () => Promise.resolve(bytes.shift() ?? null) };
  await logLines(reader, { log, source: "it", maxBytes });
  return lines;
}

const ROWS: readonly (readonly [name: string, parts: readonly string[], want: readonly string[]])[] = [
  ["nothing", [], []],
  ["a line", ["one\n"], ["it: one"]],
  ["a line without its end", ["one"], ["it: one"]],
  ["a line in parts", ["o", "n", "e\nt", "wo\n"], ["it: one", "it: two"]],
  ["empty lines and line ends of other systems", ["\n\r\none\r\n"], ["it: ", "it: ", "it: one"]],
  ["a character in two parts", ["\xe2\x82", "\xac\n"], ["it: €"]],
  ["bytes that are no text", ["\xff\n"], ["it: \ufffd"]],
  ["a character that is cut off", ["a\xe2\x82"], ["it: a\ufffd"]],
];

for (const [name, parts, want] of ROWS) {
  Deno.test(`logLines() tells ${name}`, async () => assertEquals(await linesOf(parts), want));
}

Deno.test("logLines() tells as many bytes as it may, says so once, and reads the rest away", async () => {
  assertEquals(await linesOf(["one\ntwo\nthr", "ee\nfour\n", "five\n"], 10), [
    "it: one",
    "it: two",
    "it: th",
    "it: More than 10 bytes on standard error: the rest is dropped",
  ]);
});

Deno.test("logLines() tells a line that is too long in parts, whether it ends or not", async () => {
  const lines = await linesOf(["x".repeat(4000), "y".repeat(4000), "z\n"], 100_000);
  assertEquals(lines, [`it: ${"x".repeat(4000)}${"y".repeat(4000)}`, "it: z"]);
});
