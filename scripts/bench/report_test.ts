import { assertEquals, assertStringIncludes } from "@std/assert";
import { renderChart } from "./chart.ts";
import type { ServerResult } from "./measure_row.ts";
import { type BenchResult, renderReport } from "./report.ts";
import { round } from "./report_parts.ts";
import { ROWS } from "./rows.ts";
import type { Spread } from "./statistics.ts";

function flat(median: number): Spread {
  return { median, least: median, most: median };
}

const MIB = 1024 * 1024;
const NOTHING = { cpuUs: null, busy: null, loadBusy: null, waits: null, rssBytes: null };

/** A server that gave `value`, which is 1/`ratio` of the base's. */
function server(name: "lisod" | "nginx" | "lighttpd", value: number, ratio: number | null): ServerResult {
  const samples = [{ ...NOTHING, value }];
  const ratios = { ratio: ratio === null ? null : flat(ratio), cpuRatio: null };
  return { ...NOTHING, ...ratios, name, title: name, samples, failure: null, value: flat(value) };
}

const [KEEP_ALIVE] = ROWS.filter(({ name }) => name === "keep-alive");
const [FIRST_ANSWER] = ROWS.filter(({ name }) => name === "first-answer");

/** One row beats nginx and misses lighttpd, the other takes too long. */
const RESULT: BenchResult = {
  ...{ date: "2024-08-01", base: "lisod", rounds: 5, seconds: 3, machine: ["two cores"], versions: { nginx: "1.22" } },
  rows: [
    {
      row: KEEP_ALIVE,
      rate: null,
      servers: [
        server("lisod", 126_000, null),
        server("nginx", 100_000, 1.26),
        {
          ...server("lighttpd", 180_000, 0.7),
          ...{ busy: flat(0.5), loadBusy: flat(0.97), waits: { p50: flat(0.25), p99: flat(1.5), p999: flat(12) } },
        },
      ],
    },
    {
      row: FIRST_ANSWER,
      rate: null,
      servers: [server("lisod", 200, null), { ...server("nginx", 20, 10), failure: "no | port\n" }],
    },
  ],
  memory: [
    { title: "lisod", switches: [], startBytes: 50 * MIB, endBytes: 80 * MIB },
    { title: "lisod", switches: ["tls"], startBytes: 50 * MIB, endBytes: 150 * MIB },
    { title: "nginx", switches: [], startBytes: 50 * MIB, endBytes: 150 * MIB },
  ],
  leftOut: ["tls-keep-alive: lisod cannot do tls yet"],
};

Deno.test("renderReport() marks what misses its goal when there is one", () => {
  const lines = renderReport(RESULT).split("\n");
  const [ratios] = lines.filter((line) => line.startsWith("| keep-alive † | 1 KiB"));
  assertStringIncludes(ratios, "| 126,000 requests/s | 1.26 (at least 1.25) | **0.70** (at least 0.8) |");
  const [first] = lines.filter((line) => line.startsWith("| first-answer | from"));
  assertStringIncludes(first, "| **200 ms <** (at most 120) |");
});

Deno.test("renderReport() keeps to one cell when a failure has bars and lines", () => {
  const lines = renderReport(RESULT).split("\n");
  const [failed] = lines.filter((line) => line.includes("**failed**: "));
  assertStringIncludes(failed, "| first-answer | nginx | **failed**: no / port |");
  const [head] = lines.filter((line) => line.startsWith("| row | server |"));
  assertEquals(failed.split("|").length, head.split("|").length);
  const [run] = lines.filter((line) => line.startsWith("| keep-alive | lisod |"));
  assertStringIncludes(run, "| 126,000 | 126,000 to 126,000 | 1 | requests/s |");
  assertEquals(run.split("|").length, head.split("|").length);
});

Deno.test("renderReport() tells of idle cores, memory and rows left out when there are any", () => {
  const text = renderReport(RESULT);
  assertStringIncludes(text, "| 50 % * | 97 % † | 0.250 | 1.50 | 12.0 |");
  assertStringIncludes(text, "| lisod |  | 50.0 | 80.0 | 30.0 (at most 64) |");
  assertStringIncludes(text, "| lisod | tls | 50.0 | 150 | **100** (at most 64) |");
  assertStringIncludes(text, "| nginx |  | 50.0 | 150 | 100 |");
  assertStringIncludes(text, "- tls-keep-alive: lisod cannot do tls yet");
});

Deno.test("renderReport() tells the rate and marks no idle core when the load kept to a rate", () => {
  const row = { ...RESULT.rows[0], rate: 41_000 };
  const text = renderReport({ ...RESULT, rows: [row] });
  assertStringIncludes(text, "access log off: 41,000 requests/s |");
  assertStringIncludes(text, "| 50 % | 97 % † |");
});

Deno.test("round() keeps three digits when numbers are small and commas when they are large", () => {
  assertEquals([0, 0.01234, 1.5, 12.345, 999.6, 126_543.2].map(round), [
    "0",
    "0.0123",
    "1.50",
    "12.3",
    "1,000",
    "126,543",
  ]);
});

Deno.test("renderChart() draws how many times as good as nginx each server is when more or less is better", () => {
  const chart = renderChart({
    ...RESULT,
    rows: [RESULT.rows[0], {
      row: FIRST_ANSWER,
      rate: null,
      servers: [server("lisod", 40, null), server("nginx", 20, 2)],
    }],
  });
  const labels = [...chart.matchAll(/>(\d\.\d\d)</g)].map(([, label]) => label);
  assertEquals(labels, ["1.26", "1.00", "1.80", "0.50", "1.00"]);
});

Deno.test("renderChart() leaves a row out when only one server was measured in it", () => {
  assertEquals(
    renderChart({ ...RESULT, rows: [{ row: FIRST_ANSWER, rate: null, servers: [server("lisod", 40, null)] }] })
      .includes(
        "first-answer",
      ),
    false,
  );
});
