/** Tables and numbers as the report writes them: pure. */
import type { Spread } from "./statistics.ts";

/** A table in Markdown; cells must not hold a bar. */
export function renderTable(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const texts = [head, head.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`);
  return texts.join("\n");
}

/** Three significant digits, whole from 100 on, with commas between thousands. */
export function round(value: number): string {
  if (value === 0) return "0";
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** A share, whole. */
export function renderPercent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

/** A ratio with its range. */
export function renderRatio(ratio: Spread | null): string {
  if (ratio === null) return "";
  const [median, least, most] = [ratio.median, ratio.least, ratio.most].map((value) => value.toFixed(2));
  return `${median} (${least} to ${most})`;
}
