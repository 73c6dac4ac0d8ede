/**
 * Heads of answers that came lately: an application says the same again and again, and reading it takes longer than finding it. What
 * is the same byte by byte means the same. Separate from the readers, of which there are two. Pure.
 */
import { Buffer } from "node:buffer";
import { keepBytes } from "../http/kept_bytes.ts";

/** Few, for each of those that are not it is looked at. */
const MAX_KNOWN_COUNT = 4;
/** What is longer is read each time. */
const MAX_HEAD_BYTES = 2048;

/** `Meaning`: what a head says; it is the same object each time. */
export class KnownHeads<Meaning> {
  readonly #known: { readonly bytes: Uint8Array; readonly meaning: Meaning }[] = [];
  #next = 0;

  /** What an answer begins with, empty line and all, and how many bytes that are; null where it is none of these. */
  find(answer: Uint8Array): { readonly bytes: Uint8Array; readonly meaning: Meaning } | null {
    for (let at = 0; at < this.#known.length; at++) {
      const one = this.#known[at];
      const { length } = one.bytes;
      if (length <= answer.length && compare.call(one.bytes, answer, 0, length) === 0) return one;
    }
    return null;
  }

  /** `head` ends with its empty line. */
  keep(head: Uint8Array, meaning: Meaning): void {
    if (head.length > MAX_HEAD_BYTES) return;
    this.#known[this.#next] = { bytes: keepBytes(head), meaning };
    this.#next = (this.#next + 1) % MAX_KNOWN_COUNT;
  }
}

const { compare } = Buffer.prototype;
