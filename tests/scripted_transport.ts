/**
 * A socket whose other end is the test: it says what each read gives and sees each write, so that every moment of a
 * connection can be played without a network, a clock or a wait of unknown length.
 */
import { concatenate, toText } from "./raw_http.ts";
import { bytesOf } from "./feed.ts";
import type { Transport } from "../lib/net/transport.ts";

export interface ScriptOptions {
  /** The most that one write takes. */
  readonly maxWriteBytes?: number;
}

export class ScriptedTransport implements Transport {
  /** Each write by itself. */
  readonly writes: Uint8Array<ArrayBuffer>[] = [];
  /** What else was called, in order. */
  readonly calls: ("closeWrite" | "close")[] = [];
  handshake?: () => Promise<unknown>;
  /** Absent, as with the runtime's sockets, unless a test sets it. */
  hasUnread?: () => boolean;
  readonly #maxWriteBytes: number;
  #incoming = new Uint8Array();
  #hasEnded = false;
  #failure: Error | null = null;
  #writeFailure: Error | null = null;
  #isBlocked = false;
  readonly #reading = new Operations();
  readonly #writing = new Operations();
  /** Ends the waits of the test. */
  #wakeTest = Promise.withResolvers<void>();

  constructor({ maxWriteBytes = Infinity }: ScriptOptions = {}) {
    this.#maxWriteBytes = maxWriteBytes;
  }

  /** The client sends. */
  send(text: string): void {
    this.#incoming = concatenate([this.#incoming, bytesOf(text)]);
    this.#reading.end();
  }

  /** The client ends its side. */
  end(): void {
    this.#hasEnded = true;
    this.#reading.end();
  }

  /** Reads and writes fail from now on, also those under way. */
  fail(error: Error): void {
    this.#failure = error;
    this.#reading.end();
    this.#writing.end();
  }

  /** Writes fail from now on, also the one under way; reads do not. */
  failWrites(error: Error): void {
    this.#writeFailure = error;
    this.#writing.end();
  }

  /** Writes wait from now on, until `unblock()`. */
  block(): void {
    this.#isBlocked = true;
  }

  /** Ends the wait of the write that is under way, if any: it goes through even if `block()` follows at once. */
  unblock(): void {
    this.#isBlocked = false;
    this.#writing.end();
  }

  /** All that was written, as text (Latin-1). */
  get output(): string {
    return toText(this.outputBytes);
  }

  get outputBytes(): Uint8Array<ArrayBuffer> {
    return concatenate(this.writes);
  }

  get isClosed(): boolean {
    return this.calls.includes("close");
  }

  /** A read waits for the client. */
  get isReading(): boolean {
    return this.#reading.isWaiting;
  }

  /** Resolves when a read waits for the client. */
  untilReading(): Promise<void> {
    return this.until(() => this.isReading);
  }

  /** Resolves when a write waits. */
  untilBlocked(): Promise<void> {
    return this.until(() => this.#writing.isWaiting);
  }

  /** Resolves as soon as `isThere` holds; it is asked at each read, write and close. Never rejects: the test runner ends it. */
  async until(isThere: () => boolean): Promise<void> {
    while (!isThere()) await this.#wakeTest.promise;
  }

  #notify(): void {
    this.#wakeTest.resolve();
    this.#wakeTest = Promise.withResolvers();
  }

  read(into: Uint8Array): Promise<number | null> {
    return this.#reading.alone(() => this.#read(into));
  }

  async #read(into: Uint8Array): Promise<number | null> {
    while (this.#incoming.length === 0 && !this.#hasEnded && this.#failure === null) {
      await this.#reading.begin(() => this.#notify());
    }
    if (this.#failure !== null) throw this.#failure;
    if (this.#incoming.length === 0) return null;
    const count = Math.min(into.length, this.#incoming.length);
    into.set(this.#incoming.subarray(0, count));
    this.#incoming = this.#incoming.slice(count);
    return count;
  }

  write(bytes: Uint8Array): Promise<number> {
    if (this.calls.includes("closeWrite")) throw new Error("Written after closeWrite()");
    return this.#writing.alone(() => this.#write(bytes));
  }

  async #write(bytes: Uint8Array): Promise<number> {
    if (this.#isBlocked) await this.#writing.begin(() => this.#notify());
    const failure = this.#failure ?? this.#writeFailure;
    if (failure !== null) throw failure;
    await Promise.resolve();
    // Copied late: bytes that change before the write resolves are the writer's fault, and show.
    const written = bytes.slice(0, this.#maxWriteBytes);
    this.writes.push(written);
    this.#notify();
    return written.length;
  }

  closeWrite(): Promise<void> {
    this.calls.push("closeWrite");
    this.#notify();
    return this.#failure === null ? Promise.resolve() : Promise.reject(this.#failure);
  }

  /** As a socket does: what is under way fails. */
  close(): void {
    if (this.isClosed) throw new Deno.errors.BadResource("Closed twice");
    this.calls.push("close");
    this.fail(new Deno.errors.Interrupted("Closed under the operation"));
    this.#notify();
  }
}

/** Operations of one kind, of which there is one at a time, and the wait of the one that is under way. */
class Operations {
  #isUnderWay = false;
  #end: (() => void) | null = null;

  get isWaiting(): boolean {
    return this.#end !== null;
  }

  async alone<T>(operation: () => Promise<T>): Promise<T> {
    if (this.#isUnderWay) throw new Error("Two reads or two writes at once");
    this.#isUnderWay = true;
    try {
      return await operation();
    } finally {
      this.#isUnderWay = false;
    }
  }

  /** Waits for `end()`. */
  async begin(tell: () => void): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#end = resolve;
    tell();
    await promise;
  }

  end(): void {
    this.#end?.();
    this.#end = null;
  }
}
