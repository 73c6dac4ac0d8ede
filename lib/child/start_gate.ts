/**
 * How many programs are being executed at once: about as many as there are processors, for more only keep each other and
 * everybody else on the machine waiting. Separate from the spawner, which knows no time. Timers.
 */

export interface StartGateOptions {
  /** Starts that are under way at once. */
  readonly maxStarts: number;
  /**
   * When none has ended between two looks, which are so many milliseconds apart, they wait for a disk or a network, and one
   * more may pass.
   */
  readonly slowMs: number;
}

export class StartGate {
  readonly #options: StartGateOptions;
  #count = 0;
  /** In the order of their coming. */
  readonly #waiting: (() => void)[] = [];
  /** Runs while somebody waits. */
  #timer: number | undefined = undefined;
  /** Whether a start has ended since the timer last looked. */
  #hasMoved = false;

  constructor(options: StartGateOptions) {
    this.#options = options;
  }

  /** Calls `start` when there is room, and settles as that does. */
  async pass<Result>(start: () => Promise<Result>): Promise<Result> {
    if (this.#count < this.#options.maxStarts) this.#count++;
    else await this.#wait();
    try {
      return await start();
    } finally {
      this.#leave();
    }
  }

  #wait(): Promise<void> {
    // One timer, and none for each start: making and clearing it is a thirtieth of what the server does for a program.
    this.#timer ??= setInterval(() => this.#look(), this.#options.slowMs);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #look(): void {
    if (!this.#hasMoved) {
      this.#count++;
      this.#letNext();
    }
    this.#hasMoved = false;
  }

  /** The place goes to the one who has waited longest. */
  #leave(): void {
    this.#hasMoved = true;
    if (this.#waiting.length > 0) this.#letNext();
    else this.#count--;
  }

  #letNext(): void {
    this.#waiting.shift()?.();
    if (this.#waiting.length > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
