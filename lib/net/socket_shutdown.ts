/**
 * Ends the traffic of a socket that the runtime itself cannot end. In Deno 2.7.11 `close()` leaves a socket open as
 * long as a `write()` is blocked on it (a client that reads nothing keeps the descriptor and megabytes of send buffer
 * for as long as it likes), and for a TLS connection as long as the handshake has not ended (a client that connects and
 * is silent keeps the descriptor for ever). shutdown(2) makes both fail at once and the descriptor goes. JavaScript
 * cannot call it, so this file does, through libc. The runtime does not tell the descriptor of a TLS connection, so the
 * socket is found among all descriptors by both of its addresses. Linux only: elsewhere, or without libc, nothing is ever shut
 * down, and the caller has to count such sockets as open. I/O.
 */
import { parseAddress, unmapAddress } from "../ip_address.ts";
import { descriptorBound } from "../system/descriptor_bound.ts";
import type { Libc } from "../system/libc.ts";
import { SocketAddress } from "./socket_address.ts";

/** Both ends of a TCP connection: textual IP addresses, IPv4-mapped IPv6 ones equal to their IPv4 form. */
export interface SocketEnds {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
}

/** Linux, sys/socket.h. */
const SHUT_RDWR = 2;
export class SocketShutdown {
  readonly #libc: Libc;
  readonly #address = new SocketAddress();

  constructor(libc: Libc) {
    this.#libc = libc;
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
   * (less than 1 us each).
   */
  shutdownSockets(list: readonly SocketEnds[]): boolean[] {
    const address = this.#address;
    const done: boolean[] = list.map(() => false);
    if (list.length === 0) return done;
    const wanted = new Map(list.map((ends, index) => [
      `${toKey(ends.remoteAddress, ends.remotePort)} ${toKey(ends.localAddress, ends.localPort)}`,
      index,
    ]));
    const remotePorts = new Set(list.map((ends) => ends.remotePort));
    for (let fd = 0, bound = descriptorBound(this.#libc); fd < bound; fd++) {
      if (this.#libc.getpeername(fd, address.bytes, address.room()) !== 0) continue;
      if (!remotePorts.has(address.port)) continue;
      const remote = this.#key();
      if (this.#libc.getsockname(fd, address.bytes, address.room()) !== 0) continue;
      const index = wanted.get(`${remote} ${this.#key()}`);
      if (index !== undefined) done[index] = this.#libc.shutdown(fd, SHUT_RDWR) === 0;
    }
    return done;
  }

  /** As `toKey`, of the address that was just written; "" for a family that is not IP. */
  #key(): string {
    const { ipBytes, port } = this.#address;
    return ipBytes === null ? "" : `${unmapAddress([...ipBytes])}:${port}`;
  }
}

/** The bytes of an address in decimal, a colon, the port: however the address is spelled. */
function toKey(address: string, port: number): string {
  return `${parseAddress(address)}:${port}`;
}
