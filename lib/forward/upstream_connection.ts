/**
 * One connection to an upstream: opened within a time, read by pulling, and closed once. Separate from the protocols, which
 * only see bytes, and from the sockets, of which there are two kinds. I/O.
 */
import { BrokenAnswer, HttpError, RETRY_SOON, type Soon, type TakeBytes } from "../http/message.ts";
import { statusOfSystemError } from "../http/system_error.ts";
import { osProblem } from "../start_error.ts";
import type { Upstream } from "./upstream.ts";
import { type ConnectOptions, openUpstreamSocket, type UpstreamSocket } from "./upstream_socket.ts";

/** Bytes that one read takes at most: few at first, for most answers are short, and more once a read has filled that. */
const FIRST_READ_BYTES = 16_384;
const READ_BYTES = 65_536;
/** What streams on is read in larger parts (100 MiB: 112 ms of CPU, 134 without), by so many at once: who stalls holds one. */
const LARGE_BYTES = 262_144;
const MAX_LARGE_COUNT = 16;
let largeCount = 0;

/**
 * Rooms for first reads that nobody uses, for many connections have one request each: a new one takes 10 us, and the collector looks
 * at all of the heap far more often (scripts/bench/NOTES.md, forward-php-fpm).
 */
const free: Uint8Array<ArrayBuffer>[] = [];
const MAX_FREE_COUNT = 64;

/** The upstream has ended the connection, or it has broken: whoever has had nothing of an answer may ask again elsewhere. */
export class BrokenConnection extends BrokenAnswer {}

export class UpstreamConnection {
  /** When it was opened, by the clock of whoever did. */
  readonly openedMs: number;
  readonly #socket: UpstreamSocket;
  #buffer: Uint8Array<ArrayBuffer> | null = null;
  #isFilled = false;
  #isLarge = false;
  #isClosed = false;

  private constructor(socket: UpstreamSocket, openedMs: number) {
    this.#socket = socket;
    this.openedMs = openedMs;
  }

  /** Rejects with HttpError: 502 where nobody listens, 503 where there is no room for one more, 504 when it takes too long. */
  static open(upstream: Upstream, options: ConnectOptions, nowMs: number): Soon<UpstreamConnection> {
    const socket = openUpstreamSocket(upstream.address, options);
    return socket instanceof Promise
      ? UpstreamConnection.#opened(socket, upstream, nowMs)
      : new UpstreamConnection(socket, nowMs);
  }

  static async #opened(
    opening: Promise<UpstreamSocket>,
    upstream: Upstream,
    nowMs: number,
  ): Promise<UpstreamConnection> {
    try {
      return new UpstreamConnection(await opening, nowMs);
    } catch (error) {
      throw connectError(upstream, error);
    }
  }

  /** The next bytes, valid until the next call; null at the end, and once it is closed. Throws BrokenConnection. */
  async read(): Promise<Uint8Array | null> {
    if (this.#isClosed) return null;
    const buffer = this.#room();
    try {
      const count = await this.#socket.read(buffer);
      if (count === null || this.#isClosed) return null;
      this.#isFilled = count === buffer.length;
      return buffer.subarray(0, count);
    } catch (error) {
      if (this.#isClosed) return null;
      throw new BrokenConnection(osProblem(error));
    }
  }

  #room(): Uint8Array<ArrayBuffer> {
    if (!this.#isFilled) return this.#buffer ??= free.pop() ?? new Uint8Array(FIRST_READ_BYTES);
    if (this.#buffer === null || this.#buffer.length < READ_BYTES) return this.#buffer = new Uint8Array(READ_BYTES);
    if (this.#isLarge || largeCount === MAX_LARGE_COUNT) return this.#buffer;
    this.#isLarge = true;
    largeCount++;
    return this.#buffer = new Uint8Array(LARGE_BYTES);
  }

  /** What comes from now on, as Transport has it, in place of reads. Rejects with BrokenConnection. */
  async flow(take: TakeBytes): Promise<void> {
    if (this.#isClosed) return;
    const flowing = this.#socket.flow?.(take);
    if (flowing === undefined) {
      for (let bytes; (bytes = await this.read()) !== null;) if (!await take(bytes)) return;
      return;
    }
    this.giveRoom();
    try {
      await flowing;
    } catch (error) {
      if (!this.#isClosed) throw error instanceof HttpError ? error : new BrokenConnection(osProblem(error));
    }
  }

  /** Nobody looks any more at what was read, and no read waits: another connection may have the room. */
  giveRoom(): void {
    const buffer = this.#buffer;
    this.keepLast();
    if (buffer !== null && buffer.length === FIRST_READ_BYTES && free.length < MAX_FREE_COUNT) free.push(buffer);
  }

  /** What was read last stays as it is, whatever is read from now on. */
  keepLast(): void {
    this.#buffer = null;
    this.#leaveLarge();
  }

  #leaveLarge(): void {
    if (this.#isLarge) largeCount--;
    this.#isLarge = false;
  }

  /**
   * Writes all; false when nobody reads any more, or it is closed. What needs no waiting is told at once; the bytes may change once
   * it returns.
   */
  write(bytes: Uint8Array): boolean | Promise<boolean> {
    if (this.#isClosed) return false;
    const count = this.#socket.writeAtOnce(bytes);
    return count === bytes.length ? true : this.#writeRest(bytes.slice(count));
  }

  async #writeRest(bytes: Uint8Array): Promise<boolean> {
    try {
      for (let at = 0; at < bytes.length && !this.#isClosed;) {
        at += await this.#socket.write(at === 0 ? bytes : bytes.subarray(at));
      }
      return !this.#isClosed;
    } catch {
      // What the upstream had to say before is still to be read.
      return false;
    }
  }

  /** Has it told from now on whether the upstream ends it. */
  watch(): void {
    if (!this.#isClosed) this.#socket.watch();
  }

  /** Whether nothing has come that was not read, neither bytes nor the end. */
  get isQuiet(): boolean {
    return !this.#isClosed && this.#socket.isQuiet;
  }

  /** Ends a read and a write that wait. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#leaveLarge();
    this.#socket.close();
  }
}

function connectError({ text }: Upstream, error: unknown): HttpError {
  const isLate = error instanceof Deno.errors.TimedOut;
  const problem = isLate ? error.message : osProblem(error);
  const message = `Cannot connect to ${text}: ${problem}`;
  if (isLate) return new HttpError(504, message);
  // Its queue of connections is full, or this process has no descriptor left.
  const isShortage = error instanceof Deno.errors.WouldBlock || statusOfSystemError(error) === 503;
  return isShortage ? new HttpError(503, message, { fields: RETRY_SOON }) : new HttpError(502, message);
}
