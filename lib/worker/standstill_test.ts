import { assertEquals, assertThrows } from "@std/assert";
import { makeStandstill, standStill, whileStanding } from "./standstill.ts";

Deno.test("whileStanding() acts only where all stand, and tells which of them do not", () => {
  const shared = makeStandstill();
  let acts = 0;
  const act = () => void acts++;
  assertThrows(() => whileStanding(shared, { count: 1, boundMs: 1, act }), Error, "Only 0 of 1 threads stand still");
  assertEquals(acts, 0);
  // Whoever comes late does not stand for what is over.
  standStill(shared, 1);
  const other = makeStandstill();
  assertThrows(() => standStill(other, 1), Error, "Stood still for too long");
  whileStanding(other, { count: 1, boundMs: 1, act });
  assertEquals(acts, 1);
});

Deno.test("whileStanding() lets the others go on when its act fails", () => {
  const shared = makeStandstill();
  const act = () => {
    throw new TypeError("no");
  };
  assertThrows(() => whileStanding(shared, { count: 0, boundMs: 1, act }), TypeError, "no");
  standStill(shared, 1);
});
