/**
 * Reads the head of an HTTP upstream's answer: what frames its content, and the fields that the client gets, in the bytes that
 * it gets them in. Separate from http_response_reader.ts, which finds where it ends. Byte by byte, for each answer has one. Pure.
 * RFC 9112 4 and 5, RFC 9110 7.6.1.
 */
import { COLON, CR, FIELD_VALUE_BYTE, HTAB, latin1Text, LF, listElements, SP, TCHAR } from "../http/grammar.ts";
import { addToHash, hashName, HeaderFields } from "../http/header_fields.ts";
import { BrokenAnswer } from "../http/message.ts";
import { keepBytes } from "../http/kept_bytes.ts";
import { ENDING_FIELDS, readReason, SINGLE_FIELDS, withoutRepeats } from "../gateway/script_head.ts";

/** An upstream has answered what is no HTTP/1, or could be read in two ways. */
export class MalformedResponse extends BrokenAnswer {
  constructor(problem: string) {
    super(`not an answer of HTTP/1.1: ${problem}`);
  }
}

export interface ResponseHead {
  /** 100 to 999. */
  readonly status: number;
  /** As HttpResponse has it. */
  readonly reason: string | null;
  /** HTTP/1.0. */
  readonly isOld: boolean;
  /** What is passed on: neither framing nor what is about one connection. */
  readonly fields: HeaderFields;
  /** The values of each field of that name. */
  readonly lengths: readonly string[];
  readonly codings: readonly string[];
  /** In lower case. */
  readonly connectionOptions: readonly string[];
  /** The same, of Upgrade. */
  readonly protocols: readonly string[];
}

/** `bytes` are a head with the empty line at its end; each LF has a CR before it. Throws MalformedResponse. */
export function readResponseHead(bytes: Uint8Array, maxFieldCount: number): ResponseHead {
  const line = readStatusLine(bytes);
  const told: Told = { lengths: [], codings: [], connectionOptions: [], protocols: [] };
  const passed = new PassedFields(bytes.length);
  let count = 0;
  const end = bytes.length - EMPTY_LINE_BYTES;
  for (let at = line.end; at < end; count++) at = readField(bytes, at, { told, passed });
  if (count > maxFieldCount) throw new MalformedResponse("too many fields");
  const { status, reason, isOld } = line;
  return { status, reason, isOld, ...told, fields: passed.fields(told.connectionOptions) };
}

const EMPTY_LINE_BYTES = 2;

interface Told {
  readonly lengths: string[];
  readonly codings: string[];
  readonly connectionOptions: string[];
  readonly protocols: string[];
}

/** "HTTP/1." */
const VERSION_START = [0x48, 0x54, 0x54, 0x50, 0x2f, 0x31, 0x2e];
const [ZERO, ONE, NINE] = [0x30, 0x31, 0x39];
const MINOR_AT = VERSION_START.length;
const CODE_AT = MINOR_AT + 2;
const REASON_AT = CODE_AT + 4;

/** RFC 9112 4: HTTP-version SP status-code SP [ reason-phrase ]; the blank before no reason is often missing. */
function readStatusLine(bytes: Uint8Array) {
  let end = 0;
  while (bytes[end] !== CR) end++;
  requireLf(bytes, end);
  const isOld = bytes[MINOR_AT] === ZERO;
  const [hundreds, tens, ones] = [bytes[CODE_AT], bytes[CODE_AT + 1], bytes[CODE_AT + 2]];
  const isRight = end >= CODE_AT + 3 && VERSION_START.every((byte, at) => bytes[at] === byte) &&
    (isOld || bytes[MINOR_AT] === ONE) && bytes[MINOR_AT + 1] === SP &&
    hundreds >= ONE && hundreds <= NINE && isDigit(tens) && isDigit(ones) &&
    (end === CODE_AT + 3 || bytes[CODE_AT + 3] === SP) && isValue(bytes, CODE_AT + 3, end);
  if (!isRight) throw new MalformedResponse(`"${latin1Text(bytes, 0, Math.min(end, MAX_TOLD_LENGTH))}"`);
  const reason = end > REASON_AT ? readReason(latin1Text(bytes, REASON_AT, end)) : null;
  const status = 100 * (hundreds - ZERO) + 10 * (tens - ZERO) + ones - ZERO;
  return { status, reason, isOld, end: end + 2 };
}

/** Characters of what is wrong that the log is told. */
const MAX_TOLD_LENGTH = 100;

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}

function isValue(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (FIELD_VALUE_BYTE[bytes[at]] === 0) return false;
  return true;
}

/** Reads the line at `at`, and returns where the next one begins. RFC 9112 5: no blank before the colon, and no folding. */
function readField(
  bytes: Uint8Array,
  lineStart: number,
  { told, passed }: { readonly told: Told; readonly passed: PassedFields },
): number {
  let at = lineStart;
  let hash = 0;
  for (let lower; (lower = TCHAR[bytes[at]]) !== 0; at++) hash = addToHash(hash, lower);
  const nameEnd = at;
  if (bytes[at++] !== COLON || nameEnd === lineStart) throw noField(bytes, lineStart);
  while (isBlank(bytes[at])) at++;
  const valueStart = at;
  while (FIELD_VALUE_BYTE[bytes[at]] !== 0) at++;
  if (bytes[at] !== CR) throw noField(bytes, lineStart);
  requireLf(bytes, at);
  let valueEnd = at;
  while (valueEnd > valueStart && isBlank(bytes[valueEnd - 1])) valueEnd--;
  const span = { bytes, hash, nameStart: lineStart, nameEnd, valueStart, valueEnd };
  const name = specialName(span);
  if (name === null) passed.add(span);
  else tell(told, name, latin1Text(bytes, valueStart, valueEnd));
  return at + 2;
}

/** RFC 9112 2.2: a bare CR ends a line for some and not for others. */
function requireLf(bytes: Uint8Array, cr: number): void {
  if (bytes[cr + 1] !== LF) throw new MalformedResponse("CR within a line");
}

function isBlank(byte: number): boolean {
  return byte === SP || byte === HTAB;
}

function noField(bytes: Uint8Array, lineStart: number): MalformedResponse {
  let end = lineStart;
  while (bytes[end] !== CR && bytes[end] !== LF && end - lineStart < MAX_TOLD_LENGTH) end++;
  return new MalformedResponse(`a line that is no field: "${latin1Text(bytes, lineStart, end)}"`);
}

/** Where a field stands: start inclusive, end exclusive. */
interface Span {
  readonly bytes: Uint8Array;
  readonly hash: number;
  readonly nameStart: number;
  readonly nameEnd: number;
  readonly valueStart: number;
  readonly valueEnd: number;
}

const ENDING_HASHES: ReadonlySet<number> = new Set([...ENDING_FIELDS].map(hashName));

/** In lower case the name of a field that ends here; null for one that is passed on. */
function specialName({ bytes, hash, nameStart, nameEnd }: Span): string | null {
  const isCgi = nameEnd - nameStart > CGI_START.length && TCHAR[bytes[nameStart]] === 0x78;
  if (!isCgi && !ENDING_HASHES.has(hash)) return null;
  const name = latin1Text(bytes, nameStart, nameEnd).toLowerCase();
  return ENDING_FIELDS.has(name) || name.startsWith(CGI_START) ? name : null;
}

/** RFC 3875 6.3.5: for a gateway, and not for a client. */
const CGI_START = "x-cgi-";

function tell(told: Told, name: string, value: string): void {
  if (name === "content-length") told.lengths.push(value);
  else if (name === "transfer-encoding") told.codings.push(value);
  else if (name === "connection") told.connectionOptions.push(...listElements(value));
  else if (name === "upgrade") told.protocols.push(...listElements(value));
}

/** Puts fields together as they are sent on. */
class PassedFields {
  readonly #bytes: Uint8Array;
  #length = 0;
  readonly #spans: number[] = [];
  /** Of fields that may stand once. */
  #singleCount = 0;

  /** `headBytes`: of all lines together; a line grows by a blank at most, which the status line has room for. */
  constructor(headBytes: number) {
    this.#bytes = roomFor(2 * headBytes);
  }

  add({ bytes, hash, nameStart, nameEnd, valueStart, valueEnd }: Span): void {
    const to = this.#bytes;
    const start = this.#length;
    let at = start;
    for (let from = nameStart; from < nameEnd; from++) to[at++] = bytes[from];
    to[at++] = COLON;
    to[at++] = SP;
    const value = at;
    for (let from = valueStart; from < valueEnd; from++) to[at++] = bytes[from];
    this.#spans.push(hash, start, start + nameEnd - nameStart, value, at);
    to[at++] = CR;
    to[at++] = LF;
    this.#length = at;
    if (SINGLE_HASHES.has(hash)) this.#singleCount++;
  }

  /** RFC 9110 7.6.1: Connection names further fields that are about this connection alone. */
  fields(connectionOptions: readonly string[]): HeaderFields {
    const fields = HeaderFields.fromWire(keepBytes(this.#bytes.subarray(0, this.#length)), this.#spans);
    const named = connectionOptions.filter((name) => name !== "keep-alive" && name !== "close");
    const kept = named.length === 0 ? fields : fields.without(...named);
    return this.#singleCount > 1 ? HeaderFields.of(...withoutRepeats([...kept])) : kept;
  }
}

const SINGLE_HASHES: ReadonlySet<number> = new Set([...SINGLE_FIELDS].map(hashName));

let room = new Uint8Array(4096);

/** What is written there is copied before the next head is read. */
function roomFor(length: number): Uint8Array {
  if (room.length < length) room = new Uint8Array(2 * length);
  return room;
}
