/**
 * The formatter of the log: access lines in Combined Log Format and messages, as bytes in one buffer. A peer chooses
 * much of what stands in a line, so everything that is not plain ASCII is escaped: no line can be forged and no
 * terminal driven. Pure (the clock is passed in) and made for speed: one such line for each request.
 */

/** From the least severe up: the names of @std/log, in lower case as the option takes them. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** One request that was answered. Text is as received, Latin-1; null and "" become "-". */
export interface AccessRecord {
  readonly remoteAddress: string;
  /** The user that HTTP authentication found. */
  readonly remoteUser: string | null;
  /** "" when no request line could be read: then `target` may hold what came instead of it. */
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly status: number;
  /** Bytes of content that were sent, without the head; 0 becomes "-" as in Apache's `%b`. */
  readonly bodyBytes: number;
  readonly referer: string | null;
  readonly userAgent: string | null;
}

export interface LogLinesOptions {
  /** How many bytes may wait: `isFull` is true from there on. */
  readonly bufferBytes: number;
  /** Longest part of a line, in characters; more is cut and ends in "...". */
  readonly maxTextBytes: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

declare const escaped: unique symbol;

/** Whole lines of the log, in which what a peer has chosen, such as the target, is escaped: LogLines alone makes them. */
export type EscapedLines = Uint8Array<ArrayBuffer> & { readonly [escaped]: true };

/** What may stand unescaped: in a word between spaces, between quotes, and in the text of a message. */
const WORD = 1;
const QUOTED = 2;
const MESSAGE = 4;

type Place = typeof WORD | typeof QUOTED | typeof MESSAGE;

const SAFE_IN: Readonly<Uint8Array> = Uint8Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte);
  if (!/^[\x20-\x7e]$/.test(character) || character === "\\") return 0;
  if (character === " ") return QUOTED | MESSAGE;
  return character === '"' ? MESSAGE : WORD | QUOTED | MESSAGE;
});

const DASH = 0x2d;
const SP = 0x20;
const LF = 0x0a;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const DIGIT_ZERO = 0x30;

/** An access line has seven texts; `\uHHHH` takes six bytes a character; the rest is time, status, size and spaces. */
const MAX_TEXT_COUNT = 7;
const MAX_ESCAPE_BYTES = 6;
const MAX_REST_BYTES = 256;

/**
 * Lines that wait to be written. Whoever adds one looks at `isFull` afterwards and then writes `bytes` and calls
 * `clear`: a buffer that is not full always has room for one more line.
 *
 * A line takes 0.23 us for a load generator and 0.54 us for a browser (scripts/log_lines_bench.ts, best of many).
 * Tried: keeping the bytes of user agents that come again makes a browser's line 0.6 of that and any other 1.7 of it;
 * text joined first and encoded by the batch, with the search for what to escape, 0.9; encodeInto for each part 2.5.
 */
export class LogLines {
  readonly #buffer: Uint8Array<ArrayBuffer>;
  readonly #bufferBytes: number;
  readonly #maxTextBytes: number;
  readonly #now: () => number;
  #length = 0;
  /** The second since 1970 for which `#time` was rendered, as `[10/Oct/2000:13:55:36 -0700]`. */
  #second = -1;
  #time = new Uint8Array(0);

  constructor({ bufferBytes, maxTextBytes, now }: LogLinesOptions) {
    const maxLineBytes = MAX_TEXT_COUNT * MAX_ESCAPE_BYTES * (maxTextBytes + "...".length) + MAX_REST_BYTES;
    this.#buffer = new Uint8Array(bufferBytes + maxLineBytes);
    this.#bufferBytes = bufferBytes;
    this.#maxTextBytes = maxTextBytes;
    this.#now = now;
  }

  /** What waits, whole lines; valid until the next line is added. */
  get bytes(): EscapedLines {
    return this.#buffer.subarray(0, this.#length) as EscapedLines;
  }

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  get isFull(): boolean {
    return this.#length >= this.#bufferBytes;
  }

  clear(): void {
    this.#length = 0;
  }

  /** Adds a line in Combined Log Format: `address - user [time] "request" status bytes "referer" "user agent"`. */
  addAccess(record: AccessRecord): void {
    const buffer = this.#buffer;
    this.#putWord(record.remoteAddress);
    buffer[this.#length++] = SP;
    buffer[this.#length++] = DASH;
    buffer[this.#length++] = SP;
    this.#putWord(record.remoteUser);
    buffer[this.#length++] = SP;
    this.#putTime();
    buffer[this.#length++] = SP;
    buffer[this.#length++] = QUOTE;
    if (record.method === "") {
      this.#putText(record.target === "" ? "-" : record.target, QUOTED);
    } else {
      this.#putText(record.method, QUOTED);
      buffer[this.#length++] = SP;
      this.#putText(record.target, QUOTED);
      this.#putText(" HTTP/", QUOTED);
      this.#putText(record.version, QUOTED);
    }
    buffer[this.#length++] = QUOTE;
    buffer[this.#length++] = SP;
    this.#putNumber(record.status);
    buffer[this.#length++] = SP;
    if (record.bodyBytes === 0) buffer[this.#length++] = DASH;
    else this.#putNumber(record.bodyBytes);
    this.#putQuoted(record.referer);
    this.#putQuoted(record.userAgent);
    buffer[this.#length++] = LF;
  }

  /** Adds `[time] LEVEL source: text`. */
  addMessage(level: LogLevel, { source, text }: { readonly source: string; readonly text: string }): void {
    this.#putTime();
    this.#putText(` ${level.toUpperCase()} ${source}: `, MESSAGE);
    this.#putText(text, MESSAGE);
    this.#buffer[this.#length++] = LF;
  }

  /** Adds a line that belongs to the message before it: indented. */
  addDetail(text: string): void {
    this.#putText("    ", MESSAGE);
    this.#putText(text, MESSAGE);
    this.#buffer[this.#length++] = LF;
  }

  #putWord(word: string | null): void {
    if (word === null || word === "") this.#buffer[this.#length++] = DASH;
    else this.#putText(word, WORD);
  }

  #putQuoted(text: string | null): void {
    const buffer = this.#buffer;
    buffer[this.#length++] = SP;
    buffer[this.#length++] = QUOTE;
    if (text === null || text === "") buffer[this.#length++] = DASH;
    else this.#putText(text, QUOTED);
    buffer[this.#length++] = QUOTE;
  }

  #putBytes(bytes: Uint8Array): void {
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Scans and copies in one go. */
  #putText(text: string, place: Place): void {
    const buffer = this.#buffer;
    const end = Math.min(text.length, this.#maxTextBytes);
    let length = this.#length;
    for (let at = 0; at < end; at++) {
      const code = text.charCodeAt(at);
      if (code < 0x80 && (SAFE_IN[code] & place) !== 0) buffer[length++] = code;
      else length = putEscape(buffer, length, code);
    }
    if (end < text.length) {
      for (let dots = 0; dots < 3; dots++) buffer[length++] = 0x2e;
    }
    this.#length = length;
  }

  /** A whole number from 0 up to what a number holds exactly. */
  #putNumber(value: number): void {
    let end = this.#length + 1;
    for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) end++;
    this.#length = end;
    let rest = value;
    do {
      const next = Math.floor(rest / 10);
      this.#buffer[--end] = DIGIT_ZERO + (rest - next * 10);
      rest = next;
    } while (rest > 0);
  }

  #putTime(): void {
    const now = this.#now();
    const second = Math.floor(now / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#time = new TextEncoder().encode(`[${formatLogTime(new Date(now))}]`);
    }
    this.#putBytes(this.#time);
  }
}

/** `\"`, `\\`, `\xHH` for any other character of one byte, `\uHHHH` for a longer one. Returns the new length. */
function putEscape(buffer: Uint8Array, length: number, code: number): number {
  buffer[length++] = BACKSLASH;
  if (code === QUOTE || code === BACKSLASH) {
    buffer[length++] = code;
    return length;
  }
  const digits = code > 0xff ? 4 : 2;
  buffer[length++] = (digits === 4 ? "u" : "x").charCodeAt(0);
  for (let shift = (digits - 1) * 4; shift >= 0; shift -= 4) {
    buffer[length++] = "0123456789abcdef".charCodeAt((code >> shift) & 0xf);
  }
  return length;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** `10/Oct/2000:13:55:36 -0700`: local time with its distance from UTC, as Combined Log Format has it. */
export function formatLogTime(date: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const offset = -date.getTimezoneOffset();
  const zone = `${offset < 0 ? "-" : "+"}${two(Math.floor(Math.abs(offset) / 60))}${two(Math.abs(offset) % 60)}`;
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
  return `${two(date.getDate())}/${MONTHS[date.getMonth()]}/${date.getFullYear()}:${time} ${zone}`;
}
