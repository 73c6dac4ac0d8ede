import { assertEquals, assertStringIncludes } from "@std/assert";
import { growthLines } from "./growth.ts";
import { linear, logarithmic, renderGrowthChart } from "./growth_chart.ts";
import { renderGrowth } from "./growth_report.ts";
import { GROWTH_FAMILIES, GROWTH_GROUPS, GROWTH_ROWS } from "./growth_rows.ts";
import type { RowResult, ServerResult } from "./measure_row.ts";
import type { PeerName } from "./peers.ts";
import type { Sample } from "./sample.ts";

const [OPEN] = GROWTH_FAMILIES.filter(({ name }) => name === "open");
const NOTHING = { cpuUs: null, busy: null, loadBusy: null, rssBytes: null };

/** A server with a rate and a 99th percentile for each round. */
function server(name: PeerName, rounds: readonly (readonly [rate: number, p99: number])[]): ServerResult {
  const samples = rounds.map(([value, p99]): Sample => ({
    ...NOTHING,
    value,
    cpuUs: p99 * 10,
    waits: { p50: 1, p99, p999: p99 },
  }));
  const spreads = { value: null, waits: null, ratio: null, cpuRatio: null };
  return { ...NOTHING, ...spreads, name, title: name, samples, failure: samples.length === 0 ? "gone" : null };
}

function result(wanted: string, servers: readonly ServerResult[]): RowResult {
  const [row] = GROWTH_ROWS.filter(({ name }) => name === wanted);
  return { row, rate: null, servers };
}

const RUN = { machine: ["two <cores>"], rounds: 3, seconds: 1 };

/** lisod loses a fifth of its rate at 10,000 and has lost nothing at 100 but waits twice as long; nginx has failed at 10,000, lighttpd twice. */
const ROWS: readonly RowResult[] = [
  result("open-10", [
    server("lisod", [[100, 1], [200, 2], [300, 3]]),
    server("nginx", [[50, 1], [50, 1], [50, 1]]),
    server("lighttpd", [[90, 1], [90, 1], [90, 1]]),
  ]),
  result("open-100", [
    server("lisod", [[100, 2], [200, 4], [330, 6]]),
    server("nginx", [[40, 2], [40, 2], [40, 2]]),
    server("lighttpd", []),
  ]),
  result("open-10000", [
    server("lisod", [[80, 1.1], [100, 2.2], [300, 3]]),
    server("nginx", []),
    server("lighttpd", []),
  ]),
];

Deno.test("growthLines() compares with the first number round by round, and leaves out who has one number alone", () => {
  const lines = growthLines(OPEN, { rows: ROWS });
  assertEquals(lines.map(({ server: { name } }) => name), ["lisod", "nginx"]);
  const [{ figures }] = lines;
  assertEquals(figures.map(({ label, rate }) => [label, rate.median]), [["10", 200], ["100", 200], ["10,000", 100]]);
  assertEquals(figures.map(({ rateKept }) => rateKept), [
    null,
    { median: 1, least: 1, most: 1.1 },
    { median: 0.8, least: 0.5, most: 1 },
  ]);
  assertEquals(figures.map(({ p99Grown }) => p99Grown?.most.toFixed(2)), [undefined, "2.00", "1.10"]);
});

Deno.test("renderGrowth() marks what lisod misses when there is a goal, and is empty when no family was measured", () => {
  const text = renderGrowth({ rows: ROWS });
  for (
    const line of [
      "| open | lisod | 100 | 200 | 1.00 (1.00 to 1.10) | 4.00 | **2.00 (2.00 to 2.00)** | 40.0 | 2.00 (2.00 to 2.00) |",
      "| open | lisod | 10,000 | 100 | **0.80 (0.50 to 1.00)** | 2.20 | 1.10 (1.00 to 1.10) | 22.0 | 1.10 (1.00 to 1.10) |",
      "| open | nginx | 100 | 40.0 | 0.80 (0.80 to 0.80) | 2.00 | 2.00 (2.00 to 2.00) | 20.0 | 2.00 (2.00 to 2.00) |",
    ]
  ) {
    assertStringIncludes(text, line);
  }
  assertEquals(renderGrowth({ rows: ROWS.slice(0, 1) }), "");
});

Deno.test("renderGrowthChart() draws a line in each panel for each server when it has two numbers", () => {
  const chart = renderGrowthChart(OPEN, { ...RUN, rows: ROWS }) ?? "";
  assertEquals(chart.match(/<polyline /g)?.length, 4);
  // Each has a point in each panel; the number without a row stays free.
  assertEquals(chart.match(/<circle /g)?.length, 2 * (3 + 2));
  assertStringIncludes(chart, "<title>lisod, 10,000: 100 (80.0 to 300)</title>");
  assertEquals(chart.match(/>1,000</g)?.length, 2);
  assertStringIncludes(chart, "3 alternating runs of 1 s, with their range. two &lt;cores&gt;");
  assertEquals(chart.includes("NaN"), false);
  assertEquals(renderGrowthChart(OPEN, { ...RUN, rows: ROWS.slice(0, 1) }), null);
});

Deno.test("linear() begins with 0 and ends at or above the most in a few round steps", () => {
  const { ticks, scale } = linear({ least: 3, most: 42_000 });
  assertEquals(ticks, [0, 10_000, 20_000, 30_000, 40_000, 50_000]);
  assertEquals([0, 25_000, 50_000].map(scale), [0, 0.5, 1]);
  assertEquals(linear({ least: 3, most: 106_000 }).ticks, [0, 20_000, 40_000, 60_000, 80_000, 100_000, 120_000]);
  assertEquals(linear({ least: 3, most: 10 }).ticks, [0, 2, 4, 6, 8, 10]);
  assertEquals(linear({ least: 0.1, most: 0.7 }).ticks.length, 5);
});

Deno.test("logarithmic() reaches from one round number to another around the figures", () => {
  const { ticks, scale } = logarithmic({ least: 0.7, most: 12 });
  assertEquals(ticks, [0.5, 1, 2, 5, 10, 20]);
  assertEquals([0.5, 20].map(scale), [0, 1]);
  assertEquals(logarithmic({ least: 2, most: 2 }).ticks, [2, 5]);
  assertEquals(logarithmic({ least: 1, most: 100 }).ticks, [1, 2, 5, 10, 20, 50, 100]);
});

Deno.test("GROWTH_FAMILIES and GROWTH_GROUPS name every row of growth and no other", () => {
  const names = GROWTH_ROWS.map(({ name }) => name).toSorted();
  const drawn = new Set(GROWTH_FAMILIES.flatMap(({ points }) => points.map(({ row }) => row)));
  assertEquals([...drawn].toSorted(), names);
  assertEquals(GROWTH_GROUPS.flat().toSorted(), names);
  // What is compared is measured together.
  for (const { points } of GROWTH_FAMILIES) {
    assertEquals(GROWTH_GROUPS.filter((group) => points.every(({ row }) => group.includes(row))).length, 1);
  }
});
