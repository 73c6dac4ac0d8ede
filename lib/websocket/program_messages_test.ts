import { assertEquals, assertThrows } from "@std/assert";
import { joinBytes, readServerFrames } from "../../tests/websocket_frames.ts";
import { type Framing, OutputFramer, toProgram, UnsendableOutput } from "./program_messages.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

function frame(framing: Framing, output: Uint8Array, size = output.length): readonly string[] {
  const framer = new OutputFramer(framing);
  const frames: Uint8Array[] = [];
  for (let at = 0; at < output.length; at += size) frames.push(framer.frames(output.subarray(at, at + size)));
  return readServerFrames(joinBytes(...frames, framer.end()));
}

const OUTPUTS: readonly (readonly [framing: Framing, output: Uint8Array, want: readonly string[]])[] = [
  ["text", bytesOf("a\nbc\n"), ['text "a"', 'text "bc"']],
  ["text", bytesOf("\n\n"), ['text ""', 'text ""']],
  ["text", bytesOf("a\nthe last line has no end"), ['text "a"', 'text "the last line has no end"']],
  ["text", bytesOf("gr\u00fcn \u20ac \u{1f600}\nx\n"), ['text "gr\u00fcn \u20ac \u{1f600}"', 'text "x"']],
  ["text", bytesOf("a\r\n"), ['text "a\\r"']],
  ["text", bytesOf("x".repeat(70_000) + "\n"), [`text "${"x".repeat(70_000)}"`]],
  ["text", bytesOf(""), []],
  ["binary", Uint8Array.of(0, 0, 0, 2, 255, 254, 0, 0, 0, 0, 0, 0, 0, 1, 10), ["binary 2", "binary 0", "binary 1"]],
  ["binary", joinBytes(Uint8Array.of(0, 1, 0, 0), new Uint8Array(65_536)), ["binary 65536"]],
];

for (const [framing, output, want] of OUTPUTS) {
  Deno.test(`OutputFramer makes ${want.length} messages of ${output.length} bytes of ${framing} in any pieces`, () => {
    for (const size of [output.length, 1, 3, 4096]) assertEquals(frame(framing, output, size || 1), want);
  });
}

Deno.test("OutputFramer refuses text that is not UTF-8, and what ends within a message", () => {
  assertThrows(() => frame("text", Uint8Array.of(0x61, 0xe4, 0x0a)), UnsendableOutput, "not UTF-8");
  assertThrows(() => frame("text", Uint8Array.of(0x61, 0xc3)), UnsendableOutput, "not UTF-8");
  assertThrows(() => frame("binary", Uint8Array.of(0, 0, 0, 2, 1)), UnsendableOutput, "within a message");
  assertThrows(() => frame("binary", Uint8Array.of(0, 0)), UnsendableOutput, "within a message");
});

Deno.test("toProgram() ends a text with a line feed, and puts the length before bytes", () => {
  assertEquals(new TextDecoder().decode(toProgram(bytesOf("a\nb"), "text")), "a\nb\n");
  assertEquals(toProgram(Uint8Array.of(1, 2, 3), "binary").toHex(), "00000003010203");
  assertEquals(toProgram(new Uint8Array(70_000), "binary").subarray(0, 4).toHex(), "00011170");
});
