/**
 * The handler for the files of a folder: from a request to its answer. What is asked for often is answered from memory
 * without a look at the disk (0.1 us a hit, in a loop of a million), everything else is opened anew. RFC 9110 9.3.1 to 9.3.3, 12, 13 and 15.
 */
import { closeSync } from "node:fs";
import otherTypes from "mime/other.js";
import standardTypes from "mime/standard.js";
import { redirectToFolder } from "../http/folder_redirect.ts";
import { HeaderFields } from "../http/header_fields.ts";
import { cutPath, INDEX_NAME, type Located } from "../http/located.ts";
import {
  type Body,
  EMPTY_BODY,
  HttpError,
  type HttpRequest,
  type HttpResponse,
  Refusal,
  type Soon,
} from "../http/message.ts";
import type { PathPrefix } from "../http/path_prefix.ts";
import type { Limits } from "../limits.ts";
import type { LinkRule } from "../link_rule.ts";
import type { Rules } from "../rules.ts";
import { createReadNames, type ReadNames } from "../system/folder_names.ts";
import type { Charset } from "./charset.ts";
import { directoryListing, sortEntries } from "./directory_listing.ts";
import { SMALL_BYTES } from "./entity_tag.ts";
import { FileBody } from "./file_body.ts";
import type { FileMemory } from "./file_memory.ts";
import { KnownFiles, type Resource } from "./known_files.ts";
import type { ListingSection, ListingWork } from "./listings.ts";
import { folderWithin, isThere, openFile, type Programs, type Scope } from "./open_file.ts";
import { createMediaTypes, type MediaTypes, type OwnMediaType } from "./media_types.ts";
import { readFolder } from "./read_folder.ts";
import { answerParts, answerWithout, isSameState, layOut, type Representation } from "./representation.ts";
import { hasConditions, selectContent, type Selection } from "./select_content.ts";
import { selectEncoding } from "./select_encoding.ts";

/** What an operator may choose. */
export interface FileSettings {
  /** Whether a folder without index.html shows what is in it; else it is 403. */
  readonly listing: boolean;
  /** What a folder is answered with: the first of these names that is there. */
  readonly indexNames: readonly string[];
  /** Whether names that begin with a dot are served; `.well-known` at the top always is. */
  readonly servesDotFiles: boolean;
  /** Media types that win over those of the IANA register. */
  readonly mediaTypes: readonly OwnMediaType[];
  /** What is said of the characters of texts. */
  readonly charset: Charset;
}

/** Without settings nothing is listed or hidden names served, and of characters is said what the rules say. */
export interface StaticOptions extends Partial<FileSettings> {
  /** Absolute path of the folder; may be a symlink, which is followed anew at each look at the disk. */
  readonly root: string;
  /** What is never sent. */
  readonly programs?: Programs | null;
  /** Where links may lead; nowhere but inside when absent. */
  readonly links?: LinkRule;
  /** The names in the folder of that whole path that other places answer for; without it there are none. */
  readonly takenNames?: (folder: PathPrefix) => readonly string[];
  readonly memory: FileMemory;
  /** Whether the file at that path was last changed before 1970, for the runtime mirrors such times; null: unknown. */
  readonly isBefore1970?: (path: string) => boolean | null;
  /** What tells the names in a folder; by default the runtime. */
  readonly readNames?: ReadNames;
  readonly limits: Limits;
  readonly rules: Rules;
  /** The time of day in ms since 1970. */
  nowMs(): number;
}

/** Answers requests for the files of one folder. */
export interface StaticHandler {
  /** The answer to GET and HEAD for what was looked at within `fileCacheMs`; null for all else. As `answer` throws. */
  recall(request: HttpRequest, at: Located): Soon<HttpResponse> | null;
  /**
   * Answers GET and HEAD, and POST as the rules say. Statuses: 200, 206, 304, and 301 for a folder without its slash; as
   * HttpError 403, 404, 405, 406, 412, 416, and 503 when the descriptors have run out.
   */
  answer(request: HttpRequest, at: Located): Promise<HttpResponse>;
  /** False where `answer` to GET would throw NotThere; true for all else, refused or not. */
  isThere(at: Located): boolean;
}

/** A handler for the files of `options.root`: `at.path` is their path below it. */
export function createStaticHandler(options: StaticOptions): StaticHandler {
  return new StaticFolder(options);
}

/** Tables of more than a thousand rows, made once for all places that an operator tells the same. */
const knownTypes = new Map<string, MediaTypes>();

function mediaTypesWith(own: readonly OwnMediaType[] = []): MediaTypes {
  const key = JSON.stringify(own);
  const types = knownTypes.get(key) ?? createMediaTypes([standardTypes, otherTypes], own);
  knownTypes.set(key, types);
  return types;
}

class StaticFolder implements StaticHandler {
  readonly #options: StaticOptions;
  readonly #scope: Scope;
  /** A listing is UTF-8, whatever the texts of the site are. */
  readonly #listingFields: HeaderFields;
  readonly #listings: ListingSection;
  readonly #files: KnownFiles;

  constructor(options: StaticOptions) {
    const { root, limits, rules, memory, servesDotFiles = false, programs = null, mediaTypes } = options;
    const { indexNames = [INDEX_NAME], links = "inside" } = options;
    const { charset = rules.charset, isBefore1970 = () => null } = options;
    const types = mediaTypesWith(mediaTypes);
    this.#options = options;
    this.#scope = { root, programs, links };
    const cache = memory.cache.section();
    this.#files = new KnownFiles({
      indexNames,
      root,
      programs,
      links,
      limits,
      servesDotFiles,
      types,
      charset,
      isBefore1970,
      cache,
    });
    this.#listingFields = HeaderFields.of([
      "Content-Type",
      charset === "off" ? "text/html" : "text/html; charset=utf-8",
    ]);
    this.#listings = memory.listings.section(options);
  }

  /** Not async: a hit is there at once, and allocates nothing. */
  recall(request: HttpRequest, at: Located): Soon<HttpResponse> | null {
    if (request.method !== "GET" && request.method !== "HEAD") return null;
    const nowMs = this.#options.nowMs();
    // By path: a query does not change a file, and must not push others out of the cache.
    const resource = this.#files.recall(at.path, nowMs);
    return resource === null ? null : this.#answerFrom(resource, request, at);
  }

  async answer(request: HttpRequest, at: Located): Promise<HttpResponse> {
    if (request.method !== "GET" && request.method !== "HEAD") return await this.#answerOther(request, at);
    return await this.#answerAnew(request, at);
  }

  isThere(at: Located): boolean {
    return this.#files.isHidden(at) || (at.path.isWellFormed() && isThere(this.#options.root + at.path, this.#scope));
  }

  async #answerAnew(request: HttpRequest, at: Located): Promise<HttpResponse> {
    const resource = await this.#files.find(at, this.#options.nowMs());
    return await (resource === null ? this.#answerFolder(request, at) : this.#answerFrom(resource, request, at));
  }

  /** A range beyond the end as it was known may be one of a file that grows: then it is looked at again. */
  #answerFrom(resource: Resource, request: HttpRequest, at: Located): Soon<HttpResponse> {
    try {
      return this.#answerAsKnown(resource, request, at);
    } catch (error) {
      const isOut = error instanceof HttpError && error.status === 416;
      if (isOut && resource.checkedMs !== this.#options.nowMs()) return this.#answerAnew(request, at);
      throw error;
    }
  }

  #answerAsKnown(resource: Resource, request: HttpRequest, at: Located): Soon<HttpResponse> {
    // RFC 9110 12.1: where there is nothing to choose from, Accept-Encoding is disregarded.
    if (resource.codings.length === 0) return this.#answerWith(resource.representations[0], request, at);
    const representation = negotiate(resource, request.fields);
    if (representation !== null) return this.#answerWith(representation, request, at);
    const fields = HeaderFields.of(["Vary", "Accept-Encoding"]);
    throw new HttpError(406, `No acceptable coding of "${request.path}"`, { fields });
  }

  async #answerOther(request: HttpRequest, at: Located): Promise<HttpResponse> {
    const { root, rules } = this.#options;
    if (request.method !== "POST" || !rules.acceptsPostToFile) {
      // RFC 9110 15.5.6: the origin server MUST generate an Allow field in a 405 response.
      const allow = rules.acceptsPostToFile ? "GET, HEAD, POST" : "GET, HEAD, OPTIONS";
      throw new HttpError(405, `Method of a file: "${request.method}"`, { fields: HeaderFields.of(["Allow", allow]) });
    }
    const resource = await this.#files.find(at, this.#options.nowMs());
    if (resource === null) folderWithin(root + at.path, this.#scope);
    for await (const _ of request.body);
    return { status: 200, fields: HeaderFields.EMPTY, body: EMPTY_BODY };
  }

  #answerWith(representation: Representation, request: HttpRequest, at: Located): Soon<HttpResponse> {
    const { content } = representation;
    if (content !== null && !hasConditions(request.fields)) return content.answer;
    const selection = this.#select(representation, request);
    if (selection.status !== 200 && selection.status !== 206) return answerWithout(representation, selection.status);
    if (request.method === "HEAD") {
      const body = new UnreadBody(representation.length);
      return { status: 200, fields: representation.fields, body };
    }
    if (content === null) return this.#answerFromFile(representation, request, at);
    if (selection.status === 200) return content.answer;
    const { ranges } = selection;
    return answerParts(representation, { ranges, bytes: content.bytes, boundary });
  }

  /** From the disk. What cannot be opened any more is looked for anew: where a sibling is gone, the file itself will do. */
  async #answerFromFile(known: Representation, request: HttpRequest, at: Located): Promise<HttpResponse> {
    try {
      return await this.#readFile(known, request, at);
    } catch (error) {
      if (!(error instanceof HttpError) || (error.status !== 403 && error.status !== 404)) throw error;
      return await this.#answerAnew(request, at);
    }
  }

  /** Reads a file into memory that is worth it, and streams any other. */
  async #readFile(known: Representation, request: HttpRequest, at: Located): Promise<HttpResponse> {
    const { limits, memory: { buffers } } = this.#options;
    // A large one only when it is asked for again: a walk through many of them must not push all else out of memory.
    if (known.length <= limits.maxCachedFileBytes && (known.length <= SMALL_BYTES || known.wasStreamed)) {
      await this.#files.load(known, at.path);
      if (known.content !== null) return await this.#answerWith(known, request, at);
    }
    known.wasStreamed = true;
    const opened = openFile(known.path, { ...this.#scope, known: known.facts });
    if (opened === null) throw new HttpError(404, `Has become a folder: "${known.path}"`);
    let isHandedOver = false;
    try {
      // A file that has changed since it was looked at is judged anew, by what is open now.
      const isKnown = isSameState(opened.facts, known.facts);
      if (!isKnown) this.#files.forget(at.path);
      const nowMs = this.#options.nowMs();
      const file = isKnown ? known : await this.#files.describe(opened, { known, nowMs });
      if (file.content !== null) return await this.#answerWith(file, request, at);
      const selection = this.#select(file, request);
      if (selection.status !== 200 && selection.status !== 206) return answerWithout(file, selection.status);
      const ranges = selection.status === 206 ? selection.ranges : null;
      const { status, fields, pieces } = layOut(file, { ranges, boundary });
      isHandedOver = true;
      return { status, fields, body: new FileBody({ ...opened, facts: file.facts }, { pieces, buffers }) };
    } finally {
      if (!isHandedOver) closeSync(opened.fd);
    }
  }

  #select(representation: Representation, request: HttpRequest): Selection {
    const method = request.method === "HEAD" ? "HEAD" : "GET";
    const { maxRangeCount } = this.#options.limits;
    return selectContent(request.fields, representation, { method, maxRangeCount, nowMs: this.#options.nowMs() });
  }

  /** The redirect to a folder's slash, or its listing. HttpError 404 where there is no folder. */
  async #answerFolder(request: HttpRequest, at: Located): Promise<HttpResponse> {
    const { root, listing, indexNames = [INDEX_NAME] } = this.#options;
    const folder = root + at.path;
    folderWithin(folder, this.#scope);
    if (!at.path.endsWith("/")) return redirectToFolder(request);
    if (!listing) throw new Refusal({ path: folder, reason: `has no ${indexNames.join(", ")}, and --listing is off` });
    const body = await this.#listings.get(at.mount + at.path, (work) => this.#readListing(at, work));
    return { status: 200, fields: this.#listingFields, body };
  }

  async #readListing(at: Located, work: ListingWork): Promise<AsyncIterable<Uint8Array>> {
    const { limits, servesDotFiles = false, isBefore1970 = () => null } = this.#options;
    const { readNames = createReadNames(null), takenNames = () => [] } = this.#options;
    const { entries, isCut } = await readFolder(at, {
      ...this.#scope,
      takenNames: new Set(takenNames({ segments: [...cutPath(at.mount), ...at.segments] })),
      indexNames: this.#options.indexNames ?? [INDEX_NAME],
      showsDotFiles: servesDotFiles,
      maxCount: limits.maxListedFileCount,
      readNames,
      isBefore1970,
    });
    return directoryListing(await sortEntries(entries, work.pace), { ...work, path: at.mount + at.path, isCut });
  }
}

/** What HEAD gets: the length without the content. */
class UnreadBody implements Body {
  constructor(readonly length: number) {}

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    throw new Error("The content of a HEAD response was asked for");
  }

  close(): Promise<void> {
    return EMPTY_BODY.close();
  }
}

/** The representation that suits Accept-Encoding; null when the field excludes all of them. */
function negotiate(resource: Resource, fields: HeaderFields): Representation | null {
  const { representations, codings, choices } = resource;
  const acceptEncoding = fields.get("accept-encoding") ?? "";
  let choice = choices.get(acceptEncoding);
  if (choice === undefined) {
    const coding = selectEncoding(acceptEncoding, codings);
    choice = representations.find((representation) => representation.coding === coding) ?? null;
    // Clients send few different values; one that sends many must not fill the memory.
    if (choices.size < MAX_CHOICE_COUNT) choices.set(acceptEncoding, choice);
  }
  return choice;
}

const MAX_CHOICE_COUNT = 16;

/** RFC 2046 5.1.1: must not occur in the content, which nobody can make happen who cannot foresee it. */
function boundary(): string {
  return crypto.randomUUID();
}
