/**
 * The chart of a family of rows as SVG: pure. Two panels, rates on the left and the 99th percentile of the waits on the right, with a
 * line for each server over the number that grows.
 */
import { COLOURS, escapeXml, renderSvg } from "./chart_parts.ts";
import { type GrowthFigures, type GrowthLine, growthLines } from "./growth.ts";
import type { GrowthFamily } from "./growth_rows.ts";
import type { BenchResult } from "./report.ts";
import { round } from "./report_parts.ts";
import type { Spread } from "./statistics.ts";

/** Sizes in pixels. */
const HEIGHT = 375;
const PANEL_TOP = 88;
const PANEL_HEIGHT = 230;
const PANEL_WIDTH = 335;
const PANEL_LEFTS = [70, 505] as const;
/** From the sides of a panel to its first and last number. */
const INDENT = 30;
/** Between the points of two servers at the same number. */
const ASIDE = 6;

/** One panel: which figure it has and how that becomes a height. */
interface Panel {
  readonly title: string;
  readonly left: number;
  readonly labels: readonly string[];
  readonly ticks: readonly number[];
  spreadOf(figures: GrowthFigures): Spread;
  /** 0 at the bottom, 1 at the top. */
  scale(value: number): number;
}

/** What the chart needs to know of a run. */
type Measured = Pick<BenchResult, "rows" | "machine" | "rounds" | "seconds">;

/** null when no server was measured at two points. */
export function renderGrowthChart(family: GrowthFamily, result: Measured): string | null {
  const lines = growthLines(family, result);
  if (lines.length === 0) return null;
  const titles = new Map(lines.map(({ server: { name, title } }) => [name, title]));
  return renderSvg({ title: family.title, titles, height: HEIGHT }, [
    ...panelsOf(family, lines).flatMap((panel) => [
      renderAxes(panel),
      ...lines.map((line, index) => renderLine(line, { panel, aside: (index - (lines.length - 1) / 2) * ASIDE })),
    ]),
    renderConditions(result),
  ]);
}

function panelsOf({ points }: GrowthFamily, lines: readonly GrowthLine[]): readonly Panel[] {
  const labels = points.map(({ label }) => label);
  const [left, right] = PANEL_LEFTS;
  const rate = ({ rate }: GrowthFigures) => rate;
  const p99 = ({ p99 }: GrowthFigures) => p99;
  return [
    {
      ...{ title: "Requests a second (more is better)", left, labels, spreadOf: rate },
      ...linear(rangeOf(lines, rate)),
    },
    {
      ...{ title: "99th percentile of the waits, ms (less is better)", left: right, labels, spreadOf: p99 },
      ...logarithmic(rangeOf(lines, p99)),
    },
  ];
}

function renderConditions({ machine, rounds, seconds }: Measured): string {
  const text = `Medians of ${rounds} alternating runs of ${seconds} s, with their range. ${machine[0] ?? ""}`;
  return `<text x="10" y="${HEIGHT - 12}" font-size="10" fill="#555">${escapeXml(text)}</text>`;
}

interface Range {
  readonly least: number;
  readonly most: number;
}

function rangeOf(lines: readonly GrowthLine[], spread: Panel["spreadOf"]): Range {
  const spreads = lines.flatMap(({ figures }) => figures.map(spread));
  return { least: Math.min(...spreads.map(({ least }) => least)), most: Math.max(...spreads.map(({ most }) => most)) };
}

/** From 0 on, in at most six steps of 1, 2 or 5 times a power of ten. */
export function linear({ most }: Range): Pick<Panel, "ticks" | "scale"> {
  const power = 10 ** Math.floor(Math.log10(most / 6));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each * 6 >= most) ?? most;
  const count = Math.ceil(most / step);
  return {
    ticks: Array.from({ length: count + 1 }, (_, index) => index * step),
    scale: (value) => value / (count * step),
  };
}

/** Ticks at 1, 2 and 5 times each power of ten, from one at or below the least to one at or above the most. */
export function logarithmic({ least, most }: Range): Pick<Panel, "ticks" | "scale"> {
  const exponents = { first: Math.floor(Math.log10(least)), last: Math.ceil(Math.log10(most)) };
  const all: number[] = [];
  for (let exponent = exponents.first; exponent <= exponents.last; exponent += 1) {
    for (const factor of [1, 2, 5]) all.push(Number(`${factor}e${exponent}`));
  }
  const first = all.findLastIndex((tick) => tick <= least);
  const last = all.findIndex((tick) => tick >= most && tick > all[first]);
  const ticks = all.slice(first, last + 1);
  const [bottom, top] = [ticks[0], ticks[ticks.length - 1]].map(Math.log);
  return { ticks, scale: (value) => (Math.log(value) - bottom) / (top - bottom) };
}

function xOf({ left, labels }: Panel, label: string): number {
  return left + INDENT + labels.indexOf(label) * (PANEL_WIDTH - 2 * INDENT) / Math.max(1, labels.length - 1);
}

function yOf({ scale }: Panel, value: number): number {
  return PANEL_TOP + PANEL_HEIGHT * (1 - scale(value));
}

function renderAxes(panel: Panel): string {
  const { title, left, labels, ticks } = panel;
  const grid = ticks.map((tick) => {
    const y = yOf(panel, tick).toFixed(1);
    return `<line x1="${left}" x2="${left + PANEL_WIDTH}" y1="${y}" y2="${y}" stroke="#ddd"/>` +
      `<text x="${left - 6}" y="${y}" dy="4" text-anchor="end" fill="#111">${tick.toLocaleString("en-US")}</text>`;
  });
  const numbers = labels.map((label) => {
    const place = `x="${xOf(panel, label).toFixed(1)}" y="${PANEL_TOP + PANEL_HEIGHT + 18}"`;
    return `<text ${place} text-anchor="middle" fill="#111">${escapeXml(label)}</text>`;
  });
  return [`<text x="${left}" y="72" font-size="12" fill="#111">${escapeXml(title)}</text>`, ...grid, ...numbers].join(
    "\n",
  );
}

/** A line through the medians, and at each the range of the rounds; `aside`: in pixels, so that ranges do not cover each other. */
function renderLine(
  { server: { name, title }, figures }: GrowthLine,
  { panel, aside }: { readonly panel: Panel; readonly aside: number },
): string {
  const colour = COLOURS[name];
  const points = figures.map((each) => {
    const spread = panel.spreadOf(each);
    const [y, low, high] = [spread.median, spread.least, spread.most].map((value) => yOf(panel, value).toFixed(1));
    const text = `${title}, ${each.label}: ${round(spread.median)} (${round(spread.least)} to ${round(spread.most)})`;
    return { x: (xOf(panel, each.label) + aside).toFixed(1), y, low, high, text };
  });
  const marks = points.map(({ x, y, low, high, text }) =>
    `<path d="M${x} ${low}V${high}" stroke="${colour}" stroke-opacity="0.5"/>` +
    `<circle cx="${x}" cy="${y}" r="3.5" fill="${colour}"><title>${escapeXml(text)}</title></circle>`
  );
  const path = points.map(({ x, y }) => `${x},${y}`).join(" ");
  const width = name === "lisod" ? 2.5 : 1.5;
  return [`<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="${width}"/>`, ...marks].join("\n");
}
