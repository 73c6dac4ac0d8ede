/**
 * Takes apart what an HTTP upstream answers to one request: interim answers, one head, its content, and where that ends.
 * Whatever could be read in two ways is refused, for somebody else may read it the other way. Separate from the connection, so
 * that it is tested with bytes in any pieces. Pure. RFC 9112 4 to 7.
 */
import type { KnownHeads } from "../gateway/known_heads.ts";
import type { ScriptDocument } from "../gateway/script_head.ts";
import { ChunkedReader, contentLengthDigits } from "../http/body_readers.ts";
import { CR, LF } from "../http/grammar.ts";
import { HttpError } from "../http/message.ts";
import { ReceiveBuffer } from "../http/receive_buffer.ts";
import type { Limits } from "../limits.ts";
import { MalformedResponse, readResponseHead, type ResponseHead } from "./response_head.ts";

/** What an upstream has said, in order. */
export type ResponsePart =
  /** The answer without its content; never chunked, for what follows is decoded. */
  | { readonly kind: "head"; readonly document: ScriptDocument }
  /** Some of the content: a view of what was pushed last, or valid until the next part. */
  | { readonly kind: "content"; readonly bytes: Uint8Array }
  /** `isPersistent`: the upstream leaves the connection open, and nothing has come after the answer. */
  | { readonly kind: "end"; readonly isPersistent: boolean };

/** More interim answers than this say nothing any more. */
const MAX_INTERIM_COUNT = 16;

/** What a head means for the request that it answers. */
export interface HeadMeaning {
  readonly document: ScriptDocument;
  /** Of the content; a number is its length. */
  readonly framing: "none" | "chunked" | "close" | number;
  readonly keepsAlive: boolean;
}

type Framing = { readonly kind: "none" | "chunked" | "close" } | { readonly kind: "length"; left: number };

export interface ReaderOptions {
  /** Of others with these limits; null: nobody looks there. */
  readonly knownHeads?: KnownHeads<HeadMeaning> | null;
  /** Whether the request asks for WebSocket: then an answer may be 101. */
  readonly isUpgrade?: boolean;
}

export class HttpResponseReader {
  readonly #method: string;
  readonly #limits: Limits;
  /** What was pushed last, from where it has not been read. */
  #bytes: Uint8Array = NOTHING;
  /** The head as far as it has come, where it comes in pieces. */
  #head: Uint8Array<ArrayBuffer> = NOTHING;
  #headLength = 0;
  #interimCount = 0;
  #framing: Framing | null = null;
  #keepsAlive = false;
  #chunked: { readonly reader: ChunkedReader; readonly buffer: ReceiveBuffer } | null = null;
  #hasEnded = false;

  readonly #known: KnownHeads<HeadMeaning> | null;

  readonly #isUpgrade: boolean;

  /** `method`: that of the request. */
  constructor(method: string, limits: Limits, { knownHeads = null, isUpgrade = false }: ReaderOptions = {}) {
    this.#method = method;
    this.#limits = limits;
    this.#isUpgrade = isUpgrade;
    // RFC 9110 9.3.2: a head that answers HEAD has no content, whatever it says.
    this.#known = method === "HEAD" ? null : knownHeads;
  }

  /** Takes the next bytes; all of those before have been read. */
  push(bytes: Uint8Array): void {
    this.#bytes = bytes;
    if (this.#chunked !== null) this.#pushChunked(this.#chunked.buffer);
  }

  /** The next part; null when more must be pushed, and after the end. Throws MalformedResponse. */
  next(): ResponsePart | null {
    if (this.#hasEnded) return null;
    if (this.#framing === null) return this.#readHead();
    switch (this.#framing.kind) {
      case "none":
        return this.#end();
      case "length":
        return this.#readLength(this.#framing);
      case "chunked":
        return this.#readChunked();
      case "close":
        return this.#take(this.#bytes.length);
    }
  }

  /**
   * Right after the head: all of the content, as a view of what was pushed last, where its length was told, all of it is there
   * and nothing behind it; null: it is to be read part by part.
   */
  takeWhole(): Uint8Array | null {
    if (this.#framing?.kind !== "length" || this.#framing.left !== this.#bytes.length) return null;
    this.#framing.left = 0;
    const whole = this.#bytes;
    this.#bytes = NOTHING;
    return whole;
  }

  /** The content that was given last stays as it is, whatever is pushed from now on, as long as what was pushed before does. */
  keepLast(): void {
    if (this.#chunked === null) return;
    const { reader, buffer } = this.#chunked;
    this.#chunked = { reader, buffer: new ReceiveBuffer() };
    this.#bytes = buffer.bytes.subarray(buffer.start, buffer.end);
    this.#pushChunked(this.#chunked.buffer);
  }

  /** The upstream has closed the connection: true where that is how the answer ends. RFC 9112 6.3, 8. */
  endsByClose(): boolean {
    return this.#framing?.kind === "close";
  }

  #readHead(): ResponsePart | null {
    const known = this.#headLength === 0 ? this.#known?.find(this.#bytes) ?? null : null;
    if (known !== null) {
      this.#bytes = this.#bytes.subarray(known.bytes.length);
      return this.#begin(known.meaning);
    }
    for (let bytes; (bytes = this.#takeHead()) !== null;) {
      const head = readResponseHead(bytes, this.#limits.maxScriptFieldCount);
      if (head.status >= 200) {
        const meaning = meaningOf(head, this.#method);
        this.#known?.keep(bytes, meaning);
        return this.#begin(meaning);
      }
      if (head.status === 101) return this.#begin(this.#meaningOfSwitch(head));
      if (++this.#interimCount > MAX_INTERIM_COUNT) throw new MalformedResponse("too many interim answers");
    }
    return null;
  }

  #begin({ document, framing, keepsAlive }: HeadMeaning): ResponsePart {
    this.#framing = typeof framing === "number" ? { kind: "length", left: framing } : { kind: framing };
    if (framing === "chunked") this.#beginChunked();
    this.#keepsAlive = keepsAlive;
    return { kind: "head", document };
  }

  /** RFC 9110 7.8, 15.2.2: to what it was asked to, and nothing else; what follows is neither chunked nor measured. */
  #meaningOfSwitch({ isOld, fields, connectionOptions, protocols }: ResponseHead): HeadMeaning {
    if (!this.#isUpgrade || isOld) throw new MalformedResponse("101 without being asked");
    if (!connectionOptions.includes("upgrade") || protocols.join() !== "websocket") {
      throw new MalformedResponse(`101 to "${protocols.join(", ").slice(0, 100)}"`);
    }
    const document = {
      kind: "document",
      status: 101,
      reason: null,
      fields,
      contentLength: null,
      isChunked: false,
    } as const;
    return { document, framing: "close", keepsAlive: false };
  }

  /** The bytes of the next head, with the empty line at its end; null when more must be pushed. */
  #takeHead(): Uint8Array | null {
    const { maxScriptHeadBytes } = this.#limits;
    const bytes = this.#headLength === 0 ? this.#bytes : this.#joined();
    for (let from = this.#headLength, lf; (lf = bytes.indexOf(LF, from)) >= 0; from = lf + 1) {
      // RFC 9112 2.2: a bare LF ends a line for some and not for others. A bare CR is found where the line is read.
      if (bytes[lf - 1] !== CR) throw new MalformedResponse("a line that ends without CR");
      if (lf >= maxScriptHeadBytes) break;
      if (bytes[lf - 2] !== LF) continue;
      this.#bytes = bytes.subarray(lf + 1);
      this.#headLength = 0;
      return bytes.subarray(0, lf + 1);
    }
    if (bytes.length > maxScriptHeadBytes) throw new MalformedResponse("a head over the limit");
    if (this.#headLength === 0) this.#head = bytes.slice();
    this.#headLength = bytes.length;
    this.#bytes = NOTHING;
    return null;
  }

  /** What has come of the head before, and now. */
  #joined(): Uint8Array {
    const length = this.#headLength + this.#bytes.length;
    if (length > this.#head.length) {
      const larger = new Uint8Array(2 * length);
      larger.set(this.#head.subarray(0, this.#headLength));
      this.#head = larger;
    }
    this.#head.set(this.#bytes, this.#headLength);
    return this.#head.subarray(0, length);
  }

  #readLength(framing: Framing & { readonly kind: "length" }): ResponsePart | null {
    if (framing.left === 0) return this.#end();
    const part = this.#take(framing.left);
    framing.left -= part?.bytes.length ?? 0;
    return part;
  }

  #take(count: number): (ResponsePart & { readonly kind: "content" }) | null {
    const bytes = this.#bytes.subarray(0, count);
    this.#bytes = this.#bytes.subarray(count);
    return bytes.length === 0 ? null : { kind: "content", bytes };
  }

  #beginChunked(): void {
    const reader = new ChunkedReader({ ...this.#limits, maxBodyBytes: Number.MAX_SAFE_INTEGER });
    this.#chunked = { reader, buffer: new ReceiveBuffer() };
    this.#pushChunked(this.#chunked.buffer);
  }

  #pushChunked(buffer: ReceiveBuffer): void {
    while (this.#bytes.length > 0) {
      const space = buffer.space(this.#bytes.length);
      const taken = this.#bytes.subarray(0, space.length);
      space.set(taken);
      buffer.commit(taken.length);
      this.#bytes = this.#bytes.subarray(taken.length);
    }
  }

  #readChunked(): ResponsePart | null {
    if (this.#chunked === null) throw new Error("No chunks");
    const { reader, buffer } = this.#chunked;
    try {
      const part = reader.read(buffer);
      if (part !== "end") return part === null ? null : { kind: "content", bytes: part };
      return this.#end(buffer.length);
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      // The reader speaks of requests.
      throw new MalformedResponse(`its chunks: ${error.message}`);
    }
  }

  #end(restLength = this.#bytes.length): ResponsePart {
    this.#hasEnded = true;
    return { kind: "end", isPersistent: this.#keepsAlive && restLength === 0 };
  }
}

const NOTHING = new Uint8Array(0);

function meaningOf(head: ResponseHead, method: string): HeadMeaning {
  const { status, reason, fields, isOld, lengths, connectionOptions } = head;
  const framing = framingOf(head, method);
  const digits = framing === "chunked" || lengths.length === 0 ? null : contentLengthDigits(lengths[0]);
  const contentLength = digits === null ? null : Number(digits);
  return {
    document: { kind: "document", status, reason, fields, contentLength, isChunked: false },
    framing,
    keepsAlive: !isOld && framing !== "close" && !connectionOptions.includes("close"),
  };
}

/** RFC 9112 6.3, for an answer. */
function framingOf({ status, isOld, codings, lengths }: ResponseHead, method: string): HeadMeaning["framing"] {
  if (codings.length > 0 && lengths.length > 0) throw new MalformedResponse("Transfer-Encoding and Content-Length");
  if (codings.length > 0 && isOld) throw new MalformedResponse("Transfer-Encoding in HTTP/1.0");
  if (codings.length > 1 || (codings.length === 1 && !/^chunked$/i.test(codings[0]))) {
    throw new MalformedResponse(`Transfer-Encoding "${codings.join(", ").slice(0, 100)}"`);
  }
  if (lengths.length > 1) throw new MalformedResponse("Content-Length twice");
  const digits = lengths.length === 0 ? null : contentLengthDigits(lengths[0]);
  if (lengths.length === 1 && (digits === null || digits.length > 15)) {
    throw new MalformedResponse(`Content-Length "${lengths[0].slice(0, 100)}"`);
  }
  if (method === "HEAD" || status === 204 || status === 304) return "none";
  if (codings.length === 1) return "chunked";
  return digits === null ? "close" : Number(digits);
}
