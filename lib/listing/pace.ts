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
