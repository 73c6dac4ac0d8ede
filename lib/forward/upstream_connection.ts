/**
 * One connection to an upstream: opened within a time, read by pulling, and closed once. Separate from the protocols, which
 * only see bytes. I/O, timer.
 */
import { HttpError, RETRY_SOON } from "../http/message.ts";
import { statusOfSystemError } from "../http/system_error.ts";
import { osProblem } from "../start_error.ts";
import type { Upstream, UpstreamAddress } from "./upstream.ts";

/** Bytes that one read takes at most: few at first, for most answers are short, and more once a read has filled that. */
const FIRST_READ_BYTES = 16_384;
const READ_BYTES = 65_536;

export interface ConnectOptions {
  /** How long connecting may take. */
  readonly connectMs: number;
  /** Ends what the runtime cannot: a TCP connection on which a write hangs. */
  readonly shutDown: (connection: Deno.TcpConn) => void;
}

/** The upstream has ended the connection, or it has broken: whoever has had nothing of an answer may ask again elsewhere. */
export class BrokenConnection extends Error {
  constructor(message: string) {
    super(message);
    this.name = "BrokenConnection";
  }
}

export class UpstreamConnection {
  /** When it was opened, by the clock of whoever did. */
  readonly openedMs: number;
  readonly #socket: Deno.Conn;
  readonly #options: ConnectOptions;
  /** Ends the read that waits. */
  #cut: () => void = () => {};
  #buffer: Uint8Array<ArrayBuffer> | null = null;
  #isFilled = false;
  /** A read that was begun to see whether the upstream ends the connection. */
  #watch: Promise<number | null> | null = null;
  #isWatchSettled = false;
  #writeCount = 0;
  #isClosed = false;

  private constructor(socket: Deno.Conn, options: ConnectOptions, openedMs: number) {
    this.#socket = socket;
    this.#options = options;
    this.openedMs = openedMs;
  }

  /** Throws HttpError: 502 where nobody listens, 503 where there is no room for one more, 504 when it takes too long. */
  static async open(upstream: Upstream, options: ConnectOptions, nowMs: number): Promise<UpstreamConnection> {
    try {
      const socket = await connect(upstream.address, options.connectMs);
      if ("setNoDelay" in socket) (socket as Deno.TcpConn).setNoDelay(true);
      return new UpstreamConnection(socket, options, nowMs);
    } catch (error) {
      throw connectError(upstream, error);
    }
  }

  /** The next bytes, valid until the next call; null at the end, and once it is closed. Throws BrokenConnection. */
  async read(): Promise<Uint8Array | null> {
    if (this.#isClosed) return null;
    const reading = this.#watch ?? this.#startRead();
    this.#watch = null;
    try {
      const count = await this.#orCut(reading);
      if (count === null || this.#buffer === null) return null;
      this.#isFilled = count === this.#buffer.length;
      return this.#buffer.subarray(0, count);
    } catch (error) {
      if (this.#isClosed) return null;
      throw new BrokenConnection(osProblem(error));
    }
  }

  /** Writes all; false when nobody reads any more, or it is closed. */
  async write(bytes: Uint8Array): Promise<boolean> {
    this.#writeCount++;
    try {
      for (let at = 0; at < bytes.length && !this.#isClosed;) {
        at += await this.#socket.write(at === 0 ? bytes : bytes.subarray(at));
      }
      return !this.#isClosed;
    } catch {
      // What the upstream had to say before is still to be read.
      return false;
    } finally {
      this.#writeCount--;
    }
  }

  /** Looks from now on whether the upstream ends it; the next `read` goes on with that look. */
  watch(): void {
    this.#isWatchSettled = false;
    const watch = this.#watch = this.#startRead();
    const settle = () => this.#isWatchSettled = true;
    watch.then(settle, settle);
  }

  /** Whether nothing has come since `watch`, neither bytes nor the end. */
  get isQuiet(): boolean {
    return !this.#isClosed && !this.#isWatchSettled;
  }

  /** Resolves when something has. Never rejects. */
  async noise(): Promise<void> {
    await this.#watch?.catch(() => {});
  }

  /** Ends a read and a write that wait. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cut();
    const { remoteAddr } = this.#socket;
    // The runtime leaves a socket open for as long as a write waits.
    if (this.#writeCount > 0 && remoteAddr.transport === "tcp") this.#options.shutDown(this.#socket as Deno.TcpConn);
    this.#socket.close();
  }

  /** As a race would do it, which keeps something for each read until the connection is closed. */
  #orCut(reading: Promise<number | null>): Promise<number | null> {
    return new Promise((resolve, reject) => {
      this.#cut = () => resolve(null);
      reading.then(resolve, reject);
    });
  }

  #startRead(): Promise<number | null> {
    this.#buffer ??= new Uint8Array(FIRST_READ_BYTES);
    if (this.#isFilled && this.#buffer.length < READ_BYTES) this.#buffer = new Uint8Array(READ_BYTES);
    const reading = this.#socket.read(this.#buffer);
    // Told to whoever reads; nobody may, once it is closed.
    reading.catch(() => {});
    return reading;
  }
}

async function connect(address: UpstreamAddress, limitMs: number): Promise<Deno.Conn> {
  const connecting: Promise<Deno.Conn> = address.transport === "unix"
    ? Deno.connect({ transport: "unix", path: address.path })
    : Deno.connect({ hostname: address.hostname, port: address.port });
  let timer: number | undefined;
  const late = new Promise<"late">((resolve) => timer = setTimeout(resolve, limitMs, "late"));
  const socket = await Promise.race([connecting, late]).finally(() => clearTimeout(timer));
  if (socket !== "late") return socket;
  connecting.then((socket) => socket.close(), () => {});
  throw new Deno.errors.TimedOut(`no connection within ${limitMs} ms`);
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
