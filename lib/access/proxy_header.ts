/**
 * The header that a proxy puts before the first byte of a connection it passes on: for whom it speaks. PROXY protocol,
 * versions 1 and 2. Separate from HTTP, which begins after it. Pure. Specification: proxy-protocol.txt of HAProxy.
 */
import { latin1Text } from "../http/grammar.ts";
import { HttpError } from "../http/message.ts";
import type { ReceiveBuffer } from "../http/receive_buffer.ts";
import { formatAddress, parseAddress, unmapAddress } from "../ip_address.ts";

/** Whom a proxy speaks for. */
export interface ProxiedClient {
  /** Textual IP address. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** The client came to the proxy over TLS; null where the proxy does not say. */
  readonly secure: boolean | null;
}

/** What was found: null for a connection of the proxy itself, or one that it knows nothing about. */
export interface ProxyHeader {
  readonly client: ProxiedClient | null;
}

/** Version 1: "PROXY TCP4 ..." CRLF, at most so many bytes with the CRLF. */
const V1_START = Uint8Array.from("PROXY ", (character) => character.charCodeAt(0));
const V1_MAX_BYTES = 107;

/** Version 2: these twelve bytes, version and command, family and protocol, the length of the rest in two bytes. */
const V2_START = Uint8Array.of(0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a);
const V2_HEAD_BYTES = 16;
/** The specification has no bound but 65,535; this is room for addresses and every kind of extension but a certificate. */
const V2_MAX_BYTES = 4096;
const V2_EXTENSION_HEAD_BYTES = 3;
/** PP2_TYPE_SSL, and the bit of its first byte that says that the client used TLS. */
const V2_TLS = 0x20;
const V2_CLIENT_TLS = 0x01;

/**
 * Takes the header from the front of the buffer: "none" when the connection begins with something else, null as long as
 * that cannot be told or the header has not arrived whole. Throws HttpError 400 for one that breaks the rules.
 */
export function takeProxyHeader(buffer: ReceiveBuffer): ProxyHeader | "none" | null {
  const bytes = buffer.bytes.subarray(buffer.start, buffer.end);
  if (bytes.length === 0) return null;
  const [start, read] = bytes[0] === V1_START[0]
    ? [V1_START, readVersion1] as const
    : [V2_START, readVersion2] as const;
  const known = Math.min(start.length, bytes.length);
  if (start.subarray(0, known).some((byte, at) => byte !== bytes[at])) return "none";
  const found = known < start.length ? null : read(bytes);
  if (found === null) return null;
  buffer.skip(found.length);
  return { client: found.client };
}

/** What stands at the front and how many bytes it takes; null when it has not arrived whole. */
type Found = ProxyHeader & { readonly length: number } | null;

function readVersion1(bytes: Uint8Array): Found {
  const end = bytes.subarray(0, V1_MAX_BYTES).indexOf(0x0a);
  if (end < 0) {
    if (bytes.length >= V1_MAX_BYTES) throw invalid("too long");
    return null;
  }
  const line = latin1Text(bytes, 0, end + 1);
  const length = end + 1;
  if (/^PROXY UNKNOWN(?: [^\r\n]*)?\r\n$/.test(line)) return { client: null, length };
  const match = /^PROXY (TCP4|TCP6) (\S+) (\S+) (\d{1,5}) (\d{1,5})\r\n$/.exec(line);
  if (match === null) throw invalid("malformed");
  const [, family, source, target, sourcePort, targetPort] = match;
  const addresses = [source, target].map((text) => {
    const address = (family === "TCP6") === text.includes(":") ? parseAddress(text) : null;
    if (address === null) throw invalid("not an address");
    return formatAddress(address);
  });
  const ports = [sourcePort, targetPort].map(Number);
  if (ports.some((port) => port > 65_535)) throw invalid("not a port");
  return {
    client: {
      remoteAddress: addresses[0],
      remotePort: ports[0],
      localAddress: addresses[1],
      localPort: ports[1],
      secure: null,
    },
    length,
  };
}

function readVersion2(bytes: Uint8Array): Found {
  if (bytes.length < V2_HEAD_BYTES) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const length = V2_HEAD_BYTES + view.getUint16(14);
  const [version, command] = [bytes[12] >> 4, bytes[12] & 0xf];
  if (version !== 2 || command > 1) throw invalid("unknown version or command");
  if (length > V2_MAX_BYTES) throw invalid("too long");
  if (bytes.length < length) return null;
  // Command 0 is LOCAL: the proxy itself asks, to see whether we are alive. Families other than IP are told of as unknown.
  const addressBytes = { 0x11: 4, 0x21: 16 }[bytes[13]] ?? 0;
  if (command === 0 || addressBytes === 0) return { client: null, length };
  const ports = V2_HEAD_BYTES + 2 * addressBytes;
  const extensions = ports + 4;
  if (length < extensions) throw invalid("its addresses are cut");
  const addressAt = (at: number) => formatAddress(unmapAddress([...bytes.subarray(at, at + addressBytes)]));
  return {
    client: {
      remoteAddress: addressAt(V2_HEAD_BYTES),
      remotePort: view.getUint16(ports),
      localAddress: addressAt(V2_HEAD_BYTES + addressBytes),
      localPort: view.getUint16(ports + 2),
      secure: isClientSecure(bytes.subarray(extensions, length)),
    },
    length,
  };
}

/** Extensions: type in one byte, length in two, value. Null where the one about TLS is missing. */
function isClientSecure(bytes: Uint8Array): boolean | null {
  for (let at = 0; at + V2_EXTENSION_HEAD_BYTES <= bytes.length;) {
    const value = at + V2_EXTENSION_HEAD_BYTES;
    const end = value + (bytes[at + 1] << 8 | bytes[at + 2]);
    if (end > bytes.length) throw invalid("an extension is cut");
    if (bytes[at] === V2_TLS && end > value) return (bytes[value] & V2_CLIENT_TLS) !== 0;
    at = end;
  }
  return null;
}

function invalid(problem: string): HttpError {
  return new HttpError(400, `Header of the PROXY protocol: ${problem}`);
}
