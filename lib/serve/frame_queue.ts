/**
 * Frames on their way to the socket, in buffers of the pool: while one is being written the next ones are filled, and none is
 * there while nothing waits. Apart from writing them, for the machine of HTTP/2 puts them here. Pure.
 */
import type { OutputBuffer, OutputPool } from "../http/output_buffer.ts";
import type { FrameOutput } from "../http2/sender.ts";

export class FrameQueue implements FrameOutput {
  readonly #pool: OutputPool;
  /** Those that are full, the first one first, and the one that is being filled. */
  #full: OutputBuffer[] = [];
  #current: OutputBuffer | null = null;
  #waitingBytes = 0;

  constructor(pool: OutputPool) {
    this.#pool = pool;
  }

  /** Bytes that wait, about. */
  get waitingBytes(): number {
    return this.#waitingBytes + (this.#current?.length ?? 0);
  }

  bufferFor(bytes: number): OutputBuffer {
    const current = this.#current ??= this.#pool.acquire();
    if (bytes <= current.room || current.length === 0) return current;
    this.#full.push(current);
    this.#waitingBytes += current.length;
    return this.#current = this.#pool.acquire();
  }

  /** The next buffer to be written, which is its taker's now; null where nothing waits. */
  take(): OutputBuffer | null {
    const full = this.#full.shift();
    if (full !== undefined) {
      this.#waitingBytes -= full.length;
      return full;
    }
    const current = this.#current;
    if (current === null || current.length === 0) return null;
    this.#current = null;
    return current;
  }

  /** Gives a buffer back that was taken. */
  giveBack(buffer: OutputBuffer): void {
    this.#pool.release(buffer);
  }

  /** Gives everything back; what waits is lost. */
  release(): void {
    for (const buffer of [...this.#full, this.#current]) {
      if (buffer !== null) this.#pool.release(buffer);
    }
    this.#full = [];
    this.#current = null;
    this.#waitingBytes = 0;
  }
}
