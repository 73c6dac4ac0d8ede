/** What whoever looks at programs from outside is told. Separate from what runs them, for a program needs none of it. Types alone. */

/** Where it is noted how long programs take, in milliseconds. */
export interface ScriptTimes {
  /** From the call to the program's first instruction. */
  readonly starts: { observe(ms: number): void };
  /** From then until it was done. */
  readonly runs: { observe(ms: number): void };
}

export interface RunView {
  /** Absolute path of the script. */
  readonly file: string;
  readonly pid: number;
  /** Whom it answers: an address, "" for a client of a Unix socket. */
  readonly client: string;
  /** By performance.now(). */
  readonly startMs: number;
}

/** What runs and waits. */
export interface RunnerView {
  readonly runs: Iterable<RunView>;
  /** Requests that wait for their turn; and whose content still comes before that. */
  readonly waitingCount: number;
  readonly comingCount: number;
}
