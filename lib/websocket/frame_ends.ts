/**
 * Finds where frames end in bytes that are passed on as they come, so that one of this server's own can be put between two of
 * them. Separate from reading messages: nothing of what is in the frames matters here, and masks and extensions may be whatever
 * both ends have agreed on. Pure. RFC 6455 5.2.
 */
import { EIGHT_BYTES, MASKED, OPCODE, TWO_BYTES } from "./frames.ts";

/** Of one direction. */
export class FrameEnds {
  /** Of the head that has begun. */
  #headLength = 0;
  /** Bytes of the head, as far as they are known. */
  #wanted = 2;
  /** Where the length ends in the head. */
  #lengthEnd = 2;
  #length = 0;
  /** Of the payload, that are still to come. */
  #left = 0;
  #hasClosed = false;

  /** Whether a close has come, after which nothing may (RFC 6455 5.5.1). */
  get hasClosed(): boolean {
    return this.#hasClosed;
  }

  /** Whether a frame has ended, or none has begun. */
  get isBetween(): boolean {
    return this.#headLength === 0 && this.#left === 0;
  }

  /** Looks at the next bytes: the position behind the first frame that ends in them; null where none does. */
  pass(bytes: Uint8Array): number | null {
    let first: number | null = null;
    for (let at = 0; at < bytes.length;) {
      if (this.#left > 0) {
        const passed = Math.min(this.#left, bytes.length - at);
        this.#left -= passed;
        at += passed;
      } else this.#takeHeadByte(bytes[at++]);
      if (this.isBetween) first ??= at;
    }
    return first;
  }

  #takeHeadByte(byte: number): void {
    this.#headLength++;
    if (this.#headLength === 1 && (byte & 0x0f) === OPCODE.close) this.#hasClosed = true;
    if (this.#headLength === 2) {
      const short = byte & 0x7f;
      const more = short === TWO_BYTES ? 2 : short === EIGHT_BYTES ? 8 : 0;
      this.#wanted = 2 + more + ((byte & MASKED) !== 0 ? 4 : 0);
      this.#length = more === 0 ? short : 0;
      this.#lengthEnd = 2 + more;
    } else if (this.#headLength > 2 && this.#headLength <= this.#lengthEnd) {
      // No bits are shifted: beyond 2^53 it is not exact, and nothing of that length ever ends.
      this.#length = this.#length * 256 + byte;
    }
    if (this.#headLength < 2 || this.#headLength < this.#wanted) return;
    this.#left = this.#length;
    this.#headLength = 0;
    this.#wanted = 2;
  }
}
