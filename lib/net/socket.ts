/**
 * A connection, over TCP or a Unix socket, by calls of the C library alone: fewer of them than the runtime's own sockets make, none in another
 * thread, and the end of a short connection in one segment with its last bytes. Plain HTTP; TLS is the runtime's. I/O.
 * tcp(7), epoll(7). Measured against the runtime's sockets: scripts/bench/NOTES.md.
 */
import { EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDHUP } from "../system/epoll.ts";
import { nextTurn, type Readiness } from "../system/readiness.ts";
import type { SocketCalls } from "../system/socket_calls.ts";
import { SocketAddress } from "./socket_address.ts";
import type { Transport } from "./transport.ts";

/** What sockets need of this thread. */
export interface SocketServices {
  readonly calls: SocketCalls;
  readonly readiness: Readiness;
}

/** Linux, bits/socket.h, sys/socket.h and netinet/tcp.h. */
const MSG_NOSIGNAL = 0x4000;
const MSG_MORE = 0x8000;
const SHUT_WR = 1;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;

/** The peer is gone, both directions are closed, or an error is to be told. */
const BROKEN = EPOLLERR | EPOLLHUP;
/** Something can be read, were it the end. */
const READABLE = EPOLLIN | EPOLLRDHUP | BROKEN;
const WRITABLE = EPOLLOUT | BROKEN;

/** So often in a row a client that sends without a pause is read before all others have their turn. */
const READS_AT_ONCE = 16;

/** An operation that waits for the socket. */
interface Waiting<Result> {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
}

/** Why the last operation could not be done says errno(3), which the runtime may have changed: so it is told from the events. */
export class Socket implements Transport {
  readonly remoteAddr: Deno.NetAddr;
  readonly closesAtOnce = true;
  readonly #services: SocketServices;
  readonly #descriptor: number;
  /** Its number in the readiness; 0 while nothing has had to be waited for. */
  #id = 0;
  #watchesWrites = false;
  /** Whether it is worth trying to read. */
  #isReadable = true;
  #readCount = 0;
  /** Something waits for the end of the connection. */
  #hasMore = false;
  #hasPeerClosed = false;
  #isBroken = false;
  #isClosed = false;
  #reading: Waiting<number | null> | null = null;
  #writing: Waiting<number> | null = null;

  /** Of a connection that does not block, and is closed by `close`. */
  constructor(descriptor: number, remoteAddr: Deno.NetAddr, services: SocketServices) {
    this.#descriptor = descriptor;
    this.remoteAddr = remoteAddr;
    this.#services = services;
  }

  /** Throws BadResource when it is closed. */
  get localAddr(): Deno.NetAddr {
    if (this.#isClosed) throw new Deno.errors.BadResource(CLOSED);
    this.#services.calls.getsockname(this.#descriptor, LOCAL.bytes, LOCAL.room());
    return netAddr(LOCAL);
  }

  /** As Deno.Conn: null at the end; rejects with ConnectionReset, and with BadResource or Interrupted when it is closed. */
  read(into: Uint8Array): Promise<number | null> {
    if (this.#isClosed) return Promise.reject(new Deno.errors.BadResource(CLOSED));
    if (this.#readCount >= READS_AT_ONCE) return this.#readInTurn(into);
    // No content is shared memory.
    const bytes = into as Uint8Array<ArrayBuffer>;
    const count = this.#isReadable ? this.#receive(bytes) : undefined;
    if (count !== undefined) return Promise.resolve(count);
    this.#readCount = 0;
    if (this.#isBroken) return Promise.reject(new Deno.errors.ConnectionReset(RESET));
    this.#watch();
    return new Promise((resolve, reject) => this.#reading = { bytes, resolve, reject });
  }

  async #readInTurn(into: Uint8Array): Promise<number | null> {
    await nextTurn();
    this.#readCount = 0;
    return await this.read(into);
  }

  /** Undefined when there is nothing, or nothing but an error. */
  #receive(bytes: Uint8Array<ArrayBuffer>): number | null | undefined {
    const count = this.#services.calls.recv(this.#descriptor, bytes, bytes.length, 0);
    this.#readCount++;
    if (count === 0) return null;
    // All is read when there was less than room for it, but for an end that came with it and is not told again.
    this.#isReadable = count === bytes.length || this.#hasPeerClosed && count > 0;
    return count > 0 ? count : undefined;
  }

  /** As Deno.Conn: may take a part. Rejects with BrokenPipe, and with BadResource or Interrupted when it is closed. */
  write(from: Uint8Array, isLast = false): Promise<number> {
    if (this.#isClosed) return Promise.reject(new Deno.errors.BadResource(CLOSED));
    const bytes = from as Uint8Array<ArrayBuffer>;
    // With MSG_MORE what does not fill a segment waits for the end of the connection.
    const flags = isLast ? MSG_NOSIGNAL | MSG_MORE : MSG_NOSIGNAL;
    this.#hasMore = isLast;
    const count = this.#services.calls.send(this.#descriptor, bytes, bytes.length, flags);
    if (count >= 0) return Promise.resolve(count);
    if (this.#isBroken) return Promise.reject(new Deno.errors.BrokenPipe(RESET));
    this.#watch();
    return new Promise((resolve, reject) => {
      this.#writing = { bytes, resolve, reject };
      if (this.#watchesWrites) return;
      this.#watchesWrites = true;
      this.#services.readiness.addWrites(this.#id, this.#descriptor);
    });
  }

  #watch(): void {
    if (this.#id === 0) this.#id = this.#services.readiness.addReads(this.#descriptor, this);
  }

  onEvents(events: number): void {
    if ((events & BROKEN) !== 0) this.#isBroken = true;
    if ((events & (EPOLLRDHUP | BROKEN)) !== 0) this.#hasPeerClosed = true;
    if ((events & READABLE) !== 0) this.#onReadable();
    if ((events & WRITABLE) !== 0) this.#onWritable();
  }

  #onReadable(): void {
    this.#isReadable = true;
    const reading = this.#reading;
    if (reading === null) return;
    const count = this.#receive(reading.bytes);
    if (count === undefined && !this.#isBroken) return;
    this.#reading = null;
    if (count === undefined) reading.reject(new Deno.errors.ConnectionReset(RESET));
    else reading.resolve(count);
  }

  #onWritable(): void {
    const writing = this.#writing;
    if (writing === null) return;
    const { bytes } = writing;
    const count = this.#services.calls.send(this.#descriptor, bytes, bytes.length, MSG_NOSIGNAL);
    if (count < 0 && !this.#isBroken) return;
    this.#writing = null;
    if (count < 0) writing.reject(new Deno.errors.BrokenPipe(RESET));
    else writing.resolve(count);
  }

  /** Rejects with NotConnected when the peer has reset the connection. */
  closeWrite(): Promise<void> {
    if (!this.#isClosed && this.#services.calls.shutdown(this.#descriptor, SHUT_WR) === 0) return Promise.resolve();
    return Promise.reject(new Deno.errors.NotConnected(this.#isClosed ? CLOSED : RESET));
  }

  setNoDelay(isOn: boolean): void {
    if (this.#isClosed) return;
    const value = new Uint8Array(Int32Array.of(isOn ? 1 : 0).buffer);
    this.#services.calls.setsockopt(this.#descriptor, IPPROTO_TCP, TCP_NODELAY, value, value.length);
  }

  /** What is under way is rejected with Interrupted. Idempotent: the number of the descriptor soon is somebody else's. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const { calls, readiness } = this.#services;
    if (this.#id !== 0) readiness.remove(this.#id);
    // close(2) alone does nothing as long as a program that is being started has a copy of the descriptor.
    if (this.#hasMore) calls.shutdown(this.#descriptor, SHUT_WR);
    calls.close(this.#descriptor);
    this.#reading?.reject(new Deno.errors.Interrupted(CLOSED));
    this.#writing?.reject(new Deno.errors.Interrupted(CLOSED));
    this.#reading = this.#writing = null;
  }
}

const CLOSED = "The socket is closed";
const RESET = "The peer has reset the connection";

/** Of this end; for all sockets of a thread, since it is read at once. */
const LOCAL = new SocketAddress();

/** The address as the runtime tells it. */
export function netAddr({ hostname, port }: SocketAddress): Deno.NetAddr {
  return { transport: "tcp", hostname, port };
}
