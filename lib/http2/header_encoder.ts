/**
 * The encoder of HPACK: from fields to the blocks of a connection, in their order, with the dynamic table that they build at
 * the peer's. RFC 7541 2.3, 4 and 6.
 */
import { TABLE_BYTES } from "./header_decoder.ts";
import { writeInteger } from "./hpack_integer.ts";
import type { PreparedField } from "./prepared_field.ts";
import { STATIC_COUNT } from "./static_table.ts";

interface Inserted {
  readonly key: string;
  readonly size: number;
}

/** Entries that have left the table are moved out of the array when there are so many. */
const MOST_LEFT = 64;
/** More than an integer takes. */
const INTEGER_BYTES = 8;

/** Where a block is put together; for all connections, since it is sent or copied at once. */
let scratch = new Uint8Array(8192);

export class HeaderEncoder {
  /** The dynamic table: the oldest entry stands at `#first`, the newest at the end. */
  #entries: Inserted[] = [];
  #first = 0;
  /** At which insertion each came in. */
  #insertions: Map<string, number> | null = null;
  #bytes = 0;
  #mostBytes = TABLE_BYTES;
  /** The smallest size since the last block, and whether the peer was told. RFC 7541 4.2. */
  #leastBytes = TABLE_BYTES;
  #isResized = false;
  #length = 0;
  #insertCount = 0;
  /** How often the table has changed. */
  changeCount = 0;

  /** What the peer allows the table to take; more than the size by default is not used. RFC 9113 6.5.2. */
  resize(allowedBytes: number): void {
    const mostBytes = Math.min(allowedBytes, TABLE_BYTES);
    if (mostBytes === this.#mostBytes) return;
    this.changeCount++;
    this.#leastBytes = this.#isResized ? Math.min(this.#leastBytes, mostBytes) : mostBytes;
    this.#isResized = true;
    this.#mostBytes = mostBytes;
    this.#evict(mostBytes);
  }

  /** Begins a block. */
  begin(): void {
    this.#length = 0;
    if (!this.#isResized) return;
    this.#isResized = false;
    // So nobody sends this block again.
    this.changeCount++;
    if (this.#leastBytes < this.#mostBytes) this.#appendInteger(this.#leastBytes, { first: 0x20, prefixBits: 5 });
    this.#appendInteger(this.#mostBytes, { first: 0x20, prefixBits: 5 });
  }

  append(field: PreparedField): void {
    const { staticIndex, key, literal } = field;
    if (staticIndex > 0) return this.#appendInteger(staticIndex, INDEXED);
    const insertion = this.#insertions?.get(key);
    if (insertion !== undefined) {
      return this.#appendInteger(STATIC_COUNT + this.#insertCount - insertion, INDEXED);
    }
    this.#makeRoom(literal.length);
    scratch.set(literal, this.#length);
    this.#length += literal.length;
    if (field.isInserted) this.#insert(field);
  }

  /** The block, valid until any connection begins one. */
  get block(): Uint8Array {
    return scratch.subarray(0, this.#length);
  }

  #appendInteger(value: number, form: { readonly first: number; readonly prefixBits: number }): void {
    this.#makeRoom(INTEGER_BYTES);
    this.#length = writeInteger(value, form, { into: scratch, at: this.#length });
  }

  #makeRoom(bytes: number): void {
    if (this.#length + bytes <= scratch.length) return;
    const larger = new Uint8Array(2 * scratch.length + bytes);
    larger.set(scratch);
    scratch = larger;
  }

  #insert({ key, size }: PreparedField): void {
    this.changeCount++;
    this.#evict(this.#mostBytes - size);
    if (size > this.#mostBytes) return;
    this.#entries.push({ key, size });
    this.#bytes += size;
    this.#insertions ??= new Map();
    this.#insertions.set(key, this.#insertCount++);
  }

  #evict(leftBytes: number): void {
    while (this.#bytes > leftBytes && this.#first < this.#entries.length) {
      const { key, size } = this.#entries[this.#first++];
      this.#bytes -= size;
      this.#insertions?.delete(key);
    }
    if (this.#first < MOST_LEFT) return;
    this.#entries = this.#entries.slice(this.#first);
    this.#first = 0;
  }
}

const INDEXED = { first: 0x80, prefixBits: 7 } as const;
