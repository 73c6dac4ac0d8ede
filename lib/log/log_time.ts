/** How lines of the log say when: as Combined Log Format has it, and by RFC 3339. Pure; the clock is passed in. */

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** `10/Oct/2000:13:55:36 -0700`: local time with its distance from UTC, as Combined Log Format has it. */
export function formatLogTime(date: Date): string {
  return `${two(date.getDate())}/${MONTHS[date.getMonth()]}/${date.getFullYear()}:${clockOf(date)} ${zoneOf(date, "")}`;
}

/** `2000-10-10T13:55:36.123-07:00`: the same by RFC 3339. */
export function formatIsoTime(date: Date): string {
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day}T${clockOf(date)}.${fractionOf(date.getTime())}${zoneOf(date, ":")}`;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}

function clockOf(date: Date): string {
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
}

function zoneOf(date: Date, separator: string): string {
  const offset = -date.getTimezoneOffset();
  const minutes = Math.abs(offset);
  return `${offset < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}${separator}${two(minutes % 60)}`;
}

/** The milliseconds of the second. */
function fractionOf(ms: number): string {
  return String(ms - Math.floor(ms / 1000) * 1000).padStart(3, "0");
}

/** A moment, and both its texts, of which all but the milliseconds are made once a second. */
export class LogTime {
  #ms = NaN;
  #second = NaN;
  #text = "";
  #isoStart = "";
  #isoEnd = "";

  /** Milliseconds since 1970, whole ones. */
  set(ms: number): void {
    this.#ms = ms;
    const second = Math.floor(ms / 1000);
    if (second === this.#second) return;
    this.#second = second;
    const date = new Date(ms);
    this.#text = formatLogTime(date);
    const iso = formatIsoTime(date);
    this.#isoStart = iso.slice(0, iso.indexOf(".") + 1);
    this.#isoEnd = iso.slice(this.#isoStart.length + 3);
  }

  /** As `formatLogTime` has it. */
  get text(): string {
    return this.#text;
  }

  /** As `formatIsoTime` has it. */
  get iso(): string {
    return this.#isoStart + fractionOf(this.#ms) + this.#isoEnd;
  }
}
