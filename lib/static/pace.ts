/**
 * Long work in parts, between which everybody else has a turn. Separate because all such work of a thread shares one pace:
 * however much of it there is, others wait for one part at a time. Reads the clock.
 */
import { nextTurn } from "../system/readiness.ts";
import type { WorkPace } from "./sort_in_parts.ts";

/** Longest part: what waits has 5 ms in mind, and a garbage collection may come on top. */
const PART_MS = 2;

export class Pace implements WorkPace {
  #endMs = 0;
  #last: Promise<void> = Promise.resolve();

  isDue(): boolean {
    return performance.now() >= this.#endMs;
  }

  /** In the order of their coming, one a turn. */
  pause(): Promise<void> {
    this.#last = this.#last.then(nextTurn).then(() => {
      this.#endMs = performance.now() + PART_MS;
    });
    return this.#last;
  }
}

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

/** Lets in so many at once; the others wait in the order of their coming. */
export class Gate {
  #room: number;
  readonly #waiting: (() => void)[] = [];

  constructor(room: number) {
    this.#room = room;
  }

  /** Does the work when there is room, and settles as that does. */
  async pass<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#room > 0) this.#room--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#room++;
      else next();
    }
  }
}
