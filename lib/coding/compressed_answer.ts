/**
 * Compresses what programs and upstreams answer as it passes, where the client prefers that and nothing speaks against it. Each part
 * leaves as soon as it has come, so that nobody waits for an event. Pure. RFC 9110 8.4, 8.8.3.3 and 12.5.3; RFC 9111 5.2.2.6.
 */
import { listsTag } from "../http/entity_tag.ts";
import type { HeaderFields } from "../http/header_fields.ts";
import { listElements } from "../http/grammar.ts";
import type { Body, HttpRequest, HttpResponse } from "../http/message.ts";
import { openCompressor } from "./codings.ts";
import { isCompressible, LEAST_BYTES } from "./compressible.ts";
import { CODINGS, type ContentCoding, selectEncoding } from "./select_encoding.ts";

/** Fields that speak of the bytes as they were. RFC 9530 and RFC 3230. */
const DIGESTS: readonly string[] = ["content-digest", "digest", "content-md5"];

/** The answer itself where it is not to be compressed. */
export function compressedAnswer(
  request: Pick<HttpRequest, "method" | "fields">,
  response: HttpResponse,
): HttpResponse {
  const { fields, body } = response;
  if (response.status === 304) return asItWasSent(request, response);
  if (!isWorthIt(response)) return response;
  const varied = { ...response, fields: varying(fields), keptHead: undefined };
  const coding = selectEncoding(request.fields.get("accept-encoding"), CODINGS);
  // Also for HEAD, which sends nothing of it: RFC 9110 8.6 forbids it the length that GET would not tell.
  if (coding === null || coding === "none") return varied;
  const kept = withWeakTag(varied.fields.without("Content-Length", "Accept-Ranges"));
  if (isKnown(request, { status: response.status, etag: kept.get("etag") })) {
    // RFC 9110 15.4.5: it speaks of no content.
    return { ...varied, status: 304, reason: null, fields: kept.without("Content-Type", "Content-Language") };
  }
  return { ...varied, fields: kept.and(["Content-Encoding", coding]), body: new CompressedBody(body, coding) };
}

/**
 * Whether the client has it already. RFC 9110 13.1.2: who made the answer gets the weak tag back, and many compare it with the strong one
 * that they gave, byte by byte (findings/if-none-match-list.sh); so the client would get all of it again each time.
 */
function isKnown(
  { method, fields }: Pick<HttpRequest, "method" | "fields">,
  { status, etag }: { readonly status: number; readonly etag: string | null },
): boolean {
  if (status !== 200 || etag === null || (method !== "GET" && method !== "HEAD")) return false;
  return listsTag(fields.get("if-none-match") ?? "", etag, "weak");
}

/**
 * A 304 with the tag and Vary of the 200 that the client has: whoever names the weak form of a strong tag has it from here, compressed.
 * RFC 9110 15.4.5.
 */
function asItWasSent({ fields: asked }: Pick<HttpRequest, "fields">, response: HttpResponse): HttpResponse {
  const weak = withWeakTag(response.fields);
  const isFromHere = weak !== response.fields && asked.get("if-none-match")?.includes(weak.get("etag") ?? "");
  return isFromHere ? { ...response, fields: varying(weak), keptHead: undefined } : response;
}

function isWorthIt({ status, fields, body }: HttpResponse): boolean {
  const isWhole = status !== 206 && status !== 204 && body.length !== 0;
  const isShort = body.length !== null && body.length < LEAST_BYTES;
  if (!isWhole || isShort || !isCompressible(fields.get("content-type") ?? "")) return false;
  if (fields.has("content-encoding") || fields.has("content-range")) return false;
  if (DIGESTS.some((name) => fields.has(name))) return false;
  // RFC 9111 5.2.2.6: an intermediary MUST NOT transform the content; who says so means it here, too.
  const directives = listElements(fields.get("cache-control") ?? "");
  return !directives.some((directive) => directive.toLowerCase() === "no-transform");
}

function varying(fields: HeaderFields): HeaderFields {
  const names = listElements(fields.get("vary") ?? "").map((name) => name.toLowerCase());
  return names.includes("accept-encoding") || names.includes("*") ? fields : fields.and(["Vary", "Accept-Encoding"]);
}

/** RFC 9110 8.8.3.3: a strong tag stands for the bytes of one coding; the weak comparison is what revalidation needs. */
function withWeakTag(fields: HeaderFields): HeaderFields {
  const etag = fields.get("etag");
  return etag === null || etag.startsWith("W/") ? fields : fields.with("ETag", `W/${etag}`);
}

class CompressedBody implements Body {
  readonly length = null;
  readonly #body: Body;
  readonly #coding: ContentCoding;
  #close: () => void = () => {};

  constructor(body: Body, coding: ContentCoding) {
    this.#body = body;
    this.#coding = coding;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    const compressor = openCompressor(this.#coding);
    this.#close = () => compressor.destroy();
    const made: Uint8Array[] = [];
    compressor.on("data", (bytes: Uint8Array) => made.push(bytes));
    for await (const part of this.#body) {
      await new Promise<void>((resolve, reject) => {
        compressor.write(part, (error) => error ? reject(error) : compressor.flush(resolve));
      });
      yield* made.splice(0);
    }
    await new Promise<void>((resolve, reject) => {
      compressor.once("error", reject).once("end", resolve);
      compressor.end();
    });
    yield* made.splice(0);
  }

  async close(): Promise<void> {
    this.#close();
    await this.#body.close();
  }
}
