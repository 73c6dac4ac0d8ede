/**
 * The formatter of the log: access lines and messages, as bytes in one buffer. A peer chooses much of what stands in a line, so
 * everything that is not plain ASCII is escaped: no line can be forged and no terminal driven. Combined Log Format is written by a
 * method of its own, any other by the pieces of its format (access_format.ts). Pure (the clock is passed in) and made for speed: one
 * such line for each request.
 */
import { jsonTextOf } from "./access_fields.ts";
import { type AccessFormat, COMBINED, type FormatPiece, type LogFormat, SAFE_IN_JSON } from "./access_format.ts";
import type { AccessRecord } from "./access_record.ts";
import { formatLogTime, LogTime } from "./log_time.ts";

/** From the least severe up: the names of @std/log, in lower case as the option takes them. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LogLinesOptions {
  /** How many bytes may wait: `isFull` is true from there on. */
  readonly bufferBytes: number;
  /** Longest part of a line, in characters; more is cut and ends in "...". */
  readonly maxTextBytes: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Combined Log Format, and messages beside it, where it is left out. */
  readonly format?: LogFormat;
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
const SMALL_U = 0x75;
const SMALL_X = 0x78;

/** A line in Combined Log Format has seven texts; `\uHHHH` takes six bytes a character; the rest is time, status, size and spaces. */
const MAX_TEXT_COUNT = 7;
const MAX_ESCAPE_BYTES = 6;
const MAX_REST_BYTES = 256;
/** `null`, and the quotes of what is a text. */
const MAX_NULL_BYTES = 6;

/**
 * Lines that wait to be written. Whoever adds one looks at `isFull` afterwards and then writes `bytes` and calls
 * `clear`: a buffer that is not full always has room for one more line.
 *
 * A line takes 0.23 us for a load generator and 0.54 us for a browser (scripts/log_lines_bench.ts, best of many).
 * As JSON with all fields it takes 5 times as long, by a format of as many fields 1.8 times. Tried: keeping the bytes of user agents that come again makes a browser's line 0.6 of that and any other 1.7 of it;
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
  /** Null: Combined Log Format. */
  readonly #access: AccessFormat | null;
  readonly #isJson: boolean;
  /** For formats other than that. */
  readonly #moment = new LogTime();
  /** What a detail belongs to. */
  #message: { readonly level: LogLevel; readonly source: string } = { level: "info", source: "" };

  constructor({ bufferBytes, maxTextBytes, now, format = COMBINED }: LogLinesOptions) {
    const { pieces, after } = format.access ?? { pieces: [], after: { length: 0 } };
    const textCount = Math.max(MAX_TEXT_COUNT, pieces.length);
    const formatBytes = pieces.reduce((sum, { before }) => sum + before.length + MAX_NULL_BYTES, after.length);
    const maxLineBytes = textCount * MAX_ESCAPE_BYTES * (maxTextBytes + "...".length) + MAX_REST_BYTES + formatBytes;
    this.#access = format.access;
    this.#isJson = format.isJson;
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

  /**
   * Adds a line, without a format of its own in Combined Log Format:
   * `address - user [time] "request" status bytes "referer" "user agent"`.
   */
  addAccess(record: AccessRecord): void {
    if (this.#access !== null) return this.#addPieces(this.#access, record);
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

  #addPieces({ pieces, after, isJson }: AccessFormat, record: AccessRecord): void {
    this.#moment.set(this.#now());
    for (const { before, field: { kind, read }, safe } of pieces) {
      this.#putBytes(before);
      const value = read(record, this.#moment);
      if (value === null || value === "") this.#putPlain(isJson ? "null" : "-");
      else if (typeof value === "boolean") this.#putPlain(isJson ? `${value}` : value ? "on" : "off");
      else if (kind === "plain") this.#putPlain(`${value}`);
      else if (isJson) this.#putJson(`${value}`, kind);
      else this.#putSafe(`${value}`, safe);
    }
    this.#putBytes(after);
    this.#buffer[this.#length++] = LF;
  }

  /** Adds `[time] LEVEL source: text`, or an object with these. */
  addMessage(level: LogLevel, { source, text }: { readonly source: string; readonly text: string }): void {
    this.#message = { level, source };
    if (this.#isJson) return this.#addObject("message", text);
    this.#putTime();
    this.#putText(` ${level.toUpperCase()} ${source}: `, MESSAGE);
    this.#putText(text, MESSAGE);
    this.#buffer[this.#length++] = LF;
  }

  /** Adds a line that belongs to the message before it: indented, or an object with its level and source. */
  addDetail(text: string): void {
    if (this.#isJson) return this.#addObject("detail", text);
    this.#putText("    ", MESSAGE);
    this.#putText(text, MESSAGE);
    this.#buffer[this.#length++] = LF;
  }

  #addObject(name: "message" | "detail", text: string): void {
    const { level, source } = this.#message;
    this.#moment.set(this.#now());
    this.#putPlain(`{"time":"${this.#moment.iso}","level":"${level}","source":`);
    this.#putJson(source, "text");
    this.#putPlain(`,"${name}":`);
    this.#putJson(text, "text");
    this.#putPlain("}");
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

  /** ASCII that nobody has chosen. */
  #putPlain(text: string): void {
    for (let at = 0; at < text.length; at++) this.#buffer[this.#length++] = text.charCodeAt(at);
  }

  /** Text between quotes, as JSON has it; cut as any other. */
  #putJson(text: string, kind: "bytes" | "text" | "plain"): void {
    const isCut = text.length > this.#maxTextBytes;
    const shown = jsonTextOf(isCut ? text.slice(0, this.#maxTextBytes) : text, kind);
    const buffer = this.#buffer;
    let length = this.#length;
    buffer[length++] = QUOTE;
    for (let at = 0; at < shown.length; at++) {
      const code = shown.charCodeAt(at);
      if (code < 0x80 && SAFE_IN_JSON[code] === 1) buffer[length++] = code;
      else length = putJsonEscape(buffer, length, code);
    }
    this.#length = length;
    this.#putPlain(isCut ? '..."' : '"');
  }

  /** The text, with what is not `safe` escaped. */
  #putSafe(text: string, safe: FormatPiece["safe"]): void {
    const buffer = this.#buffer;
    const end = Math.min(text.length, this.#maxTextBytes);
    let length = this.#length;
    for (let at = 0; at < end; at++) {
      const code = text.charCodeAt(at);
      if (code < 0x80 && safe[code] === 1) buffer[length++] = code;
      else length = putEscape(buffer, length, code);
    }
    this.#length = length;
    if (end < text.length) this.#putPlain("...");
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

/** RFC 8259 7: `\"`, `\\`, `\uHHHH` for any other character. Returns the new length. */
function putJsonEscape(buffer: Uint8Array, length: number, code: number): number {
  buffer[length++] = BACKSLASH;
  if (code === QUOTE || code === BACKSLASH) {
    buffer[length++] = code;
    return length;
  }
  buffer[length++] = SMALL_U;
  return putHex(buffer, length, { code, digits: 4 });
}

/** `\"`, `\\`, `\xHH` for any other character of one byte, `\uHHHH` for a longer one. Returns the new length. */
function putEscape(buffer: Uint8Array, length: number, code: number): number {
  buffer[length++] = BACKSLASH;
  if (code === QUOTE || code === BACKSLASH) {
    buffer[length++] = code;
    return length;
  }
  const digits = code > 0xff ? 4 : 2;
  buffer[length++] = digits === 4 ? SMALL_U : SMALL_X;
  return putHex(buffer, length, { code, digits });
}

function putHex(
  buffer: Uint8Array,
  length: number,
  { code, digits }: { readonly code: number; readonly digits: 2 | 4 },
): number {
  for (let shift = (digits - 1) * 4; shift >= 0; shift -= 4) {
    buffer[length++] = "0123456789abcdef".charCodeAt((code >> shift) & 0xf);
  }
  return length;
}
