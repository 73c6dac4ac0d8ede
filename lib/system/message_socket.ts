/**
 * One end of a pair of sockets that keep messages apart (SOCK_SEQPACKET), the other end of which a program gets: messages
 * with descriptors to it, messages from it. Separate, because here alone the layouts of sendmsg(2) stand, which are the same
 * for x86-64 and arm64. unix(7), cmsg(3). I/O.
 */
import type { Watched, Watcher } from "./epoll.ts";
import { O_CLOEXEC } from "./flags.ts";

/** The functions of the C library that are needed for it; whoever opens the library hands them in. */
export const MESSAGE_CALLS = {
  socketpair: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  sendmsg: { parameters: ["i32", "buffer", "i32"], result: "isize" },
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
  /** Returns where its first argument is. */
  memcpy: { parameters: ["buffer", "buffer", "usize"], result: "usize" },
} as const satisfies Deno.ForeignLibraryInterface;

export type MessageCalls = Deno.DynamicLibrary<typeof MESSAGE_CALLS>["symbols"];

/** Linux, sys/socket.h. */
const AF_UNIX = 1;
const SOCK_SEQPACKET = 5;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_PEEK = 2;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;

/** struct msghdr, struct iovec and struct cmsghdr one behind the other, with room for so many descriptors. */
const IOVEC_OFFSET = 56;
const CONTROL_OFFSET = 72;
const DESCRIPTORS_OFFSET = CONTROL_OFFSET + 16;
const MOST_DESCRIPTORS = 4;
const HEADER_BYTES = DESCRIPTORS_OFFSET + 4 * MOST_DESCRIPTORS;

/** The longest message that is read; what is longer is cut. */
const MOST_BYTES = 65_536;

export class MessageSocket {
  readonly #calls: MessageCalls;
  readonly #descriptor: number;
  readonly #watched: Watched;
  readonly #header = new Uint8Array(HEADER_BYTES);
  readonly #view = new DataView(this.#header.buffer);
  readonly #address: bigint;
  readonly #buffer = new Uint8Array(MOST_BYTES);
  #isClosed = false;

  constructor(descriptor: number, { calls, watcher }: { readonly calls: MessageCalls; readonly watcher: Watcher }) {
    this.#calls = calls;
    this.#descriptor = descriptor;
    this.#watched = watcher.watch(descriptor, "readable");
    this.#address = calls.memcpy(this.#header, this.#header, 0n);
    this.#view.setBigUint64(16, this.#address + BigInt(IOVEC_OFFSET), true);
    this.#view.setBigUint64(24, 1n, true);
  }

  /**
   * A pair; `other` is the end for a program: whoever calls closes it once it has been handed over. Null for want of
   * descriptors.
   */
  static openPair(
    services: { readonly calls: MessageCalls; readonly watcher: Watcher },
  ): { readonly own: MessageSocket; readonly other: number } | null {
    const pair = new Int32Array(2);
    if (services.calls.socketpair(AF_UNIX, SOCK_SEQPACKET | O_CLOEXEC, 0, pair) !== 0) return null;
    return { own: new MessageSocket(pair[0], services), other: pair[1] };
  }

  /**
   * Sends all of `bytes` and copies of the descriptors, which stay open here, at once. False where that is not possible: the
   * other end is closed, has not read what came before, or the message is too long. Nothing of it was sent then.
   */
  send(bytes: Uint8Array<ArrayBuffer>, descriptors: readonly number[] = []): boolean {
    if (this.#isClosed) return false;
    const view = this.#view;
    const count = descriptors.length;
    if (count > MOST_DESCRIPTORS) throw new Error(`More than ${MOST_DESCRIPTORS} descriptors in a message`);
    view.setBigUint64(32, count === 0 ? 0n : this.#address + BigInt(CONTROL_OFFSET), true);
    view.setBigUint64(40, count === 0 ? 0n : BigInt(16 + Math.ceil(count / 2) * 8), true);
    view.setBigUint64(IOVEC_OFFSET, this.#calls.memcpy(bytes, bytes, 0n), true);
    view.setBigUint64(IOVEC_OFFSET + 8, BigInt(bytes.length), true);
    view.setBigUint64(CONTROL_OFFSET, BigInt(16 + 4 * count), true);
    view.setInt32(CONTROL_OFFSET + 8, SOL_SOCKET, true);
    view.setInt32(CONTROL_OFFSET + 12, SCM_RIGHTS, true);
    descriptors.forEach((descriptor, index) => view.setInt32(DESCRIPTORS_OFFSET + 4 * index, descriptor, true));
    return Number(this.#calls.sendmsg(this.#descriptor, this.#header, MSG_DONTWAIT | MSG_NOSIGNAL)) === bytes.length;
  }

  /** The next message, valid until the next call; null when the other end is closed everywhere, and once this one is. */
  async read(): Promise<Uint8Array | null> {
    while (!this.#isClosed) {
      const count = Number(this.#calls.recv(this.#descriptor, this.#buffer, BigInt(MOST_BYTES), MSG_DONTWAIT));
      if (count > 0) return this.#buffer.subarray(0, count);
      if (count === 0) break;
      await this.#watched.ready();
      if (!this.#hasMore()) break;
    }
    return null;
  }

  /** Of one that was told to be ready: whether there is something, and not an error (the other end was reset). */
  #hasMore(): boolean {
    if (this.#isClosed) return false;
    return Number(this.#calls.recv(this.#descriptor, this.#buffer, 1n, MSG_DONTWAIT | MSG_PEEK)) > 0;
  }

  /** Ends a read that waits; the other end meets the end. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#watched.stop();
    this.#calls.close(this.#descriptor);
  }
}
