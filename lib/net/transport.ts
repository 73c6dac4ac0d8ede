/**
 * A connection's socket as the pump sees it: reads with deadlines into the state machine's buffer, writes with a deadline
 * from one output buffer. Apart from the pump, so that tests can put a scripted transport in the socket's place.
 */
import type { Connection } from "../http/connection.ts";
import { HttpError } from "../http/message.ts";
import type { OutputBuffer, OutputPool } from "../http/writers.ts";
import { Patience } from "../serve/patience.ts";

/** What the pump needs of a socket; Deno.TcpConn and Deno.TlsConn fit as they are. */
export interface Transport {
  read(into: Uint8Array): Promise<number | null>;
  /** `isLast`: `close` or `closeWrite` is called as soon as all has been written, so that both may leave together. */
  write(bytes: Uint8Array, isLast?: boolean): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
  /** TLS only. */
  handshake?(): Promise<unknown>;
  /** TCP only: a small write does not wait for the acknowledgement of the one before (40 ms). */
  setNoDelay?(isOn: boolean): void;
}

/** The time of the present turn of the event loop: asked for often, so it is read once after each read of a socket. */
export class Clock {
  /** Unix time in milliseconds. */
  nowMs = Date.now();

  update(): void {
    this.nowMs = Date.now();
  }
}

/** What a read waits for, which decides how long it may take. */
export type ReadWait = "handshake" | "head" | "keep_alive" | "body" | "half_closed" | "linger" | "nothing";

/** The reading side. At most one read is under way. */
export class SocketReader {
  readonly #transport: Transport;
  readonly #connection: Connection;
  readonly #clock: Clock;
  #pending: Promise<void> | null = null;
  #fail: ((error: HttpError) => void) | null = null;
  #wait: ReadWait = "nothing";
  /** When that wait began, Unix time in milliseconds. */
  #startMs = 0;
  /** Unix time in milliseconds; Infinity while nothing is waited for. */
  deadlineMs = Infinity;

  constructor(transport: Transport, connection: Connection, clock: Clock) {
    this.#transport = transport;
    this.#connection = connection;
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
  read(): Promise<number | null> {
    if (this.#pending !== null) return this.#pending.then(() => 0);
    return this.#transport.read(this.#connection.space());
  }

  #readSocket(capacity?: number): Promise<number | null> {
    const read = this.#transport.read(this.#connection.space(capacity));
    return this.#transport.handshake === undefined ? read : read.catch(endOfInput);
  }

  /** Bytes that have come in all. */
  byteCount = 0;

  /** Takes what `read` resolved to: the bytes it put into the connection's space, null at the end. */
  accept(count: number | null): void {
    this.#clock.update();
    if (count !== null) this.byteCount += count;
    this.#connection.receive(count);
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

  /** After the last read: gives back what was read into. */
  release(): void {
    if (this.#pending === null) this.#connection.release();
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

const DONE = Promise.resolve();

/** The writing side: what is appended leaves at the next flush, or when the buffer is full. */
export class SocketWriter {
  readonly #transport: Transport;
  readonly #pool: OutputPool;
  readonly #clock: Clock;
  readonly #patience: Patience;
  #output: OutputBuffer | null = null;
  /** The last write that was begun aside; what is written later waits for it. */
  #aside: Promise<void> | null = null;
  #writeCount = 0;
  /** Unix time in milliseconds; Infinity while no write is under way. */
  deadlineMs = Infinity;

  constructor(
    transport: Transport,
    options: {
      readonly outputPool: OutputPool;
      readonly clock: Clock;
      readonly limits: { readonly writeIdleMs: number; readonly minRateBytes: number };
    },
  ) {
    this.#transport = transport;
    this.#pool = options.outputPool;
    this.#clock = options.clock;
    const { writeIdleMs, minRateBytes } = options.limits;
    this.#patience = new Patience({ idleMs: writeIdleMs, minRateBytes });
  }

  get isWriting(): boolean {
    return this.deadlineMs !== Infinity;
  }

  /** Whether anything waits. */
  get hasOutput(): boolean {
    return this.#output !== null && this.#output.length > 0;
  }

  /** Where heads are written to. */
  get output(): OutputBuffer {
    return this.#output ??= this.#pool.acquire();
  }

  /**
   * Sends bytes: the first part together with what waits, the rest by itself, without a copy. The bytes may change once it
   * resolves.
   */
  async send(bytes: Uint8Array): Promise<void> {
    const { output } = this;
    const first = output.length === 0 ? 0 : Math.min(output.room, bytes.length);
    output.append(bytes.subarray(0, first));
    if (first === bytes.length) return;
    await this.flush();
    await this.#write(first === 0 ? bytes : bytes.subarray(first));
  }

  /** Writes whatever waits. */
  flush(isLast = false): Promise<void> {
    if (this.#output === null || this.#output.length === 0) return DONE;
    if (this.#aside !== null) return this.#aside.then(() => this.flush(isLast));
    return this.#write(this.#output.takeAll(), isLast);
  }

  /**
   * Writes whatever waits and `bytes` after it, while an answer is awaited that may be put into the buffer meanwhile: so
   * this is a copy.
   */
  async sendAside(bytes: Uint8Array): Promise<void> {
    this.output.append(bytes);
    const copy = this.output.takeAll().slice();
    if (copy.length === 0) return;
    const aside = this.#writeAfter(this.#aside, copy);
    this.#aside = aside;
    try {
      await aside;
    } finally {
      if (this.#aside === aside) this.#aside = null;
    }
  }

  async #writeAfter(before: Promise<void> | null, bytes: Uint8Array): Promise<void> {
    await before;
    await this.#write(bytes);
  }

  async #write(bytes: Uint8Array, isLast = false): Promise<void> {
    // The first write never waits, and on a connection for one request there is no other: a system call less.
    if (this.#writeCount++ === 1) this.#transport.setNoDelay?.(true);
    let written = 0;
    do {
      const { nowMs } = this.#clock;
      this.deadlineMs = nowMs + this.#patience.start(nowMs);
      // Deno may write a part only, over TLS at most 64 KiB at a time.
      const count = await this.#transport.write(written === 0 ? bytes : bytes.subarray(written), isLast);
      written += count;
      // Only a write that does not fit waits; for the others the time of the last sweep or read will do.
      if (written < bytes.length) this.#clock.update();
      this.#patience.end(this.#clock.nowMs, count);
    } while (written < bytes.length);
    this.deadlineMs = Infinity;
  }

  /** Gives the buffer back; whatever is in it is lost. */
  release(): void {
    if (this.#output === null) return;
    this.#output.takeAll();
    this.#pool.release(this.#output);
    this.#output = null;
  }
}
