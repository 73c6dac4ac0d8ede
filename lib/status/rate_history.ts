/**
 * How much there was a second, over the last quarter of an hour: what was counted in all is noted once a second, and rates and
 * curves are differences of that. Separate from the counters, which know no time. Pure: the time is handed in.
 */

/** The times that rates are told for, in seconds. */
export const SPANS = [1, 60, 900] as const;

/** Samples that are kept: one a second, for the longest span, and that before it. */
const MOST_SAMPLES = SPANS[2] + 1;
/** Points of a curve. */
const POINT_COUNT = 60;
const SECOND_MS = 1000;

export interface Rates {
  /** A second, over each of `SPANS`; over what there is of it in a server that is younger. */
  readonly means: readonly number[];
  /** The last minute, a point for each second, and the last quarter of an hour, one for 15 s. The newest stands last. */
  readonly minute: readonly number[];
  readonly quarter: readonly number[];
}

export class RateHistory {
  readonly #times = new Float64Array(MOST_SAMPLES);
  readonly #totals = new Float64Array(MOST_SAMPLES);
  #count = 0;

  /** Notes what there was in all; to be called about once a second, and once at the start. */
  note(nowMs: number, total: number): void {
    const at = this.#count++ % MOST_SAMPLES;
    this.#times[at] = nowMs;
    this.#totals[at] = total;
  }

  get rates(): Rates {
    return {
      means: SPANS.map((seconds) => this.#between(seconds, 0)),
      minute: this.#curve(1),
      quarter: this.#curve(SPANS[2] / POINT_COUNT),
    };
  }

  /** A point for so many seconds. */
  #curve(seconds: number): readonly number[] {
    return Array.from({ length: POINT_COUNT }, (_, at) => {
      const to = (POINT_COUNT - 1 - at) * seconds;
      return this.#between(to + seconds, to);
    });
  }

  /** A second, from the one to the other sample, which are so many samples old; 0 where there are none. */
  #between(from: number, to: number): number {
    const last = this.#count - 1;
    const oldest = Math.max(0, this.#count - MOST_SAMPLES);
    const [first, end] = [Math.max(oldest, last - from), last - to].map((index) => index % MOST_SAMPLES);
    if (last - to < oldest) return 0;
    const ms = this.#times[end] - this.#times[first];
    return ms > 0 ? (this.#totals[end] - this.#totals[first]) * SECOND_MS / ms : 0;
  }
}

/** What several threads have had together. */
export function addRates(all: readonly Rates[]): Rates {
  const sum = (lists: readonly (readonly number[])[]) =>
    (lists[0] ?? []).map((_, at) => lists.reduce((total, list) => total + list[at], 0));
  return {
    means: sum(all.map(({ means }) => means)),
    minute: sum(all.map(({ minute }) => minute)),
    quarter: sum(all.map(({ quarter }) => quarter)),
  };
}
