/** What the charts of the bench share: frame, title, legend and colours, as SVG. Pure. */
import type { PeerName } from "./peers.ts";

/** Colours that stay apart for the colour-blind too and stand out on the white ground. */
export const COLOURS: Readonly<Record<PeerName, string>> = {
  lisod: "#c2410c",
  "lisod-before": "#fdba74",
  "lisod-plain": "#fed7aa",
  nginx: "#6b7280",
  "nginx-tuned": "#9ca3af",
  "nginx-gzip": "#9ca3af",
  haproxy: "#be185d",
  lighttpd: "#2563eb",
  apache: "#7c3aed",
  "deno-serve": "#0f766e",
  gunicorn: "#8a6d3b",
  uwsgi: "#5f7f8f",
  "bare-loop": "#5eead4",
};

/** Of every chart, in pixels. */
export const WIDTH = 860;
/** Of the longest title, so that all servers fit into one line. */
const LEGEND_STEP = 105;

/** What stands above a chart, and its height in pixels. */
export interface ChartFrame {
  readonly title: string;
  /** Of the servers, by their names. */
  readonly titles: ReadonlyMap<PeerName, string>;
  readonly height: number;
}

/** The whole file. Title and legend end at 50 pixels from the top; `parts` are elements. */
export function renderSvg({ title, titles, height }: ChartFrame, parts: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="11">`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    `<text x="10" y="22" font-size="15" fill="#111">${escapeXml(title)}</text>`,
    renderLegend(titles),
    ...parts,
    "</svg>\n",
  ].join("\n");
}

function renderLegend(titles: ReadonlyMap<PeerName, string>): string {
  return [...titles].map(([name, title], index) => {
    const x = 10 + index * LEGEND_STEP;
    return `<rect x="${x}" y="34" width="11" height="11" fill="${COLOURS[name]}"/>` +
      `<text x="${x + 16}" y="44" fill="#111">${escapeXml(title)}</text>`;
  }).join("\n");
}

/** Text as it stands in an element or an attribute. */
export function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
