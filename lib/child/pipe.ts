/**
 * The server's end of a pipe to or from a script. Separate from the process, because each of its three pipes lives and ends
 * for itself. Descriptors do not block: what is not there yet is waited for, see lib/system/. pipe(7).
 */
import type { ByteSink, ByteSource } from "./child.ts";
import type { Watched, Watcher } from "../system/epoll.ts";
import { O_NONBLOCK } from "../system/flags.ts";
import type { SystemCalls } from "../system/process_calls.ts";

/** Linux, fcntl.h. */
const F_SETFL = 4;

/** What a pipe holds, as Linux makes it. */
const PIPE_BYTES = 65_536;
/** Most scripts print less than this at once, get memory of that size and no more, and are not waited for at once. */
const SMALL_BYTES = 4096;
/** Where reads go whose size is not known: no one's memory beyond the call. */
const SCRATCH = new Uint8Array(PIPE_BYTES);

interface PipeServices {
  readonly calls: SystemCalls;
  readonly readiness: Watcher;
}

interface ReaderServices extends PipeServices {
  /** As long as a script prints little. */
  readonly paced: Watcher;
}

/** What both ends have in common: a descriptor that is closed once. */
abstract class PipeEnd {
  protected readonly calls: SystemCalls;
  protected readonly descriptor: number;
  protected watched: Watched;
  protected isClosed = false;

  constructor(descriptor: number, watched: Watched, calls: SystemCalls) {
    this.calls = calls;
    this.descriptor = descriptor;
    this.watched = watched;
    calls.fcntl(descriptor, F_SETFL, O_NONBLOCK);
  }

  /** Ends whatever waits for it. Idempotent. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.watched.stop();
    this.calls.close(this.descriptor);
  }
}

export class PipeReader extends PipeEnd implements ByteSource {
  /** For scripts that print much. */
  #buffer: Uint8Array<ArrayBuffer> | null = null;
  readonly #readiness: Watcher;

  constructor(descriptor: number, { calls, readiness, paced }: ReaderServices) {
    super(descriptor, paced.watch(descriptor, "readable"), calls);
    this.#readiness = readiness;
  }

  /**
   * The next bytes, valid until the next call; null at the end, and when the pipe is closed. One call at a time.
   * Throws plain Error when it cannot be read.
   */
  async read(): Promise<Uint8Array | null> {
    for (let hasWaited = false; !this.isClosed; hasWaited = true) {
      const buffer = this.#buffer ?? SCRATCH;
      const count = Number(this.calls.read(this.descriptor, buffer, BigInt(buffer.length)));
      if (count > 0) return this.#take(buffer, count);
      if (count === 0) break;
      // The first time there is nothing yet; a pipe that is ready and cannot be read is broken.
      if (hasWaited) throw new Error("A pipe from a script cannot be read");
      await this.watched.ready();
    }
    this.close();
    return null;
  }

  keepLast(): void {
    if (this.#buffer !== null) this.#buffer = new Uint8Array(PIPE_BYTES);
  }

  #take(buffer: Uint8Array<ArrayBuffer>, count: number): Uint8Array {
    if (buffer !== SCRATCH) return buffer.subarray(0, count);
    if (count > SMALL_BYTES) this.#expectMuch();
    return buffer.slice(0, count);
  }

  #expectMuch(): void {
    this.#buffer = new Uint8Array(PIPE_BYTES);
    this.watched.stop();
    this.watched = this.#readiness.watch(this.descriptor, "readable");
  }
}

export class PipeWriter extends PipeEnd implements ByteSink {
  constructor(descriptor: number, { calls, readiness }: PipeServices) {
    super(descriptor, readiness.watch(descriptor, "writable"), calls);
  }

  /** Writes all of `bytes`, which must not change before this resolves. False when nobody reads, or the pipe is closed. */
  async write(bytes: Uint8Array): Promise<boolean> {
    // No content of a request is shared memory.
    let rest = bytes as Uint8Array<ArrayBuffer>;
    let hasWaited = false;
    while (!this.isClosed && rest.length > 0) {
      const count = Number(this.calls.write(this.descriptor, rest, BigInt(rest.length)));
      if (count > 0) {
        rest = rest.subarray(count);
        hasWaited = false;
      } else if (hasWaited) {
        // Ready and not to be written: the other end is closed.
        return false;
      } else {
        await this.watched.ready();
        hasWaited = true;
      }
    }
    return !this.isClosed;
  }
}
