/**
 * The content of an answer to a range request: which bytes of the file, with what between them. Separate and pure, so
 * that the length is right before the first byte is read. RFC 9110 14.6 and 15.3.7, RFC 2046 5.1.1.
 */
import { latin1Bytes } from "../http/grammar.ts";
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

/** A multipart/byteranges content with one part a range, in their order. */
export function multipartRanges(ranges: readonly ByteRange[], options: MultipartOptions): Piece[] {
  const pieces: Piece[] = [];
  let separator = `--${options.boundary}\r\n`;
  for (const range of ranges) {
    const head = `Content-Type: ${options.type}\r\nContent-Range: ${contentRange(range, options.length)}\r\n\r\n`;
    pieces.push(latin1Bytes(separator + head), range);
    separator = `\r\n--${options.boundary}\r\n`;
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

/** The pieces as one array, where the whole file is in memory; a view of `file` where there is one range alone. */
export function joinPieces(pieces: readonly Piece[], file: Uint8Array): Uint8Array {
  const [first] = pieces;
  if (pieces.length === 1 && !(first instanceof Uint8Array)) return file.subarray(first.first, first.last + 1);
  const joined = new Uint8Array(pieces.reduce((sum, piece) => sum + lengthOf(piece), 0));
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece instanceof Uint8Array ? piece : file.subarray(piece.first, piece.last + 1), at);
    at += lengthOf(piece);
  }
  return joined;
}
