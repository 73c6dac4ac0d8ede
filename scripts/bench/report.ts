/** The report as Markdown: pure. */
import { renderGrowth } from "./growth_report.ts";
import { hasLoadLimit, isLoadLimit } from "./load_limit.ts";
import type { RowResult, ServerResult } from "./measure_row.ts";
import type { PeerName } from "./peers.ts";
import { renderPercent, renderRatio, renderTable, round } from "./report_parts.ts";
import type { Row } from "./row.ts";
import type { Spread } from "./statistics.ts";

/** Memory of a server that served many rows. */
export interface MemoryGrowth {
  readonly title: string;
  readonly switches: readonly string[];
  readonly startBytes: number;
  readonly endBytes: number;
}

/** All that a run of the bench found. */
export interface BenchResult {
  readonly date: string;
  readonly base: PeerName;
  readonly rounds: number;
  readonly seconds: number;
  /** Kernel, processor, other work: one phrase each. */
  readonly machine: readonly string[];
  /** Version lines by title of the server. */
  readonly versions: Readonly<Record<string, string>>;
  readonly rows: readonly RowResult[];
  readonly memory: readonly MemoryGrowth[];
  /** Rows that the base cannot serve yet, with what it lacks. */
  readonly leftOut: readonly string[];
}

const MIB = 1024 * 1024;
/** What lisod may grow by while it serves rows. */
const MOST_GROWTH_BYTES = 64 * MIB;
/** A server that used less of its core than this waited for the load. */
const FULLY_BUSY = 0.9;

/** The whole report. */
export function renderReport(result: BenchResult): string {
  const growth = renderGrowth(result);
  return [
    `# Benchmark of ${result.date}`,
    renderConditions(result),
    "## Ratios",
    renderRatios(result),
    "## Runs",
    renderRuns(result),
    ...(growth === "" ? [] : ["## As work grows", growth]),
    "## Memory of servers that served many rows",
    renderMemory(result.memory),
    ...(result.leftOut.length > 0 ? ["## Left out", result.leftOut.map((line) => `- ${line}`).join("\n")] : []),
  ].join("\n\n") + "\n";
}

function renderConditions({ machine, versions, rounds, seconds }: BenchResult): string {
  const lines = [
    `Servers on core 0, load on core 1; each figure is the median of ${rounds} alternating runs of ${seconds} s.`,
    ...machine,
    ...Object.entries(versions).map(([title, version]) => `${title}: ${version}`),
  ];
  return lines.map((line) => `- ${line}`).join("\n");
}

/** A line for each row: the base's own figure, and its ratio to each server beside its goal. */
function renderRatios({ rows, base }: BenchResult): string {
  const others = new Map<PeerName, string>();
  for (const { servers } of rows) for (const { name, title } of servers) if (name !== base) others.set(name, title);
  const lines = rows.map((result) => {
    const own = result.servers.find(({ name }) => name === base);
    const cells = [...others.keys()].map((name) => renderRatioCell(result, name, base));
    return [
      `${result.row.name}${hasLoadLimit(result) ? " †" : ""}`,
      renderMeasures(result),
      own === undefined ? "" : renderOwn(result.row, own),
      ...cells,
    ];
  });
  const head = ["row", "what", base, ...[...others.values()].map((title) => `${base} / ${title}`)];
  return `${renderTable(head, lines)}\n\nThe median of the ratios of each round. In brackets what is aimed at; ` +
    "**bold** where it is missed. `<` after a unit: less is better. † The load was the limit for one of the servers.";
}

/** What the row measures, with the rate that was found for it. */
function renderMeasures({ row, rate }: RowResult): string {
  return rate === null ? row.measures : `${row.measures}: ${round(rate)} requests/s`;
}

function renderOwn(row: Row, own: ServerResult): string {
  if (own.value === null) return "**failed**";
  const figure = row.judged === "cpu" && own.cpuUs !== null
    ? `${round(own.cpuUs.median)} CPU us <`
    : `${round(own.value.median)} ${row.unit}${row.better === "less" ? " <" : ""}`;
  // The goals are those of lisod.
  if (row.most === null || own.name !== "lisod") return figure;
  return own.value.median > row.most ? `**${figure}** (at most ${row.most})` : `${figure} (at most ${row.most})`;
}

function renderRatioCell({ row, servers }: RowResult, name: PeerName, base: PeerName): string {
  const server = servers.find((candidate) => candidate.name === name);
  if (server === undefined) return "";
  if (server.ratio === null) return "failed";
  const ratio = server.ratio.median.toFixed(2);
  const goal = base === "lisod" ? row.goals[name] : undefined;
  if (goal === undefined) return ratio;
  const isReached = row.better === "more" ? server.ratio.median >= goal : server.ratio.median <= goal;
  const aim = `(${row.better === "more" ? "at least" : "at most"} ${goal})`;
  return isReached ? `${ratio} ${aim}` : `**${ratio}** ${aim}`;
}

/** A line for each server of each row. */
function renderRuns({ rows, base }: BenchResult): string {
  const head = [
    ...["row", "server", "median", "range", "runs", "unit", `${base} / it`, "CPU us/request", `${base} / it, CPU`],
    ...["core used", "load's core", "p50 ms", "p99 ms", "p99.9 ms", "RSS MiB"],
  ];
  const lines = rows.flatMap(({ row, rate, servers }) => servers.map((server) => renderRun(row, server, rate)));
  return `${
    renderTable(head, lines)
  }\n\n\\* The server left some of its core unused: the load, or other programs on the ` +
    "machine, were the limit, and CPU us/request compares better than the rate. † The load had no time left: it was the limit.";
}

/** `rate`: null where the load was as much as it could be. */
function renderRun(row: Row, server: ServerResult, rate: number | null): readonly string[] {
  const { title, samples, failure, value, ratio, cpuUs, cpuRatio, busy, loadBusy, waits, rssBytes } = server;
  if (failure !== null) {
    return [
      row.name,
      title,
      `**failed**: ${plain(failure)}`,
      ...Array.from({ length: 12 }, () => ""),
    ];
  }
  const median = (spread: Spread | null, scale = 1): string => spread === null ? "" : round(spread.median / scale);
  return [
    ...[
      row.name,
      title,
      median(value),
      value === null ? "" : `${round(value.least)} to ${round(value.most)}`,
      String(samples.length),
      row.unit,
    ],
    ...[renderRatio(ratio), median(cpuUs), renderRatio(cpuRatio)],
    busy === null ? "" : `${renderPercent(busy.median)}${busy.median < FULLY_BUSY && rate === null ? " *" : ""}`,
    loadBusy === null ? "" : `${renderPercent(loadBusy.median)}${isLoadLimit(server) ? " †" : ""}`,
    ...[waits?.p50, waits?.p99, waits?.p999].map((each) => median(each ?? null)),
    median(rssBytes, MIB),
  ];
}

function renderMemory(memory: readonly MemoryGrowth[]): string {
  const lines = memory.map(({ title, switches, startBytes, endBytes }) => [
    title,
    switches.join(", "),
    round(startBytes / MIB),
    round(endBytes / MIB),
    renderMemoryGrowth(title, endBytes - startBytes),
  ]);
  return renderTable(["server", "started with", "RSS MiB at first", "RSS MiB at the end", "growth"], lines);
}

/** Growth in MiB, for lisod beside its goal. */
function renderMemoryGrowth(title: string, bytes: number): string {
  const growth = round(bytes / MIB);
  if (title !== "lisod") return growth;
  return `${bytes > MOST_GROWTH_BYTES ? `**${growth}**` : growth} (at most ${MOST_GROWTH_BYTES / MIB})`;
}

/** A message as a table cell takes it: one line without bars. */
function plain(message: string): string {
  return message.replaceAll(/\s+/g, " ").replaceAll("|", "/").trim().slice(0, 200);
}
