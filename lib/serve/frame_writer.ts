/**
 * Writes what waits on an HTTP/2 connection: one write at a time, each with all that is there, the content of streams in the
 * order of their priorities and as their windows let it through. RFC 9113 5.2.
 */
import { FRAME_HEADER_BYTES } from "../http2/frames.ts";
import type { Sender } from "../http2/sender.ts";
import type { Stream } from "../http2/stream.ts";
import type { FrameQueue } from "./frame_queue.ts";
import type { SocketWriter } from "./socket_writer.ts";

/** So much content is put together for a write; with the headers of its frames that is what a write takes over TLS. */
const FILL_BYTES = 65_536 - 4 * FRAME_HEADER_BYTES;

const DONE = Promise.resolve();

/** Who waits for a part of its content to leave. */
interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class FrameWriter {
  readonly #queue: FrameQueue;
  readonly #sender: Sender;
  readonly #writer: SocketWriter;
  readonly #waiting = new Map<Stream, Waiting>();
  /** The writes that are under way, until nothing waits; null: none is. */
  #writing: Promise<void> | null = null;
  #isScheduled = false;
  /** Whoever holds will send in the end. */
  #isHeld = false;
  #failure: { readonly error: unknown } | null = null;

  constructor(queue: FrameQueue, sender: Sender, writer: SocketWriter) {
    this.#queue = queue;
    this.#sender = sender;
    this.#writer = writer;
  }

  /** What a write has failed with. */
  get failure(): { readonly error: unknown } | null {
    return this.#failure;
  }

  /** From now on nothing is sent before `send`: what many requests are answered with leaves together. */
  hold(): void {
    this.#isHeld = true;
  }

  /** Sends at the end of this turn, with what else comes until then. */
  schedule(): void {
    if (this.#isHeld || this.#isScheduled || this.#writing !== null) return;
    this.#isScheduled = true;
    queueMicrotask(() => this.send());
  }

  /** Sends what waits; resolves when nothing waits any more that may be sent. Never rejects: see `failure`. */
  send(): Promise<void> {
    this.#isHeld = false;
    this.#isScheduled = false;
    if (this.#writing !== null) return this.#writing;
    this.#fill();
    // Mostly there is nothing.
    if (this.#queue.waitingBytes === 0) return DONE;
    return this.#writing = this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    let buffer = this.#queue.take();
    try {
      while (buffer !== null) {
        await this.#writer.sendBytes(buffer.takeAll());
        this.#queue.giveBack(buffer);
        buffer = null;
        if (!this.#isHeld) this.#fill();
        buffer = this.#queue.take();
      }
    } catch (error) {
      if (buffer !== null) this.#queue.giveBack(buffer);
      this.#failure ??= { error };
      this.failAll(error);
    }
    this.#writing = null;
  }

  /** Puts content into the queue, and lets those go on of whom all has left. */
  #fill(): void {
    if (!this.#sender.hasQueued) return;
    for (const stream of this.#sender.fill(Math.max(0, FILL_BYTES - this.#queue.waitingBytes))) {
      this.#waiting.get(stream)?.resolve();
      this.#waiting.delete(stream);
    }
  }

  /** Resolves when `bytes`, a part of the stream's content, may change. Rejects as `fail` says. */
  sendPart(stream: Stream, bytes: Uint8Array): Promise<void> {
    if (this.#failure !== null) return Promise.reject(this.#failure.error);
    this.#sender.queue(stream, bytes);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.set(stream, { resolve, reject });
    this.schedule();
    return promise;
  }

  /** Nothing will be sent on the stream any more. */
  fail(stream: Stream, error: unknown): void {
    this.#waiting.get(stream)?.reject(error);
    this.#waiting.delete(stream);
  }

  failAll(error: unknown): void {
    for (const stream of [...this.#waiting.keys()]) this.fail(stream, error);
  }
}
