/**
 * The content of a script's response as a Body: what follows the head of its output, held against the length that it
 * promised. RFC 3875 6.4.
 */
import { type Body, BrokenAnswer } from "../http/message.ts";
import type { Limits } from "../limits.ts";
import type { AnsweringProgram } from "./answering_program.ts";
import { ChunkedOutput } from "./chunked_output.ts";
import type { ScriptLog } from "../child/child_log.ts";
import type { ScriptDocument } from "./script_head.ts";

export class ScriptContent implements Body, AsyncIterator<Uint8Array> {
  readonly length: number | null;
  readonly #program: AnsweringProgram;
  readonly #log: ScriptLog;
  readonly #chunked: ChunkedOutput | null;
  /** What was read ahead and not yet given out: with the head, or while gathering. */
  #rest: Uint8Array;
  /** A read that had not ended when gathering did. */
  #pending: Promise<Uint8Array | null> | null = null;
  #bytes: Uint8Array | undefined = undefined;
  #count = 0;
  #hasBegun = false;
  #isOver = false;

  /** `rest` is the beginning of the content; it must not change before the first part of this body is asked for. */
  constructor(
    program: AnsweringProgram,
    { document, rest, limits, log }: {
      readonly document: ScriptDocument;
      readonly rest: Uint8Array;
      readonly limits: Limits;
      readonly log: ScriptLog;
    },
  ) {
    this.length = document.contentLength;
    this.#program = program;
    this.#log = log;
    this.#chunked = document.isChunked ? new ChunkedOutput(limits) : null;
    this.#rest = rest;
  }

  /** All of the content, where `gather` has come to its end. */
  get bytes(): Uint8Array | undefined {
    return this.#bytes;
  }

  /**
   * Reads on until `moment` resolves, for most scripts have printed all by then, and a small content that is known whole
   * leaves in one write with its head. To be called before anything else. Throws as `next` does.
   */
  async gather(moment: Promise<"later">): Promise<void> {
    if (this.#chunked !== null) return;
    // Reading on reuses the bytes of what was read before.
    let gathered = this.#rest.slice();
    while (gathered.length < MAX_GATHERED_BYTES && !this.#isWhole(gathered)) {
      this.#rest = gathered;
      this.#pending = this.#program.read();
      // Told by whoever waits for it: here, or in `next`.
      this.#pending.catch(() => {});
      const read = await this.#orAbandon(Promise.race([this.#pending, moment]));
      if (read === "later") return;
      this.#pending = null;
      if (read === null) break;
      gathered = concatenate(gathered, read);
    }
    this.#rest = gathered;
    if (this.#isWhole(gathered)) this.#bytes = this.#measure(gathered);
  }

  #isWhole(gathered: Uint8Array): boolean {
    return this.length === null ? this.#program.hasOutputEnded : gathered.length >= this.length;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this;
  }

  /** The next part. Throws BrokenAnswer when the script ends, or is ended, before its content does. */
  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#hasBegun = true;
    if (this.#isOver) return { done: true, value: undefined };
    if (this.#bytes !== undefined) {
      this.#finish();
      return this.#bytes.length > 0 ? { done: false, value: this.#bytes } : { done: true, value: undefined };
    }
    return await this.#orAbandon(this.#readPart());
  }

  /** Ends a script whose content was begun; one whose content nobody wants (HEAD, 304) may finish. */
  close(): Promise<void> {
    if (!this.#isOver) {
      this.#isOver = true;
      if (this.#hasBegun) this.#program.abandon();
      else this.#program.discard();
    }
    return Promise.resolve();
  }

  /** What `reading` gives; the script is ended when it fails. */
  async #orAbandon<Result>(reading: Promise<Result>): Promise<Result> {
    try {
      return await reading;
    } catch (error) {
      this.#isOver = true;
      this.#program.abandon();
      throw error;
    }
  }

  async #readPart(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (this.length !== null && this.#count === this.length) return this.#finish();
    const bytes = this.#chunked === null ? await this.#read() : await this.#readChunked(this.#chunked);
    if (bytes !== null) return { done: false, value: this.#measure(bytes) };
    if (this.length === null) return this.#finish();
    throw new BrokenAnswer(
      `${this.#program.label} printed ${this.#count} bytes of content and promised ${this.length}`,
    );
  }

  #finish(): IteratorResult<Uint8Array, undefined> {
    this.#isOver = true;
    this.#program.discard();
    return { done: true, value: undefined };
  }

  /** Cuts what is over the promised length. */
  #measure(bytes: Uint8Array): Uint8Array {
    const room = this.length === null ? bytes.length : this.length - this.#count;
    if (bytes.length > room) {
      this.#log.warn(this.#program.label, `Printed more than the ${this.length} bytes of content that it promised`);
    }
    const part = bytes.subarray(0, room);
    this.#count += part.length;
    return part;
  }

  #read(): Promise<Uint8Array | null> {
    if (this.#rest.length > 0) {
      const rest = this.#rest;
      this.#rest = NOTHING;
      return Promise.resolve(rest);
    }
    const pending = this.#pending ?? this.#program.read();
    this.#pending = null;
    return pending;
  }

  async #readChunked(chunked: ChunkedOutput): Promise<Uint8Array | null> {
    for (;;) {
      const part = chunked.take();
      if (part !== null) return part;
      if (chunked.hasEnded) return null;
      const bytes = await this.#read();
      if (bytes === null) throw new BrokenAnswer(`${this.#program.label} ended before its last chunk`);
      chunked.push(bytes);
    }
  }
}

const NOTHING = new Uint8Array(0);

/** More than this is not small: it is streamed. */
const MAX_GATHERED_BYTES = 16_384;

function concatenate(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
