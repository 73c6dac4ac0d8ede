/**
 * Reads HTTP/1.x responses from bytes, strictly and on its own: a test must not trust the server's reader to check its
 * writer. Pure. RFC 9112 sections 4 (status line), 5 (fields), 6.3 (length of the content) and 7.1 (chunked).
 */

/** One response as it came. */
export interface RawResponse {
  /** "1.0" or "1.1". */
  readonly version: string;
  readonly status: number;
  readonly reason: string;
  /** Status line and field lines as received, with the empty line that ends them. */
  readonly head: string;
  /** Names as received, values without the blanks around them, in order. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** The content, with the chunked coding removed. */
  readonly body: Uint8Array<ArrayBuffer>;
}

/** What parseResponses() needs to know beside the bytes. */
export interface ParseOptions {
  /** The methods of the requests in order, as far as they matter: the response to HEAD has no content. */
  readonly methods?: readonly string[];
  /** The server has closed, which ends a content without length. */
  readonly isClosed?: boolean;
  /** Stop after so many final responses; what follows them is the rest. */
  readonly count?: number;
}

const STATUS_LINE = /^HTTP\/(1\.[01]) ([1-5][0-9]{2}) ([\t \x21-\x7e\x80-\xff]*)$/;
const FIELD_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t \x21-\x7e\x80-\xff]*?)[ \t]*$/;
const CHUNK_LINE = /^([0-9A-Fa-f]{1,12})$/;

/** The bytes as text of one character each (Latin-1): no byte is lost. */
export function toText(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return text;
}

/** The text as bytes, in UTF-8. */
export function toBytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** The values of a field, in order and as received; the name in any case. */
export function fieldValues(response: RawResponse, name: string): string[] {
  return response.fields.filter(([key]) => key.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
}

/** The one value of a field, or null; throws when the field is there more than once. */
export function fieldValue(response: RawResponse, name: string): string | null {
  const values = fieldValues(response, name);
  if (values.length > 1) throw new Error(`The field ${name} is there ${values.length} times`);
  return values[0] ?? null;
}

/**
 * The whole responses at the start of `bytes`, interim ones (1xx) included, and the bytes after them: `rest` is empty when
 * no response is left over or half there. Throws plain Error for what no server may send.
 */
export function parseResponses(
  bytes: Uint8Array<ArrayBuffer>,
  { methods = [], isClosed = false, count = Infinity }: ParseOptions = {},
): { readonly responses: readonly RawResponse[]; readonly rest: Uint8Array<ArrayBuffer> } {
  const responses: RawResponse[] = [];
  let rest = bytes;
  let finals = 0;
  while (rest.length > 0 && finals < count) {
    const found = parseResponse(rest, methods[finals] ?? "GET", isClosed);
    if (found === null) break;
    responses.push(found.response);
    rest = rest.subarray(found.length);
    if (found.response.status >= 200) finals += 1;
  }
  return { responses, rest };
}

/** The response at the start of `bytes` and how many bytes it takes; null when it is not whole yet. */
function parseResponse(
  bytes: Uint8Array<ArrayBuffer>,
  method: string,
  isClosed: boolean,
): { readonly response: RawResponse; readonly length: number } | null {
  const headLength = lengthThrough(bytes, "\r\n\r\n");
  if (headLength === null) return null;
  const head = toText(bytes.subarray(0, headLength));
  const [statusLine, ...fieldLines] = head.slice(0, -4).split("\r\n");
  const status = STATUS_LINE.exec(statusLine);
  if (status === null) throw new Error(`Not a status line: ${JSON.stringify(statusLine)}`);
  const fields = fieldLines.map((line) => {
    const field = FIELD_LINE.exec(line);
    if (field === null) throw new Error(`Not a field line: ${JSON.stringify(line)}`);
    return [field[1], field[2]] as const;
  });
  const start = { version: status[1], status: Number(status[2]), reason: status[3], head, fields };
  const content = parseContent(bytes.subarray(headLength), { ...start, body: new Uint8Array() }, { method, isClosed });
  if (content === null) return null;
  return { response: { ...start, body: content.body }, length: headLength + content.length };
}

interface Content {
  readonly body: Uint8Array<ArrayBuffer>;
  /** How many bytes it takes as sent. */
  readonly length: number;
}

/** The content that follows the head of `response`, by the rules of RFC 9112 6.3 in their order; null when not whole yet. */
function parseContent(
  bytes: Uint8Array<ArrayBuffer>,
  response: RawResponse,
  { method, isClosed }: { readonly method: string; readonly isClosed: boolean },
): Content | null {
  const { status } = response;
  const coding = fieldValue(response, "Transfer-Encoding");
  const length = fieldValue(response, "Content-Length");
  // RFC 9112 6.1 and 6.2: no Transfer-Encoding in 1xx and 204; no Content-Length beside it, nor in 1xx and 204.
  if (coding !== null && length !== null) throw new Error("Both Transfer-Encoding and Content-Length");
  if ((status < 200 || status === 204) && (coding ?? length) !== null) throw new Error(`Framing fields in a ${status}`);
  if (method === "HEAD" || status < 200 || status === 204 || status === 304) {
    return { body: new Uint8Array(), length: 0 };
  }
  if (coding !== null) {
    if (coding.toLowerCase() !== "chunked") throw new Error(`Unknown transfer coding "${coding}"`);
    return parseChunked(bytes);
  }
  if (length !== null) {
    if (!/^[0-9]+$/.test(length)) throw new Error(`Content-Length "${length}"`);
    return bytes.length < Number(length) ? null : { body: bytes.slice(0, Number(length)), length: Number(length) };
  }
  return isClosed ? { body: bytes.slice(), length: bytes.length } : null;
}

/** RFC 9112 7.1, without extensions and trailers, which this server never sends. */
function parseChunked(bytes: Uint8Array<ArrayBuffer>): Content | null {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let at = 0;
  while (true) {
    const lineLength = lengthThrough(bytes.subarray(at), "\r\n");
    if (lineLength === null) return null;
    const line = toText(bytes.subarray(at, at + lineLength - 2));
    if (!CHUNK_LINE.test(line)) throw new Error(`Not a chunk size: ${JSON.stringify(line)}`);
    const size = parseInt(line, 16);
    at += lineLength;
    if (bytes.length < at + size + 2) return null;
    if (toText(bytes.subarray(at + size, at + size + 2)) !== "\r\n") throw new Error("No CRLF after a chunk");
    chunks.push(bytes.subarray(at, at + size));
    at += size + 2;
    if (size === 0) return { body: concatenate(chunks), length: at };
  }
}

/** How many bytes there are through the end of the first `mark`, or null without one. */
function lengthThrough(bytes: Uint8Array, mark: string): number | null {
  const wanted = toBytes(mark);
  for (let at = bytes.indexOf(wanted[0]); at !== -1; at = bytes.indexOf(wanted[0], at + 1)) {
    if (wanted.every((byte, index) => bytes[at + index] === byte)) return at + wanted.length;
  }
  return null;
}

/** One array with all the bytes. */
export function concatenate(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
