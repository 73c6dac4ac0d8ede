/** Requests as a connection would make them, for tests of handlers without a connection. */
import { type Field, HeaderFields } from "../../lib/http/header_fields.ts";
import { type Body, BytesBody, EMPTY_BODY, type HttpRequest } from "../../lib/http/message.ts";
import { parseTarget } from "../../lib/http/target.ts";

export interface RequestParts {
  readonly method?: string;
  readonly target?: string;
  readonly version?: "1.0" | "1.1";
  /** Content-Length or Transfer-Encoding is added for `body`. */
  readonly fields?: readonly Field[];
  readonly body?: Body | string;
  readonly host?: string;
  readonly secure?: boolean;
  readonly localAddress?: string;
  readonly remotePort?: number;
  readonly user?: { readonly name: string; readonly scheme: string };
  readonly signal?: AbortSignal;
}

/** GET of `target` by 192.0.2.7:40000 at 192.0.2.1:8080 unless told otherwise. */
export function fakeRequest(parts: RequestParts = {}): HttpRequest {
  const { method = "GET", target = "/cgi/probe", fields = [], host = "example.org" } = parts;
  const body = typeof parts.body === "string"
    ? new BytesBody(new TextEncoder().encode(parts.body))
    : parts.body ?? EMPTY_BODY;
  const framing: Field[] = parts.body === undefined
    ? []
    : [body.length === null ? ["Transfer-Encoding", "chunked"] : ["Content-Length", String(body.length)]];
  const { path, query } = parseTarget(method, target);
  return {
    method,
    target,
    version: parts.version ?? "1.1",
    fields: HeaderFields.of(...fields, ...framing),
    path,
    query,
    host,
    body,
    connection: {
      id: 1,
      remoteAddress: "192.0.2.7",
      remotePort: parts.remotePort ?? 40000,
      localAddress: parts.localAddress ?? "192.0.2.1",
      localPort: 8080,
      secure: parts.secure ?? false,
    },
    user: parts.user,
    signal: parts.signal ?? new AbortController().signal,
  };
}

/** Content of unknown length, in these parts. */
export function chunkedBody(parts: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Body {
  return {
    length: null,
    async *[Symbol.asyncIterator]() {
      yield* parts;
    },
    close: () => Promise.resolve(),
  };
}
