/**
 * How many programs are being executed at once: as many as there are processors, for more only keep each other and
 * everybody else on the machine waiting. Separate from the spawner, which knows no time. Timers.
 */

export interface StartGateOptions {
  /** Starts that are under way at once. */
  readonly maxStarts: number;
  /** One that has not ended after so many milliseconds waits for a disk or a network, and holds up nobody else. */
  readonly slowMs: number;
}

export class StartGate {
  readonly #options: StartGateOptions;
  #count = 0;
  /** In the order of their coming. */
  readonly #waiting: (() => void)[] = [];

  constructor(options: StartGateOptions) {
    this.#options = options;
  }

  /** Calls `start` when there is room, and settles as that does. */
  async pass<Result>(start: () => Promise<Result>): Promise<Result> {
    if (this.#count >= this.#options.maxStarts) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#count++;
    let isInside = true;
    const leave = () => {
      if (!isInside) return;
      isInside = false;
      this.#leave();
    };
    const timer = setTimeout(leave, this.#options.slowMs);
    try {
      return await start();
    } finally {
      clearTimeout(timer);
      leave();
    }
  }

  /** The place goes to the one who has waited longest. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#count--;
    else next();
  }
}
