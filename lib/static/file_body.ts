/**
 * The content of an open file, or parts of it, as a Body in constant memory. Separate because it owns a descriptor and
 * a buffer, and both must go back exactly once whatever happens.
 */
import { closeSync, read } from "node:fs";
import { type Body, BrokenAnswer } from "../http/message.ts";
import { freeBytes } from "../free_bytes.ts";
import { MemoryBudget } from "../memory_budget.ts";
import type { ByteRange } from "./byte_ranges.ts";
import { lengthOf, type Piece } from "./multipart_ranges.ts";
import { Turnstile } from "./pace.ts";
import { type OpenFile, statOpenFile } from "./open_file.ts";
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
  /** Large ones that are kept for the next body; what is not kept is freed at once. */
  static readonly #MAX_IDLE_COUNT = 4;
  /**
   * Parts that are read, and then sent, before everybody else has a turn: 1 ms. While 9,900 clients came for a large file a new
   * one waited for 3.2 s without it, and for 0.3 s with it.
   */
  static readonly #PARTS_A_TURN = 8;

  readonly #maxBytes: number;
  readonly #budget: MemoryBudget;
  readonly #idle: Uint8Array<ArrayBuffer>[] = [];
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
    const isWanted = buffer.length === ReadBuffers.LARGE_BYTES && this.#idle.length < ReadBuffers.#MAX_IDLE_COUNT;
    if (isWanted) this.#idle.push(buffer);
    else freeBytes(buffer);
  }

  #lendSmall(neededBytes: number): Uint8Array<ArrayBuffer> {
    const isScarce = this.#budget.fairRoom(0) < ReadBuffers.SMALL_BYTES;
    const mostBytes = isScarce ? ReadBuffers.#TINY_BYTES : ReadBuffers.SMALL_BYTES;
    return new Uint8Array(Math.min(neededBytes, mostBytes));
  }
}

/**
 * Content of a file, read piece by piece when asked for. The descriptor is closed by `close()` and at the end of the
 * content. Iterating throws BrokenAnswer once the file is no longer in the state that the head told of, for the head has
 * left by then: RFC 9110 8.8.3 lets an entity tag stand for one state alone, so nothing of another may follow it. That
 * goes for a file that has grown too, for what grew and what was rewritten cannot be told apart. A file that was removed
 * or renamed, and so one that another was renamed over, is sent to its end.
 */
export class FileBody implements Body {
  readonly length: number;
  readonly #file: OpenFile;
  readonly #pieces: readonly Piece[];
  readonly #buffers: ReadBuffers;
  #buffer: Uint8Array<ArrayBuffer> | null = null;
  #pieceIndex = 0;
  /** Bytes of the current piece that were delivered, and of all. */
  #delivered = 0;
  #sent = 0;
  #isReading = false;
  #isClosed = false;
  #isReleased = false;

  /** Takes over the descriptor of `file`; `pieces` is what to send of it in the state of its `facts`. */
  constructor(
    file: OpenFile,
    { pieces, buffers }: { readonly pieces: readonly Piece[]; readonly buffers: ReadBuffers },
  ) {
    this.#file = file;
    this.#pieces = pieces;
    this.#buffers = buffers;
    this.length = pieces.reduce((sum, piece) => sum + lengthOf(piece), 0);
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return {
      next: () => this.#next(),
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

  async #next(): Promise<IteratorResult<Uint8Array>> {
    const turn = this.#isClosed || this.#pieceIndex === this.#pieces.length ? null : this.#buffers.turn();
    if (turn !== null) await turn;
    if (!this.#isClosed && this.#pieceIndex < this.#pieces.length) {
      const chunk = await this.#fill(this.#buffer ??= this.#buffers.lend(this.length));
      this.#sent += chunk.length;
      if (chunk.length > 0) return { done: false, value: chunk };
    }
    await this.close();
    return { done: true, value: undefined };
  }

  /** As much as the buffer takes: many small pieces are one chunk, and so one write (50 of 2 KiB: 0.6 ms instead of 2.1). */
  async #fill(buffer: Uint8Array): Promise<Uint8Array> {
    let filled = 0;
    this.#isReading = true;
    try {
      while (filled < buffer.length && this.#pieceIndex < this.#pieces.length) {
        const piece = this.#pieces[this.#pieceIndex];
        const rest = Math.min(lengthOf(piece) - this.#delivered, buffer.length - filled);
        const count = rest === 0 ? 0 : await this.#take(piece, buffer.subarray(filled, filled + rest));
        filled += count;
        this.#delivered += count;
        if (this.#delivered < lengthOf(piece)) continue;
        this.#pieceIndex++;
        this.#delivered = 0;
      }
      // After the reads (1 us): the system notes the time of a write before it lets anybody read what was written.
      if (!isSameContent(statOpenFile(this.#file.fd), this.#file.facts)) throw this.#changed();
      return buffer.subarray(0, filled);
    } finally {
      this.#isReading = false;
      if (this.#isClosed) this.#release();
    }
  }

  /** The next bytes of the piece: how many, at least one. */
  async #take(piece: Piece, into: Uint8Array): Promise<number> {
    if (piece instanceof Uint8Array) {
      into.set(piece.subarray(this.#delivered, this.#delivered + into.length));
      return into.length;
    }
    const count = await readAt(this.#file.fd, into, piece.first + this.#delivered);
    if (count === 0) throw this.#changed();
    return count;
  }

  #changed(): Error {
    return new BrokenAnswer(
      `"${this.#file.path}" changed while it was sent, ${this.length - this.#sent} bytes before the end`,
    );
  }

  #release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    if (this.#buffer !== null) this.#buffers.giveBack(this.#buffer);
    this.#buffer = null;
    closeSync(this.#file.fd);
  }
}

/** The bytes of that range; null when the file has become shorter. Leaves `fd` open. */
export async function readWhole(fd: number, { first, last }: ByteRange): Promise<Uint8Array | null> {
  const bytes = new Uint8Array(last - first + 1);
  for (let position = 0; position < bytes.length;) {
    const count = await readAt(fd, bytes.subarray(position), first + position);
    if (count === 0) return null;
    position += count;
  }
  return bytes;
}

/**
 * Reads off the main thread: a read from the page cache is faster when it blocks (5 us for 64 KiB), but one from a
 * cold disk would hold up every connection.
 */
function readAt(fd: number, into: Uint8Array, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(fd, into, 0, into.length, position, (error, count) => error ? reject(error) : resolve(count));
  });
}
