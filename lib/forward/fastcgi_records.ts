/**
 * The records of FastCGI 1.0, as a web server writes and reads them: one request a connection at a time, always of the same id.
 * Separate from the connection, so that it is tested with bytes in any pieces. Pure. The specification's chapters are given as
 * "FastCGI 3.3".
 */
import { encodeByteText } from "../http/byte_text.ts";

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
export class MalformedRecord extends Error {
  constructor(problem: string) {
    super(`not FastCGI: ${problem}`);
    this.name = "MalformedRecord";
  }
}

/** Takes records apart, whose bytes come in any pieces. */
export class RecordReader {
  /** What was pushed last, and how far it has been read. */
  #bytes: Uint8Array = NOTHING;
  #at = 0;
  /** The header, and the content of a record that ends a request, as far as they have come. */
  readonly #gathered = new Uint8Array(HEADER_BYTES);
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
    if (!this.#gather(HEADER_BYTES)) return false;
    const [version, type, idHigh, idLow, lengthHigh, lengthLow, padding] = this.#gathered;
    const id = idHigh * 256 + idLow;
    if (version !== VERSION) throw new MalformedRecord(`a record of version ${version}`);
    const isOfRequest = type === STDOUT || type === STDERR || type === END_REQUEST;
    if (isOfRequest && id !== REQUEST_ID) throw new MalformedRecord(`a record of request ${id}`);
    this.#gatheredLength = 0;
    this.#type = type;
    this.#contentLeft = lengthHigh * 256 + lengthLow;
    this.#paddingLeft = padding;
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
    if (!this.#gather(HEADER_BYTES)) return null;
    this.#gatheredLength = 0;
    this.#contentLeft = 0;
    if (this.#skipPadding()) this.#type = null;
    const view = new DataView(this.#gathered.buffer);
    const protocolStatus = PROTOCOL_STATUSES[this.#gathered[4]] ?? "unknown";
    return { kind: "end", applicationStatus: view.getUint32(0), protocolStatus };
  }

  #skipPadding(): boolean {
    this.#paddingLeft -= this.#take(this.#paddingLeft).length;
    return this.#paddingLeft === 0;
  }

  #gather(count: number): boolean {
    const bytes = this.#take(count - this.#gatheredLength);
    this.#gathered.set(bytes, this.#gatheredLength);
    this.#gatheredLength += bytes.length;
    return this.#gatheredLength === count;
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
): Uint8Array<ArrayBuffer> {
  const role = Uint8Array.of(0, RESPONDER, isKept ? KEEP_CONNECTION : 0, 0, 0, 0, 0, 0);
  const params = encodeParams(variables);
  const parts = [record(BEGIN_REQUEST, role)];
  for (let at = 0; at < params.length; at += MAX_CONTENT_BYTES) {
    parts.push(record(PARAMS, params.subarray(at, at + MAX_CONTENT_BYTES)));
  }
  parts.push(record(PARAMS, NOTHING));
  if (!hasContent) parts.push(record(STDIN, NOTHING));
  return concatenate(parts);
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
  bytes.set([VERSION, type, REQUEST_ID >> 8, REQUEST_ID & 255, content.length >> 8, content.length & 255, 0, 0]);
  bytes.set(content, HEADER_BYTES);
  return bytes;
}

/** FastCGI 3.4: lengths of name and value, each one byte up to 127, else four with the first bit set, then both. */
function encodeParams(variables: Readonly<Record<string, string>>): Uint8Array {
  const entries = Object.entries(variables);
  const room = entries.reduce((sum, [name, value]) => sum + 8 + 3 * (name.length + value.length), 0);
  const bytes = new Uint8Array(room);
  let end = 0;
  for (const [name, value] of entries) {
    // Where they stand depends on their lengths: so they are written behind the room that these may take, and moved.
    const text = end + 8;
    const nameLength = encodeByteText(name, bytes.subarray(text));
    const valueLength = encodeByteText(value, bytes.subarray(text + nameLength));
    end = writeLength(bytes, end, nameLength);
    end = writeLength(bytes, end, valueLength);
    bytes.copyWithin(end, text, text + nameLength + valueLength);
    end += nameLength + valueLength;
  }
  return bytes.subarray(0, end);
}

/** Returns where the next byte goes. */
function writeLength(bytes: Uint8Array, at: number, length: number): number {
  if (length < 128) {
    bytes[at] = length;
    return at + 1;
  }
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(at, length + 2 ** 31);
  return at + 4;
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
