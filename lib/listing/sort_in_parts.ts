/**
 * Puts long lists in order without holding anybody up. Separate because the sort of the language cannot be interrupted: 100,000
 * names take it half a second. Pure.
 */

/** What work asks while it goes on. */
export interface WorkPace {
  /** Whether others have waited long enough. Takes 0.1 us. */
  isDue(): boolean;
  /** Resolves when others have had their turn, and the next part may begin. */
  pause(): Promise<void>;
}

/** Lists that are sorted at once: 0.1 ms. */
const RUN_LENGTH = 64;

/** The items in order, in a list of its own. Items that compare as equal keep their order. */
export async function sortInParts<Item>(
  items: readonly Item[],
  compare: (a: Item, b: Item) => number,
  pace: WorkPace,
): Promise<readonly Item[]> {
  let from: Item[] = [];
  for (let first = 0; first < items.length; first += RUN_LENGTH) {
    if (pace.isDue()) await pace.pause();
    from.push(...items.slice(first, first + RUN_LENGTH).sort(compare));
  }
  // The two change places each time: a new list for each would be 20 MB of garbage for 100,000 items.
  let to = from.slice();
  for (let length = RUN_LENGTH; length < items.length; length *= 2) {
    for (let first = 0, at = 0; first < items.length; first += 2 * length) {
      const middle = Math.min(first + length, items.length);
      const end = Math.min(middle + length, items.length);
      for (let left = first, right = middle; at < end; at++) {
        if (pace.isDue()) await pace.pause();
        const takesLeft = right === end || (left < middle && compare(from[left], from[right]) <= 0);
        to[at] = takesLeft ? from[left++] : from[right++];
      }
    }
    [from, to] = [to, from];
  }
  return from;
}
