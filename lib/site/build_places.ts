/**
 * From what was configured for single prefixes to places: each has an answer and a guard, its own or those of the nearest
 * place around it. Pure.
 */
import { joinSegments } from "../http/located.ts";
import type { PathPrefix } from "../http/path_prefix.ts";
import { PrefixTree } from "../http/prefix_tree.ts";
import type { Guard, Place } from "./site.ts";

/** What answers for a prefix. */
export type Answerer = Omit<Place, "guard">;

/** Who guards a prefix, in place of those around it. */
export interface Guarded {
  readonly prefix: PathPrefix;
  readonly guard: Guard;
}

/** One place for each prefix that either list names; of two for one prefix the later. Throws where nothing answers. */
export function buildPlaces(answerers: readonly Answerer[], guarded: readonly Guarded[]): readonly Place[] {
  const answers = new PrefixTree(answerers.map((answerer) => ({ ...answerer.prefix, value: answerer })));
  const guards = new PrefixTree(guarded.map(({ prefix, guard }) => ({ ...prefix, value: guard })));
  const prefixes = new Map([...answerers, ...guarded].map(({ prefix }) => [joinSegments(prefix.segments), prefix]));
  return [...prefixes.values()].map((prefix) => {
    const found = answers.nearest(prefix.segments);
    if (found === null) throw new Error(`Nothing answers for "${joinSegments(prefix.segments)}/"`);
    return { ...found.value, prefix, guard: guards.nearest(prefix.segments)?.value ?? null };
  });
}
