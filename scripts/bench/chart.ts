/** The chart of a benchmark as SVG: pure. A group of bars for each row, a bar for each server, nginx = 1. */
import { COLOURS, escapeXml, renderSvg } from "./chart_parts.ts";
import { judgedFigures, type RowResult } from "./measure_row.ts";
import type { PeerName } from "./peers.ts";
import type { BenchResult } from "./report.ts";
import { ratioOf } from "./statistics.ts";

/** Sizes in pixels. */
const LABEL_WIDTH = 190;
const BAR_WIDTH = 560;
const BAR_HEIGHT = 12;
const BAR_STEP = 15;
const GROUP_GAP = 14;
const HEAD_HEIGHT = 62;
/** Ratios beyond this are cut, with their number beside the bar. */
const MOST_SHOWN = 4;

interface Bar {
  readonly name: PeerName;
  readonly title: string;
  /** How many times as good as the reference: above 1 is better in every row. */
  readonly ratio: number;
}

/** The chart; rows that only one server was measured in are left out. */
export function renderChart(result: BenchResult): string {
  const groups = result.rows.map((row) => ({ row, bars: barsOf(row, result.base) })).filter(({ bars }) =>
    bars.length > 1
  );
  const titles = new Map(groups.flatMap(({ bars }) => bars.map(({ name, title }) => [name, title] as const)));
  const parts: string[] = [];
  let top = HEAD_HEIGHT;
  for (const { row, bars } of groups) {
    parts.push(renderGroup(row, bars, top));
    top += bars.length * BAR_STEP + GROUP_GAP;
  }
  const line = LABEL_WIDTH + BAR_WIDTH / MOST_SHOWN;
  return renderSvg({ title: "How many times as good as nginx (longer is better)", titles, height: top + 10 }, [
    `<line x1="${line}" x2="${line}" y1="${HEAD_HEIGHT - 6}" y2="${top}" stroke="#111" stroke-dasharray="3 3"/>`,
    ...parts,
  ]);
}

/** The bars of a row against nginx, or against the base where nginx was not measured. */
function barsOf({ row, servers }: RowResult, base: PeerName): readonly Bar[] {
  const figures = (wanted: PeerName): readonly number[] =>
    servers.filter(({ name }) => name === wanted).flatMap(({ samples }) => judgedFigures(row, samples));
  const reference = [figures("nginx"), figures(base)].find((values) => values.length > 0);
  if (reference === undefined) return [];
  return servers.flatMap(({ name, title }) => {
    const own = figures(name);
    if (own.length === 0) return [];
    const ratio = row.better === "more" ? ratioOf(own, reference) : ratioOf(reference, own);
    return [{ name, title, ratio: ratio.median }];
  });
}

function renderGroup({ row }: RowResult, bars: readonly Bar[], top: number): string {
  const middle = top + (bars.length * BAR_STEP) / 2 + 2;
  const label = `<text x="10" y="${middle}" fill="#111">${escapeXml(row.name)}<title>${
    escapeXml(row.measures)
  }</title></text>`;
  const drawn = bars.map(({ name, ratio }, index) => {
    const y = top + index * BAR_STEP;
    const width = Math.max(1, Math.min(ratio, MOST_SHOWN) / MOST_SHOWN * BAR_WIDTH).toFixed(1);
    const weight = name === "lisod" ? ' font-weight="bold"' : "";
    return `<rect x="${LABEL_WIDTH}" y="${y}" width="${width}" height="${BAR_HEIGHT}" fill="${COLOURS[name]}"/>` +
      `<text x="${LABEL_WIDTH + Number(width) + 5}" y="${y + 10}" fill="#111"${weight}>${ratio.toFixed(2)}</text>`;
  });
  return [label, ...drawn].join("\n");
}
