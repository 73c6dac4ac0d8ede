/**
 * The blocks of fields of a connection, put together from their frames and decoded in their order. Those that refer to the table
 * alone come again and again as the same few bytes: as long as the table is the same they mean the same request. RFC 9113 4.3.
 */
import { ConnectionError, ErrorCode, StreamError } from "./error_codes.ts";
import { HeaderDecoder } from "./header_decoder.ts";
import {
  NO_SECTION,
  type PrioritizedRequest,
  RequestSection,
  type SectionOptions,
  TrailerSection,
} from "./request_section.ts";

/** A block of one frame in place, or all frames of one. */
interface Span {
  readonly start: number;
  readonly end: number;
}

/** A block that changes nothing, and what it means. */
interface KnownBlock {
  readonly bytes: Uint8Array;
  readonly endsStream: boolean;
  readonly changeCount: number;
  readonly meaning: PrioritizedRequest;
}

const KNOWN_SLOTS = 8;
const MOST_KNOWN_BYTES = 128;

/** What a head may have as literals without compression; names and values are counted when they are decoded. */
const BLOCK_SHARE = 2;
/** RFC 9113 10.5: frames of a block that carry nothing. */
const MOST_FRAMES = 64;

const NOTHING: Uint8Array = new Uint8Array(0);

export class HeaderBlocks {
  readonly #options: SectionOptions;
  readonly #decoder = new HeaderDecoder();
  /** The block, where it stands in several frames. */
  #collected = NOTHING;
  #length = 0;
  #frameCount = 0;
  #endsStream = false;
  #dependsOnItself = false;
  /** The block that is whole. */
  #bytes = NOTHING;
  #span: Span = { start: 0, end: 0 };
  #known: (KnownBlock | undefined)[] | null = null;

  constructor(options: SectionOptions) {
    this.#options = options;
  }

  /** A block begins; `dependsOnItself`: its stream does, by RFC 7540. */
  begin(
    { endsStream, dependsOnItself }: { readonly endsStream: boolean; readonly dependsOnItself: boolean },
  ): void {
    this.#endsStream = endsStream;
    this.#dependsOnItself = dependsOnItself;
    this.#frameCount = 0;
    this.#length = 0;
  }

  /** Takes a part of the block, and says whether it is whole. Throws ConnectionError for one that does not come to an end. */
  add(bytes: Uint8Array, { start, end }: Span, isWhole: boolean): boolean {
    this.#frameCount++;
    if (this.#frameCount === 1 && isWhole) {
      this.#bytes = bytes;
      this.#span = { start, end };
      return true;
    }
    const length = this.#length + end - start;
    if (length > BLOCK_SHARE * this.#options.limits.maxHeadBytes || this.#frameCount > MOST_FRAMES) {
      this.#collected = NOTHING;
      throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, "A block of fields without end");
    }
    if (length > this.#collected.length) {
      const larger = new Uint8Array(2 * length);
      larger.set(this.#collected.subarray(0, this.#length));
      this.#collected = larger;
    }
    this.#collected.set(bytes.subarray(start, end), this.#length);
    this.#length = length;
    if (!isWhole) return false;
    this.#bytes = this.#collected;
    this.#span = { start: 0, end: length };
    this.#collected = NOTHING;
    return true;
  }

  /** Decodes the block for the sake of the table. Throws ConnectionError COMPRESSION_ERROR, as all of these do. */
  skip(): void {
    this.#decoder.decode(this.#bytes, this.#span, NO_SECTION);
  }

  /** The request that the block means. Throws StreamError where it is malformed. */
  readRequest(streamId: number): PrioritizedRequest {
    const { start, end } = this.#span;
    const slot = this.#slotOf(start, end);
    const known = this.#known?.[slot];
    if (known !== undefined && this.#isKnown(known, start, end)) return known.meaning;
    const section = new RequestSection(this.#options);
    const { changeCount } = this.#decoder;
    this.#decoder.decode(this.#bytes, this.#span, section);
    if (this.#dependsOnItself) throw new StreamError(streamId, ErrorCode.PROTOCOL_ERROR, "It depends on itself");
    const meaning = section.finish(streamId, !this.#endsStream);
    const isSame = changeCount === this.#decoder.changeCount && meaning.request.rejection === null;
    if (isSame && end - start <= MOST_KNOWN_BYTES && !this.#dependsOnItself) {
      const bytes = this.#bytes.slice(start, end);
      this.#known ??= new Array(KNOWN_SLOTS).fill(undefined);
      this.#known[slot] = { bytes, endsStream: this.#endsStream, changeCount, meaning };
    }
    return meaning;
  }

  /** Fields after the content, which end it. Throws StreamError where they are malformed. */
  readTrailers(streamId: number): void {
    const section = new TrailerSection(this.#options.limits);
    this.#decoder.decode(this.#bytes, this.#span, section);
    if (this.#dependsOnItself) throw new StreamError(streamId, ErrorCode.PROTOCOL_ERROR, "It depends on itself");
    if (!this.#endsStream) throw new StreamError(streamId, ErrorCode.PROTOCOL_ERROR, "Trailers that end nothing");
    section.finish(streamId);
  }

  #slotOf(start: number, end: number): number {
    return (this.#bytes[end - 1] + this.#bytes[end - 2] + this.#bytes[start + 1] + end - start) & (KNOWN_SLOTS - 1);
  }

  #isKnown({ bytes, endsStream, changeCount }: KnownBlock, start: number, end: number): boolean {
    if (bytes.length !== end - start || endsStream !== this.#endsStream || this.#dependsOnItself) return false;
    if (changeCount !== this.#decoder.changeCount) return false;
    for (let i = 0; i < bytes.length; i++) {
      if (bytes[i] !== this.#bytes[start + i]) return false;
    }
    return true;
  }
}
