import { assertEquals } from "@std/assert";
import { addLimits, limitOf, LimitTally } from "./limit_tally.ts";

Deno.test("a limit is told with its count and its last time, that of several threads together", () => {
  const [one, other] = [new LimitTally(), new LimitTally()];
  one.reach("rate", 1);
  one.reach("rate", 2);
  one.reach("line", 5);
  other.reach("rate", 9);
  assertEquals(addLimits([one.reached]).map(({ lastMs }) => lastMs), [5, 2]);
  assertEquals(addLimits([one.reached, other.reached]), [
    { name: "rate", count: 3, lastMs: 9 },
    { name: "line", count: 1, lastMs: 5 },
  ]);
  assertEquals(addLimits([]), []);
});

Deno.test("limitOf() knows the errors that limits lead to, and no others", () => {
  assertEquals([408, 413, 414, 429, 431, 503, 504, 507].map((status) => limitOf(status)).includes(null), false);
  assertEquals([200, 400, 404, 500, 502].map((status) => limitOf(status)), [null, null, null, null, null]);
});
