/**
 * What waits to be written: one buffer for a connection while it has anything to say, lent by a pool. Separate from the
 * writers of heads and of framing, for what waits takes memory, which is counted. Pure.
 */
import { freeBytes } from "../free_bytes.ts";
import { MemoryBudget } from "../memory_budget.ts";

/** One write is at most so many bytes unless a part of the content is larger; also what one TLS write takes. */
const OUTPUT_BYTES = 65_536;
/**
 * Enough for a head, and most that wait hold no more: while 3,500 clients waited for the first read of their files, buffers of
 * `OUTPUT_BYTES` took 200 MiB.
 */
const SMALL_BYTES = 4096;
/** Buffers, and large storages of them, that are kept for the next connection. */
const MAX_FREE_COUNT = 64;

/** Who lends storage of `OUTPUT_BYTES`, and is told of what an output that is larger takes. */
interface Lender {
  lendStorage(): Uint8Array<ArrayBuffer>;
  onGrowth(bytes: number): void;
}

/** Collects what leaves in one write. */
export class OutputBuffer {
  readonly #lender: Lender;
  readonly #small: Uint8Array<ArrayBuffer> = new Uint8Array(SMALL_BYTES);
  #bytes = this.#small;
  #length = 0;

  constructor(lender: Lender = { lendStorage: () => new Uint8Array(OUTPUT_BYTES), onGrowth: () => {} }) {
    this.#lender = lender;
  }

  /** Bytes that wait. */
  get length(): number {
    return this.#length;
  }

  /** Bytes that still fit into one write. */
  get room(): number {
    return Math.max(OUTPUT_BYTES, this.#bytes.length) - this.#length;
  }

  /** Bytes of memory that it takes beside those of the smallest. */
  get grownBytes(): number {
    return this.#bytes === this.#small ? 0 : this.#bytes.length;
  }

  /** Appends bytes of which there must be room for all; heads, which have no bound of their own, make room. */
  append(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (this.#length + bytes.length > this.#bytes.length) this.#grow(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  appendByte(byte: number): void {
    if (this.#length === this.#bytes.length) this.#grow(1);
    this.#bytes[this.#length++] = byte;
  }

  /** A copy of what was appended since the buffer had `length` bytes. */
  copyFrom(length: number): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(length, this.#length);
  }

  /** The bytes that wait, as a view that is valid until the next append; the buffer is empty then. */
  takeAll(): Uint8Array {
    const taken = this.#bytes.subarray(0, this.#length);
    this.#length = 0;
    return taken;
  }

  /** Gives up what it has grown by, and is empty; null where it has not grown. Nobody may look at what was taken any more. */
  shrink(): Uint8Array<ArrayBuffer> | null {
    const grown = this.#bytes;
    this.#length = 0;
    this.#bytes = this.#small;
    return grown === this.#small ? null : grown;
  }

  /** Frees its memory; nobody may use it, or look at what was taken, any more. */
  free(): void {
    freeBytes(this.#small);
    this.#bytes = this.#small;
  }

  #grow(extra: number): void {
    const before = this.#bytes;
    const isLent = before === this.#small && this.#length + extra <= OUTPUT_BYTES;
    this.#bytes = isLent
      ? this.#lender.lendStorage()
      : new Uint8Array(2 * Math.max(OUTPUT_BYTES, before.length) + extra);
    this.#bytes.set(before.subarray(0, this.#length));
    this.#lender.onGrowth(this.#bytes.length - (before === this.#small ? 0 : before.length));
  }
}

/** Output buffers that no connection uses: an idle connection has none. */
export class OutputPool implements Lender {
  readonly #free: OutputBuffer[] = [];
  readonly #storages: Uint8Array<ArrayBuffer>[] = [];
  readonly #budget: MemoryBudget;

  constructor(budget = new MemoryBudget()) {
    this.#budget = budget;
  }

  acquire(): OutputBuffer {
    this.#budget.take(SMALL_BYTES);
    return this.#free.pop() ?? new OutputBuffer(this);
  }

  /** Takes a buffer back; whatever is in it is lost. One too many, and storage of an odd size, are freed. */
  release(buffer: OutputBuffer): void {
    this.#budget.give(SMALL_BYTES + buffer.grownBytes);
    const storage = buffer.shrink();
    if (storage?.length === OUTPUT_BYTES && this.#storages.length < MAX_FREE_COUNT) this.#storages.push(storage);
    else if (storage !== null) freeBytes(storage);
    if (this.#free.length < MAX_FREE_COUNT) this.#free.push(buffer);
    else buffer.free();
  }

  lendStorage(): Uint8Array<ArrayBuffer> {
    return this.#storages.pop() ?? new Uint8Array(OUTPUT_BYTES);
  }

  onGrowth(bytes: number): void {
    this.#budget.take(bytes);
  }
}
