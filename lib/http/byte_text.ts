/**
 * Text that stands for bytes which are UTF-8 for the most part: what is UTF-8 is the text that it means, and each other byte is
 * the one code unit U+DC80 to U+DCFF that has it as its last eight bits, as PEP 383 has it. Separate because paths and the
 * variables of programs need both ways: such text is exact, and no text of UTF-8 is mistaken for it, for UTF-8 has no lone
 * surrogates. `isWellFormed` tells whether there is such a byte. Pure.
 */
import { latin1Bytes } from "./grammar.ts";

/** RFC 3629 4: each sequence of more than one byte, as Latin-1 text; or a byte above 0x7F that is part of none. */
const SEQUENCE = new RegExp(
  "(" + [
    "[\\xc2-\\xdf][\\x80-\\xbf]",
    "\\xe0[\\xa0-\\xbf][\\x80-\\xbf]",
    "[\\xe1-\\xec\\xee\\xef][\\x80-\\xbf]{2}",
    "\\xed[\\x80-\\x9f][\\x80-\\xbf]",
    "\\xf0[\\x90-\\xbf][\\x80-\\xbf]{2}",
    "[\\xf1-\\xf3][\\x80-\\xbf]{3}",
    "\\xf4[\\x80-\\x8f][\\x80-\\xbf]{2}",
  ].join("|") + ")|[\\x80-\\xff]",
  "g",
);

const UTF_8 = new TextDecoder("utf-8", { ignoreBOM: true });
const ENCODER = new TextEncoder();
/** Added to a byte that is no UTF-8. */
const ESCAPE = 0xdc00;

/** The text of bytes that are given as Latin-1 text, one character a byte. */
export function textOfBytes(latin1: string): string {
  if (!/[\x80-\xff]/.test(latin1)) return latin1;
  return latin1.replace(
    SEQUENCE,
    (found: string, sequence: string | undefined) =>
      sequence === undefined ? String.fromCharCode(ESCAPE + found.charCodeAt(0)) : UTF_8.decode(latin1Bytes(sequence)),
  );
}

/** Writes the bytes that `text` stands for, which takes at most three for each code unit, and returns how many they are. */
export function encodeByteText(text: string, into: Uint8Array<ArrayBuffer>): number {
  if (text.length <= MAX_SHORT_LENGTH && encodeAscii(text, into, 0)) return text.length;
  if (text.isWellFormed()) return ENCODER.encodeInto(text, into).written;
  let length = 0;
  // With the flag "u" a pair of surrogates is one character, and only a lone one is found.
  for (const part of text.split(/([\udc80-\udcff])/u)) {
    const code = part.charCodeAt(0);
    if (part.length === 1 && code >= ESCAPE && code <= ESCAPE + 0xff) into[length++] = code & 0xff;
    else length += ENCODER.encodeInto(part, into.subarray(length)).written;
  }
  return length;
}

/** What is no longer is most often ASCII, and written quicker here than by a call of the runtime: 30 ns instead of 200. */
const MAX_SHORT_LENGTH = 256;

/** Writes text that is ASCII alone from `at` on; false for any other, of which a part may have been written. */
export function encodeAscii(text: string, into: Uint8Array, at: number): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code > 0x7f) return false;
    into[at + index] = code;
  }
  return true;
}
