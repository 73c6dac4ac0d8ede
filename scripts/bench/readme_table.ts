/**
 * The few lines of a benchmark that readme.txt shows, as plain text: pure. It is apart from report.ts because readme.txt is
 * no Markdown and holds only what has a goal.
 */
import { hasLoadLimit } from "./load_limit.ts";
import type { RowResult } from "./measure_row.ts";
import type { PeerName } from "./peers.ts";
import type { BenchResult } from "./report.ts";
import { round } from "./report_parts.ts";

/** The servers of the columns, as readme.txt calls them. */
const COLUMNS: readonly (readonly [name: PeerName, title: string])[] = [
  ["nginx", "nginx"],
  ["lighttpd", "lighttpd"],
  ["apache", "Apache"],
];

/** What the lines need to know of a run. */
type Measured = Pick<BenchResult, "base" | "rows" | "date" | "rounds" | "seconds" | "machine">;

/**
 * A head line and a line for each measured row that has a goal: its name, lisod's figure with its unit, and the ratios of
 * lisod to each of the C servers, "-" where one was not measured; then the conditions, with the processor. Lines have at most 100 columns. Throws Error when lisod
 * was not the base of the run or no such row was measured.
 */
export function renderReadmeTable(result: Measured): string {
  const { base, rows } = result;
  if (base !== "lisod") throw new Error(`The last run compared ${base}, not lisod`);
  const main = rows.filter(({ row }) => Object.keys(row.goals).length > 0);
  if (main.length === 0) throw new Error("The last run measured no row that has a goal");
  const lines = [
    ["row", "lisod", ...COLUMNS.map(([, title]) => `lisod / ${title}`)],
    ...main.map((result) => [
      `${result.row.name}${hasLoadLimit(result) ? " *" : ""}`,
      renderFigure(result),
      ...COLUMNS.map(([name]) => renderRatio(result, name)),
    ]),
  ];
  const widths = lines[0].map((_cell, column) => Math.max(...lines.map((cells) => cells[column].length)));
  // Names and figures begin at the left, ratios end at the right.
  const pad = (cell: string, column: number): string =>
    column < 2 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]);
  const table = lines.map((cells) => cells.map(pad).join("  ") + "\n").join("");
  const mark = main.some(hasLoadLimit) ? "* the load had no time left: it was the limit for one of the servers\n" : "";
  return table + mark + renderConditions(result);
}

/** When, how and on which machine. */
function renderConditions({ date, rounds, seconds, machine }: Measured): string {
  return `${date.slice(0, 10)}, ${rounds} rounds of ${seconds} s; ${machine[0] ?? ""}\n`;
}

/** What is judged of lisod itself. */
function renderFigure({ row, servers }: RowResult): string {
  const own = servers.find(({ name }) => name === "lisod");
  const spread = row.judged === "cpu" ? own?.cpuUs : own?.value;
  if (spread === undefined || spread === null) return "failed";
  const unit = row.judged === "cpu" ? "us of CPU" : row.unit;
  return `${round(spread.median)} ${unit}${row.better === "less" ? " (less is better)" : ""}`;
}

function renderRatio({ servers }: RowResult, wanted: PeerName): string {
  const server = servers.find(({ name }) => name === wanted);
  if (server === undefined) return "-";
  return server.ratio === null ? "failed" : server.ratio.median.toFixed(2);
}
