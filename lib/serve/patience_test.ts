import { assertEquals } from "@std/assert";
import { Patience } from "./patience.ts";

/** What is left of the patience before each of the waits, and after the last: `[milliseconds, bytes]`. */
function leftAfter(patience: Patience, waits: readonly (readonly [number, number])[]): number[] {
  let nowMs = 1_000_000;
  const left = waits.map(([ms, bytes]) => {
    const leftMs = patience.start(nowMs);
    nowMs += ms;
    patience.end(nowMs, bytes);
    return leftMs;
  });
  return [...left, patience.start(nowMs)];
}

Deno.test("Patience is used up by waits and given back by bytes, at the rate that is asked for", () => {
  const table: readonly [string, number, readonly (readonly [number, number])[], readonly number[]][] = [
    ["nothing comes", 100, [[400, 0], [600, 0]], [1000, 600, 0]],
    ["as fast as asked", 100, [[500, 50], [500, 50]], [1000, 1000, 1000]],
    ["half as fast", 100, [[500, 25], [500, 25], [500, 25]], [1000, 750, 500, 250]],
    ["much at once gives no more than all", 100, [[900, 1_000_000], [900, 1]], [1000, 1000, 110]],
    ["one byte at a time", 100, [[900, 1], [90, 1], [30, 1]], [1000, 110, 30, 10]],
    ["no rate", 0, [[999, 1], [999, 1], [999, 0]], [1000, 1000, 1000, 1]],
  ];
  for (const [name, minRateBytes, waits, want] of table) {
    assertEquals(leftAfter(new Patience({ idleMs: 1000, minRateBytes }), waits), want, name);
  }
});
