/**
 * From bytes to request heads: the reader looks at each byte once, resumes where the bytes ended, and fails at the same
 * byte however they were split. Apart from the readers of content, which begin where it ends. RFC 9112 2, 3 and 5.
 */
import type { Limits } from "../limits.ts";
import { COLON, CR, FIELD_VALUE_BYTE, HTAB, latin1Text, LF, SP, TARGET_BYTE, TCHAR } from "./grammar.ts";
import { addToHash, HeaderFields } from "./header_fields.ts";
import { keepBytes } from "./kept_bytes.ts";
import type { KnownSection, KnownSections } from "./known_sections.ts";
import { HttpError, type RequestHead } from "./message.ts";
import type { ReceiveBuffer } from "./receive_buffer.ts";

/** A head and, where one of its lines or their number is over a limit but its framing is certain, the error to answer. */
export interface ReadHead extends RequestHead {
  readonly version: "1.0" | "1.1";
  readonly rejection: HttpError | null;
  /** Where its fields have come before. */
  readonly section: KnownSection | null;
}

/** More than a client sends by mistake. */
const MAX_EMPTY_LINES = 8;

/** Where the head reader stands; each of them is what the next byte belongs to. */
type HeadState =
  | "start"
  | "method"
  | "target"
  | "version"
  | "version_lf"
  | "line_start"
  | "name"
  | "value_start"
  | "value"
  | "value_lf"
  | "end_lf";

/** Reads request heads one after the other. */
export class HeadReader {
  readonly #limits: Limits;
  readonly #sections: KnownSections;
  #state: HeadState = "start";
  /** Offsets are counted from the first byte of the head, for the storage may move between two calls. */
  #at = 0;
  #lineStart = 0;
  #sectionStart = 0;
  #targetStart = 0;
  #targetEnd = 0;
  #nameStart = 0;
  #nameEnd = 0;
  #valueStart = 0;
  #hash = 0;
  #spans: number[] = [];
  #method = "";
  #version: "1.0" | "1.1" = "1.1";
  #emptyLineCount = 0;
  #rejection: HttpError | null = null;
  /** The field section of the present head where it came before, and where the last one stands among those. */
  #section: KnownSection | null = null;
  #slot: number;
  #print = 0;

  constructor(limits: Limits, sections: KnownSections) {
    this.#limits = limits;
    this.#sections = sections;
    this.#slot = sections.lastSlot;
  }

  /** Whether the first byte of a head has been seen and its last has not. */
  get hasBegun(): boolean {
    return this.#at > 0;
  }

  /**
   * Takes a head from the buffer; null when it has not arrived whole. Throws HttpError 400, 414, 431 or 505 as soon as
   * the head cannot become valid: the framing is then unknown and the connection must close.
   */
  read(buffer: ReceiveBuffer): ReadHead | null {
    if (this.#state === "start" && !this.#skipEmptyLines(buffer)) return null;
    const bytes = buffer.bytes;
    const start = buffer.start;
    const maxEnd = start + this.#limits.maxHeadBytes;
    const end = Math.min(buffer.end, maxEnd);
    let at = start + this.#at;
    while (at < end) {
      if (this.#state === "end_lf") {
        expectLf(bytes[at]);
        return this.#finish(buffer, at + 1 - start);
      }
      at = this.#step(bytes, start, at, end);
    }
    this.#at = at - start;
    if (at === maxEnd) {
      throw this.#isInRequestLine() ? targetTooLong() : new HttpError(431, "The request head is too long");
    }
    return null;
  }

  /**
   * Takes empty lines away, and says whether the first byte of a request line is here. RFC 9112 2.2: at least one empty line
   * (CRLF) received prior to the request-line SHOULD be ignored; some clients end content with one, or with two.
   */
  #skipEmptyLines(buffer: ReceiveBuffer): boolean {
    while (buffer.length > 0 && buffer.bytes[buffer.start] === CR) {
      if (this.#emptyLineCount === MAX_EMPTY_LINES) throw new HttpError(400, "Too many empty lines before a request");
      if (buffer.length === 1) return false;
      expectLf(buffer.bytes[buffer.start + 1]);
      buffer.skip(2);
      this.#emptyLineCount++;
    }
    if (buffer.length === 0) return false;
    this.#state = "method";
    return true;
  }

  /** Reads on from `at` in the present state; answers where it stopped, at most `end`. */
  #step(bytes: Uint8Array, start: number, at: number, end: number): number {
    switch (this.#state) {
      case "method":
        return this.#readMethod(bytes, start, at, end);
      case "target":
        return this.#readTarget(bytes, start, at, end);
      case "version":
        return this.#readVersion(bytes, start, at, end);
      case "version_lf":
        expectLf(bytes[at]);
        return this.#startSection(bytes, start, at + 1, end);
      case "end_lf":
        throw new Error("The end of a head is read by its caller");
      default:
        return this.#readFieldLine(bytes, start, at, end);
    }
  }

  /**
   * Reads one field line, or what has arrived of it. Falling from state to state instead of going through the switch of
   * `#step` for each takes a tenth off a browser's head.
   */
  #readFieldLine(bytes: Uint8Array, start: number, at: number, end: number): number {
    switch (this.#state) {
      case "line_start":
        if (bytes[at] === CR) {
          this.#state = "end_lf";
          return at + 1;
        }
        this.#startFieldLine(bytes[at], at - start);
        // falls through
      case "name":
        at = this.#readName(bytes, start, at, end);
        if (at === end) return at;
        // falls through
      case "value_start":
        while (at < end && isBlank(bytes[at])) at++;
        if (at === end) return at;
        this.#valueStart = at - start;
        this.#state = "value";
        // falls through
      case "value":
        at = this.#readValue(bytes, start, at, end);
        if (at === end) return at;
        // falls through
      default:
        expectLf(bytes[at]);
        this.#state = "line_start";
        this.#lineStart = at + 1 - start;
        return at + 1;
    }
  }

  #readMethod(bytes: Uint8Array, start: number, at: number, end: number): number {
    while (at < end && TCHAR[bytes[at]] !== 0) at++;
    if (at === end) return at;
    const methodStart = start + this.#lineStart;
    if (bytes[at] !== SP || at === methodStart) throw new HttpError(400, "Malformed method");
    this.#method = latin1Text(bytes, methodStart, at);
    this.#targetStart = at + 1 - start;
    this.#state = "target";
    return at + 1;
  }

  #readTarget(bytes: Uint8Array, start: number, at: number, end: number): number {
    while (at < end && TARGET_BYTE[bytes[at]] !== 0) at++;
    if (at === end) return at;
    this.#targetEnd = at - start;
    if (bytes[at] !== SP || this.#targetEnd === this.#targetStart) throw new HttpError(400, "Malformed request target");
    this.#state = "version";
    return at + 1;
  }

  #readVersion(bytes: Uint8Array, start: number, at: number, end: number): number {
    const versionStart = start + this.#targetEnd + 1;
    while (at < end && bytes[at] !== CR && at - versionStart < VERSION_PATTERN.length) {
      const expected = VERSION_PATTERN[at - versionStart];
      const isDigit = bytes[at] >= 0x30 && bytes[at] <= 0x39;
      if (expected === 0 ? !isDigit : bytes[at] !== expected) throw new HttpError(400, "Malformed HTTP version");
      at++;
    }
    if (at === end) return at;
    if (bytes[at] !== CR || at - versionStart !== VERSION_PATTERN.length) {
      throw new HttpError(400, "Malformed HTTP version");
    }
    // RFC 9110 15.6.6: 505 for a major version that is not served; 2.5: a higher minor version is read as our highest.
    if (bytes[at - 3] !== 0x31) throw new HttpError(505, "Only HTTP/1 is served");
    this.#version = bytes[at - 1] === 0x30 ? "1.0" : "1.1";
    if (at - start - this.#lineStart > this.#limits.maxLineBytes) this.#rejection = targetTooLong();
    this.#state = "version_lf";
    return at + 1;
  }

  /** Reads all fields at once where they have come before. */
  #startSection(bytes: Uint8Array, start: number, at: number, end: number): number {
    this.#lineStart = at - start;
    this.#sectionStart = at - start;
    this.#section = this.#sections.match(this.#slot, bytes, { at, end });
    this.#state = this.#section === null ? "line_start" : "end_lf";
    return this.#section === null ? at : at + this.#section.bytes.length - 1;
  }

  #startFieldLine(byte: number, offset: number): void {
    // RFC 9112 5.2: obs-fold in a request is refused with 400 (a line that starts with white space).
    if (TCHAR[byte] === 0) throw new HttpError(400, "A field line does not start with a name");
    this.#nameStart = offset;
    this.#hash = 0;
    this.#state = "name";
  }

  #readName(bytes: Uint8Array, start: number, at: number, end: number): number {
    let hash = this.#hash;
    while (at < end) {
      const lower = TCHAR[bytes[at]];
      if (lower === 0) break;
      hash = addToHash(hash, lower);
      at++;
    }
    this.#hash = hash;
    if (at === end) return at;
    // RFC 9112 5.1: white space between field name and colon MUST be refused with 400.
    if (bytes[at] !== COLON) throw new HttpError(400, "A field line has no colon after its name");
    this.#nameEnd = at - start;
    this.#state = "value_start";
    return at + 1;
  }

  #readValue(bytes: Uint8Array, start: number, at: number, end: number): number {
    while (at < end && FIELD_VALUE_BYTE[bytes[at]] !== 0) at++;
    if (at === end) return at;
    // RFC 9110 5.5: CR, LF and NUL are dangerous in a value; RFC 9112 2.2: so is a CR without LF.
    if (bytes[at] !== CR) throw new HttpError(400, "Control byte in a field value");
    let valueEnd = at - start;
    while (valueEnd > this.#valueStart && isBlank(bytes[start + valueEnd - 1])) valueEnd--;
    this.#spans.push(this.#hash, this.#nameStart, this.#nameEnd, this.#valueStart, valueEnd);
    // The same wherever in the head the line stands.
    const sample = sampleOf(bytes, start + this.#valueStart, at) + valueEnd - this.#valueStart;
    this.#print = Math.imul(this.#print ^ this.#hash, 31) + sample | 0;
    if (at - start - this.#lineStart > this.#limits.maxLineBytes) {
      this.#rejection ??= new HttpError(431, "A field line is too long");
    }
    this.#state = "value_lf";
    return at + 1;
  }

  #finish(buffer: ReceiveBuffer, headBytes: number): ReadHead {
    const { bytes, start } = buffer;
    const target = latin1Text(bytes, start + this.#targetStart, start + this.#targetEnd);
    buffer.skip(headBytes);
    const section = this.#section;
    const fields = section?.fields ?? this.#keepFields(bytes.subarray(start, start + headBytes));
    const result = {
      method: this.#method,
      target,
      version: this.#version,
      fields,
      rejection: this.#rejection,
      section,
    };
    this.#state = "start";
    this.#at = 0;
    this.#lineStart = 0;
    this.#emptyLineCount = 0;
    this.#rejection = null;
    this.#section = null;
    return result;
  }

  #keepFields(head: Uint8Array): HeaderFields {
    const kept = keepBytes(head);
    const spans = this.#spans;
    const fields = HeaderFields.fromSpans(kept, spans);
    if (fields.size > this.#limits.maxFieldCount) this.#rejection ??= new HttpError(431, "Too many fields");
    if (this.#rejection === null) {
      this.#slot = this.#sections.remember(kept, this.#sectionStart, { spans, print: this.#print });
    }
    this.#spans = [];
    this.#print = 0;
    return fields;
  }

  #isInRequestLine(): boolean {
    return this.#state === "method" || this.#state === "target" || this.#state === "version";
  }
}

/** "HTTP/" DIGIT "." DIGIT: the byte that must stand there, 0 for a digit. RFC 9112 2.3. */
const VERSION_PATTERN = [0x48, 0x54, 0x54, 0x50, 0x2f, 0, 0x2e, 0];

function targetTooLong(): HttpError {
  return new HttpError(414, "The request line is too long");
}

function expectLf(byte: number): void {
  if (byte !== LF) throw new HttpError(400, "Bare CR in the request head");
}

/** Three bytes of a text that begins at `start`: texts of one length that differ, mostly differ in one of them. */
function sampleOf(bytes: Uint8Array, start: number, end: number): number {
  return bytes[start] << 16 ^ bytes[(start + end) >> 1] << 8 ^ bytes[end - 1];
}

function isBlank(byte: number): boolean {
  return byte === SP || byte === HTAB;
}
