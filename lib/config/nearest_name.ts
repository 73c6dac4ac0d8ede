/**
 * Which of some names was meant by one that is none of them, for the message that refuses it. Separate because the command line and
 * the configuration file ask the same. Pure.
 */

/** Mistakes in a name beyond these are another name, and so is more than one in each so many characters. */
const MOST_MISTAKES = 2;
const CHARACTERS_A_MISTAKE = 3;
/** Of fewer characters too many names begin with them. */
const LEAST_BEGINNING = 3;

/**
 * The name with the fewest mistakes (a character too many, too few, wrong, or two that are exchanged; capitals are none); else the
 * only one that begins so, as `cert` for `certificate`; null where there is none.
 */
export function nearestName(text: string, names: readonly string[]): string | null {
  const small = text.toLowerCase();
  const most = Math.min(MOST_MISTAKES, Math.max(1, Math.floor(small.length / CHARACTERS_A_MISTAKE)));
  // Nothing longer can be near, and what somebody pasted may be long.
  const near = names.filter((name) => Math.abs(name.length - small.length) <= most)
    .map((name) => ({ name, mistakes: countMistakes(small, name) }))
    .filter(({ mistakes }) => mistakes <= most)
    .toSorted((one, other) => one.mistakes - other.mistakes);
  if (near.length > 0) return near[0].name;
  const begun = small.length < LEAST_BEGINNING ? [] : names.filter((name) => name.startsWith(small));
  return begun.length === 1 ? begun[0] : null;
}

/** The distance of optimal string alignment. */
function countMistakes(one: string, other: string): number {
  let before: readonly number[] = [];
  let row: readonly number[] = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++) {
      const isSame = one[i - 1] === other[j - 1];
      const isExchanged = i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      next.push(Math.min(
        row[j] + 1,
        next[j - 1] + 1,
        row[j - 1] + (isSame ? 0 : 1),
        isExchanged ? before[j - 2] + 1 : Infinity,
      ));
    }
    [before, row] = [row, next];
  }
  return row[other.length];
}
