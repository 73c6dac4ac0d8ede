import { assertEquals } from "@std/assert";
import { Clock } from "./clock.ts";

/** By how much the time of the machine goes on at each update: by how much the clock does for deadlines. */
const STEPS: readonly (readonly [what: string, stepsMs: readonly number[], want: readonly number[]])[] = [
  ["goes on with the time", [0, 1, 1000, 3000], [0, 1, 1001, 4001]],
  ["does not count a pause", [500, 35_000, 500], [500, 500, 1000]],
  ["does not go back, and not ahead, when the time is set", [500, -7_200_000, 7_200_000, 5], [500, 500, 500, 505]],
];

for (const [what, stepsMs, want] of STEPS) {
  Deno.test(`Clock ${what}`, () => {
    let unixMs = 1_800_000_000_000;
    const clock = new Clock(() => unixMs);
    const startMs = clock.nowMs;
    const seen = stepsMs.map((stepMs) => {
      unixMs += stepMs;
      clock.update();
      assertEquals(clock.unixMs, unixMs);
      return clock.nowMs - startMs;
    });
    assertEquals(seen, want);
  });
}
