/**
 * A walk through all that is below a folder, links followed but none that would lead it round, for a look at each. Separate from
 * those who judge what is found: two do, of files and of programs. I/O.
 */

/** Of larger folders the first so many entries are looked at, so that a walk takes seconds at most. */
const MAX_ENTRIES = 20_000;

/** A name in a folder, and what it leads to. */
export interface WalkedEntry {
  /** Below the folder where the walk began. */
  readonly path: string;
  /** Names from there. */
  readonly segments: readonly string[];
  readonly isLink: boolean;
  /** What it leads to: null where nobody may look or it has gone, "nowhere", or "round" for a link that leads to itself. */
  readonly target: { readonly real: string; readonly info: Deno.FileInfo } | "nowhere" | "round" | null;
}

export class FolderWalk {
  readonly #maxEntries: number;
  #count = 0;

  constructor(maxEntries = MAX_ENTRIES) {
    this.#maxEntries = maxEntries;
  }

  /** How many entries were looked at, where there are more; else null. */
  get cutAt(): number | null {
    return this.#count > this.#maxEntries ? this.#maxEntries : null;
  }

  /** Each entry, in the order of names, a folder before what is in it; `top` is its real path. Folders are entered where `enters` says so. */
  *entries(top: string, enters: (entry: WalkedEntry) => boolean): Generator<WalkedEntry> {
    yield* this.#walk({ folder: top, segments: [] }, enters);
  }

  *#walk(
    { folder, segments }: { readonly folder: string; readonly segments: readonly string[] },
    enters: (entry: WalkedEntry) => boolean,
  ): Generator<WalkedEntry> {
    for (const { name, isSymlink } of readFolder(folder)) {
      if (++this.#count > this.#maxEntries) return;
      const path = `${folder === "/" ? "" : folder}/${name}`;
      const entry = { path, segments: [...segments, name], isLink: isSymlink, target: follow(path, isSymlink) };
      yield entry;
      const { target } = entry;
      // A link to a folder would be walked twice, or for ever.
      if (target === null || typeof target === "string" || isSymlink || !target.info.isDirectory) continue;
      if (enters(entry)) yield* this.#walk({ folder: path, segments: entry.segments }, enters);
    }
  }
}

function follow(path: string, isLink: boolean): WalkedEntry["target"] {
  try {
    const real = Deno.realPathSync(path);
    return { real, info: Deno.statSync(real) };
  } catch (error) {
    if (error instanceof Deno.errors.FilesystemLoop) return "round";
    // What is no link has gone, or whoever checks may not look at it: that its folder is closed is told of that.
    return isLink && error instanceof Deno.errors.NotFound ? "nowhere" : null;
  }
}

function readFolder(folder: string): Iterable<Deno.DirEntry> {
  try {
    return [...Deno.readDirSync(folder)].sort((a, b) => a.name < b.name ? -1 : 1);
  } catch {
    // Whoever checks may not read it; that the server's user cannot is told of the folder.
    return [];
  }
}
