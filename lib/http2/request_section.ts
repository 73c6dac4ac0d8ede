/**
 * From the fields of a block to a request, or to the reason why they are none. What is malformed ends the stream; what is well
 * formed and refused (a target that names nothing, too many fields) is a request with an answer already. RFC 9113 8.1 to 8.3.
 */
import { latin1Bytes, TARGET_BYTE, TOKEN } from "../http/grammar.ts";
import { hashName, HeaderFields } from "../http/header_fields.ts";
import { HttpError } from "../http/message.ts";
import type { ReceivedRequest } from "../http/received_request.ts";
import { parseAuthority, parseTarget, type Target } from "../http/target.ts";
import type { Limits } from "../limits.ts";
import type { Rules } from "../rules.ts";
import { ErrorCode, StreamError } from "./error_codes.ts";
import { type FieldEntry, FieldKind } from "./field_entry.ts";
import type { FieldSink } from "./header_decoder.ts";
import { DEFAULT_PRIORITY, parsePriority, type Priority } from "./priority.ts";

/** A request, and when it wants its answer. */
export interface PrioritizedRequest {
  readonly request: ReceivedRequest;
  readonly priority: Priority;
}

export type SectionLimits = Pick<Limits, "maxLineBytes" | "maxHeadBytes" | "maxFieldCount" | "maxBodyBytes">;

export interface SectionOptions {
  readonly limits: SectionLimits;
  readonly rules: Pick<Rules, "requiresHost">;
}

/** RFC 9112 5: the colon, a space and CRLF, so that a field may be as long as over HTTP/1. */
const LINE_EXTRA_BYTES = 2;

/** Where the fields are put together; for all connections, since they are copied in the end. */
let scratch = new Uint8Array(16_384);

const HOST = latin1Bytes("host");
const HOST_HASH = hashName("host");
const COOKIE = latin1Bytes("cookie");
const COOKIE_HASH = hashName("cookie");
/** RFC 9113 8.2.3. */
const CRUMB_END = latin1Bytes("; ");

export class RequestSection implements FieldSink {
  readonly #options: SectionOptions;
  #fault: string | null = null;
  #rejection: HttpError | null = null;
  #method: string | null = null;
  #scheme: string | null = null;
  #authority: string | null = null;
  #path: string | null = null;
  #host: string | null = null;
  #contentLength: number | null = null;
  #priority: string | null = null;
  #cookies: FieldEntry[] | null = null;
  #spans: number[] = [];
  #length = 0;
  #listBytes = 0;
  #hasField = false;

  constructor(options: SectionOptions) {
    this.#options = options;
  }

  add(entry: FieldEntry): void {
    const { limits } = this.#options;
    if (entry.fault !== null) this.#fault ??= entry.fault;
    this.#listBytes += entry.size;
    if (this.#listBytes > limits.maxHeadBytes) {
      // A block may name a large entry of the table thousands of times: nothing is done with it.
      this.#rejection ??= new HttpError(431, "The request head is too long");
      return;
    }
    if (entry.kind >= FieldKind.METHOD && entry.kind <= FieldKind.PSEUDO) return this.#addPseudo(entry);
    this.#hasField = true;
    if (this.#fault !== null) return;
    if (entry.bytes.length + LINE_EXTRA_BYTES > limits.maxLineBytes) {
      this.#rejection ??= new HttpError(431, "A field line is too long");
    }
    if (entry.kind !== FieldKind.ORDINARY && !this.#addSpecial(entry)) return;
    this.#appendEntry(entry);
  }

  /** RFC 9113 8.3: each once, before all other fields, and none that is not defined for requests. */
  #addPseudo(entry: FieldEntry): void {
    const { value } = entry;
    let before: string | null = "";
    switch (entry.kind) {
      case FieldKind.METHOD:
        [before, this.#method] = [this.#method, value];
        break;
      case FieldKind.SCHEME:
        [before, this.#scheme] = [this.#scheme, value];
        break;
      case FieldKind.AUTHORITY:
        [before, this.#authority] = [this.#authority, value];
        break;
      case FieldKind.PATH:
        [before, this.#path] = [this.#path, value];
    }
    if (before !== null) this.#fault ??= "A pseudo-field that is unknown or repeated";
    if (this.#hasField) this.#fault ??= "A pseudo-field after a field";
  }

  /** False: it is not kept, or not here. */
  #addSpecial(entry: FieldEntry): boolean {
    switch (entry.kind) {
      case FieldKind.CONNECTION:
        this.#fault ??= "A field of a connection of HTTP/1";
        return false;
      case FieldKind.TE:
        // RFC 9113 8.2.2.
        if (entry.value.toLowerCase() !== "trailers") this.#fault ??= "TE other than trailers";
        return true;
      case FieldKind.COOKIE:
        (this.#cookies ??= []).push(entry);
        return false;
      case FieldKind.HOST:
        if (this.#host !== null && this.#host !== entry.value) this.#fault ??= "Host twice";
        this.#host = entry.value;
        return false;
      case FieldKind.CONTENT_LENGTH:
        this.#addContentLength(entry.value);
        return true;
      case FieldKind.PRIORITY:
        this.#priority = this.#priority === null ? entry.value : `${this.#priority},${entry.value}`;
        return true;
      default:
        return true;
    }
  }

  #addContentLength(text: string): void {
    const length = /^\d{1,15}$/.test(text) ? Number(text) : -1;
    if (length < 0 || (this.#contentLength !== null && this.#contentLength !== length)) {
      this.#fault ??= "An invalid Content-Length";
    }
    this.#contentLength = length;
  }

  #appendEntry({ bytes, nameLength, hash }: FieldEntry): void {
    const start = this.#append(bytes);
    this.#addSpan(hash, start, nameLength);
  }

  /** The field whose name is `nameLength` bytes from `start` on, and whose value is all that follows. */
  #addSpan(hash: number, start: number, nameLength: number): void {
    const nameEnd = start + nameLength;
    this.#spans.push(hash, start, nameEnd, nameEnd, this.#length);
  }

  #append(bytes: Uint8Array, from = 0): number {
    const start = this.#length;
    const length = bytes.length - from;
    if (start + length > scratch.length) {
      const larger = new Uint8Array(2 * scratch.length + length);
      larger.set(scratch.subarray(0, start));
      scratch = larger;
    }
    // Most are short: a call of `set` takes longer.
    for (let i = 0; i < length; i++) scratch[start + i] = bytes[from + i];
    this.#length = start + length;
    return start;
  }

  /** The request. Throws StreamError PROTOCOL_ERROR where it is malformed (RFC 9113 8.1.1). */
  finish(streamId: number, hasContent: boolean): PrioritizedRequest {
    const isConnect = this.#method === "CONNECT";
    const fault = this.#fault ?? this.#pseudoFault(isConnect) ?? this.#contentFault(hasContent);
    if (fault !== null) throw new StreamError(streamId, ErrorCode.PROTOCOL_ERROR, fault);
    const method = this.#method ?? "";
    const target = (isConnect ? this.#authority : this.#path) ?? "";
    const host = this.#readHost();
    if (this.#cookies !== null) this.#appendCookies(this.#cookies);
    this.#checkLimits(target);
    const fields = HeaderFields.fromSpans(scratch.slice(0, this.#length), this.#spans);
    const expectsContinue = this.#expectsContinue(fields) && hasContent;
    const parsed = this.#parseTarget(method, target);
    const request = {
      head: { method, target, version: "2.0", fields },
      target: parsed,
      host,
      hasContent,
      contentLength: hasContent ? this.#contentLength : 0,
      expectsContinue,
      rejection: this.#rejection,
    } as const;
    const priority = this.#priority === null ? DEFAULT_PRIORITY : parsePriority(this.#priority);
    return { request, priority };
  }

  /** RFC 9113 8.3.1 and 8.5. */
  #pseudoFault(isConnect: boolean): string | null {
    if (this.#method === null || !TOKEN.test(this.#method)) return "No method";
    if (isConnect) {
      const isWhole = this.#authority !== null && this.#scheme === null && this.#path === null;
      return isWhole ? null : "CONNECT with a scheme or a path, or without an authority";
    }
    if (this.#scheme === null || this.#path === null) return "No scheme or no path";
    if (!/^https?$/i.test(this.#scheme)) return `The scheme "${this.#scheme}"`;
    if (!/^[/*]/.test(this.#path)) return "A path that does not begin with a slash";
    return null;
  }

  /** RFC 9113 8.1.1: the length has to be that of the content. */
  #contentFault(hasContent: boolean): string | null {
    return !hasContent && (this.#contentLength ?? 0) > 0 ? "No content, but a Content-Length" : null;
  }

  /** RFC 9113 8.3.1: the authority is what Host is to HTTP/1, and programs find it there. */
  #readHost(): string {
    const named = this.#authority ?? this.#host;
    // What both say may differ in the case of letters alone.
    const isOne = this.#authority === null || this.#host === null ||
      this.#authority.toLowerCase() === this.#host.toLowerCase();
    const authority = named === null || !isOne ? null : parseAuthority(named);
    if (authority === null && (named !== null || this.#options.rules.requiresHost)) {
      this.#rejection ??= new HttpError(400, named === null ? "No authority" : `Authority "${named}"`);
    }
    if (named !== null) {
      const start = this.#append(HOST);
      this.#append(latin1Bytes(named));
      this.#addSpan(HOST_HASH, start, HOST.length);
    }
    return authority?.host ?? "";
  }

  #appendCookies(cookies: readonly FieldEntry[]): void {
    const start = this.#append(COOKIE);
    cookies.forEach((entry, index) => {
      if (index > 0) this.#append(CRUMB_END);
      this.#append(entry.bytes, entry.nameLength);
    });
    this.#addSpan(COOKIE_HASH, start, COOKIE.length);
  }

  #checkLimits(target: string): void {
    const { maxLineBytes, maxFieldCount, maxBodyBytes } = this.#options.limits;
    if (target.length > maxLineBytes) this.#rejection ??= new HttpError(414, "The target is too long");
    if (this.#spans.length > SPAN * maxFieldCount) this.#rejection ??= new HttpError(431, "Too many fields");
    if ((this.#contentLength ?? 0) > maxBodyBytes) this.#rejection ??= new HttpError(413, "The content is too long");
  }

  /** RFC 9110 10.1.1: 417 for any other expectation. */
  #expectsContinue(fields: HeaderFields): boolean {
    const expectation = fields.get("expect");
    if (expectation === null) return false;
    if (/^100-continue$/i.test(expectation)) return true;
    this.#rejection ??= new HttpError(417, `Expect "${expectation}"`);
    return false;
  }

  #parseTarget(method: string, target: string): Target {
    try {
      for (let i = 0; i < target.length; i++) {
        if (!TARGET_BYTE[target.charCodeAt(i)]) throw new HttpError(400, "Malformed request target");
      }
      return parseTarget(method, target, "keep");
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      this.#rejection ??= error;
      return NO_TARGET;
    }
  }
}

/** Numbers that `spans` has for a field. */
const SPAN = 5;

/** Of a request that is refused for it. */
const NO_TARGET: Target = { form: "origin", path: "/", query: "", authority: null };

/** The fields after the content, which are read and dropped: only whether they are allowed is of interest. RFC 9113 8.1. */
export class TrailerSection implements FieldSink {
  readonly #limits: Pick<SectionLimits, "maxHeadBytes" | "maxFieldCount">;
  #fault: string | null = null;
  #count = 0;
  #bytes = 0;

  constructor(limits: Pick<SectionLimits, "maxHeadBytes" | "maxFieldCount">) {
    this.#limits = limits;
  }

  add(entry: FieldEntry): void {
    this.#fault ??= entry.fault;
    if (entry.kind >= FieldKind.METHOD && entry.kind <= FieldKind.CONNECTION) this.#fault ??= "Not allowed in trailers";
    this.#count++;
    this.#bytes += entry.size;
    if (this.#count > this.#limits.maxFieldCount || this.#bytes > this.#limits.maxHeadBytes) {
      this.#fault ??= "Trailers that are too long";
    }
  }

  /** Throws StreamError PROTOCOL_ERROR where they are malformed. */
  finish(streamId: number): void {
    if (this.#fault !== null) throw new StreamError(streamId, ErrorCode.PROTOCOL_ERROR, this.#fault);
  }
}

/** For a block whose stream is of no interest, which the table needs all the same. RFC 9113 4.3. */
export const NO_SECTION: FieldSink = { add() {} };
