/**
 * Numbers as an operator writes them: ports, counts, sizes with k, M or G, times with ms, s or m. Pure; parsing and
 * formatting stand together because `--help` shows each default in the form in which it may be given back.
 */

interface Suffix {
  readonly text: string;
  readonly factor: number;
}

/** From the largest down; sizes are binary. */
const SIZES: readonly Suffix[] = [
  { text: "G", factor: 1024 ** 3 },
  { text: "M", factor: 1024 ** 2 },
  { text: "k", factor: 1024 },
];
const TIMES: readonly Suffix[] = [
  { text: "m", factor: 60_000 },
  { text: "s", factor: 1000 },
];

/** Digits alone. Null for anything else, and beyond what a number holds exactly. */
export function parseCount(text: string): number | null {
  if (!/^[0-9]+$/.test(text)) return null;
  const count = Number(text);
  return Number.isSafeInteger(count) ? count : null;
}

/** Bytes: `512`, `8k`, `64M`, `1G`. Null for anything else. */
export function parseSize(text: string): number | null {
  return parseWithSuffix(text, SIZES);
}

/** Milliseconds: `500`, `500ms`, `20s`, `5m`. Null for anything else. */
export function parseTime(text: string): number | null {
  return parseWithSuffix(text, [{ text: "ms", factor: 1 }, ...TIMES]);
}

/** The shortest text that `parseCount` reads as that count. */
export function formatCount(count: number): string {
  return String(count);
}

/** The shortest text that `parseSize` reads as that many bytes. */
export function formatSize(bytes: number): string {
  return formatWithSuffix(bytes, SIZES);
}

/** The shortest text that `parseTime` reads as that many milliseconds, always with its unit. */
export function formatTime(ms: number): string {
  const text = formatWithSuffix(ms, TIMES);
  return /[0-9]$/.test(text) ? `${text}ms` : text;
}

function parseWithSuffix(text: string, suffixes: readonly Suffix[]): number | null {
  const suffix = suffixes.find((each) => text.endsWith(each.text));
  if (suffix === undefined) return parseCount(text);
  const count = parseCount(text.slice(0, -suffix.text.length));
  return count !== null && Number.isSafeInteger(count * suffix.factor) ? count * suffix.factor : null;
}

function formatWithSuffix(value: number, suffixes: readonly Suffix[]): string {
  const suffix = value === 0 ? undefined : suffixes.find((each) => value % each.factor === 0);
  return suffix === undefined ? String(value) : `${value / suffix.factor}${suffix.text}`;
}
