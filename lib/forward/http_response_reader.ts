/**
 * Takes apart what an HTTP upstream answers to one request: interim answers, one head, its content, and where that ends.
 * Whatever could be read in two ways is refused, for somebody else may read it the other way. Separate from the connection, so
 * that it is tested with bytes in any pieces. Pure. RFC 9112 4 to 7.
 */
import { ChunkedReader, contentLengthDigits } from "../http/body_readers.ts";
import { CR, FIELD_VALUE, latin1Bytes, latin1Text, LF, listElements, TOKEN } from "../http/grammar.ts";
import type { Field } from "../http/header_fields.ts";
import { HttpError } from "../http/message.ts";
import { ReceiveBuffer } from "../http/receive_buffer.ts";
import type { Limits } from "../limits.ts";

/** What an upstream has said, in order. */
export type ResponsePart =
  /**
   * The head of the answer, as lines that end in CRLF, the empty one too: without framing, but for the Content-Length that holds. Or
   * some of the content, decoded: a view of what was pushed last, or valid until the next part.
   */
  | { readonly kind: "head" | "content"; readonly bytes: Uint8Array }
  /** `isPersistent`: the upstream leaves the connection open, and nothing has come after the answer. */
  | { readonly kind: "end"; readonly isPersistent: boolean };

/** An upstream has answered what is no HTTP/1, or could be read in two ways. */
export class MalformedResponse extends Error {
  constructor(problem: string) {
    super(`not an answer of HTTP/1.1: ${problem}`);
    this.name = "MalformedResponse";
  }
}

/** More interim answers than this say nothing any more. */
const MAX_INTERIM_COUNT = 16;

type Framing = { readonly kind: "none" | "chunked" | "close" } | { readonly kind: "length"; left: number };

export class HttpResponseReader {
  readonly #method: string;
  readonly #limits: Limits;
  /** What was pushed last, from where it has not been read. */
  #bytes: Uint8Array = NOTHING;
  /** The head as far as it has come. */
  #head: number[] = [];
  #interimCount = 0;
  #framing: Framing | null = null;
  #keepsAlive = false;
  #chunked: { readonly reader: ChunkedReader; readonly buffer: ReceiveBuffer } | null = null;
  #hasEnded = false;

  /** `method`: that of the request. */
  constructor(method: string, limits: Limits) {
    this.#method = method;
    this.#limits = limits;
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

  /** The upstream has closed the connection: true where that is how the answer ends. RFC 9112 6.3, 8. */
  endsByClose(): boolean {
    return this.#framing?.kind === "close";
  }

  #readHead(): ResponsePart | null {
    const { maxScriptHeadBytes } = this.#limits;
    for (let at = 0; at < this.#bytes.length; at++) {
      const byte = this.#bytes[at];
      // RFC 9112 2.2: a bare CR or LF ends a line for some and not for others.
      if (byte === LF && this.#head.at(-1) !== CR) throw new MalformedResponse("a line that ends without CR");
      if (byte !== LF && this.#head.at(-1) === CR) throw new MalformedResponse("CR within a line");
      this.#head.push(byte);
      if (this.#head.length > maxScriptHeadBytes) throw new MalformedResponse("a head over the limit");
      if (byte !== LF || this.#head.at(-3) !== LF || this.#head.at(-4) !== CR) continue;
      this.#bytes = this.#bytes.subarray(at + 1);
      const head = Uint8Array.from(this.#head);
      this.#head = [];
      const answer = this.#takeHead(latin1Text(head, 0, head.length - 4).split("\r\n"));
      if (answer !== null) return answer;
      at = -1;
    }
    this.#bytes = NOTHING;
    return null;
  }

  /** Null for an interim answer. */
  #takeHead([statusLine, ...lines]: readonly string[]): ResponsePart | null {
    const [, minor, code] = /^HTTP\/1\.([01]) (\d{3})(?: [\t\x20-\x7e\x80-\xff]*)?$/.exec(statusLine) ?? [];
    const status = Number(code);
    if (code === undefined || status < 100) throw new MalformedResponse(`"${statusLine.slice(0, 100)}"`);
    if (lines.length > this.#limits.maxScriptFieldCount) throw new MalformedResponse("too many fields");
    const fields = lines.map(readField);
    if (status < 200) {
      // RFC 9110 15.2.2: it was not asked to.
      if (status === 101) throw new MalformedResponse("101 without being asked");
      if (++this.#interimCount > MAX_INTERIM_COUNT) throw new MalformedResponse("too many interim answers");
      return null;
    }
    const lengths = valuesOf(fields, "content-length");
    this.#framing = this.#framingOf({ status, isOld: minor === "0", fields, lengths });
    if (this.#framing.kind === "chunked") this.#beginChunked();
    const options = listElements(valuesOf(fields, "connection").join(","));
    this.#keepsAlive = minor === "1" && !options.includes("close") && this.#framing.kind !== "close";
    const isFramed = (name: string) => name === "transfer-encoding" || name === "content-length";
    const passed = fields.filter(([name]) => !isFramed(name.toLowerCase()));
    const hasLength = this.#framing.kind !== "chunked" && lengths.length > 0;
    const length = hasLength ? [["Content-Length", contentLengthDigits(lengths[0]) ?? ""] as const] : [];
    const text = [
      statusLine.replace(/^HTTP\/1\.0/, "HTTP/1.1"),
      ...[...passed, ...length].map((field) => field.join(": ")),
    ];
    return { kind: "head", bytes: latin1Bytes([...text, "", ""].join("\r\n")) };
  }

  /** RFC 9112 6.3, for an answer. */
  #framingOf({ status, isOld, fields, lengths }: {
    readonly status: number;
    readonly isOld: boolean;
    readonly fields: readonly Field[];
    readonly lengths: readonly string[];
  }): Framing {
    const codings = valuesOf(fields, "transfer-encoding");
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
    if (this.#method === "HEAD" || status === 204 || status === 304) return { kind: "none" };
    if (codings.length === 1) return { kind: "chunked" };
    return digits === null ? { kind: "close" } : { kind: "length", left: Number(digits) };
  }

  #readLength(framing: Framing & { readonly kind: "length" }): ResponsePart | null {
    if (framing.left === 0) return this.#end();
    const part = this.#take(framing.left);
    framing.left -= part?.bytes.length ?? 0;
    return part;
  }

  #take(count: number): (ResponsePart & { readonly kind: "head" | "content" }) | null {
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

/** RFC 9112 5: no blank before the colon, and no folding. */
function readField(line: string): Field {
  const colon = line.indexOf(":");
  const name = line.slice(0, colon);
  const value = line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, "");
  if (colon < 0 || !TOKEN.test(name) || !FIELD_VALUE.test(value)) {
    throw new MalformedResponse(`a line that is no field: "${line.slice(0, 100)}"`);
  }
  return [name, value];
}

function valuesOf(fields: readonly Field[], name: string): readonly string[] {
  return fields.filter((field) => field[0].toLowerCase() === name).map(([, value]) => value);
}
