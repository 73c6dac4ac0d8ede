/**
 * One stream: its states, its two windows, the content that has come and was not taken, and the part of an answer that waits
 * for its turn. RFC 9113 5.1 and 5.2. Its fields belong to the connection; whoever answers looks at them.
 */
import { freeBytes } from "../free_bytes.ts";
import { FIRST_WINDOW } from "./frames.ts";
import type { Priority } from "./priority.ts";

/** Content that comes in small frames is put together in pieces of so many bytes. */
const LEAST_CHUNK_BYTES = 4096;

interface Chunk {
  readonly bytes: Uint8Array<ArrayBuffer>;
  length: number;
}

export class Stream {
  readonly id: number;
  /** The client has sent END_STREAM. */
  hasPeerEnded: boolean;
  /** We have sent END_STREAM. */
  hasEnded = false;
  /** RST_STREAM was sent or received: its code; null: neither. */
  resetCode: number | null = null;
  /** It was we who sent that, and the client may not know yet. */
  isResetHere = false;

  /** Bytes of DATA that may be sent to the client; below 0 where it has made windows smaller. */
  sendWindow: number;
  /** Bytes of DATA that the client may still send. */
  receiveWindow = FIRST_WINDOW;
  /** What `receiveWindow` is at most. */
  windowBytes = FIRST_WINDOW;
  /** What was taken and is not in `receiveWindow` again. */
  creditBytes = 0;
  /** More was asked for than had come, since the window was opened last. */
  isAwaited = false;

  /** What the request said its content has; null: nothing. */
  readonly expectedBytes: number | null;
  receivedBytes = 0;
  #chunks: Chunk[] | null = null;
  #taken: Uint8Array<ArrayBuffer> | null = null;
  /** Memory of the content that waits here. */
  heldBytes = 0;

  urgency: number;
  isIncremental: boolean;
  /** The scheduler has it. */
  isQueued = false;
  /** What waits for windows and for its turn, from `waitingAt` on; null: nothing. */
  waiting: Uint8Array | null = null;
  waitingAt = 0;
  /** Whether the content ends with that. */
  isLastWaiting = false;
  /** What is left of the content that the head of the answer has promised; null: it promised nothing. */
  unsentBytes: number | null = null;
  /** Content that was sent. */
  sentBytes = 0;
  /** The head of the answer was sent. */
  hasHead = false;

  constructor(
    id: number,
    { hasPeerEnded, expectedBytes, sendWindow, priority }: {
      readonly hasPeerEnded: boolean;
      readonly expectedBytes: number | null;
      readonly sendWindow: number;
      readonly priority: Priority;
    },
  ) {
    this.id = id;
    this.hasPeerEnded = hasPeerEnded;
    this.expectedBytes = expectedBytes;
    this.sendWindow = sendWindow;
    this.urgency = priority.urgency;
    this.isIncremental = priority.isIncremental;
  }

  get isReset(): boolean {
    return this.resetCode !== null;
  }

  /** Whether an answer may still be sent. */
  get isWritable(): boolean {
    return !this.hasEnded && this.resetCode === null;
  }

  /** Copies content that has come. */
  putContent(bytes: Uint8Array): void {
    const chunks = this.#chunks ??= [];
    const last = chunks.at(-1);
    if (last !== undefined && last.length + bytes.length <= last.bytes.length) {
      last.bytes.set(bytes, last.length);
      last.length += bytes.length;
      return;
    }
    const chunk = { bytes: new Uint8Array(Math.max(bytes.length, LEAST_CHUNK_BYTES)), length: bytes.length };
    chunk.bytes.set(bytes);
    chunks.push(chunk);
    this.heldBytes += chunk.bytes.length;
  }

  /** The next content, valid until more is asked for; null where none waits. */
  takeContent(): Uint8Array | null {
    const chunk = this.#chunks?.shift();
    this.#freeTaken();
    if (chunk === undefined) return null;
    this.#taken = chunk.bytes;
    this.heldBytes -= chunk.bytes.length;
    return chunk.bytes.subarray(0, chunk.length);
  }

  /**
   * Nobody wants what waits. What was taken may still be read by who has it, on a stream that its client has reset, too: where no more
   * is asked for it is left to the collector.
   */
  dropContent(): void {
    for (const { bytes } of this.#chunks ?? []) freeBytes(bytes);
    this.#chunks = null;
    this.heldBytes = 0;
  }

  #freeTaken(): void {
    if (this.#taken !== null) freeBytes(this.#taken);
    this.#taken = null;
  }
}
