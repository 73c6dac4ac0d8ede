import { assertEquals, assertThrows } from "@std/assert";
import { decodeMessage, encodeRequest, encodeStart, type ZygoteMessage } from "./messages.ts";

const text = (bytes: Uint8Array) => new TextDecoder("latin1").decode(bytes);

Deno.test("encodeRequest() gives the words and variables of a request, and what comes first has always the same length", () => {
  const request = { id: 7, hasInput: true, folder: "/cgi", words: ["/cgi/a", "b"], environment: { A: "1", B: "" } };
  assertEquals(text(encodeRequest(request)), "run\x000000000007\x001\x00/cgi\x002\x00/cgi/a\x00b\x00A=1\x00B=");
  const other = { id: 1_234_567_890, hasInput: false, folder: "/", words: ["/a"], environment: {} };
  assertEquals(text(encodeRequest(other)), "run\x001234567890\x000\x00/\x001\x00/a");
});

Deno.test("encodeRequest() gives bytes that are not UTF-8 as they came, and refuses NUL", () => {
  const request = { id: 0, hasInput: false, folder: "/", words: ["/a"], environment: { A: "\udcff\u00e4" } };
  assertEquals(text(encodeRequest(request)).slice(-5), "A=\xff\xc3\xa4");
  assertThrows(() => encodeRequest({ ...request, words: ["/a", "b\0c"] }), TypeError, "NUL");
  assertThrows(() => encodeRequest({ ...request, environment: { A: "\0" } }), TypeError, "NUL");
});

Deno.test("encodeStart() tells all lines in parts that fit into a message, and then that it may begin", () => {
  const lines = Array.from(
    { length: 1000 },
    (_, index) => `M\x1fmodule_${index}\x1f/usr/lib/python3/module_${index}.py`,
  );
  const parts = encodeStart(lines, ["/cgi/a", "5"]).map(text);
  assertEquals(parts.at(-1), "go\0/cgi/a\x005");
  assertEquals(parts.slice(0, -1).flatMap((part) => part.split("\0").slice(1)), lines);
  assertEquals(parts.slice(0, -1).every((part) => part.startsWith("load\0") && part.length < 20_000), true);
  assertEquals(encodeStart([], ["/cgi/a"]).map(text), ["go\0/cgi/a"]);
});

const SAID: readonly (readonly [string, ZygoteMessage])[] = [
  ["ready\x0012\x003\x001", { kind: "ready", count: 12, ms: 3, skipped: 1 }],
  ["refuse\0so", { kind: "refuse", reason: "so" }],
  ["leave\0numexpr\0it starts 3 threads", { kind: "leave", module: "numexpr", reason: "it starts 3 threads" }],
  ["stale\0/usr/lib", { kind: "stale", reason: "/usr/lib" }],
  ["started\x000000000007\x00123", { kind: "started", id: 7, pid: 123 }],
  ["no\x000000000007\x00why", { kind: "no", id: 7, reason: "why" }],
  ["ended\x00123\x00256", { kind: "ended", pid: 123, status: 256 }],
  ["learned\0P\x1f/a\0M\x1fb\x1f/a/b.py", { kind: "learned", lines: ["P\x1f/a", "M\x1fb\x1f/a/b.py"] }],
];

for (const [said, message] of SAID) {
  Deno.test(`decodeMessage() understands "${said.split("\0")[0]}"`, () => {
    assertEquals(decodeMessage(new TextEncoder().encode(said)), message);
  });
}

Deno.test("decodeMessage() refuses what no zygote says", () => {
  assertThrows(() => decodeMessage(new TextEncoder().encode("other\0x")), Error, 'says "other"');
});
