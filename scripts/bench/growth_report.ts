/** What the report says of cost as work grows, in Markdown: pure. */
import { type GrowthFigures, growthLines } from "./growth.ts";
import { GROWTH_FAMILIES, type GrowthFamily } from "./growth_rows.ts";
import type { BenchResult } from "./report.ts";
import { renderRatio, renderTable, round } from "./report_parts.ts";
import type { Spread } from "./statistics.ts";

/** A table of all families that were measured; "" when there is none. */
export function renderGrowth(result: Pick<BenchResult, "rows">): string {
  const lines = GROWTH_FAMILIES.flatMap((family) =>
    growthLines(family, result).flatMap(({ server, figures }) =>
      figures.map((each) => renderLine(family, { ...server, each }))
    )
  );
  if (lines.length === 0) return "";
  const head = [
    "row",
    "server",
    "number",
    "requests/s",
    "of the first",
    "p99 ms",
    "of the first",
    "CPU us/request",
    "of the first",
  ];
  return `${renderTable(head, lines)}\n\nOf the first: the median of the ratios of each round, with their range. ` +
    "**bold** where lisod misses what is aimed at.";
}

function renderLine(
  { name: family, goal }: GrowthFamily,
  { name, title, each }: { readonly name: string; readonly title: string; readonly each: GrowthFigures },
): readonly string[] {
  const aim = name === "lisod" ? goal : null;
  const { label, rate, rateKept, p99, p99Grown, cpuUs, cpuGrown } = each;
  const mark = (ratio: Spread | null, isMissed: boolean) => isMissed ? `**${renderRatio(ratio)}**` : renderRatio(ratio);
  return [
    ...[family, title, label, round(rate.median)],
    mark(rateKept, aim !== null && rateKept !== null && rateKept.median < aim.rate),
    round(p99.median),
    mark(p99Grown, aim !== null && p99Grown !== null && p99Grown.median > aim.p99),
    cpuUs === null ? "" : round(cpuUs.median),
    renderRatio(cpuGrown),
  ];
}
