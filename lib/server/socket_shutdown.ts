/**
 * Ends the traffic of a socket that the runtime itself cannot end. In Deno 2.7.11 `close()` leaves a socket open as
 * long as a `write()` is blocked on it (a client that reads nothing keeps the descriptor and megabytes of send buffer
 * for as long as it likes), and for a TLS connection as long as the handshake has not ended (a client that connects and
 * is silent keeps the descriptor for ever). shutdown(2) makes both fail at once and the descriptor goes. JavaScript
 * cannot call it, so this file does, through libc. The runtime does not tell the descriptor of a TLS connection, so the
 * socket is found among /proc/self/fd by both of its addresses (needs read permission). Linux only: elsewhere, or without
 * libc, nothing is ever shut down, and the caller has to count such sockets as open. I/O.
 */
import type { Libc } from "./libc.ts";

/** Both ends of a TCP connection: textual IP addresses, IPv4-mapped IPv6 ones equal to their IPv4 form. */
export interface SocketEnds {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
}

/** Linux, sys/socket.h. */
const AF_INET = 2;
const AF_INET6 = 10;
const SHUT_RDWR = 2;
/** Bytes of struct sockaddr_in6, the longer of the two. */
const SOCKADDR_BYTES = 28;
/** What stands before an IPv4 address in its IPv4-mapped IPv6 form (RFC 4291 2.5.5.2). */
const MAPPED_PREFIX = "0,0,0,0,0,0,0,0,0,0,255,255";

export class SocketShutdown {
  readonly #libc: Libc | null;
  readonly #address = new Uint8Array(SOCKADDR_BYTES);
  readonly #addressBytes = new Uint32Array(1);

  /** Without libc nothing is ever shut down. */
  constructor(libc: Libc | null) {
    this.#libc = libc;
  }

  /** Whether sockets can be shut down at all here. */
  get isAvailable(): boolean {
    return this.#libc !== null;
  }

  /**
   * Shuts down the one socket with these ends, in both directions; whoever owns the connection still closes it. False
   * where this process has no such socket (the peer has reset it, or it is gone) or no libc.
   */
  shutdownSocket(ends: SocketEnds): boolean {
    return this.shutdownSockets([ends])[0];
  }

  /**
   * The same for many sockets, one answer each in their order, at the price of one: all descriptors are looked at once
   * (about 2 us each).
   */
  shutdownSockets(list: readonly SocketEnds[]): boolean[] {
    const done: boolean[] = list.map(() => false);
    if (this.#libc === null || list.length === 0) return done;
    const wanted = new Map(list.map((ends, index) => [
      `${toKey(ends.remoteAddress, ends.remotePort)} ${toKey(ends.localAddress, ends.localPort)}`,
      index,
    ]));
    const remotePorts = new Set(list.map((ends) => ends.remotePort));
    for (const entry of Deno.readDirSync("/proc/self/fd")) {
      const fd = Number(entry.name);
      if (this.#libc.getpeername(fd, this.#address, this.#resetAddressBytes()) !== 0) continue;
      if (!remotePorts.has(this.#port())) continue;
      const remote = this.#key();
      if (this.#libc.getsockname(fd, this.#address, this.#resetAddressBytes()) !== 0) continue;
      const index = wanted.get(`${remote} ${this.#key()}`);
      if (index !== undefined) done[index] = this.#libc.shutdown(fd, SHUT_RDWR) === 0;
    }
    return done;
  }

  /** getpeername(2) reads how much room there is and writes how much it took. */
  #resetAddressBytes(): Uint32Array<ArrayBuffer> {
    this.#addressBytes[0] = SOCKADDR_BYTES;
    return this.#addressBytes;
  }

  /** sin_port and sin6_port stand in the same place, in network order. */
  #port(): number {
    return this.#address[2] << 8 | this.#address[3];
  }

  /** As `toKey`, of the sockaddr that was just filled; "" for a family that is not IP. The family's low byte is first. */
  #key(): string {
    const family = this.#address[0];
    if (family === AF_INET) return `${MAPPED_PREFIX},${this.#address.subarray(4, 8)}:${this.#port()}`;
    if (family === AF_INET6) return `${this.#address.subarray(8, 24)}:${this.#port()}`;
    return "";
  }
}

/** The 16 bytes of an address in decimal (IPv4 in its mapped form), a colon, the port. */
function toKey(address: string, port: number): string {
  return `${address.includes(":") ? parseIpv6(address) : `${MAPPED_PREFIX},${parseIpv4(address)}`}:${port}`;
}

function parseIpv4(text: string): readonly number[] {
  return text.split(".").map(Number);
}

/** The 16 bytes of an IPv6 address as the runtime writes it. RFC 4291 2.2: "::" once, a dotted tail is possible. */
function parseIpv6(text: string): readonly number[] {
  const [head, tail] = text.split("::").map(parseGroups);
  if (tail === undefined) return head;
  return [...head, ...new Array<number>(16 - head.length - tail.length).fill(0), ...tail];
}

function parseGroups(text: string): readonly number[] {
  if (text === "") return [];
  return text.split(":").flatMap((group) => {
    if (group.includes(".")) return parseIpv4(group);
    const value = parseInt(group, 16);
    return [value >> 8, value & 255];
  });
}
