/**
 * The reading side of a connection's socket: reads with deadlines, which several may wait for, into a buffer of others.
 * Apart from what the bytes mean, which is the protocol's.
 */
import { HttpError, type TakeBytes } from "../http/message.ts";
import type { Transport } from "../net/transport.ts";
import type { WaitClock } from "../clock.ts";

/** What a read waits for, which decides how long it may take. */
export type ReadWait =
  | "handshake"
  | "head"
  | "keep_alive"
  | "body"
  | "half_closed"
  | "upgraded"
  | "closing"
  | "linger"
  | "nothing";

/** Where a socket reads to; the buffer of a connection, and whatever hands one on. */
export interface ReadTarget {
  /** Room for the next read, at least one byte; `capacity` is the most that it is worth having. Views given out before are invalid then. */
  space(capacity?: number): Uint8Array;
  /** Nothing is read until `space` is called again: what has been taken needs no room. */
  rest(): void;
  /** So many bytes have been read into `space()`; null: the peer has ended its side. */
  receive(count: number | null): void;
  /** Nothing is read into it any more. */
  release(): void;
}

/** The reading side of one socket. At most one read is under way. */
export class SocketReader {
  readonly #transport: Transport;
  readonly #target: ReadTarget;
  readonly #clock: WaitClock;
  #pending: Promise<void> | null = null;
  #fail: ((error: HttpError) => void) | null = null;
  #capacity: number | undefined;
  readonly #space = () => this.#target.space(this.#capacity);
  #isReleased = false;
  #wait: ReadWait = "nothing";
  /** When that wait began, by the clock. */
  #startMs = 0;
  /** By the clock; Infinity while nothing is waited for. */
  deadlineMs = Infinity;

  constructor(transport: Transport, target: ReadTarget, clock: WaitClock) {
    this.#transport = transport;
    this.#target = target;
    this.#clock = clock;
  }

  get wait(): ReadWait {
    return this.#wait;
  }

  /** How long the present wait has lasted. */
  get waitedMs(): number {
    return this.#clock.nowMs - this.#startMs;
  }

  /** Starts the time limit of a wait; one that is running for the same wait runs on. */
  startWait(wait: ReadWait, limitMs: number): void {
    if (wait === this.#wait) return;
    this.#wait = wait;
    this.#startMs = this.#clock.nowMs;
    this.deadlineMs = wait === "nothing" ? Infinity : this.#clock.nowMs + limitMs;
  }

  endWait(): void {
    this.#wait = "nothing";
    this.deadlineMs = Infinity;
  }

  /**
   * Reads once, the quick way: only closing the socket ends it early. Resolves to what is then given to `accept`, which
   * saves a promise for each read; what it rejects with is for `acceptFailure`.
   */
  read(capacity?: number): Promise<number | null> {
    if (this.#pending !== null) return this.#pending.then(() => 0);
    const transport = this.#transport;
    if (transport.readInto === undefined) return transport.read(this.#target.space(capacity));
    this.#target.rest();
    this.#capacity = capacity;
    return transport.readInto(this.#space);
  }

  #readSocket(capacity?: number): Promise<number | null> {
    const read = this.#transport.read(this.#target.space(capacity));
    return this.#transport.handshake === undefined ? read : read.catch(endOfInput);
  }

  /** Bytes that have come in all. */
  byteCount = 0;

  /** Takes what `read` resolved to: the bytes it put into the target's space, null at the end. */
  accept(count: number | null): void {
    this.#clock.update();
    if (count !== null) this.byteCount += count;
    this.#target.receive(count);
  }

  /** Takes what `read` rejected with: an end of the input, or rethrows it. */
  acceptFailure(error: unknown): void {
    this.accept(endOfInput(error));
  }

  /** Reads once like `read`, or joins the read that is under way; rejects with HttpError 408 after `expire()`. */
  async readExpirably(capacity?: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#fail = reject;
    this.startRead(capacity).then(resolve, reject);
    try {
      await promise;
    } finally {
      if (this.#fail === reject) this.#fail = null;
    }
  }

  /** Whether a read is under way that others may join. */
  get isReading(): boolean {
    return this.#pending !== null;
  }

  /** As Transport has it, while no read is under way; null where the transport has none. */
  flow(take: TakeBytes): Promise<void> | null {
    const flow = this.#transport.flow?.((bytes) => {
      this.#clock.update();
      this.byteCount += bytes.length;
      return take(bytes);
    });
    return flow ?? null;
  }

  /** Once there will be no other read: gives back what was read into, after the read that may be under way. */
  release(): void {
    this.#isReleased = true;
    if (this.#pending === null) this.#target.release();
  }

  /** Starts a read that others may join, or joins the one that is under way. */
  startRead(capacity?: number): Promise<void> {
    return this.#pending ??= this.#readApart(capacity);
  }

  async #readApart(capacity?: number): Promise<void> {
    try {
      this.accept(await this.#readSocket(capacity));
    } finally {
      this.#pending = null;
      if (this.#isReleased) this.#target.release();
    }
  }

  /** Ends an expirable read with 408 (RFC 9110 15.5.9), the socket stays usable; false where none is waited for. */
  expire(): boolean {
    if (this.#fail === null) return false;
    this.#fail(new HttpError(408, `Timed out waiting for the ${this.#wait}`));
    this.deadlineMs = Infinity;
    return true;
  }
}

/**
 * RFC 9112 9.8: servers are prepared for a client that closes TLS without close_notify. Whether its message was whole
 * is told by the framing, as it is over TCP. Rethrows any other error.
 */
function endOfInput(error: unknown): null {
  if (error instanceof Deno.errors.UnexpectedEof) return null;
  throw error;
}
