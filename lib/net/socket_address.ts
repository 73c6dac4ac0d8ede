/** Where the system writes the address of a socket to, and what it means. accept(2), getsockname(2), ip(7), ipv6(7). Pure. */
import { formatAddress, unmapAddress } from "../ip_address.ts";

/** Linux, bits/socket.h. */
const AF_INET = 2;
const AF_INET6 = 10;
/** Bytes of struct sockaddr_in6, the longer of the two. */
const SOCKADDR_BYTES = 28;

/** For one address after the other. sa_family is in the order of the machine (little-endian), the port in network order. */
export class SocketAddress {
  readonly bytes = new Uint8Array(SOCKADDR_BYTES);
  readonly #size = new Uint32Array(1);

  /** How much room there is, for a call that writes there how much it took. */
  room(): Uint32Array<ArrayBuffer> {
    this.#size[0] = SOCKADDR_BYTES;
    return this.#size;
  }

  /** sin_port and sin6_port stand in the same place. */
  get port(): number {
    return this.bytes[2] << 8 | this.bytes[3];
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
