import { assertEquals } from "@std/assert";
import { ChildPace } from "./child_pace.ts";

/** After `count` scripts have started and many that ran for `runMs` have come and gone. */
function pauseOf({ count, runMs }: { readonly count: number; readonly runMs: number }): number {
  const pace = new ChildPace({ processors: 2, maxPauseMs: 5 });
  for (let index = 0; index < 1000; index++) {
    pace.begin();
    pace.end(runMs);
  }
  for (let index = 0; index < count; index++) pace.begin();
  return pace.pauseMs;
}

const PAUSES: readonly (readonly [name: string, count: number, runMs: number, pauseMs: number])[] = [
  ["none for less than two scripts a processor", 3, 1000, 0],
  ["the longest for a crowd of long scripts", 4, 1000, 5],
  ["an eighth of what scripts take", 4, 24, 3],
  ["none that is shorter than a timer's step", 32, 7.9, 0],
  ["a pause of a timer's step", 32, 8.1, 1],
];

for (const [name, count, runMs, pauseMs] of PAUSES) {
  Deno.test(`ChildPace gives ${name}`, () => assertEquals(Math.round(pauseOf({ count, runMs })), pauseMs));
}

Deno.test("ChildPace follows what scripts take, each by a sixteenth", () => {
  const pace = new ChildPace({ processors: 0, maxPauseMs: 5 });
  pace.begin();
  pace.end(160);
  assertEquals(pace.pauseMs, 1.25);
});
