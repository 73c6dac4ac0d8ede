/**
 * The Huffman code of HPACK. Its codes are canonical, so the lengths say all: of two symbols the one with the shorter code, or
 * with the smaller number, has the smaller code. Decoded by four bits at a time. RFC 7541 5.2 and appendix B.
 */

/** The bits of the code of each byte, then of EOS. */
// deno-fmt-ignore
const LENGTHS: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30,
];

const EOS = 256;

const CODES: readonly number[] = canonicalCodes(LENGTHS);

function canonicalCodes(lengths: readonly number[]): readonly number[] {
  const symbols = lengths.map((_, symbol) => symbol).sort((one, other) => lengths[one] - lengths[other] || one - other);
  const codes = new Array<number>(lengths.length);
  let code = 0;
  let length = lengths[symbols[0]];
  for (const symbol of symbols) {
    code <<= lengths[symbol] - length;
    length = lengths[symbol];
    codes[symbol] = code++;
  }
  return codes;
}

/** An entry of the table: the next state, and with one of these bits the byte in the bits from 16 on. */
const EMITS = 0x100;
/** The bits lead to EOS, which no text may hold. */
const FAILS = 0x200;
/** The text may end here: what is left are at most seven bits, all of them ones. */
const ACCEPTS = 0x400;

/** For each of 256 inner nodes of the tree of codes and each four bits. Built by the first who decodes, for it takes a part of a start. */
let transitions: Readonly<Int32Array> | null = null;

function buildTransitions(): Int32Array {
  // Nodes as pairs of children: an inner node by its number, a leaf as -1 - symbol.
  const children: [number, number][] = [[0, 0]];
  const padding = new Set([0]);
  for (let symbol = 0; symbol <= EOS; symbol++) {
    let node = 0;
    for (let bit = LENGTHS[symbol] - 1; bit >= 0; bit--) {
      const side = CODES[symbol] >> bit & 1;
      if (bit === 0) {
        children[node][side] = -1 - symbol;
      } else {
        if (children[node][side] === 0) children[node][side] = children.push([0, 0]) - 1;
        node = children[node][side];
      }
    }
  }
  for (let node = 0, depth = 1; depth <= 7; depth++) padding.add(node = children[node][1]);
  const table = new Int32Array(children.length * 16);
  for (let from = 0; from < children.length; from++) {
    for (let nibble = 0; nibble < 16; nibble++) {
      let node = from;
      let entry = 0;
      for (let bit = 3; bit >= 0; bit--) {
        const next = children[node][nibble >> bit & 1];
        if (next === -1 - EOS) entry |= FAILS;
        else if (next < 0) entry |= EMITS | (-1 - next) << 16;
        node = next < 0 ? 0 : next;
      }
      table[from * 16 + nibble] = entry | node | (padding.has(node) ? ACCEPTS : 0);
    }
  }
  return table;
}

/**
 * Decodes the bytes from `start` (inclusive) to `end` (exclusive) to `into`, from `at` on, where there is room for 8 bytes for
 * each 5. Returns where it ended; -1 for what no encoder may send: EOS, or padding that is too long or has a zero.
 */
export function decodeHuffman(
  bytes: Uint8Array,
  { start, end }: { readonly start: number; readonly end: number },
  { into, at }: { readonly into: Uint8Array; readonly at: number },
): number {
  const table = transitions ??= buildTransitions();
  let state = 0;
  let entry = ACCEPTS;
  let to = at;
  for (let from = start; from < end; from++) {
    const byte = bytes[from];
    entry = table[state << 4 | byte >> 4];
    if ((entry & (EMITS | FAILS)) !== 0) {
      if ((entry & FAILS) !== 0) return -1;
      into[to++] = entry >> 16;
    }
    entry = table[(entry & 0xff) << 4 | byte & 15];
    if ((entry & (EMITS | FAILS)) !== 0) {
      if ((entry & FAILS) !== 0) return -1;
      into[to++] = entry >> 16;
    }
    state = entry & 0xff;
  }
  return (entry & ACCEPTS) === 0 ? -1 : to;
}

/** Bytes of the encoded text. */
export function huffmanLength(bytes: Uint8Array): number {
  let bits = 0;
  for (let i = 0; i < bytes.length; i++) bits += LENGTHS[bytes[i]];
  return bits + 7 >> 3;
}

/** Encodes the bytes to `into` from `at` on, where there is room, and returns where it ended. */
export function encodeHuffman(bytes: Uint8Array, into: Uint8Array, at: number): number {
  let held = 0;
  let heldBits = 0;
  let to = at;
  for (let i = 0; i < bytes.length; i++) {
    const length = LENGTHS[bytes[i]];
    const code = CODES[bytes[i]];
    // Codes have up to 30 bits and up to 7 wait: so long ones are taken in two parts.
    for (let left = length; left > 0;) {
      const taken = Math.min(left, 16);
      left -= taken;
      held = held << taken | code >> left & (1 << taken) - 1;
      heldBits += taken;
      while (heldBits >= 8) {
        heldBits -= 8;
        into[to++] = held >> heldBits;
      }
      held &= (1 << heldBits) - 1;
    }
  }
  // RFC 7541 5.2: padded with the most significant bits of EOS, which are ones.
  if (heldBits > 0) into[to++] = held << 8 - heldBits | (1 << 8 - heldBits) - 1;
  return to;
}
