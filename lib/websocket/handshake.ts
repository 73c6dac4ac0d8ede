/**
 * The opening handshake on the server's side: whether a request asks for WebSocket, what of it is refused, and what the answer
 * says. Separate from what is spoken afterwards. Pure. RFC 6455 4.2, RFC 9110 7.8.
 */
import { listElements } from "../http/grammar.ts";
import { HeaderFields } from "../http/header_fields.ts";
import { HttpError, type HttpRequest } from "../http/message.ts";
import { parseAuthority } from "../http/target.ts";

type Asked = Pick<HttpRequest, "method" | "version" | "fields" | "body">;

/** RFC 6455 4.2.1. */
const VERSION = "13";
/** RFC 6455 4.2.2. */
const ACCEPT_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/** RFC 6455 4.1: 16 bytes in base64, whose last two bits of the last digit are none. */
const KEY = /^[A-Za-z0-9+/]{21}[AQgw]==$/;

/** RFC 9110 7.8: says so by both fields. RFC 6455 4.1: a GET of HTTP/1.1; one with content asks for what it is sent to. */
export function asksForWebSocket({ method, version, fields, body }: Asked): boolean {
  if (method !== "GET" || version !== "1.1" || body.length !== 0) return false;
  const protocols = fields.get("upgrade");
  if (protocols === null || !listElements(protocols).includes("websocket")) return false;
  return listElements(fields.get("connection") ?? "").includes("upgrade");
}

/** What clients that ask for something else are told. RFC 9110 15.5.22, RFC 6455 4.4. */
const REQUIRED = HeaderFields.of(
  ["Upgrade", "websocket"],
  ["Connection", "Upgrade"],
  ["Sec-WebSocket-Version", VERSION],
);

/**
 * The key of a request for a place of WebSocket alone. Throws HttpError: 405 for other methods than GET, 426 where it asks for
 * no WebSocket or for another version, 400 for a key that is none.
 */
export function readHandshake(request: Asked): string {
  const { method, fields } = request;
  if (method !== "GET") {
    throw new HttpError(405, `${method} for WebSocket`, { fields: HeaderFields.of(["Allow", "GET"]) });
  }
  if (!asksForWebSocket(request)) throw new HttpError(426, "Asks for no WebSocket", { fields: REQUIRED });
  const version = fields.get("sec-websocket-version");
  if (version !== VERSION) throw new HttpError(426, `WebSocket of version "${version ?? ""}"`, { fields: REQUIRED });
  const key = fields.get("sec-websocket-key");
  if (key === null || !KEY.test(key)) throw new HttpError(400, `Sec-WebSocket-Key "${key ?? ""}"`);
  return key;
}

/** The fields of 101, for that key. RFC 6455 4.2.2: no subprotocol and no extension is taken up. */
export async function acceptFields(key: string): Promise<HeaderFields> {
  const hash = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(key + ACCEPT_GUID));
  return HeaderFields.of(["Upgrade", "websocket"], ["Sec-WebSocket-Accept", new Uint8Array(hash).toBase64()]);
}

/**
 * Throws HttpError 403 for a page of another origin. Browsers let any page ask, with the cookies of this site, and say whose it
 * is (RFC 6455 10.2); who says nothing is no browser. `isHost`: whether a name in lower case is one of the site's own.
 */
export function refuseOtherOrigins(
  { fields, host, connection }: Pick<HttpRequest, "fields" | "host" | "connection">,
  isHost: (name: string) => boolean,
): void {
  const origin = fields.get("origin");
  if (origin === null) return;
  const [, scheme, authority] = /^(https?):\/\/([^/?#@]+)$/i.exec(origin) ?? [];
  const named = authority === undefined ? null : parseAuthority(authority);
  // Browsers leave the port of the scheme out both here and in Host; a page of another port is another one's.
  const port = parseAuthority(fields.get("host") ?? "")?.port ?? null;
  const isOwn = named !== null && named.host !== "" && (named.host === host || isHost(named.host)) &&
    named.port === port;
  // What came without TLS may be anybody's.
  const isWeak = connection.secure && scheme?.toLowerCase() === "http";
  if (!isOwn || isWeak) throw new HttpError(403, `Origin "${origin}"`);
}
