import { assertEquals } from "@std/assert";
import { otherWork, parseCpuUse } from "./surroundings.ts";

const ALL = "cpu  100 20 30 400 5 6 7 8 0 0\ncpu0 50 10 15 200 2 3 3 4 0 0\n";
const OWN = "1 (a b) S 4 5 6 7 8 9 10 11 12 13 1 2 3 4 18\n";

Deno.test("parseCpuUse() leaves interrupts out of the work when it adds up", () => {
  assertEquals(parseCpuUse(ALL, OWN), { busy: 150, all: 576, own: 10 });
});

Deno.test("otherWork() takes off what the bench used when it compares two readings", () => {
  const before = { busy: 100, all: 1000, own: 10 };
  assertEquals(otherWork(before, { busy: 400, all: 2000, own: 60 }), 0.25);
  assertEquals(otherWork(before, { busy: 110, all: 2000, own: 60 }), 0);
});
