/** A small curve as inline SVG, in the colours of the page. Separate because it knows nothing of what it shows. Pure. SVG 2 9. */
import { escapeHtml } from "../html_page.ts";

const WIDTH = 240;
const HEIGHT = 44;
/** Above the highest point and below the lowest, for the breadth of the line. */
const MARGIN = 2;

/** `points` from the oldest to the newest; `label` says in words what is seen, for those who do not see it. */
export function curve(points: readonly number[], label: string): string {
  const most = Math.max(...points, Number.MIN_VALUE);
  const step = WIDTH / Math.max(1, points.length - 1);
  const line = points.map((value, at) => {
    const y = HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * value / most;
    return `${round(at * step)} ${round(y)}`;
  }).join("L");
  return `<svg class="curve" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" ` +
    `aria-label="${escapeHtml(label)}"><path class="area" d="M0 ${HEIGHT}L${line}L${WIDTH} ${HEIGHT}Z"/>` +
    `<path class="line" d="M${line}"/></svg>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
