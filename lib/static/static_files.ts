/**
 * The handler for the files of a folder: from a request to its answer. What is asked for often is answered from memory
 * without a look at the disk (0.1 us a hit, in a loop of a million), everything else is opened anew. RFC 9110 9.3.1 to 9.3.3, 12, 13 and 15.
 */
import otherTypes from "mime/other.js";
import standardTypes from "mime/standard.js";
import { redirectToFolder } from "../http/folder_redirect.ts";
import { HeaderFields } from "../http/header_fields.ts";
import { INDEX_NAME, type Located } from "../http/located.ts";
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
import { SMALL_BYTES } from "./entity_tag.ts";
import { FileBody } from "./file_body.ts";
import type { FileMemory } from "./file_memory.ts";
import { FolderListing } from "./folder_listing.ts";
import { KnownFiles, type Resource } from "./known_files.ts";
import { folderWithin, isThere, openFile, type Programs, type Scope, type SharedFile } from "./open_file.ts";
import { createMediaTypes, type MediaTypes, type OwnMediaType } from "./media_types.ts";
import { answerParts, answerWithout, isSameState, layOut, type Representation } from "./representation.ts";
import { hasConditions, selectContent, type Selection } from "./select_content.ts";

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
  /** What the server compresses: files alone, or what programs and upstreams answer, too. */
  readonly compression: "off" | "static" | "all";
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
  /** Whether something is said of that whole path alone: who may have it, or what answers for it. Without it of none. */
  readonly hasOwnRules?: (path: string) => boolean;
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
  readonly #listing: FolderListing;
  readonly #files: KnownFiles;

  constructor(options: StaticOptions) {
    const { root, limits, rules, memory, servesDotFiles = false, programs = null, mediaTypes } = options;
    const { indexNames = [INDEX_NAME], links = "inside" } = options;
    const { charset = rules.charset, isBefore1970 = () => null } = options;
    const types = mediaTypesWith(mediaTypes);
    this.#options = options;
    const isCompressed = (options.compression ?? rules.compression) !== "off";
    this.#scope = { root, programs, links, open: memory.openHandle };
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
      store: memory.store,
      open: memory.openHandle,
      compressor: isCompressed ? memory.compressor : null,
    });
    this.#listing = new FolderListing({
      ...this.#scope,
      showsDotFiles: servesDotFiles,
      indexNames,
      readNames: options.readNames ?? createReadNames(null),
      isBefore1970,
      takenNames: options.takenNames ?? (() => []),
      hasOwnRules: options.hasOwnRules ?? (() => false),
      limits,
      saysCharset: charset !== "off",
      isCompressed,
      section: memory.listings.section(options),
    });
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
    if (resource.codings.length === 0) return this.#answerOwn(resource, request, at);
    const representation = negotiate(resource, request.fields);
    if (representation !== null) return this.#answerWith(representation, request, at);
    const fields = HeaderFields.of(["Vary", "Accept-Encoding"]);
    throw new HttpError(406, `No acceptable coding of "${request.path}"`, { fields });
  }

  /** A file that has no siblings, perhaps compressed; ranges are those of the content as it is. */
  #answerOwn(resource: Resource, request: HttpRequest, at: Located): Soon<HttpResponse> {
    const { forms, representations: [plain] } = resource;
    const { fields } = request;
    if (forms === null || fields.get("range") !== null) return this.#answerWith(plain, request, at);
    const form = forms.choose(fields.get("accept-encoding"));
    if (form === null) return this.#answerWith(plain, request, at);
    if (form.content !== null) return this.#answerWith(form, request, at);
    const { status } = this.#select(form, request);
    if (status === 304 || status === 412) return answerWithout(form, status);
    return this.#files.compress(resource, form, at.path).then((made) => this.#answerWith(made ?? plain, request, at));
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
    if (request.notes) request.notes.answerer = representation.path;
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
    const { limits, memory: { open } } = this.#options;
    // A large one only when it is asked for again: a walk through many of them must not push all else out of memory.
    if (known.length <= limits.maxCachedFileBytes && (known.length <= SMALL_BYTES || known.wasStreamed)) {
      await this.#files.load(known, at.path);
      if (known.content !== null) return await this.#answerWith(known, request, at);
    }
    known.wasStreamed = true;
    const shared = open.join(known);
    if (shared !== null) return this.#answerOpen(known, shared, request);
    const opened = openFile(known.path, { ...this.#scope, known: known.facts });
    if (opened === null) throw new HttpError(404, `Has become a folder: "${known.path}"`);
    let isShared = false;
    try {
      // A file that has changed since it was looked at is judged anew, by what is open now.
      const isKnown = isSameState(opened.facts, known.facts);
      if (!isKnown) this.#files.forget(at.path);
      const nowMs = this.#options.nowMs();
      const file = isKnown ? known : await this.#files.describe(opened, { known, nowMs });
      if (file.content !== null) return await this.#answerWith(file, request, at);
      isShared = true;
      return this.#answerOpen(file, open.share(file, opened, isSentBySystem(file, nowMs)), request);
    } finally {
      if (!isShared) opened.handle.close();
    }
  }

  #answerOpen(known: Representation, file: SharedFile, request: HttpRequest): HttpResponse {
    const selection = this.#select(known, request);
    if (selection.status !== 200 && selection.status !== 206) {
      file.leave();
      return answerWithout(known, selection.status);
    }
    const asked = selection.status === 206 ? selection.ranges : null;
    const { status, fields, pieces } = layOut(known, { ranges: asked, boundary });
    return { status, fields, body: new FileBody(file, { pieces, buffers: this.#options.memory.buffers }) };
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
    if (request.notes) request.notes.answerer = folder;
    if (!listing) throw new Refusal({ path: folder, reason: `has no ${indexNames.join(", ")}, and --listing is off` });
    return await this.#listing.answer(request, at);
  }
}

/**
 * After so long without a change of a file the system may send it itself, and would send what is written into it meanwhile: who
 * is being sent it sees that as a broken end, but perhaps with bytes that are not of the state that was begun with.
 */
const AT_REST_MS = 10_000;

/** For a file that is long enough; not for one that was written to a while ago, and may be again. */
function isSentBySystem({ facts }: Representation, nowMs: number): boolean {
  return facts.size > FileBody.COPIED_BYTES && nowMs - facts.ctimeMs > AT_REST_MS;
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
function negotiate({ representations, choices }: Resource, fields: HeaderFields): Representation | null {
  const coding = choices.choose(fields.get("accept-encoding"));
  return representations.find((representation) => representation.coding === coding) ?? null;
}

/** RFC 2046 5.1.1: must not occur in the content, which nobody can make happen who cannot foresee it. */
function boundary(): string {
  return crypto.randomUUID();
}
