import { assertEquals, assertThrows } from "@std/assert";
import type { RowResult, ServerResult } from "./measure_row.ts";
import type { PeerName } from "./peers.ts";
import { renderReadmeTable } from "./readme_table.ts";
import { ROWS } from "./rows.ts";
import type { Spread } from "./statistics.ts";

function flat(median: number): Spread {
  return { median, least: median, most: median };
}

/** A server with a value, a CPU time and its ratio; all null when it failed. */
function server(name: PeerName, figures: readonly [value: number, cpuUs: number] | null, ratio: number): ServerResult {
  return {
    ...{ name, title: name, samples: [], failure: figures === null ? "gone" : null },
    ...{ busy: null, loadBusy: null, waits: null, rssBytes: null, cpuRatio: null },
    value: figures === null ? null : flat(figures[0]),
    cpuUs: figures === null ? null : flat(figures[1]),
    ratio: figures === null || name === "lisod" ? null : flat(ratio),
  };
}

function result(name: string, servers: readonly ServerResult[]): RowResult {
  const [row] = ROWS.filter((candidate) => candidate.name === name);
  return { row, rate: null, servers };
}

const RUN = {
  base: "lisod",
  date: "2024-08-01T12:00:00Z",
  rounds: 7,
  seconds: 3,
  machine: ["two cores", "idle"],
} as const;

const FIGURES = [126_543, 12.34] as const;

const RESULTS: readonly RowResult[] = [
  result("keep-alive", [
    server("lisod", FIGURES, 1),
    server("nginx", FIGURES, 1.256),
    server("deno-serve", FIGURES, 2),
    server("lighttpd", null, 1),
    server("apache", FIGURES, 12.5),
  ]),
  result("tls-handshake", [server("lisod", FIGURES, 1), server("nginx", FIGURES, 0.7)]),
  result("static-beside-cgi", [server("lisod", [4.5, 1], 1), server("nginx", FIGURES, 0.25)]),
  result("file-1m", [server("lisod", null, 1), server("nginx", null, 1)]),
  // Without a goal.
  result("range", [server("lisod", FIGURES, 1), server("nginx", FIGURES, 1)]),
];

Deno.test("renderReadmeTable() gives a line for each row when it has a goal", () => {
  assertEquals(
    renderReadmeTable({ ...RUN, rows: RESULTS }),
    `\
row                lisod                            lisod / nginx  lisod / lighttpd  lisod / Apache
keep-alive         126,543 requests/s                        1.26            failed           12.50
tls-handshake      12.3 us of CPU (less is better)           0.70                 -               -
static-beside-cgi  4.50 ms (less is better)                  0.25                 -               -
file-1m            failed                                  failed                 -               -
2024-08-01, 7 rounds of 3 s; two cores
`,
  );
});

Deno.test("renderReadmeTable() marks a row when the load was the limit for one of its servers", () => {
  const servers = [server("lisod", FIGURES, 1), { ...server("nginx", FIGURES, 1), loadBusy: flat(0.95) }];
  const lines = renderReadmeTable({ ...RUN, rows: [result("keep-alive", servers)] }).split("\n");
  assertEquals(lines[1].startsWith("keep-alive *  126,543"), true);
  assertEquals(lines[2].startsWith("* the load had no time left"), true);
});

Deno.test("renderReadmeTable() keeps to 100 columns when all rows are measured", () => {
  const names = ["lisod", "nginx", "lighttpd", "apache"] as const;
  const rows = ROWS.map(({ name }) => result(name, names.map((peer) => server(peer, [1_234_567, 1_234], 123.45))));
  const lines = renderReadmeTable({ ...RUN, rows }).split("\n");
  assertEquals(lines.length, ROWS.filter(({ goals }) => Object.keys(goals).length > 0).length + 3);
  assertEquals(lines.filter((line) => line.length > 100), []);
});

Deno.test("renderReadmeTable() throws when the run has nothing for the table", () => {
  assertThrows(() => renderReadmeTable({ ...RUN, base: "nginx", rows: RESULTS }), Error, "compared nginx");
  assertThrows(() => renderReadmeTable({ ...RUN, rows: RESULTS.slice(-1) }), Error, "no row that has a goal");
});
