/** Integers with a prefix. RFC 7541 5.1. */

/** Beyond that no number of HPACK makes sense here: five bytes after the prefix. */
const MOST_SHIFT = 28;

/** Where the last integer ended that was read, or the text after it; a module's variable, for an object each would cost more than the integer. */
let endOfInteger = 0;

/** Says where a text ended whose length was read last. */
export function setIntegerEnd(at: number): void {
  endOfInteger = at;
}

/** Where what `readInteger` has read last ended. */
export function integerEnd(): number {
  return endOfInteger;
}

/** Reads an integer whose first byte has `prefixBits` bits of it; -1 where it is cut off at `end` or above 2^31. */
export function readInteger(bytes: Uint8Array, at: number, end: number, prefixBits: number): number {
  const most = (1 << prefixBits) - 1;
  let value = bytes[at++] & most;
  if (value === most) {
    let shift = 0;
    let byte: number;
    do {
      if (at === end || shift > MOST_SHIFT) return -1;
      byte = bytes[at++];
      value += (byte & 0x7f) * 2 ** shift;
      shift += 7;
    } while ((byte & 0x80) !== 0);
    if (value > 0x7fff_ffff) return -1;
  }
  endOfInteger = at;
  return value;
}

/** Writes an integer after the bits of `first` above its prefix, and returns where it ended. */
export function writeInteger(
  value: number,
  { first, prefixBits }: { readonly first: number; readonly prefixBits: number },
  { into, at }: { readonly into: Uint8Array; readonly at: number },
): number {
  const most = (1 << prefixBits) - 1;
  let to = at;
  if (value < most) {
    into[to++] = first | value;
    return to;
  }
  into[to++] = first | most;
  let left = value - most;
  for (; left >= 0x80; left = Math.floor(left / 0x80)) into[to++] = left & 0x7f | 0x80;
  into[to++] = left;
  return to;
}
