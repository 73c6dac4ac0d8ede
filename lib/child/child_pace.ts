/**
 * How long the server may leave its scripts alone. With more of them than processors, all of which they keep busy, an
 * answer that is read a moment later costs nobody anything, and each time that the server is woken costs it, and the
 * script that it interrupts, their caches. Pure.
 */

export interface ChildPaceOptions {
  readonly processors: number;
  /** The longest pause, in milliseconds. */
  readonly maxPauseMs: number;
}

/** So many scripts for each processor are a crowd. */
const CROWD = 2;
/** No pause is longer than this share of the time that scripts take, ... */
const SHARE = 1 / 8;
/** ... of which each script that ends changes the mean by this share of the difference. */
const WEIGHT = 1 / 16;
/** A pause that is no longer than a timer's step is none. */
const MIN_PAUSE_MS = 1;

export class ChildPace {
  readonly #options: ChildPaceOptions;
  #count = 0;
  #meanMs = 0;

  constructor(options: ChildPaceOptions) {
    this.#options = options;
  }

  /** A script has started. */
  begin(): void {
    this.#count++;
  }

  /** One that ran for `runMs` milliseconds has ended. */
  end(runMs: number): void {
    this.#count--;
    this.#meanMs += (runMs - this.#meanMs) * WEIGHT;
  }

  /** Milliseconds. */
  get pauseMs(): number {
    const { processors, maxPauseMs } = this.#options;
    if (this.#count < CROWD * processors) return 0;
    const pauseMs = Math.min(maxPauseMs, this.#meanMs * SHARE);
    return pauseMs < MIN_PAUSE_MS ? 0 : pauseMs;
  }
}
