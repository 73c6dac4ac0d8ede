/**
 * How long something took, counted by classes of length, as Prometheus has histograms. Separate from what is timed: requests,
 * programs and handshakes share the bounds. Pure; times come in as milliseconds and are told in seconds.
 */

/** The upper bounds of the classes in seconds, both included; what is longer has a class of its own. */
export const BOUNDS: readonly number[] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export const BUCKET_COUNT = BOUNDS.length + 1;

const BOUNDS_MS = BOUNDS.map((seconds) => seconds * 1000);

/** The index of the class that a time belongs to. */
export function bucketOf(ms: number): number {
  let at = 0;
  while (at < BOUNDS_MS.length && ms > BOUNDS_MS[at]) at++;
  return at;
}

/** How many times fell into each class, and how long they were together. */
export interface Times {
  readonly buckets: readonly number[];
  readonly sumMs: number;
}

export const NO_TIMES: Times = { buckets: new Array(BUCKET_COUNT).fill(0), sumMs: 0 };

export class Histogram {
  readonly #buckets = new Float64Array(BUCKET_COUNT);
  #sumMs = 0;

  observe(ms: number): void {
    this.#buckets[bucketOf(ms)]++;
    this.#sumMs += ms;
  }

  get times(): Times {
    return { buckets: [...this.#buckets], sumMs: this.#sumMs };
  }
}

export function countOf({ buckets }: Times): number {
  return buckets.reduce((sum, count) => sum + count, 0);
}

export function addTimes(one: Times, other: Times): Times {
  return { buckets: one.buckets.map((count, at) => count + other.buckets[at]), sumMs: one.sumMs + other.sumMs };
}
