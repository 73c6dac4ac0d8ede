/**
 * The content of an open file, or parts of it, as a Body in constant memory. Separate because it owns a descriptor and
 * a buffer, and both must go back exactly once whatever happens.
 */
import { type Body, BrokenAnswer, type FileRange, type FileSource, type Soon } from "../http/message.ts";
import { freeBytes } from "../free_bytes.ts";
import { MemoryBudget } from "../memory_budget.ts";
import type { RangeFile } from "../system/file_ranges.ts";
import type { ByteRange } from "./byte_ranges.ts";
import { lengthOf, type Piece } from "./multipart_ranges.ts";
import type { FileHandle } from "./file_handle.ts";
import { type SharedFile, statOpenFile } from "./open_file.ts";
import { Turnstile } from "./turnstile.ts";
import { isSameContent } from "./representation.ts";

/**
 * Buffers for reading, lent to one body at a time. Big ones are faster (100 MiB from the page cache: 64 KiB 96 ms, 256 KiB
 * 23 ms, 512 KiB 20 ms, 1 MiB 13 ms), small ones keep a thousand slow clients cheap: once `maxBytes` are lent, a body gets a
 * small one.
 */
export class ReadBuffers {
  static readonly LARGE_BYTES = 524_288;
  static readonly SMALL_BYTES = 65_536;
  /** While there is no memory for more, until those that hold most have been cut. */
  static readonly #TINY_BYTES = 4096;
  /** Those that are kept for the next body; what is not kept is freed at once. */
  static readonly #MAX_IDLE_COUNT = 4;
  /**
   * Whoever waits for his turn gives his back. Freed and allocated each time, they leave holes in the C library's memory, which
   * grew to 600 MiB so beside 9,900 clients.
   */
  static readonly #MAX_IDLE_SMALL_COUNT = 128;
  /**
   * Parts that are read, and then sent, before everybody else has a turn: 1 ms. While 9,900 clients came for a large file a new
   * one waited for 3.2 s without it, and for 0.3 s with it.
   */
  static readonly #PARTS_A_TURN = 8;

  readonly #maxBytes: number;
  readonly #budget: MemoryBudget;
  readonly #idle: Uint8Array<ArrayBuffer>[] = [];
  readonly #idleSmall: Uint8Array<ArrayBuffer>[] = [];
  readonly #parts = new Turnstile(ReadBuffers.#PARTS_A_TURN);
  #lentBytes = 0;

  constructor(maxBytes: number, budget = new MemoryBudget()) {
    this.#maxBytes = maxBytes;
    this.#budget = budget;
  }

  /** Null, or resolves when a body may read its next part, and lend a buffer for it. */
  turn(): Promise<void> | null {
    return this.#parts.enter();
  }

  /** A buffer with room for at most `neededBytes` at once; its content is undefined. Give it back with `giveBack`. */
  lend(neededBytes: number): Uint8Array<ArrayBuffer> {
    const isLarge = neededBytes > ReadBuffers.SMALL_BYTES &&
      this.#lentBytes + ReadBuffers.LARGE_BYTES <= this.#maxBytes;
    const buffer = isLarge ? this.#idle.pop() ?? new Uint8Array(ReadBuffers.LARGE_BYTES) : this.#lendSmall(neededBytes);
    this.#lentBytes += buffer.length;
    this.#budget.take(buffer.length);
    return buffer;
  }

  /** Nobody may look at the buffer afterwards. */
  giveBack(buffer: Uint8Array<ArrayBuffer>): void {
    this.#lentBytes -= buffer.length;
    this.#budget.give(buffer.length);
    const { LARGE_BYTES, SMALL_BYTES } = ReadBuffers;
    if (buffer.length === LARGE_BYTES && this.#idle.length < ReadBuffers.#MAX_IDLE_COUNT) {
      this.#idle.push(buffer);
    } else if (buffer.length === SMALL_BYTES && this.#idleSmall.length < ReadBuffers.#MAX_IDLE_SMALL_COUNT) {
      this.#idleSmall.push(buffer);
    } else freeBytes(buffer);
  }

  #lendSmall(neededBytes: number): Uint8Array<ArrayBuffer> {
    const isScarce = this.#budget.fairRoom(0) < ReadBuffers.SMALL_BYTES;
    const mostBytes = isScarce ? ReadBuffers.#TINY_BYTES : ReadBuffers.SMALL_BYTES;
    const length = Math.min(neededBytes, mostBytes);
    return (length === ReadBuffers.SMALL_BYTES ? this.#idleSmall.pop() : undefined) ??
      new Uint8Array(new ArrayBuffer(length));
  }
}

/**
 * Content of a file, read piece by piece when asked for. The file is left by `close()` and at the end of the
 * content. Iterating throws BrokenAnswer once the file is no longer in the state that the head told of, for the head has
 * left by then: RFC 9110 8.8.3 lets an entity tag stand for one state alone, so nothing of another may follow it. That
 * goes for a file that has grown too, for what grew and what was rewritten cannot be told apart. A file that was removed
 * or renamed, and so one that another was renamed over, is sent to its end.
 */
export class FileBody implements Body, FileSource {
  /**
   * So many bytes at the end are read and copied, never sent from the file: as many as the system holds for a peer (the last
   * number of net.ipv4.tcp_wmem). Once the last of them is being read, and the file found unchanged, all that was sent from
   * the file has reached the peer: so whoever gets a whole answer gets one state of the file.
   */
  static readonly COPIED_BYTES = 4_194_304;
  /** What is sent from the file at once, before others have their turn, if it is not too little to be worth it. */
  static readonly #MOST_RANGE_BYTES = 1_048_576;
  static readonly #LEAST_RANGE_BYTES = 65_536;

  readonly length: number;
  readonly #file: SharedFile;
  readonly #pieces: readonly Piece[];
  readonly #buffers: ReadBuffers;
  /** Null: all is read. */
  #ranges: RangeFile | null;
  #buffer: Uint8Array<ArrayBuffer> | null = null;
  #pieceIndex = 0;
  /** Bytes of the current piece that were delivered, and of all. */
  #delivered = 0;
  #sent = 0;
  #isReading = false;
  #isClosed = false;
  #isReleased = false;

  /** Leaves `file` at its end; `pieces` is what to send of it in the state of its `facts`. */
  constructor(
    file: SharedFile,
    { pieces, buffers }: { readonly pieces: readonly Piece[]; readonly buffers: ReadBuffers },
  ) {
    this.#file = file;
    this.#pieces = pieces;
    this.#buffers = buffers;
    this.#ranges = file.ranges;
    this.length = pieces.reduce((sum, piece) => sum + lengthOf(piece), 0);
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return {
      next: async () => {
        const value = await this.read();
        return value === null ? { done: true, value: undefined } : { done: false, value };
      },
      return: async () => {
        await this.close();
        return { done: true, value: undefined };
      },
    };
  }

  /** A read that is under way ends first: until then the buffer and the descriptor are in use. */
  close(): Promise<void> {
    this.#isClosed = true;
    if (!this.#isReading) this.#release();
    return Promise.resolve();
  }

  fromFile(): FileSource {
    return this;
  }

  next(): Soon<FileRange | null> {
    if (this.#nextRange() === null) return null;
    const turn = this.#buffers.turn();
    return turn === null ? this.#rangeInMemory() : turn.then(() => this.#rangeInMemory());
  }

  /** What of the present piece the system may send. */
  #nextRange(): { readonly first: number; readonly length: number } | null {
    if (this.#ranges === null || this.#isClosed || this.#pieceIndex === this.#pieces.length) return null;
    const piece = this.#pieces[this.#pieceIndex];
    if (piece instanceof Uint8Array) return null;
    const left = Math.min(lengthOf(piece) - this.#delivered, this.length - this.#sent - FileBody.COPIED_BYTES);
    if (left < FileBody.#LEAST_RANGE_BYTES) return null;
    return { first: piece.first + this.#delivered, length: Math.min(left, FileBody.#MOST_RANGE_BYTES) };
  }

  /** The same where it can be sent without a wait for the disk. */
  #rangeInMemory(): FileRange | null {
    const range = this.#nextRange();
    if (range === null || this.#ranges === null) return null;
    if (!isSameContent(statOpenFile(this.#file.handle), this.#file.facts)) throw this.#changed();
    const { descriptor } = this.#ranges;
    return this.#ranges.isInMemory(range.first, range.length) ? { ...range, descriptor } : null;
  }

  sent(count: number): void {
    this.#sent += count;
    this.#advance(count);
    if (count > 0) return;
    // The system cannot send this one: to read it tells why, or is how it is sent.
    this.#ranges = null;
  }

  async read(): Promise<Uint8Array | null> {
    const chunk = this.#isAtEnd ? NOTHING : await this.#readInTurn();
    this.#sent += chunk.length;
    if (chunk.length > 0) return chunk;
    await this.close();
    return null;
  }

  get #isAtEnd(): boolean {
    return this.#isClosed || this.#pieceIndex === this.#pieces.length;
  }

  async #readInTurn(): Promise<Uint8Array> {
    const { reads } = this.#file;
    const entered = reads.enter();
    if (entered !== null) await this.#waitFor(entered);
    try {
      const turn = this.#buffers.turn();
      if (turn !== null) await this.#waitFor(turn);
      if (this.#isAtEnd) return NOTHING;
      return await this.#fill(this.#buffer ??= this.#buffers.lend(this.length - this.#sent));
    } finally {
      reads.leave();
    }
  }

  /** What was read has left: many who wait for their turn hold nothing meanwhile. */
  #waitFor(turn: Promise<void>): Promise<void> {
    this.#giveBackBuffer();
    return turn;
  }

  /** As much as the buffer takes: many small pieces are one chunk, and so one write (50 of 2 KiB: 0.6 ms instead of 2.1). */
  async #fill(buffer: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
    let filled = 0;
    this.#isReading = true;
    try {
      while (filled < buffer.length && this.#pieceIndex < this.#pieces.length) {
        const piece = this.#pieces[this.#pieceIndex];
        const rest = Math.min(lengthOf(piece) - this.#delivered, buffer.length - filled);
        const count = rest === 0 ? 0 : await this.#take(piece, buffer.subarray(filled, filled + rest));
        filled += count;
        this.#advance(count);
      }
      // After the reads (1 us): the system notes the time of a write before it lets anybody read what was written.
      if (!isSameContent(statOpenFile(this.#file.handle), this.#file.facts)) throw this.#changed();
      return buffer.subarray(0, filled);
    } finally {
      this.#isReading = false;
      if (this.#isClosed) this.#release();
    }
  }

  #advance(count: number): void {
    this.#delivered += count;
    if (this.#delivered < lengthOf(this.#pieces[this.#pieceIndex])) return;
    this.#pieceIndex++;
    this.#delivered = 0;
  }

  /** The next bytes of the piece: how many, at least one. */
  async #take(piece: Piece, into: Uint8Array<ArrayBuffer>): Promise<number> {
    if (piece instanceof Uint8Array) {
      into.set(piece.subarray(this.#delivered, this.#delivered + into.length));
      return into.length;
    }
    const count = await this.#file.handle.read(into, piece.first + this.#delivered);
    if (count === 0) throw this.#changed();
    return count;
  }

  #changed(): Error {
    return new BrokenAnswer(
      `"${this.#file.path}" changed while it was sent, ${this.length - this.#sent} bytes before the end`,
    );
  }

  #giveBackBuffer(): void {
    if (this.#buffer !== null) this.#buffers.giveBack(this.#buffer);
    this.#buffer = null;
  }

  #release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#giveBackBuffer();
    this.#file.leave();
  }
}

const NOTHING = new Uint8Array(0);

/** The bytes of that range; null when the file has become shorter. Leaves it open. */
export async function readWhole(handle: FileHandle, { first, last }: ByteRange): Promise<Uint8Array | null> {
  // With a buffer of its own: small arrays move.
  const bytes = new Uint8Array(new ArrayBuffer(last - first + 1));
  for (let position = 0; position < bytes.length;) {
    const count = await handle.read(bytes.subarray(position), first + position);
    if (count === 0) return null;
    position += count;
  }
  return bytes;
}
