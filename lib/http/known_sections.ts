/**
 * Field sections that have come before: a client sends the same fields again and again, and those of a browser take
 * longer to read than all else of its request. What is the same byte by byte means the same, so it is read once. Shared
 * by connections with the same limits and rules, so that an idle one keeps nothing. RFC 9112 5.
 */
import { Buffer } from "node:buffer";
import type { FieldMeaning } from "./field_meaning.ts";
import { HeaderFields } from "./header_fields.ts";

/** A field section without fault, with the empty line at its end. */
export interface KnownSection {
  readonly bytes: Uint8Array;
  readonly fields: HeaderFields;
  /** As it was found last; null where it was not looked for. */
  meaning: FieldMeaning | null;
}

const SLOT_COUNT = 128;
/** What is longer is read each time: all slots together take half a megabyte. */
const MAX_HEAD_BYTES = 4096;

export class KnownSections {
  readonly #slots: (KnownSection | null)[] = new Array(SLOT_COUNT).fill(null);
  /** Of the section in each slot, or of the one that may come to stand there. */
  readonly #prints = new Int32Array(SLOT_COUNT);
  #lastSlot = 0;

  /** Where to look for the section of a new client, which may be like the last one. */
  get lastSlot(): number {
    return this.#lastSlot;
  }

  /** The section in that slot where it stands at `at` in `bytes`, all of it before `end`; else null. */
  match(
    slot: number,
    bytes: Uint8Array,
    { at, end }: { readonly at: number; readonly end: number },
  ): KnownSection | null {
    const section = this.#slots[slot];
    return section !== null && standsAt(section, bytes, at, end) ? section : null;
  }

  /**
   * Takes the section that begins at `start` of a head; `print` is a number that differs for most sections that differ.
   * Returns its slot. Only what comes twice is kept, for most of what is new never comes again.
   */
  remember(
    head: Uint8Array,
    start: number,
    { spans, print }: { readonly spans: readonly number[]; readonly print: number },
  ) {
    const slot = (print ^ (print >>> 15)) & (SLOT_COUNT - 1);
    const section = this.#slots[slot];
    if (this.#prints[slot] !== print) {
      this.#prints[slot] = print;
      this.#slots[slot] = null;
    } else if (head.length <= MAX_HEAD_BYTES && (section === null || !standsAt(section, head, start, head.length))) {
      const copy = head.slice();
      const fields = HeaderFields.fromSpans(copy, spans);
      this.#slots[slot] = { bytes: copy.subarray(start), fields, meaning: null };
    }
    return this.#lastSlot = slot;
  }
}

function standsAt(section: KnownSection, bytes: Uint8Array, at: number, end: number): boolean {
  const { length } = section.bytes;
  // 40 ns however much it is; a loop takes 36 ns for 25 bytes and 500 ns for 900.
  return length <= end - at && compare.call(section.bytes, bytes, at, at + length) === 0;
}

const { compare } = Buffer.prototype;
