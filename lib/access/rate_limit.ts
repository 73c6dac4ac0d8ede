/**
 * How often something may happen for each key: so many at once, and one more each interval. One number a key (the
 * generic cell rate algorithm), and a bound on the keys, for peers choose them. Pure: the time is passed in.
 */
export interface RateLimitOptions {
  /** How many may happen at once after a quiet time. */
  readonly burst: number;
  /** After how many milliseconds one more may happen. */
  readonly intervalMs: number;
}

/** Beyond so many keys those that have been quiet are forgotten, and then the oldest. */
const MAX_KEYS = 16_384;

export class RateLimit {
  readonly #toleranceMs: number;
  readonly #intervalMs: number;
  /** When the key will have been quiet for so long that it counts as new, in the order of the first event. */
  readonly #quietAtMs = new Map<string, number>();

  constructor({ burst, intervalMs }: RateLimitOptions) {
    // Half a millisecond more, for an interval may be a third of one that is whole.
    this.#toleranceMs = (burst - 1) * intervalMs + 0.5;
    this.#intervalMs = intervalMs;
  }

  /** Counts one event: 0 when it may happen, else after how many milliseconds it may, and it is not counted. */
  take(key: string, nowMs: number): number {
    const quietAtMs = this.#quietAtMs.get(key);
    const aheadMs = quietAtMs === undefined ? 0 : Math.max(0, quietAtMs - nowMs);
    if (aheadMs > this.#toleranceMs) return Math.ceil(aheadMs - this.#toleranceMs);
    if (quietAtMs === undefined && this.#quietAtMs.size >= MAX_KEYS) this.#forget(nowMs);
    this.#quietAtMs.set(key, nowMs + aheadMs + this.#intervalMs);
    return 0;
  }

  /** Takes back what `take` has counted. */
  giveBack(key: string): void {
    const quietAtMs = this.#quietAtMs.get(key);
    if (quietAtMs !== undefined) this.#quietAtMs.set(key, quietAtMs - this.#intervalMs);
  }

  #forget(nowMs: number): void {
    for (const [key, quietAtMs] of this.#quietAtMs) {
      if (quietAtMs <= nowMs) this.#quietAtMs.delete(key);
    }
    for (const key of this.#quietAtMs.keys()) {
      if (this.#quietAtMs.size < MAX_KEYS) return;
      this.#quietAtMs.delete(key);
    }
  }
}
