/**
 * From bytes to content: how the end of a request's content is found, and the decoders of it. Like the head reader they
 * fail at the same byte however the bytes were split. RFC 9112 6 and 7.
 */
import type { Limits } from "../limits.ts";
import type { Rules } from "../rules.ts";
import { listElements, TOKEN } from "./grammar.ts";
import { HttpError, type RequestHead } from "./message.ts";
import type { ReceiveBuffer } from "./receive_buffer.ts";

/** How the end of a request's content is found: after so many bytes, or by the chunked coding. */
export type Framing = number | "chunked";

/**
 * RFC 9112 6.3, for a request. Throws HttpError 400, 411, 413 or 501: in each case what follows the head cannot be told
 * apart from a next request, or is not worth reading, and the connection must close.
 */
export function requestFraming(
  head: RequestHead,
  options: { readonly limits: Limits; readonly rules: Rules },
): Framing {
  const transferEncoding = head.fields.get("transfer-encoding");
  const contentLength = head.fields.get("content-length");
  if (transferEncoding !== null) {
    // RFC 9112 6.1: a server MAY reject a request with both, and that is the end of smuggling by disagreement.
    if (contentLength !== null) throw new HttpError(400, "Both Transfer-Encoding and Content-Length");
    // RFC 9112 6.1: HTTP/1.0 with Transfer-Encoding MUST be treated as if the framing is faulty.
    if (head.version === "1.0") throw new HttpError(400, "Transfer-Encoding in HTTP/1.0");
    if (/^chunked$/i.test(transferEncoding)) return "chunked";
    // RFC 9112 6.1: a transfer coding it does not understand SHOULD be answered with 501.
    const [coding, ...others] = listElements(transferEncoding);
    const isUnknownAlone = others.length === 0 && TOKEN.test(coding ?? "") && coding !== "chunked";
    throw new HttpError(isUnknownAlone ? 501 : 400, `Transfer-Encoding "${transferEncoding}"`);
  }
  if (contentLength === null) {
    if (options.rules.requiresPostLength && head.method === "POST") throw new HttpError(411, "POST without length");
    return 0;
  }
  return readContentLength(contentLength, options.limits.maxBodyBytes);
}

function readContentLength(value: string, maxBytes: number): number {
  const digits = contentLengthDigits(value);
  if (digits === null) throw new HttpError(400, `Content-Length "${value}"`);
  const length = Number(digits);
  if (length > maxBytes) throw new HttpError(413, `Content-Length ${digits} is over the limit`);
  return length;
}

/**
 * The digits of a Content-Length; null for one that is none. RFC 9112 6.3: a list of one value again and again, which whoever
 * joins equal fields makes of them, may be taken as that value; RFC 9110 8.6: or be refused. It is taken, in requests and from
 * programs alike, for nobody can read it in two ways.
 */
export function contentLengthDigits(value: string): string | null {
  const [first, ...others] = value.split(/[ \t]*,[ \t]*/);
  return /^\d+$/.test(first) && others.every((other) => other === first) ? first : null;
}

/** Decodes content: a part of it, null when more must arrive, "end" once after the last part. */
export interface BodyReader {
  read(buffer: ReceiveBuffer): Uint8Array | null | "end";
}

/** Content of a known length. RFC 9112 6.2. */
export class LengthReader implements BodyReader {
  #remaining: number;

  constructor(length: number) {
    this.#remaining = length;
  }

  read(buffer: ReceiveBuffer): Uint8Array | null | "end" {
    if (this.#remaining === 0) return "end";
    if (buffer.length === 0) return null;
    const part = buffer.take(this.#remaining);
    this.#remaining -= part.length;
    return part;
  }
}

/** Content in the chunked coding; extensions and trailers are checked and dropped. RFC 9112 7.1. */
export class ChunkedReader implements BodyReader {
  readonly #limits: Limits;
  #state: "size" | "data" | "data_end" | "trailers" | "end" = "size";
  #remaining = 0;
  #total = 0;
  #trailerBytes = 0;
  #trailerCount = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Throws HttpError 400 for anything but the exact grammar, 413 for content over the limit. */
  read(buffer: ReceiveBuffer): Uint8Array | null | "end" {
    for (;;) {
      if (this.#state === "end") return "end";
      if (this.#state === "data") return this.#readData(buffer);
      const line = buffer.takeLine(
        this.#state === "trailers" ? this.#limits.maxLineBytes : this.#limits.maxChunkLineBytes,
      );
      if (line === null) return null;
      this.#readLine(line);
    }
  }

  #readData(buffer: ReceiveBuffer): Uint8Array | null {
    if (buffer.length === 0) return null;
    const part = buffer.take(this.#remaining);
    this.#remaining -= part.length;
    if (this.#remaining === 0) this.#state = "data_end";
    return part;
  }

  #readLine(line: string): void {
    switch (this.#state) {
      case "data_end":
        if (line !== "") throw new HttpError(400, "A chunk is longer than its size");
        this.#state = "size";
        return;
      case "size":
        this.#readSize(line);
        return;
      default:
        this.#readTrailer(line);
    }
  }

  #readSize(line: string): void {
    const size = CHUNK_LINE.exec(line)?.[1];
    if (size === undefined) throw new HttpError(400, "Malformed chunk size or extension");
    this.#remaining = parseInt(size, 16);
    this.#total += this.#remaining;
    if (this.#total > this.#limits.maxBodyBytes) throw new HttpError(413, "The content is over the limit");
    this.#state = this.#remaining === 0 ? "trailers" : "data";
  }

  #readTrailer(line: string): void {
    if (line === "") {
      this.#state = "end";
      return;
    }
    this.#trailerBytes += line.length + 2;
    this.#trailerCount++;
    if (!TRAILER_LINE.test(line)) throw new HttpError(400, "Malformed trailer");
    if (this.#trailerBytes > this.#limits.maxTrailerBytes || this.#trailerCount > this.#limits.maxFieldCount) {
      throw new HttpError(400, "The trailer section is over the limit");
    }
  }
}

/** RFC 9112 7.1: chunk-size [ chunk-ext ]; leading zeros are bounded by the length of the line. */
const CHUNK_LINE =
  /^([0-9A-Fa-f]+)(?:[ \t]*;[ \t]*[!#$%&'*+\-.^_`|~\w]+(?:[ \t]*=[ \t]*(?:[!#$%&'*+\-.^_`|~\w]+|"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*"))?)*$/;

/** RFC 9112 5: field-name ":" OWS field-value OWS. */
const TRAILER_LINE = /^[!#$%&'*+\-.^_`|~\w]+:[\t\x20-\x7e\x80-\xff]*$/;
