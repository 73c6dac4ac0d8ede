/**
 * How long a peer may keep us waiting for content, or to take it: so long without a byte, and not again and again for
 * one byte each time. Separate because it holds for both directions. Pure: the time is passed in.
 */
export interface PatienceOptions {
  /** Longest wait without any byte. */
  readonly idleMs: number;
  /** What has to pass in the long run, in bytes a second; 0: any byte makes up for any wait. */
  readonly minRateBytes: number;
}

/** Waits use it up, bytes give it back. It is whole at first, and never more than whole. */
export class Patience {
  readonly #wholeMs: number;
  readonly #msPerByte: number;
  #leftMs: number;
  #startMs = 0;

  constructor({ idleMs, minRateBytes }: PatienceOptions) {
    this.#wholeMs = idleMs;
    this.#msPerByte = minRateBytes === 0 ? idleMs : 1000 / minRateBytes;
    this.#leftMs = idleMs;
  }

  /** A wait begins: for how long it may last. */
  start(nowMs: number): number {
    this.#startMs = nowMs;
    return this.#leftMs;
  }

  /** The wait has ended with so many bytes. */
  end(nowMs: number, byteCount: number): void {
    const leftMs = this.#leftMs - (nowMs - this.#startMs) + byteCount * this.#msPerByte;
    this.#leftMs = Math.min(this.#wholeMs, leftMs);
  }
}
