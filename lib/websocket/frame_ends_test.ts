import { assertEquals } from "@std/assert";
import { binary, joinBytes, ping, text } from "../../tests/websocket_frames.ts";
import { frameOf, OPCODE } from "./frames.ts";
import { FrameEnds } from "./frame_ends.ts";

const FRAMES = [
  frameOf(OPCODE.text, new Uint8Array(0)),
  frameOf(OPCODE.text, new Uint8Array(5)),
  frameOf(OPCODE.binary, new Uint8Array(126)),
  frameOf(OPCODE.binary, new Uint8Array(70_000)),
  text("masked"),
  binary(new Uint8Array(300)),
  ping(),
];

Deno.test("FrameEnds.pass() finds the first end in any bytes", () => {
  const bytes = joinBytes(...FRAMES);
  const ends = FRAMES.map((_, at) => FRAMES.slice(0, at + 1).reduce((sum, { length }) => sum + length, 0));
  for (const size of [1, 2, 3, 5, 11, 1000, bytes.length]) {
    const frames = new FrameEnds();
    for (let at = 0; at < bytes.length; at += size) {
      const found = frames.pass(bytes.subarray(at, at + size));
      const want = ends.find((end) => end > at && end <= at + size);
      assertEquals(found === null ? undefined : at + found, want, `${at} by ${size}`);
      assertEquals(frames.isBetween, ends.includes(Math.min(bytes.length, at + size)), `${at} by ${size}`);
    }
  }
});

Deno.test("FrameEnds is between frames before the first, and never at the end of one that is longer than anything", () => {
  const frames = new FrameEnds();
  assertEquals(frames.isBetween, true);
  assertEquals(frames.pass(Uint8Array.of(0x82, 127, 255, 255, 255, 255, 255, 255, 255, 255)), null);
  assertEquals([frames.pass(new Uint8Array(100_000)), frames.isBetween], [null, false]);
});
