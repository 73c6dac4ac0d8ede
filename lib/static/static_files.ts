/**
 * The handler for files of a folder: from the path of a request to its answer. What is asked for often is answered from
 * memory without a look at the disk; everything else is opened anew. RFC 9110 9.3.1 to 9.3.3, 13, 14, 15.
 */
import { closeSync } from "node:fs";
import otherTypes from "mime/other.js";
import standardTypes from "mime/standard.js";
import { HeaderFields } from "../http/header_fields.ts";
import {
  type Body,
  BytesBody,
  EMPTY_BODY,
  type Handler,
  HttpError,
  type HttpRequest,
  type HttpResponse,
} from "../http/message.ts";
import type { Limits } from "../limits.ts";
import type { Rules } from "../rules.ts";
import type { ByteRange } from "./byte_ranges.ts";
import { FileBody, ReadBuffers, readWhole } from "./file_body.ts";
import { FileCache } from "./file_cache.ts";
import { formatHttpDate } from "./http_date.ts";
import { createMediaTypes, mediaType, type MediaTypes } from "./media_types.ts";
import { contentRange, joinPieces, multipartRanges, type Piece } from "./multipart_ranges.ts";
import { type FileFacts, isSameState, openFile, realFolder, statFile } from "./open_file.ts";
import { hasConditions, selectContent, type Selection, type Validators } from "./select_content.ts";

export interface StaticOptions {
  /** Absolute path of the folder; may be a symlink, which is followed anew each time. */
  readonly root: string;
  /** Whether a folder without index.html shows its files; else it is 403. */
  readonly listing: boolean;
  /** Whether names that begin with a dot are served. */
  readonly servesDotFiles?: boolean;
  readonly limits: Limits;
  readonly rules: Rules;
  /** The time of day in ms since 1970. */
  nowMs(): number;
}

/**
 * A handler that answers GET and HEAD with the files of `options.root`, and POST as the rules say. Statuses: 200, 206,
 * 301 for a folder without its slash, 304; as HttpError 403, 404, 405, 412, 416, 503 when the descriptors have run out.
 */
export function createStaticHandler(options: StaticOptions): Handler {
  const site = new StaticSite(options);
  return (request) => site.answer(request);
}

/** A file as it was last looked at. */
interface KnownFile extends Validators {
  /** Absolute. */
  readonly path: string;
  readonly facts: FileFacts;
  readonly type: string;
  /** Fields of the whole content. */
  readonly fields: HeaderFields;
  readonly notModified: Promise<HttpResponse>;
  /** When `facts` were last known to hold. */
  checkedMs: number;
  /** The whole content and the answer that holds it; null while it is not in memory. */
  content: { readonly bytes: Uint8Array; readonly answer: Promise<HttpResponse> } | null;
  /** The read that fills `content`; null when none is under way. */
  loading: Promise<void> | null;
}

class StaticSite {
  /** What an entry weighs in the cache beside its content. */
  static readonly #ENTRY_BYTES = 1024;

  readonly #options: StaticOptions;
  readonly #types: MediaTypes;
  readonly #cache: FileCache<KnownFile>;
  readonly #buffers: ReadBuffers;

  constructor(options: StaticOptions) {
    const { limits } = options;
    this.#options = options;
    this.#types = createMediaTypes([standardTypes, otherTypes], options.rules);
    this.#cache = new FileCache({ maxCount: limits.maxCachedFileCount, maxWeight: limits.maxFileCacheBytes });
    this.#buffers = new ReadBuffers(limits.maxFileBufferBytes);
  }

  /** Not async: a hit returns a promise that was made before and allocates nothing. */
  answer(request: HttpRequest): Promise<HttpResponse> {
    if (request.method !== "GET" && request.method !== "HEAD") return this.#answerOther(request);
    const nowMs = this.#options.nowMs();
    const file = this.#cache.get(request.path);
    if (file === undefined || !this.#isFresh(file, nowMs)) return this.#answerFromDisk(request, nowMs);
    if (file.content !== null && !hasConditions(request.fields)) return file.content.answer;
    return this.#answerWith(file, request, nowMs);
  }

  /** Whether the file may be answered as it is known, after a look at the disk if the last one is too long ago. */
  #isFresh(file: KnownFile, nowMs: number): boolean {
    const ageMs = nowMs - file.checkedMs;
    if (ageMs >= 0 && ageMs < this.#options.limits.fileCacheMs) return true;
    // What was young when it was read may have changed again without a trace in its facts: see etagOf.
    if (file.etag.startsWith("W/")) return false;
    try {
      const facts = statFile(file.path);
      if (facts === null || !isSameState(facts, file.facts)) return false;
    } catch {
      // The caller looks anew, and gets the same error where it can be answered.
      return false;
    }
    file.checkedMs = nowMs;
    return true;
  }

  async #answerFromDisk(request: HttpRequest, nowMs: number): Promise<HttpResponse> {
    this.#cache.delete(request.path);
    const file = this.#find(request.path, nowMs);
    if (file === null) return this.#answerFolder(request);
    this.#remember(request.path, file);
    return await this.#answerWith(file, request, nowMs);
  }

  async #answerOther(request: HttpRequest): Promise<HttpResponse> {
    const { rules } = this.#options;
    if (request.method !== "POST" || !rules.acceptsPostToFile) {
      // RFC 9110 15.5.6: the origin server MUST generate an Allow field in a 405 response.
      const allow = rules.acceptsPostToFile ? "GET, HEAD, POST" : "GET, HEAD, OPTIONS";
      throw new HttpError(405, `Method of a file: "${request.method}"`, { fields: HeaderFields.of(["Allow", allow]) });
    }
    this.#find(request.path, this.#options.nowMs());
    for await (const _ of request.body);
    return { status: 200, fields: HeaderFields.EMPTY, body: EMPTY_BODY };
  }

  /** The file that the path names; null for a folder without an index. Throws HttpError where there is neither. */
  #find(path: string, nowMs: number): KnownFile | null {
    const name = this.#options.root + this.#checkPath(path);
    if (!path.endsWith("/")) return this.#look(name, nowMs);
    try {
      return this.#look(`${name}index.html`, nowMs);
    } catch (error) {
      if (!(error instanceof HttpError) || error.status !== 404) throw error;
      return null;
    }
  }

  /** The path again, when it cannot lead out of the root and names nothing hidden; else HttpError 404. */
  #checkPath(path: string): string {
    // The reader of the target has seen to all this but the dot files; a mistake there must not open the disk.
    const isSafe = path.startsWith("/") && !path.includes("\0") && !/(?:^|\/)\.\.?(?:\/|$)/.test(path);
    if (!isSafe) throw new HttpError(404, `Unsafe path "${path}"`);
    // RFC 8615 3: "/.well-known/" holds what is meant for everybody.
    const visible = path.startsWith("/.well-known/") ? path.slice("/.well-known".length) : path;
    if (!this.#options.servesDotFiles && visible.includes("/.")) throw new HttpError(404, `Hidden path "${path}"`);
    return path;
  }

  #look(path: string, nowMs: number): KnownFile | null {
    const file = openFile(path, { root: this.#options.root });
    if (file === null) return null;
    closeSync(file.fd);
    return knowFile(path, { facts: file.facts, type: mediaType(path, this.#types), nowMs });
  }

  #remember(key: string, file: KnownFile): void {
    this.#cache.set(key, file, StaticSite.#ENTRY_BYTES + (file.content?.bytes.length ?? 0));
  }

  #answerWith(file: KnownFile, request: HttpRequest, nowMs: number): Promise<HttpResponse> {
    const selection = this.#select(file, request, nowMs);
    if (selection.status !== 200 && selection.status !== 206) return answerWithout(file, selection.status);
    if (request.method === "HEAD") {
      return Promise.resolve({ status: 200, fields: file.fields, body: new UnreadBody(file.length) });
    }
    if (file.content === null) return this.#answerFromFile(file, request, nowMs);
    if (selection.status === 200) return file.content.answer;
    return Promise.resolve(answerParts(file, selection.ranges, file.content.bytes));
  }

  #select(file: KnownFile, request: HttpRequest, nowMs: number): Selection {
    return selectContent(request.fields, file, {
      method: request.method === "HEAD" ? "HEAD" : "GET",
      maxRangeCount: this.#options.limits.maxRangeCount,
      nowMs,
    });
  }

  /** Reads a small file into memory, and streams any other. */
  async #answerFromFile(known: KnownFile, request: HttpRequest, nowMs: number): Promise<HttpResponse> {
    if (known.length <= this.#options.limits.maxCachedFileBytes) {
      await (known.loading ??= this.#load(known, request.path));
      if (known.content !== null) return await this.#answerWith(known, request, nowMs);
    }
    const { root } = this.#options;
    const opened = openFile(known.path, { root, known: known.facts });
    if (opened === null) throw new HttpError(404, `Has become a folder: "${known.path}"`);
    // A file that has changed since it was looked at is judged anew by what is open now.
    const file = isSameState(opened.facts, known.facts)
      ? known
      : knowFile(known.path, { ...known, facts: opened.facts, nowMs });
    const selection = this.#select(file, request, nowMs);
    if (selection.status !== 200 && selection.status !== 206) {
      closeSync(opened.fd);
      return await answerWithout(file, selection.status);
    }
    const ranges = selection.status === 206 ? selection.ranges : null;
    const { fields, pieces } = layOut(file, ranges);
    return { status: selection.status, fields, body: new FileBody(opened.fd, pieces, this.#buffers) };
  }

  async #load(file: KnownFile, key: string): Promise<void> {
    const opened = openFile(file.path, { root: this.#options.root, known: file.facts });
    if (opened === null) return;
    try {
      if (!isSameState(opened.facts, file.facts)) return;
      const bytes = await readWhole(opened.fd, file.length);
      if (bytes === null) return;
      const answer = Promise.resolve({ status: 200, fields: file.fields, body: new BytesBody(bytes) });
      file.content = { bytes, answer };
      this.#remember(key, file);
    } finally {
      closeSync(opened.fd);
      file.loading = null;
    }
  }

  #answerFolder(request: HttpRequest): HttpResponse {
    const folder = realFolder(this.#options.root + request.path, this.#options.root);
    if (!request.path.endsWith("/")) {
      return { status: 301, fields: HeaderFields.of(["Location", withSlash(request.target)]), body: EMPTY_BODY };
    }
    throw new HttpError(403, `No listing of "${folder}"`);
  }
}

/** The answers that have no content of the file. */
function answerWithout(file: KnownFile, status: 304 | 412 | 416): Promise<HttpResponse> {
  if (status === 304) return file.notModified;
  if (status === 412) return Promise.reject(new HttpError(412, `Precondition for "${file.path}"`));
  // RFC 9110 15.5.17: SHOULD generate a Content-Range field with the current length.
  const fields = HeaderFields.of(["Content-Range", `bytes */${file.length}`]);
  return Promise.reject(new HttpError(416, `Range of "${file.path}"`, { fields }));
}

function answerParts(file: KnownFile, ranges: readonly ByteRange[], bytes: Uint8Array): HttpResponse {
  const { fields, pieces } = layOut(file, ranges);
  return { status: 206, fields, body: new BytesBody(joinPieces(pieces, bytes)) };
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

function knowFile(
  path: string,
  options: { readonly facts: FileFacts; readonly type: string; readonly nowMs: number },
): KnownFile {
  const { facts, type, nowMs } = options;
  const etag = etagOf(facts, nowMs);
  // RFC 9110 8.8.2.1: an origin server MUST NOT send a Last-Modified date that is later than the Date of the message.
  const lastModifiedMs = Math.floor(Math.min(facts.mtimeMs, nowMs) / 1000) * 1000;
  const fields = HeaderFields.of(
    ["Content-Type", type],
    ["Last-Modified", formatHttpDate(lastModifiedMs)],
    ["ETag", etag],
    ["Accept-Ranges", "bytes"],
  );
  return {
    path,
    facts,
    type,
    etag,
    lastModifiedMs,
    length: facts.size,
    fields,
    // RFC 9110 15.4.5: ETag and Vary of the 200 answer, and no other metadata when there is an entity tag.
    notModified: Promise.resolve({ status: 304, fields: HeaderFields.of(["ETag", etag]), body: EMPTY_BODY }),
    checkedMs: nowMs,
    content: null,
    loading: null,
  };
}

/**
 * Weak while the file is younger than a second: the clock of a file system ticks every few milliseconds, so a file that is
 * written twice within a tick changes without a trace. RFC 9110 8.8.1: such a validator is not strong.
 */
function etagOf(facts: FileFacts, nowMs: number): string {
  const tag = `"${facts.ino.toString(36)}-${facts.size.toString(36)}-${facts.mtimeMs.toString(36)}"`;
  return nowMs - facts.mtimeMs < 1000 ? `W/${tag}` : tag;
}

function layOut(file: KnownFile, ranges: readonly ByteRange[] | null): { fields: HeaderFields; pieces: Piece[] } {
  if (ranges === null) return { fields: file.fields, pieces: [{ first: 0, last: file.length - 1 }] };
  // RFC 9110 15.3.7.2: a server MUST NOT generate a multipart response to a request for a single range.
  if (ranges.length === 1) {
    const fields = file.fields.and(["Content-Range", contentRange(ranges[0], file.length)]);
    return { fields, pieces: [ranges[0]] };
  }
  const boundary = crypto.randomUUID();
  return {
    fields: file.fields.with("Content-Type", `multipart/byteranges; boundary=${boundary}`),
    pieces: multipartRanges(ranges, { boundary, type: file.type, length: file.length }),
  };
}

/**
 * The target with a slash after its path. It starts with a single slash whatever the client sent: `//host/` as a
 * Location would lead to another host.
 */
function withSlash(target: string): string {
  const [, path, query] = /^(?:[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#]*)?([^?]*)(.*)$/.exec(target) ?? [];
  return `/${path.replace(/^[/\\]+/, "")}/${query}`;
}
