/**
 * What a client may send of the content of its requests: the windows of the connection and of its streams, and how they open
 * again. Content waits at its stream until somebody takes it, so that one that is not read keeps no other waiting: the window of
 * the connection opens with what has come, that of a stream with what was taken. RFC 9113 5.2 and 6.9.
 */
import type { Limits } from "../limits.ts";
import type { MemoryBudget } from "../memory_budget.ts";
import { ConnectionError, ErrorCode, StreamError } from "./error_codes.ts";
import { appendWindowUpdate, FIRST_WINDOW, SMALL_FRAME_BYTES } from "./frames.ts";
import type { FrameOutput } from "./sender.ts";
import type { Stream } from "./stream.ts";

export interface WindowOptions {
  readonly limits: Pick<Limits, "maxStreamWindowBytes" | "maxConnectionWindowBytes">;
  /** Counts what waits here. */
  readonly budget: Pick<MemoryBudget, "take" | "give">;
}

export class ContentWindows {
  readonly #options: WindowOptions;
  readonly #output: FrameOutput;
  /** Of the connection, at most. */
  readonly #windowBytes: number;
  /** Bytes of DATA that the client may still send on the connection. */
  #window: number;
  /** What has come and is not in that window again. */
  #creditBytes = 0;
  /** By how much windows of streams have grown. */
  #grownBytes = 0;

  constructor(options: WindowOptions, output: FrameOutput) {
    this.#options = options;
    this.#output = output;
    this.#windowBytes = Math.max(FIRST_WINDOW, options.limits.maxConnectionWindowBytes);
    this.#window = this.#windowBytes;
  }

  /** Opens the window of the connection beyond what it is by default. */
  open(): void {
    const extra = this.#windowBytes - FIRST_WINDOW;
    if (extra > 0) appendWindowUpdate(this.#output.bufferFor(SMALL_FRAME_BYTES), 0, extra);
  }

  /** DATA of so many bytes has come, padding included. Throws ConnectionError FLOW_CONTROL_ERROR. */
  receive(bytes: number): void {
    if (bytes > this.#window) {
      throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, "More content than the window of the connection");
    }
    this.#window -= bytes;
    this.#creditBytes += bytes;
    if (2 * this.#creditBytes < this.#windowBytes) return;
    appendWindowUpdate(this.#output.bufferFor(SMALL_FRAME_BYTES), 0, this.#creditBytes);
    this.#window += this.#creditBytes;
    this.#creditBytes = 0;
  }

  /**
   * Content for the stream has come, and padding that is read at once. Throws StreamError FLOW_CONTROL_ERROR, and PROTOCOL_ERROR
   * where Content-Length has said something else.
   */
  receiveFor(stream: Stream, content: Uint8Array, paddingBytes: number): void {
    const bytes = content.length + paddingBytes;
    if (bytes > stream.receiveWindow) {
      throw new StreamError(stream.id, ErrorCode.FLOW_CONTROL_ERROR, "More content than the window of the stream");
    }
    stream.receiveWindow -= bytes;
    stream.receivedBytes += content.length;
    checkLength(stream);
    if (content.length > 0) {
      const before = stream.heldBytes;
      stream.putContent(content);
      this.#options.budget.take(stream.heldBytes - before);
    }
    if (paddingBytes > 0) this.#credit(stream, paddingBytes);
  }

  /** The next content of the stream, valid until the next call; null where none waits. The client may send as much again. */
  take(stream: Stream): Uint8Array | null {
    const before = stream.heldBytes;
    const content = stream.takeContent();
    this.#options.budget.give(before - stream.heldBytes);
    if (content === null) stream.isAwaited = true;
    else this.#credit(stream, content.length);
    return content;
  }

  /** Nobody wants the content of the stream any more. */
  drop(stream: Stream): void {
    this.#options.budget.give(stream.heldBytes);
    stream.dropContent();
    this.#grownBytes -= stream.windowBytes - FIRST_WINDOW;
    stream.windowBytes = FIRST_WINDOW;
  }

  #credit(stream: Stream, bytes: number): void {
    stream.creditBytes += bytes;
    if (stream.hasPeerEnded || stream.isReset || 2 * stream.creditBytes < stream.windowBytes) return;
    const growth = this.#growthOf(stream);
    stream.windowBytes += growth;
    this.#grownBytes += growth;
    const increment = stream.creditBytes + growth;
    appendWindowUpdate(this.#output.bufferFor(SMALL_FRAME_BYTES), stream.id, increment);
    stream.receiveWindow += increment;
    stream.creditBytes = 0;
    stream.isAwaited = false;
  }

  /** A stream whose content is taken faster than it comes may have twice as large a window. */
  #growthOf({ windowBytes, isAwaited }: Stream): number {
    const { maxStreamWindowBytes, maxConnectionWindowBytes } = this.#options.limits;
    if (!isAwaited) return 0;
    const most = Math.min(maxStreamWindowBytes - windowBytes, maxConnectionWindowBytes - this.#grownBytes);
    return Math.max(0, Math.min(windowBytes, most));
  }
}

/** RFC 9113 8.1.1; where the content has come to its end, it has to be as long. */
export function checkLength({ id, expectedBytes, receivedBytes, hasPeerEnded }: Stream): void {
  if (expectedBytes === null) return;
  if (receivedBytes > expectedBytes || (hasPeerEnded && receivedBytes < expectedBytes)) {
    throw new StreamError(id, ErrorCode.PROTOCOL_ERROR, "Content of another length than Content-Length says");
  }
}
