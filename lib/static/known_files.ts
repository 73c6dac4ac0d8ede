/**
 * What is known about the files that were asked for: facts, fields, and the content of small ones. Separate from the
 * answers, for here alone it is decided how old knowledge may be and when the disk is looked at.
 */
import { closeSync, existsSync } from "node:fs";
import { isHidden, type Located } from "../http/located.ts";
import { HttpError, NotThere, type Soon } from "../http/message.ts";
import type { Limits } from "../limits.ts";
import { type Charset, contentType, needsStart } from "./charset.ts";
import { examineFile } from "./examine_file.ts";
import { readWhole } from "./file_body.ts";
import type { CacheSection } from "./file_cache.ts";
import { mediaType, type MediaTypes } from "./media_types.ts";
import { type OpenFile, openFile, type Scope, statFile, statOpenFile } from "./open_file.ts";
import {
  type Examined,
  type FileFacts,
  isSameState,
  keepContent,
  represent,
  type Representation,
  type SourceFile,
} from "./representation.ts";
import { type ContentCoding, PRECOMPRESSED } from "./select_encoding.ts";

export interface KnownFilesOptions extends Scope {
  readonly indexNames: readonly string[];
  readonly servesDotFiles: boolean;
  readonly types: MediaTypes;
  readonly charset: Charset;
  readonly limits: Pick<Limits, "fileCacheMs" | "maxRangeCount" | "maxCachedFileBytes">;
  /** Where the knowledge is kept. */
  readonly cache: CacheSection<Resource>;
  /** Whether the file at that path was last changed before 1970; null: nobody can say. */
  isBefore1970(path: string): boolean | null;
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
  /** Searches that wait for the disk, by path. */
  readonly #searches = new Map<string, { readonly startMs: number; readonly found: Promise<Resource> }>();

  constructor(options: KnownFilesOptions) {
    this.#options = options;
    this.#cache = options.cache;
  }

  /** What a path below the root was last seen to name, if that is no longer ago than `limits.fileCacheMs`; else null. */
  recall(path: string, nowMs: number): Resource | null {
    const resource = this.#cache.get(path);
    if (resource === undefined) return null;
    return this.#isFresh(resource.checkedMs, nowMs) ? resource : null;
  }

  /** What was known of the path is no longer so. */
  forget(path: string): void {
    this.#cache.delete(path);
  }

  /** Whether a name of the path begins with a dot, and is not served. */
  isHidden(at: Located): boolean {
    return !this.#options.servesDotFiles && isHidden(at);
  }

  #isFresh(checkedMs: number, nowMs: number): boolean {
    const ageMs = nowMs - checkedMs;
    // Below 0 the clock was set back, and nothing is known about the age.
    return ageMs >= 0 && ageMs < this.#options.limits.fileCacheMs;
  }

  /**
   * What the path names now: its file, or the index.html of a folder with a slash at its end. Null for a folder without a
   * slash, and for a path with one that has no index, be there a folder or not. Throws HttpError as `openFile` does, and
   * 404 for a path that is hidden. Not async: what is still as it is known is there at once.
   */
  find(at: Located, nowMs: number): Soon<Resource | null> {
    const { path } = at;
    const search = this.#searches.get(path);
    // Who asks while a file is examined shares the work, and what was seen is no older than what `recall` gives.
    if (search !== undefined && this.#isFresh(search.startMs, nowMs)) return search.found;
    const known = this.#cache.get(path);
    this.#cache.delete(path);
    this.#check(at);
    const look = this.#look(path, known);
    if (look === null) return null;
    const old = look.map((file) => findSame(known, { file, varies: look.length > 1 }));
    if (isWhole(old)) return this.#remember(path, toResource(old, nowMs));
    const found = this.#represent(look, { known, nowMs }).then((resource) => this.#remember(path, resource));
    const own = { startMs: nowMs, found };
    this.#searches.set(path, own);
    return found.finally(() => {
      if (this.#searches.get(path) === own) this.#searches.delete(path);
    });
  }

  /** What is open, of which an earlier state is `known`; what is no state, for it changes all the time, has a weak tag. */
  async describe(
    opened: OpenFile,
    { known, nowMs }: { known: Representation; nowMs: number },
  ): Promise<Representation> {
    let { facts } = opened;
    let examined: Examined | null = null;
    for (let count = 0; examined === null && count < MAX_EXAMINATIONS; count++) {
      facts = statOpenFile(opened.fd);
      examined = await examineFile({ ...opened, facts }, { needsStart: false });
    }
    const isBefore1970 = this.#options.isBefore1970(known.path);
    return represent({ ...known, facts }, { ...known, nowMs, examined, keepsContent: true, isBefore1970 });
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
    const { root, programs, links } = this.#options;
    const opened = openFile(representation.path, { root, programs, links, known: representation.facts });
    if (opened === null) return;
    try {
      const bytes = await readWhole(opened.fd, { first: 0, last: representation.length - 1 });
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
    if (!isSafe) throw new HttpError(404, `Unsafe path "${path}"`);
    if (this.isHidden(at)) throw new HttpError(404, `Hidden path "${path}"`);
    // The runtime would ask for a name with U+FFFD in place of each byte that is not UTF-8.
    if (!path.isWellFormed()) throw new NotThere(path);
  }

  /** The file and its precompressed siblings; null for a folder, and for one that is asked for its index and has none. */
  #look(path: string, known: Resource | undefined): readonly [SourceFile, ...SourceFile[]] | null {
    const name = this.#options.root + path;
    if (!path.endsWith("/")) return this.#lookAt(name, known);
    for (const indexName of this.#options.indexNames) {
      try {
        const index = this.#lookAt(name + indexName, known);
        if (index !== null) return index;
      } catch (error) {
        if (!(error instanceof HttpError && error.status === 404)) throw error;
      }
    }
    return null;
  }

  #lookAt(path: string, known: Resource | undefined): readonly [SourceFile, ...SourceFile[]] | null {
    const facts = this.#examine(path, known);
    if (facts === null) return null;
    const encoded = PRECOMPRESSED.flatMap(({ coding, suffix }): SourceFile[] => {
      const sibling = this.#examineSibling(path + suffix, known);
      // One that is older was made from an earlier state of the file.
      const isUsable = sibling !== null && sibling.mtimeMs >= facts.mtimeMs;
      return isUsable ? [{ path: path + suffix, facts: sibling, coding }] : [];
    });
    return [{ path, facts, coding: null }, ...encoded];
  }

  /** What is still as it is known stays the same object; all else is read, as far as its tag and its type take it. */
  async #represent(
    [file, ...siblings]: readonly [SourceFile, ...SourceFile[]],
    { known, nowMs }: { readonly known: Resource | undefined; readonly nowMs: number },
  ): Promise<Resource> {
    const { types, charset, limits } = this.#options;
    const varies = siblings.length > 0;
    const acceptRanges = limits.maxRangeCount === 0 ? "none" : "bytes";
    const mediaTypeOf = mediaType(file.path, types);
    let type = "";
    const toRepresentation = async (each: SourceFile): Promise<Representation> => {
      const same = findSame(known, { file: each, varies });
      if (same !== null) return same;
      const examined = await this.#examineContent(each, each === file && needsStart(mediaTypeOf, charset));
      if (each === file) type = contentType(mediaTypeOf, { charset, start: examined?.start ?? null });
      // Of several codings, that one stays in memory which is asked for.
      const keepsContent = !varies && each.facts.size <= limits.maxCachedFileBytes;
      const isBefore1970 = this.#options.isBefore1970(each.path);
      return represent(each, { type, varies, acceptRanges, nowMs, examined, keepsContent, isBefore1970 });
    };
    const first = await toRepresentation(file);
    type = first.type;
    return toResource([first, ...await Promise.all(siblings.map(toRepresentation))], nowMs);
  }

  /** Null where the file is in another state by now, or none. */
  async #examineContent({ path, facts }: SourceFile, needsStart: boolean): Promise<Examined | null> {
    const { root, programs, links } = this.#options;
    const opened = openFile(path, { root, programs, links, known: facts });
    if (opened === null) return null;
    try {
      return isSameState(opened.facts, facts) ? await examineFile(opened, { needsStart }) : null;
    } finally {
      closeSync(opened.fd);
    }
  }

  /** The facts of a file that may be sent, as was found now or when it was `known`; null for a folder. */
  #examine(path: string, known: Resource | undefined): FileFacts | null {
    const { root, programs, links } = this.#options;
    const facts = statFile(path, this.#options);
    if (facts === null) return null;
    // A program is one by where its path really leads: that may be another place now, though the file is the same.
    // So is whose the links are.
    const isKnown = programs === null && links !== "owner" &&
      known?.representations.some((old) => old.path === path && isSameState(old.facts, facts));
    if (isKnown) return facts;
    const opened = openFile(path, { root, programs, links });
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

  #remember(path: string, resource: Resource): Resource {
    const bytes = resource.representations.reduce((sum, { content }) => sum + (content?.bytes.length ?? 0), 0);
    this.#cache.set(path, resource, KnownFiles.#RESOURCE_BYTES + bytes);
    return resource;
  }
}

/** A file that is written to all the time is described after so many attempts, as well as can be. */
const MAX_EXAMINATIONS = 4;

type Representations = Resource["representations"];

function isWhole(found: readonly (Representation | null)[]): found is Representations {
  return found.length > 0 && !found.includes(null);
}

/** What is known of the file in that state. */
function findSame(
  known: Resource | undefined,
  { file, varies }: { readonly file: SourceFile; readonly varies: boolean },
): Representation | null {
  const isSame = (old: Representation) =>
    old.path === file.path && old.varies === varies && old.isSettled && isSameState(old.facts, file.facts);
  return known?.representations.find(isSame) ?? null;
}

function toResource(representations: Representations, nowMs: number): Resource {
  const codings = representations.flatMap(({ coding }) => coding ?? []);
  return { representations, codings, choices: new Map(), checkedMs: nowMs };
}
