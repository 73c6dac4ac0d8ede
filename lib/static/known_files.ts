/**
 * What is known about the files that were asked for: facts, fields, and the content of small ones. Separate from the
 * answers, for here alone it is decided how old knowledge may be and when the disk is looked at.
 */
import { existsSync } from "node:fs";
import { isHidden, type Located } from "../http/located.ts";
import { HttpError, NotThere, type Soon } from "../http/message.ts";
import { isCompressible, LEAST_BYTES } from "../coding/compressible.ts";
import type { Compressor } from "../coding/compressor.ts";
import type { Limits } from "../limits.ts";
import { type Charset, contentType, needsStart } from "./charset.ts";
import { CompressedForms } from "./compressed_forms.ts";
import { SMALL_BYTES } from "./entity_tag.ts";
import { examineFile } from "./examine_file.ts";
import { readWhole } from "./file_body.ts";
import type { CacheSection } from "./file_cache.ts";
import type { ContentStore } from "./kept_content.ts";
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
import { type ContentCoding, EncodingChoices, PRECOMPRESSED } from "../coding/select_encoding.ts";

export interface KnownFilesOptions extends Scope {
  readonly indexNames: readonly string[];
  readonly servesDotFiles: boolean;
  readonly types: MediaTypes;
  readonly charset: Charset;
  readonly limits: Pick<Limits, "fileCacheMs" | "maxRangeCount" | "maxCachedFileBytes" | "compressWaitMs">;
  /** Where the knowledge is kept. */
  readonly cache: CacheSection<Resource>;
  /** Where larger contents are kept; null: as bytes. */
  readonly store: ContentStore | null;
  /** Null: nothing is compressed. */
  readonly compressor: Pick<Compressor, "compress"> | null;
  /** Whether the file at that path was last changed before 1970; null: nobody can say. */
  isBefore1970(path: string): boolean | null;
}

/** What a path names: a file, perhaps with precompressed siblings. */
export interface Resource {
  /** The content itself, then the same in the codings of `codings`. */
  readonly representations: readonly [Representation, ...Representation[]];
  readonly codings: readonly ContentCoding[];
  /** Which of them an Accept-Encoding field gets, as far as it was worked out. */
  readonly choices: EncodingChoices;
  /** Null for what is not compressed here. */
  readonly forms: CompressedForms | null;
  /** When the disk was looked at. */
  readonly checkedMs: number;
}

export class KnownFiles {
  /** What a resource weighs in the cache beside its content; measured with 8,000 of them, each of 1 KiB. */
  static readonly #RESOURCE_BYTES = 4608;

  readonly #options: KnownFilesOptions;
  readonly #scope: Scope;
  readonly #cache: CacheSection<Resource>;
  /** Reads into memory that are under way. */
  readonly #loads = new Map<Representation, Promise<void>>();
  /** Searches that wait for the disk, by path. */
  readonly #searches = new Map<string, { readonly startMs: number; readonly found: Promise<Resource> }>();

  constructor(options: KnownFilesOptions) {
    const { root, programs, links, open } = options;
    this.#options = options;
    this.#scope = { root, programs, links, open };
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
    const varies = this.#varies(look);
    const old = look.map((file) => findSame(known, { file, varies }));
    if (isWhole(old)) return this.#remember(path, this.#toResource(old, { known, nowMs }));
    const found = this.#represent(look, { known, nowMs, varies }).then((resource) => this.#remember(path, resource));
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
      facts = statOpenFile(opened.handle);
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
    const opened = openFile(representation.path, { ...this.#scope, known: representation.facts });
    if (opened === null) return;
    try {
      const bytes = await readWhole(opened.handle, { first: 0, last: representation.length - 1 });
      // Asked only now, for somebody may have written while it was read.
      if (bytes === null || !isSameState(statOpenFile(opened.handle), representation.facts)) return;
      // What fits into one write with its head is no better off elsewhere.
      keepContent(representation, bytes, bytes.length > SMALL_BYTES ? this.#options.store : null);
    } finally {
      opened.handle.close();
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
    { known, nowMs, varies }: {
      readonly known: Resource | undefined;
      readonly nowMs: number;
      readonly varies: boolean;
    },
  ): Promise<Resource> {
    const { types, charset, limits } = this.#options;
    const acceptRanges = limits.maxRangeCount === 0 ? "none" : "bytes";
    const mediaTypeOf = mediaType(file.path, types);
    let type = "";
    const toRepresentation = async (each: SourceFile): Promise<Representation> => {
      const same = findSame(known, { file: each, varies });
      if (same !== null) return same;
      const examined = await this.#examineContent(each, each === file && needsStart(mediaTypeOf, charset));
      if (each === file) type = contentType(mediaTypeOf, { charset, start: examined?.start ?? null });
      // Of several codings, that one stays in memory which is asked for.
      const keepsContent = siblings.length === 0 && each.facts.size <= limits.maxCachedFileBytes;
      const isBefore1970 = this.#options.isBefore1970(each.path);
      return represent(each, { type, varies, acceptRanges, nowMs, examined, keepsContent, isBefore1970 });
    };
    const first = await toRepresentation(file);
    type = first.type;
    const representations = [first, ...await Promise.all(siblings.map(toRepresentation))] as const;
    return this.#toResource(representations, { known, nowMs });
  }

  /** Whether a client's Accept-Encoding decides what it gets. */
  #varies([file, ...siblings]: readonly [SourceFile, ...SourceFile[]]): boolean {
    if (siblings.length > 0) return true;
    const { compressor, types, limits } = this.#options;
    const { path, facts: { size } } = file;
    if (compressor === null || size < LEAST_BYTES || size > limits.maxCachedFileBytes) return false;
    return isCompressible(mediaType(path, types));
  }

  /** What was compressed of a file that is still the same is kept. */
  #toResource(
    representations: Representations,
    { known, nowMs }: { readonly known: Resource | undefined; readonly nowMs: number },
  ): Resource {
    const [plain] = representations;
    const codings = representations.flatMap(({ coding }) => coding ?? []);
    const isOurs = codings.length === 0 && plain.varies;
    const forms = !isOurs
      ? null
      : known?.forms?.plain === plain
      ? known.forms
      : new CompressedForms(plain, this.#options.store);
    return { representations, codings, choices: new EncodingChoices(codings), forms, checkedMs: nowMs };
  }

  /**
   * The content of `form`, compressed for the first who asks, who waits for it for a moment. Null where that takes longer (whoever
   * comes later gets it), where it is not worth it, and where the file has changed.
   */
  async compress(
    { forms, representations: [plain] }: Resource,
    form: Representation,
    path: string,
  ): Promise<Representation | null> {
    const { compressor, limits } = this.#options;
    const { coding } = form;
    if (compressor === null || forms === null || coding === null) return null;
    const making = forms.make(coding, async () => {
      if (plain.content === null) await this.load(plain, path);
      return plain.content === null ? null : await compressor.compress(plain.content.bytes, coding);
    }).then((made) => {
      const resource = this.#cache.get(path);
      if (resource?.forms === forms) this.#remember(path, resource);
      return made;
    });
    return await atMost(making, limits.compressWaitMs);
  }

  /** Null where the file is in another state by now, or none. */
  async #examineContent({ path, facts }: SourceFile, needsStart: boolean): Promise<Examined | null> {
    const opened = openFile(path, { ...this.#scope, known: facts });
    if (opened === null) return null;
    try {
      return isSameState(opened.facts, facts) ? await examineFile(opened, { needsStart }) : null;
    } finally {
      opened.handle.close();
    }
  }

  /** The facts of a file that may be sent, as was found now or when it was `known`; null for a folder. */
  #examine(path: string, known: Resource | undefined): FileFacts | null {
    const { programs, links } = this.#scope;
    // A program is one by where its path really leads: that may be another place now, though the file is the same.
    // So is whose the links are.
    const before = programs === null && links !== "owner"
      ? known?.representations.find((old) => old.path === path)
      : undefined;
    if (before !== undefined) {
      const facts = statFile(path, this.#options);
      if (facts === null || isSameState(before.facts, facts)) return facts;
    }
    const opened = openFile(path, this.#scope);
    if (opened === null) return null;
    opened.handle.close();
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
    const bytes = resource.representations.reduce(
      (sum, { content, length }) => sum + (content === null ? 0 : length),
      resource.forms?.byteCount ?? 0,
    );
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

/** Settles as it does, or resolves to null after that time. */
async function atMost<Value>(done: Promise<Value>, ms: number): Promise<Value | null> {
  let timer: number | undefined;
  const late = new Promise<null>((resolve) => timer = setTimeout(resolve, ms, null));
  return await Promise.race([done, late]).finally(() => clearTimeout(timer));
}
