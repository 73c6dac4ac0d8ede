/**
 * The records of FastCGI 1.0, as a web server writes and reads them: one request a connection at a time, always of the same id.
 * Separate from the connection, so that it is tested with bytes in any pieces. Pure. The specification's chapters are given as
 * "FastCGI 3.3".
 */
import { encodeAscii, encodeByteText } from "../http/byte_text.ts";
import { BrokenAnswer } from "../http/message.ts";
import { keepRoom } from "../http/kept_bytes.ts";

/** FastCGI 3.3 and 8: types of records. */
const BEGIN_REQUEST = 1;
const ABORT_REQUEST = 2;
const END_REQUEST = 3;
const PARAMS = 4;
const STDIN = 5;
const STDOUT = 6;
const STDERR = 7;

const VERSION = 1;
const HEADER_BYTES = 8;
const RESPONDER = 1;
const KEEP_CONNECTION = 1;
/** 0 is for records about the connection itself. */
const REQUEST_ID = 1;
/** The last of the lengths that 16 bits hold which is a multiple of 8 (FastCGI 3.3 recommends aligned records). */
export const MAX_CONTENT_BYTES = 65_528;

/** FastCGI 5.5: why a request has ended. */
export type ProtocolStatus = "complete" | "cannot_multiplex" | "overloaded" | "unknown_role" | "unknown";

const PROTOCOL_STATUSES: readonly ProtocolStatus[] = ["complete", "cannot_multiplex", "overloaded", "unknown_role"];

/** The request has ended. */
export interface RequestEnd {
  readonly kind: "end";
  readonly applicationStatus: number;
  readonly protocolStatus: ProtocolStatus;
}

/** Some of a stream. */
export interface StreamPart {
  readonly kind: "output" | "errors";
  /** Never empty: a view of what was pushed last. */
  readonly bytes: Uint8Array;
}

/** What an application has said, in order. */
export type RecordPart = StreamPart | RequestEnd;

/** An application has sent what is no FastCGI. */
export class MalformedRecord extends BrokenAnswer {
  constructor(problem: string) {
    super(`not FastCGI: ${problem}`);
  }
}

/** Takes records apart, whose bytes come in any pieces. */
export class RecordReader {
  /** What was pushed last, and how far it has been read. */
  #bytes: Uint8Array = NOTHING;
  #at = 0;
  /** The header, or the content of a record that ends a request, as far as they have come; null where all had come at once. */
  #gathered: Uint8Array | null = null;
  #gatheredLength = 0;
  /** Null between two records. */
  #type: number | null = null;
  #contentLeft = 0;
  #paddingLeft = 0;

  /** Whether nothing of a record has come that has not been read to its end. */
  get isBetweenRecords(): boolean {
    return this.#type === null && this.#gatheredLength === 0 && this.#at === this.#bytes.length;
  }

  /** Takes the next bytes; all of those before have been read. */
  push(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#at = 0;
  }

  /** The next part; null when more must be pushed. Throws MalformedRecord. */
  next(): RecordPart | null {
    for (;;) {
      if (this.#type === null && !this.#readHeader()) return null;
      const part = this.#readContent();
      if (part !== null) return part;
      if (this.#contentLeft > 0 || !this.#skipPadding()) return null;
      this.#type = null;
    }
  }

  /** False where more must be pushed. FastCGI 3.3. */
  #readHeader(): boolean {
    const header = this.#nextEight();
    if (header === null) return false;
    const { bytes, at } = header;
    const version = bytes[at];
    const type = bytes[at + 1];
    const id = bytes[at + 2] * 256 + bytes[at + 3];
    if (version !== VERSION) throw new MalformedRecord(`a record of version ${version}`);
    const isOfRequest = type === STDOUT || type === STDERR || type === END_REQUEST;
    if (isOfRequest && id !== REQUEST_ID) throw new MalformedRecord(`a record of request ${id}`);
    this.#type = type;
    this.#contentLeft = bytes[at + 4] * 256 + bytes[at + 5];
    this.#paddingLeft = bytes[at + 6];
    if (type === END_REQUEST && this.#contentLeft !== HEADER_BYTES) {
      throw new MalformedRecord(`${this.#contentLeft} bytes to end a request`);
    }
    return true;
  }

  /** Null at the end of the content, and where more must be pushed. */
  #readContent(): RecordPart | null {
    if (this.#contentLeft === 0) return null;
    if (this.#type === END_REQUEST) return this.#readEnd();
    const bytes = this.#take(this.#contentLeft);
    this.#contentLeft -= bytes.length;
    if (bytes.length === 0) return null;
    if (this.#type === STDOUT) return { kind: "output", bytes };
    if (this.#type === STDERR) return { kind: "errors", bytes };
    // FastCGI 4: what a web server has not asked for, or does not know, says nothing to it.
    return this.#readContent();
  }

  /** FastCGI 5.5. */
  #readEnd(): RecordPart | null {
    const end = this.#nextEight();
    if (end === null) return null;
    const { bytes, at } = end;
    this.#contentLeft = 0;
    if (this.#skipPadding()) this.#type = null;
    const applicationStatus = (bytes[at] << 24 | bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3]) >>> 0;
    return { kind: "end", applicationStatus, protocolStatus: PROTOCOL_STATUSES[bytes[at + 4]] ?? "unknown" };
  }

  #skipPadding(): boolean {
    const count = Math.min(this.#paddingLeft, this.#bytes.length - this.#at);
    this.#at += count;
    this.#paddingLeft -= count;
    return this.#paddingLeft === 0;
  }

  /** Where the next 8 bytes are, which is what all but streams consist of; null where more must be pushed. */
  #nextEight(): { readonly bytes: Uint8Array; readonly at: number } | null {
    const at = this.#at;
    if (this.#gatheredLength === 0 && this.#bytes.length - at >= HEADER_BYTES) {
      this.#at += HEADER_BYTES;
      return { bytes: this.#bytes, at };
    }
    const bytes = this.#gathered ??= keepRoom(HEADER_BYTES);
    const taken = this.#take(HEADER_BYTES - this.#gatheredLength);
    bytes.set(taken, this.#gatheredLength);
    this.#gatheredLength += taken.length;
    if (this.#gatheredLength < HEADER_BYTES) return null;
    this.#gatheredLength = 0;
    return { bytes, at: 0 };
  }

  /** At most `count` of the bytes that are there. */
  #take(count: number): Uint8Array {
    const bytes = this.#bytes.subarray(this.#at, this.#at + count);
    this.#at += bytes.length;
    return bytes;
  }
}

const NOTHING = new Uint8Array(0);

/**
 * What begins a request: its role, all of its variables, and the end of its content where it has none. Values are text as
 * lib/http/byte_text.ts writes bytes. `isKept`: the application shall not close the connection. FastCGI 5.1 and 5.2.
 */
export function beginRequest(
  variables: Readonly<Record<string, string>>,
  { isKept, hasContent }: { readonly isKept: boolean; readonly hasContent: boolean },
): Uint8Array {
  const params = encodeParams(variables);
  const whole = keepRoom(
    2 * HEADER_BYTES + params.length +
      HEADER_BYTES * (Math.ceil(params.length / MAX_CONTENT_BYTES) + (hasContent ? 1 : 2)),
  );
  let end = writeHeader(whole, 0, BEGIN_REQUEST, HEADER_BYTES);
  whole.fill(0, end, end + HEADER_BYTES);
  whole[end + 1] = RESPONDER;
  whole[end + 2] = isKept ? KEEP_CONNECTION : 0;
  end += HEADER_BYTES;
  for (let at = 0; at < params.length; at += MAX_CONTENT_BYTES) {
    const part = params.subarray(at, at + MAX_CONTENT_BYTES);
    end = writeHeader(whole, end, PARAMS, part.length);
    whole.set(part, end);
    end += part.length;
  }
  end = writeHeader(whole, end, PARAMS, 0);
  if (!hasContent) writeHeader(whole, end, STDIN, 0);
  return whole;
}

/** A part of the content, of at most MAX_CONTENT_BYTES; an empty one is its end. FastCGI 5.3. */
export function contentRecord(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return record(STDIN, bytes);
}

/** Nobody waits for the answer any more. FastCGI 5.4. */
export function abortRequest(): Uint8Array<ArrayBuffer> {
  return record(ABORT_REQUEST, NOTHING);
}

function record(type: number, content: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEADER_BYTES + content.length);
  writeHeader(bytes, 0, type, content.length);
  bytes.set(content, HEADER_BYTES);
  return bytes;
}

/** FastCGI 3.3. Returns where the content goes. */
function writeHeader(bytes: Uint8Array, at: number, type: number, contentLength: number): number {
  bytes[at] = VERSION;
  bytes[at + 1] = type;
  bytes[at + 2] = REQUEST_ID >> 8;
  bytes[at + 3] = REQUEST_ID & 255;
  bytes[at + 4] = contentLength >> 8;
  bytes[at + 5] = contentLength & 255;
  bytes[at + 6] = bytes[at + 7] = 0;
  return at + HEADER_BYTES;
}

/** FastCGI 3.4: lengths of name and value, each one byte up to 127, else four with the first bit set, then both. Valid until the next call. */
function encodeParams(variables: Readonly<Record<string, string>>): Uint8Array {
  let end = 0;
  for (const name in variables) {
    const value = variables[name];
    const most = 8 + 3 * (name.length + value.length);
    if (end + most > scratch.length) {
      const larger = new Uint8Array(2 * (end + most));
      larger.set(scratch.subarray(0, end));
      scratch = larger;
    }
    end = encodeAsciiPair(name, value, end) ?? encodePair(name, value, end);
  }
  return scratch.subarray(0, end);
}

/** Null for what is not ASCII: of what is, the length is known before it is written. */
function encodeAsciiPair(name: string, value: string, start: number): number | null {
  const nameAt = writeLength(scratch, writeLength(scratch, start, name.length), value.length);
  const valueAt = nameAt + name.length;
  if (!encodeAscii(name, scratch, nameAt) || !encodeAscii(value, scratch, valueAt)) return null;
  return valueAt + value.length;
}

function encodePair(name: string, value: string, start: number): number {
  // Where they stand depends on their lengths: so they are written behind the room that these may take, and moved.
  const text = start + 8;
  const nameLength = encodeByteText(name, scratch.subarray(text));
  const valueLength = encodeByteText(value, scratch.subarray(text + nameLength));
  const end = writeLength(scratch, writeLength(scratch, start, nameLength), valueLength);
  scratch.copyWithin(end, text, text + nameLength + valueLength);
  return end + nameLength + valueLength;
}

let scratch = new Uint8Array(4096);

/** Returns where the next byte goes. */
function writeLength(bytes: Uint8Array, at: number, length: number): number {
  if (length < 128) {
    bytes[at] = length;
    return at + 1;
  }
  bytes[at] = 128 | length >>> 24;
  bytes[at + 1] = length >>> 16;
  bytes[at + 2] = length >>> 8;
  bytes[at + 3] = length;
  return at + 4;
}
