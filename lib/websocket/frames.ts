/**
 * Frames as they are written, and what readers and writers both know of them: opcodes, codes of a close, lengths. A server masks
 * nothing. Separate from reading, which has rules of its own. Pure. RFC 6455 5 and 7.4.
 */

/** RFC 6455 5.2, 11.8. */
export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** Bits of the first two bytes of a frame. */
export const FIN = 0x80;
export const RESERVED = 0x70;
export const MASKED = 0x80;
/** RFC 6455 5.5: those from here on are of control frames. */
export const FIRST_CONTROL = 8;

/** What stands for a length in the second byte: two bytes follow, or eight. */
export const TWO_BYTES = 126;
export const EIGHT_BYTES = 127;

/** RFC 6455 5.5: bytes of a control frame at most. */
export const MAX_CONTROL_BYTES = 125;

/** RFC 6455 7.4.1, those that this server says. */
export const CLOSE = {
  normal: 1000,
  goingAway: 1001,
  protocolError: 1002,
  unsupportedData: 1003,
  invalidData: 1007,
  tooBig: 1009,
  internalError: 1011,
} as const;

/** The bytes of the head of a frame with a payload of so many bytes. */
export function headLength(length: number): number {
  return length < TWO_BYTES ? 2 : length <= 0xffff ? 4 : 10;
}

/** Puts the head of an unmasked frame at a position of `bytes`, where there is room for it, and returns where the payload begins. */
export function putHead(
  bytes: Uint8Array,
  at: number,
  { opcode, isLast, length }: { readonly opcode: number; readonly isLast: boolean; readonly length: number },
): number {
  bytes[at] = (isLast ? FIN : 0) | opcode;
  if (length < TWO_BYTES) {
    bytes[at + 1] = length;
    return at + 2;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset + at);
  if (length <= 0xffff) {
    bytes[at + 1] = TWO_BYTES;
    view.setUint16(2, length);
    return at + 4;
  }
  bytes[at + 1] = EIGHT_BYTES;
  view.setBigUint64(2, BigInt(length));
  return at + 10;
}

/** A whole unmasked frame, the only one or the last of its message. */
export function frameOf(opcode: number, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(headLength(payload.length) + payload.length);
  frame.set(payload, putHead(frame, 0, { opcode, isLast: true, length: payload.length }));
  return frame;
}

/** RFC 6455 5.5.1. `reason`: ASCII, for those who look at what went wrong, cut where it is too long; null: a close without a code. */
export function closeFrame(code: number | null, reason = ""): Uint8Array {
  if (code === null) return frameOf(OPCODE.close, new Uint8Array(0));
  const text = new TextEncoder().encode(reason).subarray(0, MAX_CONTROL_BYTES - 2);
  const payload = new Uint8Array(2 + text.length);
  new DataView(payload.buffer).setUint16(0, code);
  payload.set(text, 2);
  return frameOf(OPCODE.close, payload);
}
