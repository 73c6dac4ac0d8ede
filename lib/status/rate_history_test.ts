import { assertEquals } from "@std/assert";
import { addRates, RateHistory } from "./rate_history.ts";

/** Notes so many totals, a second apart; `totalAt` says each. */
function noted(seconds: number, totalAt: (second: number) => number): RateHistory {
  const history = new RateHistory();
  for (let second = 0; second <= seconds; second++) history.note(1000 * second, totalAt(second));
  return history;
}

Deno.test("rates are means over the last second, minute and quarter of an hour", () => {
  // 10 a second, and then 70 a second for a minute, and 130 in the last of it.
  const { rates } = noted(2000, (second) => 10 * second + 60 * Math.max(0, second - 1940) + (second === 2000 ? 60 : 0));
  assertEquals(rates.means, [130, 71, 10 + 61 / 15]);
  assertEquals([rates.minute.length, rates.minute[0], rates.minute[58], rates.minute[59]], [60, 70, 70, 130]);
  assertEquals([rates.quarter.length, rates.quarter[0], rates.quarter[55], rates.quarter[56]], [60, 10, 10, 70]);
});

Deno.test("a server that is younger than a span has the mean of its life, and nothing before", () => {
  assertEquals(new RateHistory().rates.means, [0, 0, 0]);
  assertEquals(noted(0, () => 5).rates.means, [0, 0, 0]);
  const { rates } = noted(4, (second) => 3 * second);
  assertEquals(rates.means, [3, 3, 3]);
  assertEquals(rates.minute.slice(54), [0, 0, 3, 3, 3, 3]);
  assertEquals(rates.quarter.slice(58), [0, 3]);
});

Deno.test("a sample that comes late is a longer second", () => {
  const history = new RateHistory();
  history.note(0, 0);
  history.note(4000, 100);
  assertEquals(history.rates.means[0], 25);
  history.note(4000, 100);
  assertEquals(history.rates.means[0], 0);
});

Deno.test("addRates() adds what several threads have", () => {
  const one = noted(3, (second) => second).rates;
  assertEquals(addRates([one, one]).means, [2, 2, 2]);
  assertEquals(addRates([one, one]).minute.slice(-1), [2]);
});
