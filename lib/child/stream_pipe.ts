/**
 * The server's end of a pipe to or from a program, where the pipe is the runtime's. Separate from the program, as pipe.ts
 * is: each of its three pipes lives and ends for itself. I/O.
 */
import type { ByteSink, ByteSource } from "./child.ts";

/** What a pipe holds, as Linux makes it. */
const PIPE_BYTES = 65_536;
/** Most programs print less than this at once, and on standard error nothing. */
const SMALL_BYTES = 4096;

export class StreamReader implements ByteSource {
  readonly #reader: ReadableStreamBYOBReader;
  /** Each read takes it away and gives it back. */
  #buffer = new ArrayBuffer(SMALL_BYTES);
  #isClosed = false;

  /** Of a stream that nobody else reads. */
  constructor(stream: ReadableStream<Uint8Array<ArrayBuffer>>) {
    // A third to a half quicker than the other kind of reader.
    this.#reader = stream.getReader({ mode: "byob" });
  }

  async read(): Promise<Uint8Array | null> {
    if (this.#isClosed) return null;
    const { done, value } = await this.#reader.read(new Uint8Array(this.#buffer));
    if (done || value === undefined) {
      this.close();
      return null;
    }
    this.#buffer = value.length < value.buffer.byteLength ? value.buffer : new ArrayBuffer(PIPE_BYTES);
    return value;
  }

  keepLast(): void {
    this.#buffer = new ArrayBuffer(PIPE_BYTES);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // It closes the pipe at once, also with a read that waits. What could go wrong then is of no pipe of ours any more.
    this.#reader.cancel().catch(() => {});
  }
}

export class StreamWriter implements ByteSink {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #closed = Promise.withResolvers<false>();
  #isWriting = false;
  #isClosed = false;

  /** To a stream that nobody else writes to. */
  constructor(stream: WritableStream<Uint8Array<ArrayBuffer>>) {
    this.#writer = stream.getWriter();
  }

  /**
   * The pipe itself stays open as long as a write to it waits, also after `close`: until the program reads it or ends.
   * The runtime cannot end such a write.
   */
  async write(bytes: Uint8Array): Promise<boolean> {
    if (this.#isClosed || bytes.length === 0) return !this.#isClosed;
    this.#isWriting = true;
    // A copy, for what is closed may go on writing when `bytes` hold something else already.
    const isWritten = await Promise.race([this.#write(bytes.slice()), this.#closed.promise]);
    this.#isWriting = false;
    return isWritten;
  }

  async #write(bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
    try {
      await this.#writer.write(bytes);
      // The write that meets EPIPE resolves, and leaves a stream that takes nothing more.
      return this.#writer.desiredSize !== null;
    } catch {
      // Nobody reads: a program need not read its input (RFC 3875 4.2).
      return false;
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#closed.resolve(false);
    // Rejects where nobody has read what was written, which is no error.
    (this.#isWriting ? this.#writer.abort() : this.#writer.close()).catch(() => {});
  }
}
