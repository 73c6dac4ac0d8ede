/**
 * Whether bytes that come in any pieces are UTF-8. Separate because both ways of a connection ask for it: what a client sends
 * (RFC 6455 8.1), and what a program prints. Pure. RFC 3629 4.
 */

/** Sees the first byte that cannot be right, whatever comes after it. */
export class Utf8Checker {
  /** Bytes that the character begun still needs. */
  #missing = 0;
  /** What the next of these may be: the first one after some lead bytes is bounded (no overlong forms, no surrogates). */
  #least = 0x80;
  #most = 0xbf;

  /** Whether no character is begun. */
  get isWhole(): boolean {
    return this.#missing === 0;
  }

  /** Looks at the next bytes, from `start` (inclusive) to `end` (exclusive); false where they cannot be UTF-8. */
  accepts(bytes: Uint8Array, start = 0, end = bytes.length): boolean {
    for (let at = start; at < end; at++) {
      const byte = bytes[at];
      if (this.#missing === 0) {
        if (byte >= 0x80 && !this.#begin(byte)) return false;
      } else {
        if (byte < this.#least || byte > this.#most) return false;
        this.#missing--;
        this.#least = 0x80;
        this.#most = 0xbf;
      }
    }
    return true;
  }

  /** RFC 3629 4: what may follow each lead byte. */
  #begin(byte: number): boolean {
    if (byte < 0xc2 || byte > 0xf4) return false;
    this.#missing = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    if (byte === 0xe0) this.#least = 0xa0;
    else if (byte === 0xed) this.#most = 0x9f;
    else if (byte === 0xf0) this.#least = 0x90;
    else if (byte === 0xf4) this.#most = 0x8f;
    return true;
  }
}
