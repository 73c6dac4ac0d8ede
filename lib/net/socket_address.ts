/** Where the system writes the address of a socket to, and what it means. accept(2), getsockname(2), ip(7), ipv6(7), unix(7). Pure. */
import { formatAddress, unmapAddress } from "../ip_address.ts";

/** Linux, bits/socket.h. */
const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
/** Bytes of struct sockaddr_un, the longest of the three; and of what stands in it before its path. */
const SOCKADDR_BYTES = 110;
const PATH_OFFSET = 2;

/** For one address after the other. sa_family is in the order of the machine (little-endian), the port in network order. */
export class SocketAddress {
  readonly bytes = new Uint8Array(SOCKADDR_BYTES);
  readonly #size = new Uint32Array(1);

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
    const [family] = this.bytes;
    if (family === AF_INET) return this.bytes.subarray(4, 8);
    return family === AF_INET6 ? this.bytes.subarray(8, 24) : null;
  }

  /** As text, an IPv4-mapped address as IPv4; "" for a family that is not IP. */
  get hostname(): string {
    const { bytes } = this;
    // The quick way, for it is asked at each accept.
    if (bytes[0] === AF_INET) return `${bytes[4]}.${bytes[5]}.${bytes[6]}.${bytes[7]}`;
    const { ipBytes } = this;
    return ipBytes === null ? "" : formatAddress(unmapAddress([...ipBytes]));
  }
}
