/**
 * Content of a request up to what its place takes. Separate from the reader of messages, which knows no place and has the widest
 * bound of all. Pure. RFC 9110 15.5.14.
 */
import { type Body, HttpError } from "../http/message.ts";
import { type RoutedRequest, withContent } from "./readdressed.ts";

/** The same request. Throws HttpError 413 for content that says it is longer, and when more of it comes than that. */
export function boundContent(request: RoutedRequest, maxBytes: number): RoutedRequest {
  const { length } = request.body;
  if (length !== null && length > maxBytes) throw tooLong(request.path, maxBytes);
  return length === null ? withContent(request, new BoundedBody(request, maxBytes)) : request;
}

class BoundedBody implements Body {
  readonly length = null;
  readonly #body: Body;
  readonly #path: string;
  readonly #maxBytes: number;

  constructor({ body, path }: RoutedRequest, maxBytes: number) {
    this.#body = body;
    this.#path = path;
    this.#maxBytes = maxBytes;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    let byteCount = 0;
    for await (const part of this.#body) {
      byteCount += part.length;
      if (byteCount > this.#maxBytes) throw tooLong(this.#path, this.#maxBytes);
      yield part;
    }
  }

  close(): Promise<void> {
    return this.#body.close();
  }
}

function tooLong(path: string, maxBytes: number): HttpError {
  return new HttpError(413, `"${path}" takes ${maxBytes} bytes of content at most`);
}
