/**
 * The content of a file that stays in memory: as bytes of this process, or in a file in memory from which the system sends it
 * to plain connections without a copy. In the form that was asked for, and in both only where both kinds of clients ask: it is
 * as large as the memory for it allows. Pure: where it is kept is passed in.
 */
import type { Body, FileRange, FileSource } from "../http/message.ts";

/** Keeps contents that do not change for as long as somebody knows of their ranges. */
export interface ContentStore {
  /** Null where there is no room. */
  keep(bytes: Uint8Array): FileRange | null;
  /** A copy. */
  read(range: FileRange): Uint8Array;
}

export class KeptContent {
  readonly length: number;
  #bytes: Uint8Array | null;
  #range: FileRange | null = null;
  readonly #store: ContentStore;

  /** `bytes` must not change. */
  constructor(bytes: Uint8Array, store: ContentStore) {
    this.length = bytes.length;
    this.#bytes = bytes;
    this.#store = store;
  }

  get bytes(): Uint8Array {
    if (this.#bytes === null && this.#range !== null) this.#bytes = this.#store.read(this.#range);
    if (this.#bytes === null) throw new Error("Unreachable: it is kept in one of both forms");
    return this.#bytes;
  }

  /** Null where there is no room for it. */
  get range(): FileRange | null {
    if (this.#range === null && this.#bytes !== null) {
      this.#range = this.#store.keep(this.#bytes);
      if (this.#range !== null) this.#bytes = null;
    }
    return this.#range;
  }
}

/** Content that is kept, for any number of answers. */
export class KeptBody implements Body {
  readonly #content: KeptContent;

  constructor(content: KeptContent) {
    this.#content = content;
  }

  get length(): number {
    return this.#content.length;
  }

  range(): FileRange | null {
    return this.#content.range;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    yield this.#content.bytes;
  }

  fromFile(): FileSource {
    return new KeptSource(this.#content);
  }

  close(): Promise<void> {
    return DONE;
  }
}

const DONE = Promise.resolve();

/** One answer's way through it. */
class KeptSource implements FileSource {
  readonly #content: KeptContent;
  #sentBytes = 0;
  #isTaken = true;

  constructor(content: KeptContent) {
    this.#content = content;
  }

  next(): FileRange | null {
    if (!this.#isTaken || this.#sentBytes > 0) return null;
    return this.#content.range;
  }

  sent(count: number): void {
    this.#sentBytes += count;
    this.#isTaken = count > 0;
  }

  read(): Promise<Uint8Array | null> {
    const rest = this.#sentBytes === this.#content.length ? null : this.#content.bytes.subarray(this.#sentBytes);
    this.#sentBytes = this.#content.length;
    return Promise.resolve(rest);
  }
}
