/** What one run of a load gives: types alone. */

/** Waits for an answer in ms: half of them, 99 % and 99.9 % were no longer. */
export interface Waits {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
}

/** What one run of a row gave. null where the figure has no meaning for the row. */
export interface Sample {
  /** In the unit of the row. */
  readonly value: number;
  /** CPU time of the server and its children for each request, in microseconds. */
  readonly cpuUs: number | null;
  /** CPU time of the server and its children as a share of the run: near 1 it had no core left to use. */
  readonly busy: number | null;
  /** CPU time of the load as a share of the run: near 1 the one core of the load was the limit, not the server. */
  readonly loadBusy: number | null;
  readonly waits: Waits | null;
  /** Resident memory of the server and its own children, not of scripts, at the end of the run, in bytes. */
  readonly rssBytes: number | null;
}
