/**
 * What is known about the files that were asked for: facts, fields, and the content of small ones. Separate from the
 * answers, for here alone it is decided how old knowledge may be and when the disk is looked at.
 */
import { closeSync, existsSync } from "node:fs";
import { INDEX_NAME, isHidden, type Located } from "../http/located.ts";
import { HttpError } from "../http/message.ts";
import type { Limits } from "../limits.ts";
import { readWhole } from "./file_body.ts";
import type { CacheSection } from "./file_cache.ts";
import { mediaType, type MediaTypes } from "./media_types.ts";
import { openFile, type Scope, statFile, statOpenFile } from "./open_file.ts";
import {
  type FileFacts,
  hasStrongTag,
  isSameState,
  keepContent,
  represent,
  type Representation,
  type SourceFile,
} from "./representation.ts";
import { type ContentCoding, PRECOMPRESSED } from "./select_encoding.ts";

export interface KnownFilesOptions extends Scope {
  readonly servesDotFiles: boolean;
  readonly types: MediaTypes;
  readonly limits: Pick<Limits, "fileCacheMs" | "maxRangeCount">;
  /** Where the knowledge is kept. */
  readonly cache: CacheSection<Resource>;
}

/** What a path names: a file, perhaps with precompressed siblings. */
export interface Resource {
  /** The content itself, then the same in the codings of `codings`. */
  readonly representations: readonly [Representation, ...Representation[]];
  readonly codings: readonly ContentCoding[];
  /** Which of them an Accept-Encoding field gets, as far as it was worked out. */
  readonly choices: Map<string, Representation | null>;
  /** When the disk was looked at. */
  readonly checkedMs: number;
}

export class KnownFiles {
  /** What a resource weighs in the cache beside its content. */
  static readonly #RESOURCE_BYTES = 1024;

  readonly #options: KnownFilesOptions;
  readonly #cache: CacheSection<Resource>;
  /** Reads into memory that are under way. */
  readonly #loads = new Map<Representation, Promise<void>>();

  constructor(options: KnownFilesOptions) {
    this.#options = options;
    this.#cache = options.cache;
  }

  /** What a path below the root was last seen to name, if that is no longer ago than `limits.fileCacheMs`; else null. */
  recall(path: string, nowMs: number): Resource | null {
    const resource = this.#cache.get(path);
    if (resource === undefined) return null;
    const ageMs = nowMs - resource.checkedMs;
    // Below 0 the clock was set back, and nothing is known about the age.
    return ageMs >= 0 && ageMs < this.#options.limits.fileCacheMs ? resource : null;
  }

  /**
   * What the path names now: its file, or the index.html of a folder with a slash at its end. Null for a folder without a
   * slash, and for a path with one that has no index, be there a folder or not. Throws HttpError as `openFile` does, and
   * 404 for a path that is hidden.
   */
  find(at: Located, nowMs: number): Resource | null {
    const { path } = at;
    const known = this.#cache.get(path);
    this.#cache.delete(path);
    this.#check(at);
    const name = this.#options.root + path;
    let resource: Resource | null;
    try {
      resource = this.#look(path.endsWith("/") ? name + INDEX_NAME : name, { known, nowMs });
    } catch (error) {
      if (path.endsWith("/") && error instanceof HttpError && error.status === 404) return null;
      throw error;
    }
    if (resource !== null) this.#remember(path, resource);
    return resource;
  }

  /** Reads the content into memory, unless the file has changed since it was looked at: then `content` stays null. */
  load(representation: Representation, path: string): Promise<void> {
    let load = this.#loads.get(representation);
    if (load === undefined) {
      load = this.#read(representation, path).finally(() => this.#loads.delete(representation));
      this.#loads.set(representation, load);
    }
    return load;
  }

  async #read(representation: Representation, path: string): Promise<void> {
    const { root, programs } = this.#options;
    const opened = openFile(representation.path, { root, programs, known: representation.facts });
    if (opened === null) return;
    try {
      const bytes = await readWhole(opened.fd, representation.length);
      // Asked only now, for somebody may have written while it was read.
      if (bytes === null || !isSameState(statOpenFile(opened.fd), representation.facts)) return;
      keepContent(representation, bytes);
    } finally {
      closeSync(opened.fd);
    }
    const resource = this.#cache.get(path);
    if (resource?.representations.includes(representation)) this.#remember(path, resource);
  }

  /** Throws HttpError 404 for a path that could lead out of the root, or that names something hidden. */
  #check(at: Located): void {
    const { path, segments } = at;
    // The reader of the target has seen to all but the dot files; a mistake there must not open the disk.
    const isSafe = !path.includes("\0") && !segments.some((name) => name === "." || name === "..");
    // The runtime would ask for a name with U+FFFD in place of each byte that is not UTF-8.
    if (!isSafe || !path.isWellFormed()) throw new HttpError(404, `Unsafe path "${path}"`);
    if (!this.#options.servesDotFiles && isHidden(at)) throw new HttpError(404, `Hidden path "${path}"`);
  }

  /** The file and its precompressed siblings; null for a folder. What is still as it is known stays the same object. */
  #look(path: string, options: { readonly known: Resource | undefined; readonly nowMs: number }): Resource | null {
    const { known, nowMs } = options;
    const facts = this.#examine(path, known);
    if (facts === null) return null;
    const encoded = PRECOMPRESSED.flatMap(({ coding, suffix }): SourceFile[] => {
      const sibling = this.#examineSibling(path + suffix, known);
      // One that is older was made from an earlier state of the file.
      const isUsable = sibling !== null && sibling.mtimeMs >= facts.mtimeMs;
      return isUsable ? [{ path: path + suffix, facts: sibling, coding }] : [];
    });
    const varies = encoded.length > 0;
    const { types, limits } = this.#options;
    const type = mediaType(path, types);
    const acceptRanges = limits.maxRangeCount === 0 ? "none" : "bytes";
    const toRepresentation = (file: SourceFile) =>
      known?.representations.find((old) =>
        old.path === file.path && old.varies === varies && hasStrongTag(old) && isSameState(old.facts, file.facts)
      ) ?? represent(file, { type, varies, acceptRanges, nowMs });
    return {
      representations: [toRepresentation({ path, facts, coding: null }), ...encoded.map(toRepresentation)],
      codings: encoded.flatMap(({ coding }) => coding ?? []),
      choices: new Map(),
      checkedMs: nowMs,
    };
  }

  /** The facts of a file that may be sent, as was found now or when it was `known`; null for a folder. */
  #examine(path: string, known: Resource | undefined): FileFacts | null {
    const { root, programs } = this.#options;
    const facts = statFile(path);
    if (facts === null) return null;
    // A program is one by where its path really leads: that may be another place now, though the file is the same.
    const isKnown = programs === null &&
      known?.representations.some((old) => old.path === path && isSameState(old.facts, facts));
    if (isKnown) return facts;
    const opened = openFile(path, { root, programs });
    if (opened === null) return null;
    closeSync(opened.fd);
    return opened.facts;
  }

  /** The same for a file that need not be there: null also for one that cannot be served. */
  #examineSibling(path: string, known: Resource | undefined): FileFacts | null {
    // 2 us for the usual case, where an exception takes 17.
    if (!existsSync(path)) return null;
    try {
      return this.#examine(path, known);
    } catch (error) {
      if (error instanceof HttpError && (error.status === 403 || error.status === 404)) return null;
      throw error;
    }
  }

  #remember(path: string, resource: Resource): void {
    const bytes = resource.representations.reduce((sum, { content }) => sum + (content?.bytes.length ?? 0), 0);
    this.#cache.set(path, resource, KnownFiles.#RESOURCE_BYTES + bytes);
  }
}
