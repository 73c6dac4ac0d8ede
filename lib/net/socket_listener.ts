/**
 * Accepts connections for socket.ts from a socket on which the runtime has begun to listen: it knows names, addresses and
 * what is wrong with them, and accepting is what it does more slowly. I/O. accept(2).
 */
import type { Watched } from "../system/epoll.ts";
import { O_CLOEXEC, O_NONBLOCK } from "../system/flags.ts";
import { nextTurn } from "../system/readiness.ts";
import { netAddr, Socket, type SocketServices } from "./socket.ts";
import { SocketAddress } from "./socket_address.ts";

/** Linux, linux/fcntl.h. */
const F_DUPFD_CLOEXEC = 1030;
const FIRST_DESCRIPTOR = 3;
/** So many clients that are queued are accepted before those who were accepted have their turn. */
const ACCEPTED_AT_ONCE = 64;

export class SocketListener {
  readonly #services: SocketServices;
  readonly #descriptor: number;
  readonly #watched: Watched;
  readonly #address = new SocketAddress();
  #count = 0;
  #isClosed = false;

  private constructor(descriptor: number, watched: Watched, services: SocketServices) {
    this.#services = services;
    this.#descriptor = descriptor;
    this.#watched = watched;
  }

  /**
   * Of another's descriptor, which that one may then close; whoever opens it closes it. Throws plain Error where there is no
   * room for one more.
   */
  static open(descriptor: number, services: SocketServices): SocketListener {
    const own = services.calls.fcntl(descriptor, F_DUPFD_CLOEXEC, FIRST_DESCRIPTOR);
    if (own < 0) throw new Error("No descriptor is left to accept connections with");
    return new SocketListener(own, services.readiness.watch(own, "readable"), services);
  }

  /** The next connection. Rejects with BadResource when the listener is closed, with plain Error for want of descriptors. */
  async accept(): Promise<Socket> {
    const { calls } = this.#services;
    if (this.#count === ACCEPTED_AT_ONCE) {
      await nextTurn();
      this.#count = 0;
    }
    for (let hasWaited = false; !this.#isClosed; hasWaited = true) {
      const address = this.#address;
      const descriptor = calls.accept4(this.#descriptor, address.bytes, address.room(), O_NONBLOCK | O_CLOEXEC);
      if (descriptor >= 0) {
        this.#count++;
        return new Socket(descriptor, netAddr(address), this.#services);
      }
      // The first time nobody is there; somebody who is there and cannot be accepted finds no room.
      if (hasWaited) throw new Error("No descriptor is left for another connection");
      await this.#watched.ready();
      this.#count = 0;
    }
    throw new Deno.errors.BadResource("The listener is closed");
  }

  /** Ends an accept that waits. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#watched.stop();
    this.#services.calls.close(this.#descriptor);
  }
}
