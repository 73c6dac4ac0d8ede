/** The few statistics of the bench: pure. */

/** A median with the range it came from. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** Median (the mean of the middle two for an even count) and range of at least one value, else throws Error. */
export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) throw new Error("There is no median of nothing");
  const sorted = values.toSorted((a, b) => a - b);
  const upper = Math.floor(sorted.length / 2);
  const median = sorted.length % 2 === 1 ? sorted[upper] : (sorted[upper - 1] + sorted[upper]) / 2;
  return { median, least: sorted[0], most: sorted[sorted.length - 1] };
}

/**
 * The ratio of two servers: the median of the ratios of each round. Both runs of a round stand close in time, so what
 * slows the machine for seconds slows both and leaves the ratio alone; the ratio of the two medians would lose that.
 * The two lists hold one value a round, in the same order.
 */
export function ratioOf(ours: readonly number[], theirs: readonly number[]): Spread {
  if (ours.length !== theirs.length) throw new Error("The two servers ran a different number of rounds");
  return spreadOf(ours.map((value, round) => value / theirs[round]));
}

/**
 * The order in which `items` run in a round, counted from 0: every second round goes backwards, and each two begin one further, so
 * that no server always follows the same one or always comes first, also where there are two.
 */
export function orderOf<Item>(items: readonly Item[], round: number): readonly Item[] {
  const start = Math.floor(round / 2) % Math.max(1, items.length);
  const rotated = [...items.slice(start), ...items.slice(0, start)];
  return round % 2 === 0 ? rotated : rotated.reverse();
}
