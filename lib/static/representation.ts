/**
 * A file as HTTP sees it, and the answers that follow from it alone. Separate and pure: here stand the fields of each
 * status, apart from the disk and the cache. RFC 9110 8 (metadata), 14 and 15.
 */
import { HeaderFields } from "../http/header_fields.ts";
import { BytesBody, EMPTY_BODY, HttpError, type HttpResponse } from "../http/message.ts";
import { KeptHead } from "../http/kept_head.ts";
import type { ByteRange } from "./byte_ranges.ts";
import { entityTag, isGrown, isSettled } from "./entity_tag.ts";
import type { TextStart } from "./charset.ts";
import { type ContentStore, KeptBody, KeptContent } from "./kept_content.ts";
import { formatHttpDate } from "./http_date.ts";
import { lastModifiedMs } from "./modified_time.ts";
import { contentRange, multipartRanges, type Piece, piecesBody } from "./multipart_ranges.ts";
import type { Validators } from "./select_content.ts";
import type { ContentCoding } from "../coding/select_encoding.ts";

/** What tells one state of a file from another. Times in ms since 1970; the system cuts ctime to whole seconds. */
export interface FileFacts {
  readonly dev: number;
  readonly ino: number;
  readonly size: number;
  readonly mode: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
}

/** Whether both describe the same content of the same file. */
export function isSameState(a: FileFacts, b: FileFacts): boolean {
  return a.mtimeMs === b.mtimeMs && a.size === b.size && a.ino === b.ino && a.dev === b.dev &&
    a.ctimeMs === b.ctimeMs && a.mode === b.mode;
}

/** Whether nobody has written to the file that is open between the two; renaming it or closing it to others is not writing. */
export function isSameContent(a: FileFacts, b: FileFacts): boolean {
  return a.mtimeMs === b.mtimeMs && a.size === b.size;
}

/** A file on the disk that may be served. */
export interface SourceFile {
  /** Absolute. */
  readonly path: string;
  readonly facts: FileFacts;
  /** How its content is encoded; null for the content itself. */
  readonly coding: ContentCoding | null;
}

/** Whether parts of a file can be had. RFC 9110 14.3. */
export type AcceptRanges = "bytes" | "none";

/** A file in the state in which it was last looked at, with all that is sent for it (RFC 9110 3.2). */
export interface Representation extends Validators, SourceFile {
  /** Content-Type of the content when it is decoded. */
  readonly type: string;
  /** The path has representations in other codings too, so the answer depends on Accept-Encoding. */
  readonly varies: boolean;
  readonly acceptRanges: AcceptRanges;
  /** Fields of the whole content, status 200. */
  readonly fields: HeaderFields;
  readonly notModified: HttpResponse;
  /** Whether the same facts found again prove the same content. */
  readonly isSettled: boolean;
  /** Its content was sent from the disk since it was first looked at. */
  wasStreamed: boolean;
  /** The whole content and the answer that holds it; null while it is not in memory. `bytes` may be a copy that is made then. */
  content: { readonly bytes: Uint8Array; readonly answer: HttpResponse } | null;
}

/** What the content of one state of a file is. */
export interface Examined {
  /** For `entityTag`. */
  readonly digest: string | null;
  /** All of a small file; null for others. */
  readonly bytes: Uint8Array | null;
  /** Null where nobody asked for it. */
  readonly start: TextStart | null;
}

export interface RepresentOptions {
  readonly type: string;
  readonly varies: boolean;
  readonly acceptRanges: AcceptRanges;
  /** The time of day in ms since 1970, when the facts held. */
  readonly nowMs: number;
  /** The content in the state of the facts; null: it was changed while it was read. */
  readonly examined: Pick<Examined, "digest" | "bytes"> | null;
  /** Whether bytes that were examined stay in memory. */
  readonly keepsContent: boolean;
  /** Whether that is what the time of modification means; null: nobody knows. */
  readonly isBefore1970: boolean | null;
}

/** The representation that a file is. */
export function represent(file: SourceFile, options: RepresentOptions): Representation {
  const { path, facts, coding } = file;
  const { type, varies, acceptRanges, examined, nowMs } = options;
  const bytes = options.keepsContent ? examined?.bytes ?? null : null;
  // Bytes that were examined and are sent are as old as they need be. A client that got a weak tag of content still gets its 304
  // later, for that is the weak comparison; one of a time does not (entityTag). It cannot resume a download by either.
  const isStrong = examined !== null && (bytes !== null || isGrown(facts, nowMs));
  const etag = entityTag(facts, { digest: examined?.digest ?? null, coding, isStrong });
  const modifiedMs = lastModifiedMs(facts, options);
  const lastModified = modifiedMs === null ? null : formatHttpDate(modifiedMs);
  // RFC 9110 15.4.5: a 304 has the ETag and Vary of the 200, and no other metadata where there is an entity tag.
  let notModified = HeaderFields.of(["ETag", etag]);
  if (varies) notModified = notModified.and(VARY);
  let fields = HeaderFields.of(["Content-Type", type]);
  if (lastModified !== null) fields = fields.and(["Last-Modified", lastModified]);
  if (coding !== null) fields = fields.and(["Content-Encoding", coding]);
  const representation: Representation = {
    ...{ path, facts, coding, type, varies, acceptRanges, etag, lastModifiedMs: modifiedMs, lastModified },
    length: facts.size,
    fields: fields.and(["Accept-Ranges", acceptRanges], ...notModified),
    notModified: { status: 304, fields: notModified, body: EMPTY_BODY, keptHead: new KeptHead() },
    isSettled: examined !== null && isSettled(facts, nowMs),
    wasStreamed: false,
    content: null,
  };
  if (bytes !== null) keepContent(representation, bytes);
  return representation;
}

const VARY = ["Vary", "Accept-Encoding"] as const;

/** Of what is compressed: less is copied into the buffer of its head sooner than the system sends it from where it is. */
const LEAST_STORED_BYTES = 16_384;

/**
 * The same compressed by the server, from `bytes` on. Its ranges cannot be had: it may be gone when the next one is asked for,
 * and RFC 9110 13.1.5 has a client that resumes by its tag begin again, with the content as it is.
 */
export function encodedForm(
  plain: Representation,
  coding: ContentCoding,
  bytes: Uint8Array | null = null,
  store: ContentStore | null = null,
): Representation {
  // RFC 9110 8.8.3.3: two codings of one content have two tags.
  const etag = `${plain.etag.slice(0, -1)}-${coding}"`;
  const fields = plain.fields.without("ETag", "Accept-Ranges", "Vary")
    .and(["Content-Encoding", coding], ["Accept-Ranges", "none"], ["ETag", etag], VARY);
  const form: Representation = {
    ...plain,
    ...{ coding, etag, fields, acceptRanges: "none", length: bytes?.length ?? 0, content: null },
    notModified: {
      status: 304,
      fields: HeaderFields.of(["ETag", etag], VARY),
      body: EMPTY_BODY,
      keptHead: new KeptHead(),
    },
  };
  if (bytes !== null) keepContent(form, bytes, bytes.length > LEAST_STORED_BYTES ? store : null);
  return form;
}

/**
 * Holds the content in memory from now on. `bytes` is the whole of it and must not change; with a store it may be kept there in
 * their place.
 */
export function keepContent(
  representation: Representation,
  bytes: Uint8Array,
  store: ContentStore | null = null,
): void {
  const kept = store === null ? null : new KeptContent(bytes, store);
  const body = kept === null ? new BytesBody(bytes) : new KeptBody(kept);
  const answer = { status: 200, fields: representation.fields, body, keptHead: new KeptHead() };
  representation.content = kept === null ? { bytes, answer } : new AnsweringContent(kept, answer);
}

class AnsweringContent {
  readonly #kept: KeptContent;
  readonly answer: HttpResponse;

  constructor(kept: KeptContent, answer: HttpResponse) {
    this.#kept = kept;
    this.answer = answer;
  }

  get bytes(): Uint8Array {
    return this.#kept.bytes;
  }
}

/**
 * Fields and content of a 206, or of a 200 with `ranges` null; the content as pieces to be filled from the file.
 * `boundary` makes a boundary that no content holds, and is called for more than one range alone.
 */
export function layOut(
  representation: Representation,
  options: { readonly ranges: readonly ByteRange[] | null; boundary(): string },
): { readonly status: 200 | 206; readonly fields: HeaderFields; readonly pieces: readonly Piece[] } {
  const { fields, length, type } = representation;
  const { ranges } = options;
  if (ranges === null) return { status: 200, fields, pieces: [{ first: 0, last: length - 1 }] };
  // RFC 9110 15.3.7.2: a server MUST NOT generate a multipart response to a request for a single range.
  if (ranges.length === 1) {
    return { status: 206, fields: fields.and(["Content-Range", contentRange(ranges[0], length)]), pieces: ranges };
  }
  const boundary = options.boundary();
  return {
    status: 206,
    fields: fields.with("Content-Type", `multipart/byteranges; boundary=${boundary}`),
    pieces: multipartRanges(ranges, { boundary, type, length }),
  };
}

/** The same as a whole answer, from content that is in memory. */
export function answerParts(
  representation: Representation,
  options: { readonly ranges: readonly ByteRange[]; readonly bytes: Uint8Array; boundary(): string },
): HttpResponse {
  const { status, fields, pieces } = layOut(representation, options);
  return { status, fields, body: piecesBody(pieces, options.bytes) };
}

/** The answer without content of the file; 412 and 416 are thrown as HttpError. */
export function answerWithout(representation: Representation, status: 304 | 412 | 416): HttpResponse {
  if (status === 304) return representation.notModified;
  if (status === 412) throw new HttpError(412, `Precondition for "${representation.path}"`);
  // RFC 9110 15.5.17: SHOULD generate a Content-Range field with the current length.
  const fields = HeaderFields.of(["Content-Range", `bytes */${representation.length}`]);
  throw new HttpError(416, `Range of "${representation.path}"`, { fields });
}
