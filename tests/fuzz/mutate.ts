/**
 * What all fuzzers share: numbers that follow from a seed, and changes of a text by them. Every case follows from its
 * number alone, so that one can be played again. Pure.
 */
export interface FuzzOptions {
  /** Number of the first case. */
  readonly seed: number;
  /** How many cases. */
  readonly count: number;
}

/** Gives a number from 0 (inclusive) to `below` (exclusive). */
export type Random = (below: number) => number;

/** The same numbers for the same seed (mulberry32). */
export function randomFrom(seed: number): Random {
  let state = Math.imul(seed, 0x9e3779b1) | 0;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

export function choose<Item>(items: readonly Item[], random: Random): Item {
  return items[random(items.length)];
}

/** One change: a snippet put in, over or at the start of a line, characters taken out, repeated or replaced, the end cut. */
export function mutate(
  text: string,
  { random, snippets }: { readonly random: Random; readonly snippets: readonly string[] },
): string {
  const at = random(text.length + 1);
  const length = random(random(4) === 0 ? 60 : 3);
  const snippet = choose(snippets, random);
  switch (random(7)) {
    case 0:
      return text.slice(0, at) + snippet + text.slice(at);
    case 1:
      return text.slice(0, at) + snippet + text.slice(at + snippet.length);
    case 2:
      return text.slice(0, at) + text.slice(at + length);
    case 3:
      return text.slice(0, at) + text.slice(at, at + length) + text.slice(at);
    case 4:
      return text.slice(0, at) + String.fromCharCode(random(256)) + text.slice(at + 1);
    case 5: {
      const line = text.lastIndexOf("\r\n", at) + 2;
      return text.slice(0, line) + snippet + text.slice(line);
    }
    default:
      return random(4) === 0
        ? text.slice(0, at)
        : text.slice(0, at) + text.charAt(at).repeat(1 + length) + text.slice(at + 1);
  }
}

/** So many changes, one after the other. */
export function mutateOften(
  text: string,
  { count, ...options }: { readonly random: Random; readonly snippets: readonly string[]; readonly count: number },
): string {
  for (let rest = count; rest > 0; rest--) text = mutate(text, options);
  return text;
}

/** No line ends and no control characters, which could forge another line or drive a terminal. */
export function isOneLine(text: string): boolean {
  return !/\p{Cc}/u.test(text);
}

/** Plays each case, and says which one failed and how. */
export async function playCases(
  { seed, count }: FuzzOptions,
  play: (seed: number, random: Random) => string | null | Promise<string | null>,
): Promise<void> {
  for (let at = seed; at < seed + count; at++) {
    let problem: string | null;
    try {
      problem = await play(at, randomFrom(at));
    } catch (cause) {
      throw new Error(`Case ${at} threw ${cause}`, { cause });
    }
    if (problem !== null) throw new Error(`Case ${at}: ${problem}`);
  }
}
