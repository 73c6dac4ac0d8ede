/** Where the system writes the address of a socket to, and what it means; and an address as it is told to the system. accept(2), getsockname(2), ip(7), ipv6(7), unix(7). Pure. */
import { formatAddress, parseAddress, unmapAddress } from "../ip_address.ts";

/** Linux, bits/socket.h. */
export const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
/** Bytes of struct sockaddr_un, the longest of the three; and of what stands in it before its path. */
const SOCKADDR_BYTES = 110;
const PATH_OFFSET = 2;

/** Of struct sockaddr_in, of struct sockaddr_in6, and of what stands in them before the address. */
const SOCKADDR_IN_BYTES = 16;
const SOCKADDR_IN6_BYTES = 28;
const IPV4_OFFSET = 4;
const IPV6_OFFSET = 8;

/** What a socket is connected to; the host may be a name. */
export type PeerAddress =
  | { readonly transport: "unix"; readonly path: string }
  | { readonly transport: "tcp"; readonly hostname: string; readonly port: number };

/** As connect(2) takes it; null for a host that is no IP address. "localhost" is taken for 127.0.0.1. */
export function encodeAddress(address: PeerAddress): Uint8Array<ArrayBuffer> | null {
  if (address.transport === "unix") {
    const path = new TextEncoder().encode(address.path);
    const bytes = new Uint8Array(PATH_OFFSET + path.length + 1);
    bytes[0] = AF_UNIX;
    bytes.set(path, PATH_OFFSET);
    return bytes;
  }
  const { hostname, port } = address;
  const ip = parseAddress(hostname === "localhost" ? "127.0.0.1" : hostname);
  if (ip === null) return null;
  const isOld = ip.length === 4;
  const bytes = new Uint8Array(isOld ? SOCKADDR_IN_BYTES : SOCKADDR_IN6_BYTES);
  bytes.set([isOld ? AF_INET : AF_INET6, 0, port >> 8, port & 255]);
  bytes.set(ip, isOld ? IPV4_OFFSET : IPV6_OFFSET);
  return bytes;
}

/** For one address after the other. sa_family is in the order of the machine (little-endian), the port in network order. */
export class SocketAddress {
  readonly bytes = new Uint8Array(SOCKADDR_BYTES);
  readonly #size = new Uint32Array(1);
  /** What `hostname` was of, and was. */
  #lastBytes = new Uint8Array(0);
  #lastText = "";

  /** How much room there is, for a call that writes there how much it took. */
  room(): Uint32Array<ArrayBuffer> {
    this.#size[0] = SOCKADDR_BYTES;
    return this.#size;
  }

  /** sin_port and sin6_port stand in the same place; 0 for a family that is not IP. */
  get port(): number {
    const { bytes } = this;
    return bytes[0] === AF_INET || bytes[0] === AF_INET6 ? bytes[2] << 8 | bytes[3] : 0;
  }

  /** Of a Unix socket: where it is in the file system, "" where it is not; null for any other family. */
  get path(): string | null {
    if (this.bytes[0] !== AF_UNIX) return null;
    const bytes = this.bytes.subarray(PATH_OFFSET, Math.min(this.#size[0], SOCKADDR_BYTES));
    const end = bytes.indexOf(0);
    return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
  }

  /** The 4 or 16 bytes of the IP address, in network order; null for any other family. */
  get ipBytes(): Uint8Array | null {
    const family = this.bytes[0];
    if (family === AF_INET) return this.bytes.subarray(IPV4_OFFSET, IPV4_OFFSET + 4);
    return family === AF_INET6 ? this.bytes.subarray(IPV6_OFFSET, IPV6_OFFSET + 16) : null;
  }

  /** As text, an IPv4-mapped address as IPv4; "" for a family that is not IP. */
  get hostname(): string {
    const { ipBytes } = this;
    if (ipBytes === null) return "";
    // It is asked at each accept, and behind a proxy, or of a page's connections, it is the last one again (scripts/bench/NOTES.md).
    if (!areEqual(ipBytes, this.#lastBytes)) {
      this.#lastBytes = ipBytes.slice();
      this.#lastText = formatAddress(unmapAddress([...ipBytes]));
    }
    return this.#lastText;
  }
}

function areEqual(some: Uint8Array, others: Uint8Array): boolean {
  if (some.length !== others.length) return false;
  for (let at = 0; at < some.length; at++) if (some[at] !== others[at]) return false;
  return true;
}
