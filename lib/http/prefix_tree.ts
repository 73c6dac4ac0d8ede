/**
 * Values by path prefix, found by whole segments: the longest prefix of a path wins. A look takes as many steps as the path
 * has segments, however many prefixes there are. Pure.
 */
import type { PathPrefix } from "./path_prefix.ts";

interface Branch<Value> {
  entry: PrefixEntry<Value> | null;
  /** By the next segment; null where there is none. */
  branches: Map<string, Branch<Value>> | null;
}

export interface PrefixEntry<Value> extends PathPrefix {
  readonly value: Value;
}

export class PrefixTree<Value> {
  readonly #root: Branch<Value> = { entry: null, branches: null };

  constructor(entries: Iterable<PrefixEntry<Value>> = []) {
    for (const { segments, value } of entries) this.set({ segments }, value);
  }

  /** In place of what the prefix had before. */
  set({ segments }: PathPrefix, value: Value): void {
    let branch = this.#root;
    for (const segment of segments) {
      const branches = branch.branches ??= new Map();
      let next = branches.get(segment);
      if (next === undefined) branches.set(segment, next = { entry: null, branches: null });
      branch = next;
    }
    branch.entry = { segments, value };
  }

  /** What that prefix itself has. */
  get({ segments }: PathPrefix): Value | undefined {
    const found = this.nearest(segments);
    return found?.segments.length === segments.length ? found.value : undefined;
  }

  /** The segments that follow that prefix in prefixes which are one segment longer and have a value for which `test` holds. */
  namesBelow({ segments }: PathPrefix, test: (value: Value) => boolean): readonly string[] {
    let branch: Branch<Value> | undefined = this.#root;
    for (const segment of segments) branch = branch?.branches?.get(segment);
    return [...branch?.branches ?? []].flatMap(([name, { entry }]) =>
      entry !== null && test(entry.value) ? [name] : []
    );
  }

  /** The entry of the longest prefix of the segments; null where there is none. */
  nearest(segments: readonly string[]): PrefixEntry<Value> | null {
    let branch: Branch<Value> | undefined = this.#root;
    let found = branch.entry;
    for (const segment of segments) {
      branch = branch.branches?.get(segment);
      if (branch === undefined) break;
      found = branch.entry ?? found;
    }
    return found;
  }
}
