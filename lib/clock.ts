/**
 * The time that all connections of a thread go by, asked for often, so it is read once after each read of a socket. Separate,
 * for tests put one that stands still in its place.
 */

/** More than passes from one update to the next while the process runs: the server's sweep updates it once a second. */
const MOST_STEP_MS = 3000;

export class Clock {
  /** Unix time in milliseconds. */
  unixMs: number;
  /**
   * Milliseconds, for limits of time: goes on as Unix time does, but stands still while the process is stopped or the machine
   * sleeps, when nobody was waited for, and where somebody sets the machine's clock.
   */
  nowMs: number;
  readonly readUnixMs: () => number;

  constructor(readUnixMs: () => number = Date.now) {
    this.readUnixMs = readUnixMs;
    this.nowMs = this.unixMs = readUnixMs();
  }

  update(): void {
    const unixMs = this.readUnixMs();
    const stepMs = unixMs - this.unixMs;
    this.unixMs = unixMs;
    if (stepMs >= 0 && stepMs <= MOST_STEP_MS) this.nowMs += stepMs;
  }
}

/** What waiting needs of a clock. */
export type WaitClock = Pick<Clock, "nowMs" | "update">;
