import { assertEquals, assertThrows } from "@std/assert";
import { orderOf, ratioOf, spreadOf } from "./statistics.ts";

Deno.test("spreadOf() gives median and range when values come in any order", () => {
  assertEquals(spreadOf([30, 4, 100]), { median: 30, least: 4, most: 100 });
  assertEquals(spreadOf([8, 1, 2, 4]), { median: 3, least: 1, most: 8 });
  assertEquals(spreadOf([7]), { median: 7, least: 7, most: 7 });
});

Deno.test("spreadOf() throws when there is no value", () => {
  assertThrows(() => spreadOf([]), Error, "median of nothing");
});

Deno.test("ratioOf() compares round by round when the machine slows for a round", () => {
  assertEquals(ratioOf([200, 100, 202], [100, 50, 101]), { median: 2, least: 2, most: 2 });
  // The ratio of the medians would be 40 / 30.
  assertEquals(ratioOf([10, 40, 90], [5, 40, 30]), { median: 2, least: 1, most: 3 });
});

Deno.test("ratioOf() throws when a round is missing", () => {
  assertThrows(() => ratioOf([1, 2], [1]), Error, "number of rounds");
});

Deno.test("orderOf() rotates and turns around when rounds go on", () => {
  const orders = (items: readonly string[]) => [0, 1, 2, 3, 4, 5].map((round) => orderOf(items, round).join(""));
  assertEquals(orders(["a", "b", "c"]), ["abc", "cba", "bca", "acb", "cab", "bac"]);
  assertEquals(orders(["a", "b"]), ["ab", "ba", "ba", "ab", "ab", "ba"]);
  assertEquals(orderOf([], 3), []);
});
