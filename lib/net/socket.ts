/**
 * A connection, over TCP or a Unix socket, by calls of the C library alone: fewer of them than the runtime's own sockets make, none in another
 * thread, and the end of a short connection in one segment with its last bytes. Plain HTTP; TLS is the runtime's. I/O.
 * tcp(7), epoll(7). Measured against the runtime's sockets: scripts/bench/NOTES.md.
 */
import { EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDHUP } from "../system/epoll.ts";
import type { FileRange, TakeBytes } from "../http/message.ts";
import { nextTurn, type Readiness } from "../system/readiness.ts";
import type { SocketCalls } from "../system/socket_calls.ts";
import { SocketAddress } from "./socket_address.ts";
import type { Transport, Waking } from "./transport.ts";

/** What sockets need of this thread. */
export interface SocketServices {
  readonly calls: SocketCalls;
  readonly readiness: Readiness;
  /** Whether a program is being started just now, which has a copy of each descriptor until it is executed. */
  readonly areProgramsStarting: () => boolean;
}

/** Linux, bits/socket.h, sys/socket.h and netinet/tcp.h. */
const MSG_PEEK = 2;
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

/** For all sockets of a thread: nobody looks at what it is. */
const PEEKED = new Uint8Array(1);

/** What `flow` reads into; for all sockets of a thread, since it is taken at once. */
const FLOWING = new Uint8Array(65_536);

interface Flow {
  readonly take: TakeBytes;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  /** What was given last is still being taken. */
  isPaused: boolean;
}

/** An operation that waits for the socket. */
interface Waiting<Result> {
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
}

interface WaitingRead extends Waiting<number | null> {
  readonly room: Room;
}

/** Where what has come is read to, or who says so then. */
type Room = Uint8Array | (() => Uint8Array);

interface WaitingWrite extends Waiting<number> {
  /** Tries again: how many bytes have left, below 0 when it could not be done. */
  readonly attempt: () => number;
  /** What else may keep it from being done, once there is room, is no fault of the socket. */
  readonly isOfFile: boolean;
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
  #localAddr: Deno.NetAddr | null = null;
  #reading: WaitingRead | null = null;
  #waking: Waking | null = null;
  #flow: Flow | null = null;
  #writing: WaitingWrite | null = null;

  /** Of a connection that does not block, and is closed by `close`. */
  constructor(descriptor: number, remoteAddr: Deno.NetAddr, services: SocketServices) {
    this.#descriptor = descriptor;
    this.remoteAddr = remoteAddr;
    this.#services = services;
  }

  /** Asked of the system when somebody asks for it, for few do; as of no address when the socket is closed by then. */
  get localAddr(): Deno.NetAddr {
    if (this.#localAddr !== null) return this.#localAddr;
    if (this.#isClosed) return NO_ADDRESS;
    this.#services.calls.getsockname(this.#descriptor, LOCAL.bytes, LOCAL.room());
    return this.#localAddr = netAddr(LOCAL);
  }

  /** As Deno.Conn: null at the end; rejects with ConnectionReset, and with BadResource or Interrupted when it is closed. */
  read(into: Uint8Array): Promise<number | null> {
    return this.#read(into);
  }

  readInto(space: () => Uint8Array): Promise<number | null> {
    return this.#read(space);
  }

  #read(room: Room): Promise<number | null> {
    if (this.#isClosed) return Promise.reject(new Deno.errors.BadResource(CLOSED));
    if (this.#flow !== null) this.#endFlow();
    if (this.#readCount >= READS_AT_ONCE) return this.#readInTurn(room);
    const count = this.#isReadable ? this.#receive(bytesOf(room)) : undefined;
    if (count !== undefined) return Promise.resolve(count);
    this.#readCount = 0;
    if (this.#isBroken) return Promise.reject(new Deno.errors.ConnectionReset(RESET));
    this.#watch();
    return new Promise((resolve, reject) => this.#reading = { room, resolve, reject });
  }

  async #readInTurn(room: Room): Promise<number | null> {
    await nextTurn();
    this.#readCount = 0;
    return await this.#read(room);
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

  rest(waking: Waking): boolean {
    const reading = this.#reading;
    if (reading === null || this.#writing !== null) return false;
    this.#reading = null;
    this.#waking = waking;
    reading.resolve(0);
    return true;
  }

  /** Nothing can have come yet: the first read waits before it tries. */
  expectNothing(): void {
    this.#isReadable = false;
  }

  flow(take: TakeBytes): Promise<void> {
    if (this.#isClosed) return Promise.reject(new Deno.errors.BadResource(CLOSED));
    this.#watch();
    return new Promise((resolve, reject) => {
      this.#flow = { take, resolve, reject, isPaused: false };
      this.#flowOn();
    });
  }

  #flowOn(): void {
    for (let count = 0; this.#flow !== null && !this.#flow.isPaused && this.#isReadable; count++) {
      if (count === READS_AT_ONCE) return this.#flowAfter(nextTurn().then(() => true));
      const length = this.#receive(FLOWING);
      if (length === undefined) break;
      let taken: ReturnType<TakeBytes> = false;
      try {
        taken = length !== null && this.#flow.take(FLOWING.subarray(0, length));
      } catch (error) {
        return this.#endFlow(error);
      }
      if (taken instanceof Promise) return this.#flowAfter(taken);
      if (!taken) this.#endFlow();
    }
    if (this.#isBroken && this.#flow?.isPaused === false) this.#endFlow(new Deno.errors.ConnectionReset(RESET));
  }

  #flowAfter(taken: Promise<boolean>): void {
    const flow = this.#flow;
    if (flow === null) return;
    flow.isPaused = true;
    taken.then((goesOn) => {
      flow.isPaused = false;
      if (this.#flow !== flow) return;
      if (goesOn) this.#flowOn();
      else this.#endFlow();
    }, (error) => this.#flow === flow && this.#endFlow(error));
  }

  #endFlow(error: unknown = null): void {
    const flow = this.#flow;
    this.#flow = null;
    if (error === null) flow?.resolve();
    else flow?.reject(error);
  }

  /** What leaves without waiting, in bytes; 0 where none does, for which reason ever. */
  writeAtOnce(from: Uint8Array, hasMore = false): number {
    if (this.#isClosed || this.#writing !== null) return 0;
    return Math.max(0, this.#send(from, hasMore));
  }

  /** As Deno.Conn: may take a part. Rejects with BrokenPipe, and with BadResource or Interrupted when it is closed. */
  write(from: Uint8Array, hasMore = false): Promise<number> {
    if (this.#isClosed) return Promise.reject(new Deno.errors.BadResource(CLOSED));
    const count = this.#send(from, hasMore);
    if (count >= 0) return Promise.resolve(count);
    return this.#writeLater({ attempt: () => this.#send(from, false), isOfFile: false });
  }

  #send(from: Uint8Array, hasMore: boolean): number {
    const bytes = from as Uint8Array<ArrayBuffer>;
    this.#hasMore = hasMore;
    // With MSG_MORE what does not fill a segment waits for what follows.
    const flags = hasMore ? MSG_NOSIGNAL | MSG_MORE : MSG_NOSIGNAL;
    return this.#services.calls.send(this.#descriptor, bytes, bytes.length, flags);
  }

  /** sendfile(2): the bytes go from where the system has them, uncopied. */
  sendFile(range: FileRange): Promise<number> {
    if (this.#isClosed) return Promise.reject(new Deno.errors.BadResource(CLOSED));
    const attempt = () => this.#trySendFile(range);
    const count = attempt();
    return count >= 0 ? Promise.resolve(count) : this.#writeLater({ attempt, isOfFile: true });
  }

  sendFileAtOnce(range: FileRange): number {
    if (this.#isClosed || this.#writing !== null) return 0;
    return Math.max(0, this.#trySendFile(range));
  }

  #trySendFile({ descriptor, first, length }: FileRange): number {
    this.#hasMore = false;
    POSITION.setBigUint64(0, BigInt(first), true);
    return this.#services.calls.sendfile(this.#descriptor, descriptor, POSITION_BYTES, length);
  }

  #writeLater({ attempt, isOfFile }: Pick<WaitingWrite, "attempt" | "isOfFile">): Promise<number> {
    if (this.#isBroken) return Promise.reject(new Deno.errors.BrokenPipe(RESET));
    this.#watch();
    return new Promise((resolve, reject) => {
      this.#writing = { attempt, isOfFile, resolve, reject };
      // Where it is not for want of room that a file is not sent, it is to be told that there is room: so it is asked each time.
      if (this.#watchesWrites && !isOfFile) return;
      this.#watchesWrites = true;
      this.#services.readiness.addWrites(this.#id, this.#descriptor);
    });
  }

  /** Whether the peer has neither sent nor ended anything that was not read, as far as `watch` has had it told. */
  get isQuiet(): boolean {
    return !this.#isReadable && !this.#hasPeerClosed && !this.#isClosed;
  }

  /** From now on `isQuiet` says so. */
  watch(): void {
    if (!this.#isClosed) this.#watch();
  }

  hasUnread(): boolean {
    return !this.#isClosed && this.#services.calls.recv(this.#descriptor, PEEKED, PEEKED.length, MSG_PEEK) > 0;
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
    if (this.#flow !== null) return this.#flowOn();
    const reading = this.#reading;
    if (reading === null) return this.#wake();
    const count = this.#receive(bytesOf(reading.room));
    if (count === undefined && !this.#isBroken) return;
    this.#reading = null;
    if (count === undefined) reading.reject(new Deno.errors.ConnectionReset(RESET));
    else reading.resolve(count);
  }

  #wake(): void {
    const waking = this.#waking;
    this.#waking = null;
    waking?.wake();
  }

  #onWritable(): void {
    const writing = this.#writing;
    if (writing === null) return;
    const count = writing.attempt();
    if (count < 0 && !this.#isBroken && !writing.isOfFile) return;
    this.#writing = null;
    if (count < 0 && this.#isBroken) writing.reject(new Deno.errors.BrokenPipe(RESET));
    else writing.resolve(Math.max(0, count));
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
    const { calls, readiness, areProgramsStarting } = this.#services;
    if (this.#id !== 0) readiness.remove(this.#id);
    // close(2) alone does nothing as long as somebody has a copy of the descriptor, and what waits for the end would wait on.
    if (this.#hasMore && areProgramsStarting()) calls.shutdown(this.#descriptor, SHUT_WR);
    calls.close(this.#descriptor);
    this.#reading?.reject(interrupted());
    if (this.#flow !== null) this.#endFlow(interrupted());
    this.#writing?.reject(interrupted());
    this.#reading = this.#writing = null;
    this.#wake();
  }
}

function bytesOf(room: Room): Uint8Array<ArrayBuffer> {
  // No content is shared memory.
  return (typeof room === "function" ? room() : room) as Uint8Array<ArrayBuffer>;
}

let theInterrupted: Error | null = null;

/** One for all, since each looks at the stack: 5 us, and 40 beside programs, whose clients are listened to while they work. */
function interrupted(): Error {
  return theInterrupted ??= new Deno.errors.Interrupted(CLOSED);
}

/** Where in a file; for all sockets of a thread, since it is read at once. */
const POSITION = new DataView(new ArrayBuffer(128));
const POSITION_BYTES = new Uint8Array(POSITION.buffer);

const CLOSED = "The socket is closed";
const RESET = "The peer has reset the connection";

/** Of this end; for all sockets of a thread, since it is read at once. */
const LOCAL = new SocketAddress();

const NO_ADDRESS: Deno.NetAddr = { transport: "tcp", hostname: "", port: 0 };

/** The address as the runtime tells it. */
export function netAddr({ hostname, port }: SocketAddress): Deno.NetAddr {
  return { transport: "tcp", hostname, port };
}
