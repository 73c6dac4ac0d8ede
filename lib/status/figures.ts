/** Numbers, sizes and times as people read them. Separate from the page, which says what they are of. Pure. */

/** `1,234,567`; parts of one are left out. */
export function formatCount(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** Three digits at least: `0.02`, `1.5`, `12.3`, `1,234`. */
export function formatRate(rate: number): string {
  if (rate === 0 || rate >= 99.95) return formatCount(rate);
  return rate < 0.995 ? rate.toFixed(2) : rate.toFixed(1);
}

const UNITS = ["KiB", "MiB", "GiB", "TiB", "PiB"];

/** `999 B`, `1.2 KiB`, `34 MiB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 999.5) return `${Math.round(bytes)} B`;
  let size = bytes / 1024;
  let unit = 0;
  while (size >= 999.5 && unit < UNITS.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${size < 9.95 ? size.toFixed(1) : size.toFixed(0)} ${UNITS[unit]}`;
}

const LONGER: readonly (readonly [seconds: number, name: string])[] = [[86_400, "d"], [3600, "h"], [60, "min"], [
  1,
  "s",
]];

/** The two greatest units: `3 d 4 h`, `2 min 5 s`; below ten seconds `1.25 s`, below one `12 ms`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 0.9995) return seconds > 0 && seconds < 0.00095 ? "<1 ms" : `${Math.round(seconds * 1000)} ms`;
  if (seconds < 9.995) return `${Number(seconds.toFixed(2))} s`;
  const whole = Math.floor(seconds);
  const at = Math.max(0, LONGER.findIndex(([length]) => whole >= length));
  const [length, name] = LONGER[at];
  const rest = LONGER[at + 1];
  const count = rest === undefined ? 0 : Math.floor(whole % length / rest[0]);
  return `${Math.floor(whole / length)} ${name}${count === 0 ? "" : ` ${count} ${rest[1]}`}`;
}

/** `96.1 %`; what is less than a thousandth is no zero. */
export function formatShare(part: number, whole: number): string {
  if (part === 0 || whole === 0) return "0 %";
  const percent = 100 * part / whole;
  return percent < 0.1 ? "<0.1 %" : `${Number(percent.toFixed(1))} %`;
}
