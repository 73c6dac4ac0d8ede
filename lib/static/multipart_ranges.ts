/**
 * The content of an answer to a range request: which bytes of the file, with what between them. Separate and pure, so
 * that the length is right before the first byte is read. RFC 9110 14.6 and 15.3.7, RFC 2046 5.1.1.
 */
import { latin1Bytes } from "../http/grammar.ts";
import { type Body, BytesBody } from "../http/message.ts";
import type { ByteRange } from "./byte_ranges.ts";

/** What content is made of, in order: bytes that are in memory, and ranges of the file. */
export type Piece = Uint8Array | ByteRange;

export interface MultipartOptions {
  /** Must not occur in the content: random. At most 70 characters that need no quotes. */
  readonly boundary: string;
  /** Content-Type of the whole file. */
  readonly type: string;
  /** Bytes of the whole file. */
  readonly length: number;
}

/**
 * A multipart/byteranges content with one part a range, in their order. An empty line stands before the first delimiter
 * (the preamble of RFC 2046 5.1.1, which may be empty), as nginx has it: zsync throws the first line away, whatever it is,
 * and without that one asks for the same ranges again without end.
 */
export function multipartRanges(ranges: readonly ByteRange[], options: MultipartOptions): Piece[] {
  const pieces: Piece[] = [];
  const separator = `\r\n--${options.boundary}\r\n`;
  for (const range of ranges) {
    const head = `Content-Type: ${options.type}\r\nContent-Range: ${contentRange(range, options.length)}\r\n\r\n`;
    pieces.push(latin1Bytes(separator + head), range);
  }
  pieces.push(latin1Bytes(`\r\n--${options.boundary}--\r\n`));
  return pieces;
}

/** The value of Content-Range; `length` is that of the whole. RFC 9110 14.4. */
export function contentRange(range: ByteRange, length: number): string {
  return `bytes ${range.first}-${range.last}/${length}`;
}

/** Bytes of one piece. */
export function lengthOf(piece: Piece): number {
  return piece instanceof Uint8Array ? piece.length : piece.last - piece.first + 1;
}

/** Longest content that is copied whole, and longest copy of one that is longer. */
const COPY_BYTES = 16_384;

/**
 * The pieces as content, where the whole file is in memory: a view of `file` for one range alone, else small pieces put
 * together and large ones as they lie there. So what a client does not take costs no copy of the file.
 */
export function piecesBody(pieces: readonly Piece[], file: Uint8Array): Body {
  const parts = pieces.map((piece) => piece instanceof Uint8Array ? piece : file.subarray(piece.first, piece.last + 1));
  if (parts.length === 1) return new BytesBody(parts[0]);
  const body = new PartsBody(parts);
  return body.length <= COPY_BYTES ? new BytesBody(joinBytes(parts, body.length)) : body;
}

class PartsBody implements Body {
  readonly length: number;
  readonly #parts: readonly Uint8Array[];

  constructor(parts: readonly Uint8Array[]) {
    this.#parts = parts;
    this.length = parts.reduce((sum, part) => sum + part.length, 0);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    const buffer = new Uint8Array(COPY_BYTES);
    let filled = 0;
    for (const part of this.#parts) {
      if (filled > 0 && filled + part.length > buffer.length) {
        yield buffer.subarray(0, filled);
        filled = 0;
      }
      if (part.length > buffer.length) {
        yield part;
      } else {
        buffer.set(part, filled);
        filled += part.length;
      }
    }
    if (filled > 0) yield buffer.subarray(0, filled);
  }

  close(): Promise<void> {
    return DONE;
  }
}

const DONE = Promise.resolve();

function joinBytes(parts: readonly Uint8Array[], length: number): Uint8Array {
  const joined = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
