/**
 * Metrics as text: in the format that Prometheus has had since 0.0.4, and in OpenMetrics, which a scraper asks for. Separate
 * from which metrics there are. Pure. OpenMetrics 1.0, "Text format"; exposition_formats.md of Prometheus.
 */
import { BOUNDS, countOf, type Times } from "./histogram.ts";

export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

/** Metrics of one name, which has no `_total`. */
export type Family =
  & { readonly name: string; readonly help: string }
  & (
    | { readonly type: "counter" | "gauge"; readonly samples: readonly Sample[] }
    | { readonly type: "histogram"; readonly histograms: readonly { readonly labels: Labels; readonly times: Times }[] }
  );

export type Format = "prometheus" | "openmetrics";

export const MEDIA_TYPES: { readonly [format in Format]: string } = {
  prometheus: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

/** What the Accept field of a scraper asks for. RFC 9110 12.5.1: who names OpenMetrics reads it, however much he likes it. */
export function chooseFormat(accept: string | null): Format {
  return /(?:^|[\s,])application\/openmetrics-text\s*(?:[;,]|$)/i.test(accept ?? "") ? "openmetrics" : "prometheus";
}

/** Those that have samples, in their order. */
export function renderFamilies(families: readonly Family[], format: Format): string {
  const texts = families.map((family) => renderFamily(family, format));
  return texts.join("") + (format === "openmetrics" ? "# EOF\n" : "");
}

/** Units that a name ends with, for OpenMetrics, which names them apart. */
const UNIT = /_(seconds|bytes)$/;

function renderFamily(family: Family, format: Format): string {
  const { name, type, help } = family;
  const lines = family.type === "histogram"
    ? family.histograms.flatMap(({ labels, times }) => histogramLines(name, labels, times))
    : family.samples.map(({ labels, value }) => line(`${name}${type === "counter" ? "_total" : ""}`, labels, value));
  if (lines.length === 0) return "";
  const isOpen = format === "openmetrics";
  const told = isOpen || type !== "counter" ? name : `${name}_total`;
  const unit = isOpen ? UNIT.exec(name)?.[1] : undefined;
  const head = [
    `# HELP ${told} ${escapeHelp(help, isOpen)}`,
    `# TYPE ${told} ${type}`,
    ...(unit === undefined ? [] : [`# UNIT ${told} ${unit}`]),
  ];
  return [...head, ...lines].map((text) => `${text}\n`).join("");
}

function histogramLines(name: string, labels: Labels, times: Times): readonly string[] {
  let count = 0;
  const buckets = times.buckets.map((each, at) => {
    count += each;
    return line(`${name}_bucket`, { ...labels, le: at < BOUNDS.length ? boundText(BOUNDS[at]) : "+Inf" }, count);
  });
  return [
    ...buckets,
    line(`${name}_sum`, labels, times.sumMs / 1000),
    line(`${name}_count`, labels, countOf(times)),
  ];
}

/** OpenMetrics wants bounds in one form, `1.0`, so that a series is the same whatever writes it. */
function boundText(bound: number): string {
  return Number.isInteger(bound) ? bound.toFixed(1) : String(bound);
}

function line(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escapeLabel(text)}"`);
  return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}`;
}

/** A lone surrogate, which stands for a byte that is no UTF-8, would be none in the answer either. */
function escapeLabel(text: string): string {
  return text.toWellFormed().replace(/[\\"\n]/g, (character) => character === "\n" ? "\\n" : `\\${character}`);
}

function escapeHelp(text: string, isOpen: boolean): string {
  return text.replace(isOpen ? /[\\"\n]/g : /[\\\n]/g, (character) => character === "\n" ? "\\n" : `\\${character}`);
}
