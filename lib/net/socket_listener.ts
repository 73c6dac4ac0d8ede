/**
 * Accepts connections for socket.ts from a socket on which the runtime, or somebody else, has begun to listen: the runtime
 * knows names, addresses and what is wrong with them, and accepting is what it does more slowly. I/O. accept(2).
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
/** The same where others accept from the same socket, who would come to nothing. */
const SHARED_AT_ONCE = 1;
/** So often in a row somebody else may have been quicker, before it is taken for a fault. */
const MISSED_AT_ONCE = 100;

export class SocketListener {
  readonly #services: SocketServices;
  /** Of the socket that is accepted from. */
  readonly descriptor: number;
  readonly #isShared: boolean;
  readonly #watched: Watched;
  readonly #address = new SocketAddress();
  #count = 0;
  #isClosed = false;

  private constructor(descriptor: number, services: SocketServices, isShared: boolean) {
    this.#services = services;
    this.descriptor = descriptor;
    this.#isShared = isShared;
    this.#watched = services.readiness.watch(descriptor, "readable");
  }

  /**
   * Of another's descriptor, which that one may then close; whoever opens it closes it. `isShared`: others accept from the same
   * socket, as threads or processes do. Throws plain Error where there is no room for one more.
   */
  static open(descriptor: number, services: SocketServices, isShared = false): SocketListener {
    const own = services.calls.fcntl(descriptor, F_DUPFD_CLOEXEC, FIRST_DESCRIPTOR);
    if (own < 0) throw new Error("No descriptor is left to accept connections with");
    return new SocketListener(own, services, isShared);
  }

  /** The next connection. Rejects with BadResource when the listener is closed, with plain Error for want of descriptors. */
  async accept(): Promise<Socket> {
    const { calls } = this.#services;
    if (this.#count >= (this.#isShared ? SHARED_AT_ONCE : ACCEPTED_AT_ONCE)) {
      await nextTurn();
      this.#count = 0;
    }
    for (let missed = -1; !this.#isClosed; missed++) {
      const address = this.#address;
      const descriptor = calls.accept4(this.descriptor, address.bytes, address.room(), O_NONBLOCK | O_CLOEXEC);
      if (descriptor >= 0) {
        this.#count++;
        return new Socket(descriptor, netAddr(address), this.#services);
      }
      // The first time nobody is there; somebody who is there and cannot be accepted finds no room, or was accepted elsewhere.
      const mayMiss = this.#isShared && missed < MISSED_AT_ONCE && this.#hasRoom();
      if (missed >= 0 && !mayMiss) throw new Error("No descriptor is left for another connection");
      await this.#watched.ready();
      this.#count = 0;
    }
    throw new Deno.errors.BadResource("The listener is closed");
  }

  #hasRoom(): boolean {
    const { calls } = this.#services;
    const descriptor = calls.fcntl(this.descriptor, F_DUPFD_CLOEXEC, FIRST_DESCRIPTOR);
    if (descriptor < 0) return false;
    calls.close(descriptor);
    return true;
  }

  /** Ends an accept that waits. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#watched.stop();
    this.#services.calls.close(this.descriptor);
  }
}
