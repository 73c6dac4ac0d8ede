/**
 * The head of a request to an HTTP upstream, made anew: of what the client sent only what was understood here, in one spelling,
 * and of what is said about the client only what this server knows. Separate from the connection, so that it is one pure table.
 * RFC 9110 7.6, RFC 9112 3 and 6, RFC 7239.
 */
import { latin1Bytes, listElements } from "../http/grammar.ts";
import { CONNECTION_FIELDS, type HeaderFields } from "../http/header_fields.ts";
import { keepRoom } from "../http/kept_bytes.ts";
import type { ConnectionInfo, HttpRequest } from "../http/message.ts";
import { encodePath } from "../http/target.ts";
import type { Upstream } from "./upstream.ts";

export interface UpstreamRequest {
  readonly request: Pick<
    HttpRequest,
    "method" | "query" | "host" | "fields" | "connection" | "user" | "version" | "id"
  >;
  /** What follows the place's prefix in the decoded path: "" or "/...". */
  readonly rest: string;
  readonly upstream: Pick<Upstream, "basePath" | "address">;
  /** Whose name stands in Host. */
  readonly host: "client" | "upstream";
  /** Bytes of content; null where that is known at its end only, which makes it chunked. */
  readonly contentLength: number | null;
  /** Whether the upstream shall leave the connection open. */
  readonly isKept: boolean;
  /** Whether it is asked to speak WebSocket from its answer on. */
  readonly isUpgrade?: boolean;
  /** Whether Authorization is passed on where this server has authenticated the user itself. */
  readonly passesAuthorization: boolean;
}

/** From the request line to the empty line. What is the same for each request of a client is written once for all. */
export function upstreamRequestHead(told: UpstreamRequest): Uint8Array {
  const { request, rest, upstream, isKept, isUpgrade = false } = told;
  const path = upstream.basePath + encodePath(rest);
  const query = request.query === "" ? "" : `?${request.query}`;
  const isOurs = request.user !== undefined && request.user !== null && !told.passesAuthorization;
  const passed = request.fields.derive(isOurs ? passedWithoutAuthorization : passedOn);
  const asked = passed.host || request.host || authorityOf(upstream);
  // RFC 9112 3.2: Host SHOULD be the first.
  const host = told.host === "client" ? asked : authorityOf(upstream);
  const start = `${request.method} ${path === "" ? "/" : path}${query} HTTP/1.1\r\nHost: ${host}\r\n`;
  return joinHead(
    start,
    passed.lines,
    `${framing(told)}${requestId(request)}${isUpgrade ? UPGRADE : isKept ? "" : "Connection: close\r\n"}`,
    aboutOf(request, asked),
  );
}

/** RFC 9110 7.8: of one connection alone, so what the client has said is said anew. */
const UPGRADE = "Connection: Upgrade\r\nUpgrade: websocket\r\n";

/** `about` stands last, with the empty line. */
function joinHead(start: string, lines: Uint8Array, framing: string, about: Uint8Array): Uint8Array {
  const head = keepRoom(start.length + lines.length + framing.length + about.length);
  writeText(start, head, 0);
  head.set(lines, start.length);
  writeText(framing, head, start.length + lines.length);
  head.set(about, start.length + lines.length + framing.length);
  return head;
}

/** Latin-1. */
function writeText(text: string, into: Uint8Array, at: number): void {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code > 0xff) throw new Error(`Not Latin-1 text: "${text}"`);
    into[at + index] = code;
  }
}

/** Also for a client that named no host. */
export function authorityOf({ address }: Pick<Upstream, "address">): string {
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
  "x-request-id",
]);

/** "X_Forwarded_For" is "X-Forwarded-For" to whoever makes variables of both; it is left out, as nginx does. */
const FOLDABLE_NAME = /^[A-Za-z0-9-]+$/;

/** What a field section says to an upstream. */
interface Passed {
  /** "" where there is none. */
  readonly host: string;
  /** Each ended by CRLF. */
  readonly lines: Uint8Array;
}

function passedOn(fields: HeaderFields): Passed {
  return passedBut(fields, () => false);
}

function passedWithoutAuthorization(fields: HeaderFields): Passed {
  return passedBut(fields, (lower) => lower === "authorization");
}

function passedBut(fields: HeaderFields, isLeftOut: (lower: string) => boolean): Passed {
  const named = listElements(fields.get("connection") ?? "");
  let lines = "";
  for (const [name, value] of fields) {
    const lower = name.toLowerCase();
    if (ENDING_FIELDS.has(lower) || lower.startsWith("x-forwarded-") || named.includes(lower)) continue;
    if (FOLDABLE_NAME.test(name) && !isLeftOut(lower)) lines += `${name}: ${value}\r\n`;
  }
  return { host: fields.get("host") ?? "", lines: latin1Bytes(lines) };
}

/** RFC 9110 9.3.1, 9.3.2, 9.3.5: content has no meaning with these. */
const WITHOUT_CONTENT: readonly string[] = ["GET", "HEAD", "OPTIONS", "DELETE", "TRACE"];

/** RFC 9112 6: one framing, and that of this message. RFC 9110 8.6: an empty content is said where one is meant. */
function framing({ request: { method }, contentLength }: UpstreamRequest): string {
  if (contentLength === null) return "Transfer-Encoding: chunked\r\n";
  return contentLength === 0 && WITHOUT_CONTENT.includes(method) ? "" : `Content-Length: ${contentLength}\r\n`;
}

function requestId({ id }: UpstreamRequest["request"]): string {
  return id === undefined ? "" : `X-Request-Id: ${id}\r\n`;
}

/** What was said of a connection's client last. */
const ABOUT = new WeakMap<
  ConnectionInfo,
  { readonly host: string; readonly version: string; readonly bytes: Uint8Array }
>();

function aboutOf({ connection, version }: UpstreamRequest["request"], host: string): Uint8Array {
  const known = ABOUT.get(connection);
  if (known !== undefined && known.host === host && known.version === version) return known.bytes;
  // RFC 9110 7.6.3: a gateway MUST say that it has passed the request on.
  const bytes = latin1Bytes(`${aboutClient(connection, host)}Via: ${version} lisod\r\n\r\n`);
  ABOUT.set(connection, { host, version, bytes });
  return bytes;
}

function aboutClient({ remoteAddress, secure, localPort }: ConnectionInfo, host: string): string {
  const proto = secure ? "https" : "http";
  // RFC 7239 6: an IPv6 address stands in brackets, and what has a colon in quotes; 6.2: where it is not known.
  const node = remoteAddress === "" ? "unknown" : remoteAddress.includes(":") ? `"[${remoteAddress}]"` : remoteAddress;
  const quoted = /["\\]/.test(host) ? host.replace(/["\\]/g, "\\$&") : host;
  return (remoteAddress === "" ? "" : `X-Forwarded-For: ${remoteAddress}\r\n`) +
    `X-Forwarded-Proto: ${proto}\r\nX-Forwarded-Host: ${host}\r\n` +
    // None of its own has a client of a Unix socket.
    (localPort === 0 ? "" : `X-Forwarded-Port: ${localPort}\r\n`) +
    `Forwarded: for=${node};host="${quoted}";proto=${proto}\r\n`;
}
