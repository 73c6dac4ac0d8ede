/**
 * Values by names of hosts. Separate because sites and certificates are chosen by one and the same rule: an exact name, then the
 * wildcard with the most labels. Pure. RFC 9110 7.2, RFC 6066 3.
 */

export class HostMap<Value> {
  readonly #byName: ReadonlyMap<string, Value>;
  readonly #hasWildcards: boolean;

  /** Names in lower case, one that begins with "*." for all below; of two of one name the earlier. */
  constructor(entries: Iterable<readonly [names: readonly string[], value: Value]>) {
    const byName = new Map<string, Value>();
    for (const [names, value] of entries) {
      for (const name of names) if (!byName.has(name)) byName.set(name, value);
    }
    this.#byName = byName;
    this.#hasWildcards = [...byName.keys()].some((name) => name.startsWith("*."));
  }

  /** `host` in lower case, perhaps with the dot at the end of a whole name; undefined where nothing is known of it. */
  find(host: string): Value | undefined {
    const name = host.endsWith(".") ? host.slice(0, -1) : host;
    return this.#byName.get(name) ?? (this.#hasWildcards ? this.#findWildcard(name) : undefined);
  }

  #findWildcard(name: string): Value | undefined {
    for (let dot = name.indexOf("."); dot >= 0; dot = name.indexOf(".", dot + 1)) {
      const found = this.#byName.get(`*${name.slice(dot)}`);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}
