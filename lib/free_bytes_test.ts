import { assertEquals, assertLessOrEqual } from "@std/assert";
import { freeBytes } from "./free_bytes.ts";

Deno.test("freeBytes() leaves nothing in the bytes, nor in other views of them", () => {
  const bytes = new Uint8Array(10);
  const view = bytes.subarray(2);
  freeBytes(bytes);
  assertEquals([bytes.length, view.length], [0, 0]);
});

Deno.test("freeBytes() gives memory back that the collector has not come to", () => {
  const blocks = Array.from({ length: 64 }, () => new Uint8Array(1 << 20));
  const before = Deno.memoryUsage().external;
  for (const block of blocks) freeBytes(block);
  assertLessOrEqual(Deno.memoryUsage().external, before - (60 << 20));
});
