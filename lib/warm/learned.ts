/**
 * What a script has been seen to import, in order, from one request after the other: what its next zygote imports before
 * any request comes. Lines are the interpreter's own words and pass through here unread, but for their first part: "P" the
 * folders that are looked through from here on, "E" a variable that the script sets, "M" a module and its file, "L" one that is
 * left to the others, "C" one of the script's folder, of which the code is read and not run; 0x1f stands between parts. Pure.
 */

/** A script that imports more than this many modules has names that come from requests. */
const MOST_LINES = 10_000;

interface Entry {
  readonly line: string;
  /** The "P" line that held. */
  readonly path: string;
}

export class Learned {
  readonly #entries = new Map<string, Entry>();
  /** Modules that are not to be asked for before a request comes. */
  readonly #left = new Set<string>();

  get count(): number {
    return this.#entries.size;
  }

  /** The lines of one report. True when there was something new. */
  add(lines: readonly string[]): boolean {
    let path = "";
    const before = this.#entries.size;
    for (const line of lines) {
      const [kind, name] = line.split("\x1f");
      if (kind === "P") path = line;
      else if (this.#entries.size < MOST_LINES && name !== undefined) this.#remember(`${kind} ${name}`, { line, path });
    }
    return this.#entries.size > before;
  }

  /**
   * From now on that module is imported by nobody but others that need it: its line begins with "L" in place of "M". Returns how
   * many are so.
   */
  leave(module: string): number {
    const key = `M ${module}`;
    const entry = this.#entries.get(key);
    if (entry !== undefined) this.#entries.set(key, { ...entry, line: entry.line.replace(/^M/, "L") });
    this.#left.add(key);
    return this.#left.size;
  }

  /** All of them, each "P" where it changes. */
  get lines(): readonly string[] {
    let path = "";
    return [...this.#entries.values()].flatMap((entry) => {
      const isSame = entry.path === path;
      path = entry.path;
      return isSame ? [entry.line] : [entry.path, entry.line];
    });
  }

  #remember(key: string, entry: Entry): void {
    if (!this.#entries.has(key)) this.#entries.set(key, entry);
  }
}
