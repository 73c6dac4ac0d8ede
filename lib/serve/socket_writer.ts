/**
 * The writing side of a connection's socket: one output buffer, which is lent while there is something to send, and writes
 * with a deadline. Apart from what is sent, which is the protocol's.
 */
import type { FileRange } from "../http/message.ts";
import type { OutputBuffer, OutputPool } from "../http/output_buffer.ts";
import type { Transport } from "../net/transport.ts";
import type { WaitClock } from "../clock.ts";
import { Patience } from "./patience.ts";

const DONE = Promise.resolve();

/** The writing side of one socket: what is appended leaves at the next flush, or when the buffer is full. */
export class SocketWriter {
  readonly #transport: Transport;
  readonly #pool: OutputPool;
  readonly #clock: WaitClock;
  readonly #patience: Patience;
  #output: OutputBuffer | null = null;
  /** The last write that was begun aside; what is written later waits for it. */
  #aside: Promise<void> | null = null;
  #writeCount = 0;
  /** Of the write that is under way. */
  #writingBytes = 0;
  /** Bytes that have left in all. */
  byteCount = 0;
  /** By the clock; Infinity while no write is under way. */
  deadlineMs = Infinity;

  constructor(
    transport: Transport,
    options: {
      readonly outputPool: OutputPool;
      readonly clock: WaitClock;
      readonly limits: { readonly writeIdleMs: number; readonly minRateBytes: number };
    },
  ) {
    this.#transport = transport;
    this.#pool = options.outputPool;
    this.#clock = options.clock;
    const { writeIdleMs, minRateBytes } = options.limits;
    this.#patience = new Patience({ idleMs: writeIdleMs, minRateBytes });
  }

  /** Memory that waits here, or with what is being written. */
  get heldBytes(): number {
    return (this.#output?.grownBytes ?? 0) + this.#writingBytes;
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
    const output = this.#output;
    const first = output === null || output.length === 0 ? 0 : Math.min(output.room, bytes.length);
    output?.append(bytes.subarray(0, first));
    if (first === bytes.length) return;
    await this.flush();
    // A slow client holds what it is sent, and no empty buffer beside it.
    this.release();
    await this.#write(first === 0 ? bytes : bytes.subarray(first));
  }

  /** Writes bytes that are not in the buffer of this writer. What was written before must have left. */
  sendBytes(bytes: Uint8Array): Promise<void> {
    return this.#write(bytes);
  }

  /** Writes whatever waits; `hasMore` as Transport.write has it. */
  flush(hasMore = false): Promise<void> {
    if (this.#output === null || this.#output.length === 0) return DONE;
    if (this.#aside !== null) return this.#aside.then(() => this.flush(hasMore));
    const bytes = this.#output.takeAll();
    const count = this.writeAtOnce(bytes, hasMore);
    if (count === bytes.length) return DONE;
    return this.#write(count === 0 ? bytes : bytes.subarray(count), hasMore);
  }

  /**
   * Writes of bytes that are not in the buffer what leaves without a wait, and says how many: most often all, and then no promise is
   * needed for it. What was written before must have left.
   */
  writeAtOnce(bytes: Uint8Array, hasMore = false): number {
    if (this.#transport.writeAtOnce === undefined) return 0;
    this.#beginWrite();
    const count = this.#transport.writeAtOnce(bytes, hasMore);
    this.#endWrite(count, count === bytes.length);
    this.deadlineMs = Infinity;
    return count;
  }

  /** Whether files may be sent by their ranges. */
  get takesFiles(): boolean {
    return this.#transport.sendFile !== undefined;
  }

  /** Sends what waits, and bytes of a file after it, as far as they leave without a wait: how many of these. */
  sendFileAtOnce(range: FileRange): number {
    if (this.#transport.sendFileAtOnce === undefined || this.#aside !== null) return 0;
    if (this.hasOutput) {
      const bytes = this.output.takeAll();
      const count = this.writeAtOnce(bytes, true);
      if (count < bytes.length) {
        this.output.append(bytes.subarray(count));
        return 0;
      }
    }
    this.#beginWrite();
    const count = this.#transport.sendFileAtOnce(range);
    this.#endWrite(count, count === range.length);
    this.deadlineMs = Infinity;
    return count;
  }

  /** Sends what waits, and bytes of a file after it. Resolves to how many of these, fewer where the rest has to be read. */
  async sendFile({ descriptor, first, length }: FileRange): Promise<number> {
    await this.flush(true);
    this.release();
    let sent = 0;
    while (sent < length) {
      const rest = { descriptor, first: first + sent, length: length - sent };
      this.#beginWrite();
      const count = await this.#transport.sendFile?.(rest) ?? 0;
      this.#endWrite(count, count === rest.length);
      if (count === 0) break;
      sent += count;
    }
    this.deadlineMs = Infinity;
    return sent;
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

  async #write(bytes: Uint8Array, hasMore = false): Promise<void> {
    let written = 0;
    this.#writingBytes = bytes.length;
    do {
      this.#beginWrite();
      // Deno may write a part only, over TLS at most 64 KiB at a time.
      const count = await this.#transport.write(written === 0 ? bytes : bytes.subarray(written), hasMore);
      written += count;
      this.#endWrite(count, written === bytes.length);
    } while (written < bytes.length);
    this.deadlineMs = Infinity;
    this.#writingBytes = 0;
  }

  #beginWrite(): void {
    // The first write never waits, and on a connection for one request there is no other: a system call less.
    if (this.#writeCount++ === 1) this.#transport.setNoDelay?.(true);
    const { nowMs } = this.#clock;
    this.deadlineMs = nowMs + this.#patience.start(nowMs);
  }

  #endWrite(count: number, isWhole: boolean): void {
    this.byteCount += count;
    // Only a write that does not fit waits; for the others the time of the last sweep or read will do.
    if (!isWhole) this.#clock.update();
    this.#patience.end(this.#clock.nowMs, count);
  }

  /** Gives the buffer back; whatever is in it is lost. */
  release(): void {
    if (this.#output === null) return;
    this.#pool.release(this.#output);
    this.#output = null;
  }
}
