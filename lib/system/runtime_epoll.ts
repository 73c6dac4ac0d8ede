/**
 * Has the runtime's own epoll watch ours, so that where the runtime waits for what is its own it waits for our descriptors too: no
 * other thread waits in its stead, and has to wake it. Separate, because here alone something inside of the runtime is touched.
 * epoll(7), proc(5). I/O.
 *
 * The runtime watches its own sockets alone, each with a number by which it knows it again. So it opens a socket; ours then
 * stands in the place of that socket in its epoll, with the number as /proc/self/fdinfo tells it, and under the descriptor of the
 * socket is one end of a pair. Whatever is ready in ours, the runtime takes for something to be read there, and reads the byte
 * that was written to the other end before. The number may be a place in its memory, which it keeps until the socket is closed;
 * ours is taken out before that. It is tried before it is used: where it does not work, as for want of /proc or of loopback,
 * there is none, and nothing is left of it.
 */
import {
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  epollEventLayout,
  EPOLLIN,
  EPOLLONESHOT,
  type ReadinessCalls,
} from "./epoll.ts";
import { O_CLOEXEC, O_NONBLOCK } from "./flags.ts";
import { type ReadCalls, readProcFile } from "./proc_file.ts";

/** What else of the C library is needed. */
interface OtherCalls extends ReadCalls {
  dup3(from: number, to: number, flags: number): number;
  getsockname(descriptor: number, address: Uint8Array<ArrayBuffer>, size: Uint8Array<ArrayBuffer>): number;
  getpeername(descriptor: number, address: Uint8Array<ArrayBuffer>, size: Uint8Array<ArrayBuffer>): number;
}

export type RuntimeEpollCalls = ReadinessCalls & OtherCalls;

/** Linux, bits/socket.h. */
const AF_UNIX = 1;
const AF_INET = 2;
const SOCK_STREAM = 1;
const LOOPBACK = "127.0.0.1";

/** Whether it works is known within a turn or two. */
const TRIAL_MS = 1000;

const BYTE = new Uint8Array(1);

/** A descriptor that the runtime watches: by which epoll, and with which number. */
interface Entry {
  readonly epoll: number;
  readonly descriptor: number;
  readonly data: bigint;
}

export class RuntimeEpoll {
  readonly #calls: RuntimeEpollCalls;
  readonly #conn: Deno.Conn;
  readonly #entry: Entry;
  /** The other end of what the runtime reads from. */
  readonly #bell: number;
  /** What is watched. */
  readonly #own: number;
  readonly #armed: Uint8Array<ArrayBuffer>;
  /** Has room for more than was written, so that the runtime knows that it has read all. */
  readonly #room = new Uint8Array(16);

  private constructor(
    calls: RuntimeEpollCalls,
    { conn, entry, bell, own }: {
      readonly conn: Deno.Conn;
      readonly entry: Entry;
      readonly bell: number;
      readonly own: number;
    },
  ) {
    this.#calls = calls;
    this.#conn = conn;
    this.#entry = entry;
    this.#bell = bell;
    this.#own = own;
    this.#armed = eventOf(EPOLLIN | EPOLLONESHOT, entry.data);
  }

  /**
   * Has the runtime of this thread, which has all its permissions yet, watch the epoll `own`. Null where that cannot be had;
   * whoever gets it calls `close`.
   */
  static async open(own: number, calls: RuntimeEpollCalls): Promise<RuntimeEpoll | null> {
    const listener = listen();
    const conn = listener === null ? null : await connect(listener.addr.port);
    const entry = conn === null ? null : findEntry(conn, calls);
    const bell = entry === null ? null : takePlace(entry, calls);
    listener?.close();
    if (conn === null || entry === null || bell === null) {
      conn?.close();
      return null;
    }
    const opened = new RuntimeEpoll(calls, { conn, entry, bell, own });
    if (await opened.#works() && opened.#control(EPOLL_CTL_ADD, own)) return opened;
    opened.close();
    return null;
  }

  /** Whether a wait ends, here for the other end of the pair, where there is something to be read. */
  async #works(): Promise<boolean> {
    this.#calls.write(this.#entry.descriptor, BYTE, 1n);
    const isWatched = this.#control(EPOLL_CTL_ADD, this.#bell);
    const waiting = isWatched ? this.#waitFor(this.#bell) : null;
    const isTold = waiting !== null && await isSoon(waiting);
    this.#control(EPOLL_CTL_DEL, this.#bell);
    return isTold;
  }

  /**
   * Resolves when something is ready in what is watched, at once where it is already. Null: the system has no room for it
   * now. To be called when the last one has resolved.
   */
  wait(): Promise<unknown> | null {
    return this.#waitFor(this.#own);
  }

  /** What is told once then rests until the next time: so nobody is woken while nobody waits. */
  #waitFor(descriptor: number): Promise<unknown> | null {
    // The byte comes first: a runtime that is told of something to be read, and finds nothing, goes on waiting.
    const isReady = this.#calls.write(this.#bell, BYTE, 1n) === 1n && this.#control(EPOLL_CTL_MOD, descriptor);
    return isReady ? this.#conn.read(this.#room) : null;
  }

  /** To be called once, when nobody waits. */
  close(): void {
    this.#control(EPOLL_CTL_DEL, this.#own);
    // What the runtime takes out again when it closes its socket.
    this.#calls.epoll_ctl(this.#entry.epoll, EPOLL_CTL_ADD, this.#entry.descriptor, eventOf(0, this.#entry.data));
    this.#conn.close();
    this.#calls.close(this.#bell);
  }

  #control(operation: number, descriptor: number): boolean {
    return this.#calls.epoll_ctl(this.#entry.epoll, operation, descriptor, this.#armed) === 0;
  }
}

function listen(): Deno.TcpListener | null {
  try {
    return Deno.listen({ hostname: LOOPBACK, port: 0 });
  } catch {
    return null;
  }
}

/** Nobody accepts it, and need not: the system does what there is to do for it. */
async function connect(port: number): Promise<Deno.TcpConn | null> {
  const connecting = Deno.connect({ hostname: LOOPBACK, port });
  if (await isSoon(connecting)) return await connecting;
  connecting.then((late) => late.close(), () => {});
  return null;
}

/** Whether it resolves within the time of a trial. */
async function isSoon(promise: Promise<unknown>): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), TRIAL_MS);
  const isSoon = await Promise.race([promise.then(() => true, () => false), late]);
  clearTimeout(timer);
  return isSoon;
}

/** How the runtime watches that connection; null where the system does not tell. */
function findEntry(conn: Deno.TcpConn, calls: RuntimeEpollCalls): Entry | null {
  const [local, remote] = [addressOf(conn.localAddr), addressOf(conn.remoteAddr)];
  for (const epoll of openDescriptors()) {
    for (
      const [, descriptor, data] of readProcFile(`/proc/self/fdinfo/${epoll}`, calls).matchAll(
        /^tfd: *(\d+) .*? data: *([0-9a-f]+)/gm,
      )
    ) {
      const entry = { epoll, descriptor: Number(descriptor), data: BigInt(`0x${data}`) };
      if (
        hasAddress(entry.descriptor, local, calls.getsockname) &&
        hasAddress(entry.descriptor, remote, calls.getpeername)
      ) {
        return entry;
      }
    }
  }
  return null;
}

function openDescriptors(): readonly number[] {
  try {
    return [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => Number(name));
  } catch {
    return [];
  }
}

/** The first 8 bytes of struct sockaddr_in: family, port and address. ip(7). */
function addressOf({ hostname, port }: Deno.NetAddr): Uint8Array {
  const bytes = new Uint8Array(8);
  new Uint16Array(bytes.buffer)[0] = AF_INET;
  new DataView(bytes.buffer).setUint16(2, port);
  bytes.set(hostname.split(".").map(Number), 4);
  return bytes;
}

function hasAddress(descriptor: number, address: Uint8Array, ask: OtherCalls["getsockname"]): boolean {
  const room = new Uint8Array(address.length);
  const size = new Uint8Array(Uint32Array.of(room.length).buffer);
  return ask(descriptor, room, size) === 0 && address.every((byte, index) => byte === room[index]);
}

/** Puts one end of a pair in the place of the socket, which is no longer watched; returns the other end. */
function takePlace({ epoll, descriptor }: Entry, calls: RuntimeEpollCalls): number | null {
  const pair = new Int32Array(2);
  const bytes = new Uint8Array(pair.buffer);
  if (calls.socketpair(AF_UNIX, SOCK_STREAM | O_CLOEXEC | O_NONBLOCK, 0, bytes) !== 0) return null;
  const isDone = calls.epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, eventOf(0, 0n)) === 0 &&
    calls.dup3(pair[0], descriptor, O_CLOEXEC) === descriptor;
  calls.close(pair[0]);
  if (!isDone) calls.close(pair[1]);
  return isDone ? pair[1] : null;
}

/** struct epoll_event. */
function eventOf(events: number, data: bigint): Uint8Array<ArrayBuffer> {
  const { dataOffset, byteCount } = epollEventLayout(Deno.build.arch);
  const bytes = new Uint8Array(byteCount);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, events, true);
  view.setBigUint64(dataOffset, data, true);
  return bytes;
}
