/** Content of an answer that came whole, in the bytes of the connection that it came on. Separate from the peers, for all have it. Pure. */
import type { Body } from "../http/message.ts";

export class WholeContent implements Body {
  readonly bytes: Uint8Array;
  #release: (() => void) | null;

  /** `release` is called once, when the bytes are looked at no more. */
  constructor(bytes: Uint8Array, release: () => void) {
    this.bytes = bytes;
    this.#release = release;
  }

  get length(): number {
    return this.bytes.length;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    if (this.bytes.length > 0) yield this.bytes;
  }

  close(): Promise<void> {
    this.#release?.();
    this.#release = null;
    return DONE;
  }
}

const DONE = Promise.resolve();
