/**
 * Has the worker compress files, so that nobody else waits for the computation. The worker starts with the first of them and ends
 * when there was none for a while; one after the other is compressed there, and the number of those that wait is bounded. I/O, timer.
 */
import { AskedWorker } from "../asked_worker.ts";
import type { CompressQuestion } from "./compress_worker.ts";
import type { ContentCoding } from "./select_encoding.ts";

/** Those beyond are sent as they are, and compressed when they are asked for again. */
const MAX_WAITING = 64;
/** The memory of a thread is worth more than the 30 ms of its start. */
const IDLE_MS = 10_000;

export class Compressor {
  readonly #worker: AskedWorker<CompressQuestion, Uint8Array>;
  #idleTimer: number | null = null;

  /** Whoever makes it calls `close`. */
  constructor(tellFailure: (problem: string) => void) {
    const url = new URL("./compress_worker.ts", import.meta.url);
    this.#worker = new AskedWorker({ name: "compression", url, tellFailure });
  }

  /** Null where too many wait already, where it is closed, and where the worker fails, which is told. Never rejects. */
  async compress(bytes: Uint8Array, coding: ContentCoding): Promise<Uint8Array | null> {
    if (this.#worker.waitingCount >= MAX_WAITING) return null;
    this.#keepAwake();
    let made;
    try {
      made = await this.#worker.ask({ bytes, coding });
    } catch {
      // It is closed, or has failed, which is told by then.
      return null;
    }
    if (this.#worker.waitingCount === 0) this.#idleTimer = setTimeout(() => this.close(), IDLE_MS);
    return made;
  }

  /** Ends the worker; what waits is told null. The next question starts another. Idempotent. */
  close(): void {
    this.#worker.close(new Error("The compressor is closed"));
    this.#keepAwake();
  }

  #keepAwake(): void {
    if (this.#idleTimer !== null) clearTimeout(this.#idleTimer);
    this.#idleTimer = null;
  }
}
