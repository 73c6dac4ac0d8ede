import { assertEquals } from "@std/assert";
import { readServerFrames } from "../../tests/websocket_frames.ts";
import { closeFrame, frameOf, headLength, OPCODE } from "./frames.ts";

Deno.test("frameOf() says lengths in the fewest bytes", () => {
  for (const [length, head] of [[0, "8200"], [125, "827d"], [126, "827e007e"], [65_535, "827effff"]] as const) {
    const frame = frameOf(OPCODE.binary, new Uint8Array(length));
    assertEquals([frame.subarray(0, headLength(length)).toHex(), frame.length], [head, headLength(length) + length]);
  }
  const large = frameOf(OPCODE.binary, new Uint8Array(65_536));
  assertEquals([large.subarray(0, 10).toHex(), large.length], ["827f0000000000010000", 65_546]);
});

Deno.test("closeFrame() is a control frame with a code, and with a reason that is cut", () => {
  assertEquals(closeFrame(null).toHex(), "8800");
  assertEquals(closeFrame(1000).toHex(), "880203e8");
  assertEquals(closeFrame(1002, "x".repeat(500)).length, 127);
  assertEquals(readServerFrames(closeFrame(1009, "too long")), ["close 1009"]);
});
