/**
 * The head of a request to an HTTP upstream, made anew: of what the client sent only what was understood here, in one spelling,
 * and of what is said about the client only what this server knows. Separate from the connection, so that it is one pure table.
 * RFC 9110 7.6, RFC 9112 3 and 6, RFC 7239.
 */
import { latin1Bytes, listElements } from "../http/grammar.ts";
import { CONNECTION_FIELDS, type Field } from "../http/header_fields.ts";
import type { HttpRequest } from "../http/message.ts";
import { encodePath } from "../http/target.ts";
import type { Upstream } from "./upstream.ts";

export interface UpstreamRequest {
  readonly request: Pick<HttpRequest, "method" | "query" | "host" | "fields" | "connection" | "user" | "version">;
  /** What follows the place's prefix in the decoded path: "" or "/...". */
  readonly rest: string;
  readonly upstream: Pick<Upstream, "basePath" | "address">;
  /** Bytes of content; null where that is known at its end only, which makes it chunked. */
  readonly contentLength: number | null;
  /** Whether the upstream shall leave the connection open. */
  readonly isKept: boolean;
  /** Whether Authorization is passed on where this server has authenticated the user itself. */
  readonly passesAuthorization: boolean;
}

/** From the request line to the empty line. */
export function upstreamRequestHead(told: UpstreamRequest): Uint8Array {
  const { request: { method, query }, rest, upstream: { basePath } } = told;
  const path = basePath + encodePath(rest);
  const target = (path === "" ? "/" : path) + (query === "" ? "" : `?${query}`);
  const lines = [
    `${method} ${target} HTTP/1.1`,
    ...fieldsFor(told).map(([name, value]) => `${name}: ${value}`),
    "",
    "",
  ];
  return latin1Bytes(lines.join("\r\n"));
}

function fieldsFor(told: UpstreamRequest): readonly Field[] {
  const { request, upstream, isKept } = told;
  const host = request.fields.get("host") || request.host || authorityOf(upstream);
  return [
    // RFC 9112 3.2: SHOULD be the first.
    ["Host", host],
    ...passedOn(told),
    ...framing(told),
    ...aboutClient(request, host),
    // RFC 9110 7.6.3: a gateway MUST say that it has passed the request on.
    ["Via", `${request.version} lisod`],
    ...(isKept ? [] : [["Connection", "close"]] as const),
  ];
}

/** For a client that named no host. */
function authorityOf({ address }: UpstreamRequest["upstream"]): string {
  if (address.transport === "unix") return "localhost";
  const { hostname, port } = address;
  return `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}

/**
 * Fields that end here: of one connection alone (RFC 9110 7.6.1), those that are made anew, and those by which a client could
 * speak for a proxy, or name the upstream's own (CVE-2016-5385).
 */
const ENDING_FIELDS: ReadonlySet<string> = new Set([
  ...CONNECTION_FIELDS,
  ...["te", "trailer", "http2-settings"],
  ...["host", "content-length", "expect", "proxy-authorization", "proxy"],
  ...["forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "x-real-ip"],
]);

/** "X_Forwarded_For" is "X-Forwarded-For" to whoever makes variables of both; it is left out, as nginx does. */
const FOLDABLE_NAME = /^[A-Za-z0-9-]+$/;

function passedOn({ request: { fields, user }, passesAuthorization }: UpstreamRequest): readonly Field[] {
  const named = listElements(fields.get("connection") ?? "");
  const isOurs = user !== undefined && user !== null && !passesAuthorization;
  return [...fields].filter(([name]) => {
    const lower = name.toLowerCase();
    if (ENDING_FIELDS.has(lower) || lower.startsWith("x-forwarded-") || named.includes(lower)) return false;
    return FOLDABLE_NAME.test(name) && !(isOurs && lower === "authorization");
  });
}

/** RFC 9110 9.3.1, 9.3.2, 9.3.5: content has no meaning with these. */
const WITHOUT_CONTENT: readonly string[] = ["GET", "HEAD", "OPTIONS", "DELETE", "TRACE"];

/** RFC 9112 6: one framing, and that of this message. RFC 9110 8.6: an empty content is said where one is meant. */
function framing({ request: { method }, contentLength }: UpstreamRequest): readonly Field[] {
  if (contentLength === null) return [["Transfer-Encoding", "chunked"]];
  if (contentLength === 0 && WITHOUT_CONTENT.includes(method)) return [];
  return [["Content-Length", String(contentLength)]];
}

function aboutClient({ connection }: UpstreamRequest["request"], host: string): readonly Field[] {
  const { remoteAddress, secure, localPort } = connection;
  const proto = secure ? "https" : "http";
  // RFC 7239 6: an IPv6 address stands in brackets, and what has a colon in quotes; 6.2: where it is not known.
  const node = remoteAddress === "" ? "unknown" : remoteAddress.includes(":") ? `"[${remoteAddress}]"` : remoteAddress;
  return [
    ...(remoteAddress === "" ? [] : [["X-Forwarded-For", remoteAddress]] as const),
    ["X-Forwarded-Proto", proto],
    ["X-Forwarded-Host", host],
    // None of its own has a client of a Unix socket.
    ...(localPort === 0 ? [] : [["X-Forwarded-Port", String(localPort)]] as const),
    ["Forwarded", `for=${node};host="${host.replace(/["\\]/g, "\\$&")}";proto=${proto}`],
  ];
}
