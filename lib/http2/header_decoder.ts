/**
 * The decoder of HPACK: from the blocks of a connection, in their order, to fields, with the dynamic table that they build.
 * Apart from what the fields mean. RFC 7541 2.3, 3.2, 4 and 6.
 */
import { ConnectionError, ErrorCode } from "./error_codes.ts";
import { FieldEntry } from "./field_entry.ts";
import { integerEnd, readInteger, setIntegerEnd } from "./hpack_integer.ts";
import { decodeHuffman } from "./huffman.ts";
import { STATIC_COUNT, STATIC_ENTRIES } from "./static_table.ts";

/** Takes the fields of a block, one after the other. */
export interface FieldSink {
  add(entry: FieldEntry): void;
}

/** RFC 9113 6.5.2: SETTINGS_HEADER_TABLE_SIZE that nobody has set, and that the server leaves so. */
export const TABLE_BYTES = 4096;

/** Entries that have left the table are moved out of the array when there are so many. */
const MOST_LEFT = 64;

/** RFC 7541 5.2: each byte of Huffman code is at most 8/5 of text; and a name that is taken from the table. */
function roomFor(blockBytes: number): number {
  return Math.ceil(blockBytes * 8 / 5) + TABLE_BYTES;
}

/** Where a literal is put together; for all connections, since it is used up at once. */
let scratch = new Uint8Array(roomFor(16_384));

export class HeaderDecoder {
  /** The dynamic table: the oldest entry stands at `#first`, the newest at the end. */
  #entries: FieldEntry[] = [];
  #first = 0;
  #bytes = 0;
  #mostBytes = TABLE_BYTES;
  /** How often the table has changed. */
  changeCount = 0;

  /** Entries of the dynamic table. */
  get tableCount(): number {
    return this.#entries.length - this.#first;
  }

  /** What they take. */
  get tableBytes(): number {
    return this.#bytes;
  }

  /**
   * Gives `sink` each field of a whole block, which stands from `start` (inclusive) to `end` (exclusive). Throws ConnectionError
   * COMPRESSION_ERROR for what is no block: the table is then not that of the peer any more.
   */
  decode(bytes: Uint8Array, { start, end }: { readonly start: number; readonly end: number }, sink: FieldSink): void {
    const room = roomFor(end - start);
    if (scratch.length < room) scratch = new Uint8Array(room);
    let at = start;
    let hasField = false;
    while (at < end) {
      const first = bytes[at];
      if ((first & 0x80) !== 0) {
        hasField = true;
        sink.add(this.#entryAt(readWhole(bytes, at, end, 7)));
        at = integerEnd();
      } else if ((first & 0xe0) === 0x20) {
        // RFC 7541 4.2: at the beginning of a block alone.
        if (hasField) throw invalid("A change of the table's size after a field");
        this.#resize(readWhole(bytes, at, end, 5));
        at = integerEnd();
      } else {
        hasField = true;
        const isIndexed = (first & 0x40) !== 0;
        const entry = this.#readLiteral(bytes, at, end, isIndexed ? 6 : 4);
        at = integerEnd();
        if (isIndexed) this.#insert(entry);
        sink.add(entry);
      }
    }
  }

  /** Reads a literal field; `integerEnd()` tells where it ended. RFC 7541 6.2. */
  #readLiteral(bytes: Uint8Array, at: number, end: number, prefixBits: number): FieldEntry {
    const nameIndex = readWhole(bytes, at, end, prefixBits);
    let nameEnd: number;
    if (nameIndex === 0) {
      nameEnd = readString(bytes, integerEnd(), end, 0);
    } else {
      const known = this.#entryAt(nameIndex);
      nameEnd = known.nameLength;
      for (let i = 0; i < nameEnd; i++) scratch[i] = known.bytes[i];
    }
    const valueEnd = readString(bytes, integerEnd(), end, nameEnd);
    return new FieldEntry(scratch.slice(0, valueEnd), nameEnd);
  }

  #entryAt(index: number): FieldEntry {
    const entry = index <= STATIC_COUNT
      ? STATIC_ENTRIES[index]
      : this.#entries[this.#entries.length - (index - STATIC_COUNT)];
    if (!entry || index - STATIC_COUNT > this.tableCount) throw invalid(`No entry has the index ${index}`);
    return entry;
  }

  /** RFC 7541 4.4: one that is larger than the table empties it, and is not in it. */
  #insert(entry: FieldEntry): void {
    this.changeCount++;
    this.#evict(this.#mostBytes - entry.size);
    if (entry.size > this.#mostBytes) return;
    this.#entries.push(entry);
    this.#bytes += entry.size;
  }

  #resize(mostBytes: number): void {
    if (mostBytes > TABLE_BYTES) throw invalid(`A table of ${mostBytes} bytes is larger than allowed`);
    this.changeCount++;
    this.#mostBytes = mostBytes;
    this.#evict(mostBytes);
  }

  #evict(leftBytes: number): void {
    while (this.#bytes > leftBytes && this.tableCount > 0) this.#bytes -= this.#entries[this.#first++].size;
    if (this.#first < MOST_LEFT) return;
    this.#entries = this.#entries.slice(this.#first);
    this.#first = 0;
  }
}

function readWhole(bytes: Uint8Array, at: number, end: number, prefixBits: number): number {
  const value = at < end ? readInteger(bytes, at, end, prefixBits) : -1;
  if (value < 0) throw invalid("An integer is cut off or too large");
  return value;
}

/** Reads a string to the scratch from `to` on; returns where it ended there, and `integerEnd()` tells where it ended here. */
function readString(bytes: Uint8Array, at: number, end: number, to: number): number {
  const length = readWhole(bytes, at, end, 7);
  const start = integerEnd();
  const stop = start + length;
  if (stop > end) throw invalid("A string is cut off");
  let toEnd = to + length;
  if ((bytes[at] & 0x80) !== 0) {
    toEnd = decodeHuffman(bytes, { start, end: stop }, { into: scratch, at: to });
    if (toEnd < 0) throw invalid("A string is no Huffman code");
  } else {
    // Most are short: a call of `set` takes longer.
    for (let i = start, into = to; i < stop; i++) scratch[into++] = bytes[i];
  }
  setIntegerEnd(stop);
  return toEnd;
}

function invalid(message: string): ConnectionError {
  return new ConnectionError(ErrorCode.COMPRESSION_ERROR, message);
}
