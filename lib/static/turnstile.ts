/**
 * Turns for reads that each take a moment: however many come at once, everybody else has a turn between them. Separate from
 * the files that are read, for it knows nothing but its order.
 */
import { nextTurn } from "../system/readiness.ts";

/**
 * Gives so many of those who come their turn, then everybody else, then so many again, in the order of their coming. However many
 * there are, and however long each waits for the disk, nobody else waits for more of them than that.
 */
export class Turnstile {
  readonly #most: number;
  #left: number;
  #isTurning = false;
  readonly #waiting: (() => void)[] = [];

  constructor(most: number) {
    this.#most = this.#left = most;
  }

  /** Null: at once. Else resolves when it is one's turn. */
  enter(): Promise<void> | null {
    this.#turnLater();
    if (this.#left === 0) return new Promise((resolve) => this.#waiting.push(resolve));
    this.#left--;
    return null;
  }

  #turnLater(): void {
    if (this.#isTurning) return;
    this.#isTurning = true;
    nextTurn().then(() => {
      this.#isTurning = false;
      const next = this.#waiting.splice(0, this.#most);
      this.#left = this.#most - next.length;
      for (const enter of next) enter();
      if (next.length > 0) this.#turnLater();
    });
  }
}

/** Lets so many in at once, the others in the order of their coming as those leave. */
export class Semaphore {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(most: number) {
    this.#free = most;
  }

  /** Null: at once. Else resolves when one is in. Whoever is in calls `leave`, once. */
  enter(): Promise<void> | null {
    if (this.#free === 0) return new Promise((resolve) => this.#waiting.push(resolve));
    this.#free--;
    return null;
  }

  leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}
