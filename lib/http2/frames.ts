/**
 * Frames as they are on the wire: their types, flags and nine bytes of header, and those that the server sends beside HEADERS
 * and DATA. Apart from what they do. RFC 9113 4.1 and 6.
 */
import type { OutputBuffer } from "../http/output_buffer.ts";

export const FrameType = {
  DATA: 0x0,
  HEADERS: 0x1,
  PRIORITY: 0x2,
  RST_STREAM: 0x3,
  SETTINGS: 0x4,
  PUSH_PROMISE: 0x5,
  PING: 0x6,
  GOAWAY: 0x7,
  WINDOW_UPDATE: 0x8,
  CONTINUATION: 0x9,
  /** RFC 9218 7.1. */
  PRIORITY_UPDATE: 0x10,
} as const;

export const Flag = { ACK: 0x1, END_STREAM: 0x1, END_HEADERS: 0x4, PADDED: 0x8, PRIORITY: 0x20 } as const;

export const FRAME_HEADER_BYTES = 9;

/** RFC 9113 4.2: what every peer takes; more is never sent here, and never allowed to a client. */
export const FRAME_BYTES = 16_384;

/** All that is sent beside HEADERS and DATA fits into so many bytes. */
export const SMALL_FRAME_BYTES = 64;

/** RFC 9113 3.4: what a client sends first. */
export const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/** RFC 9113 6.9.1. */
export const MOST_WINDOW = 0x7fff_ffff;

/** RFC 9113 6.9.2, for streams and the connection alike. */
export const FIRST_WINDOW = 65_535;

export interface FrameHeader {
  /** Bytes of the payload. */
  readonly length: number;
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
}

/** 31 bits; the first one is reserved and ignored. */
export function readUint31(bytes: Uint8Array, at: number): number {
  return (bytes[at] & 0x7f) << 24 | bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3];
}

export function readUint32(bytes: Uint8Array, at: number): number {
  return readUint31(bytes, at) + (bytes[at] & 0x80) * 0x100_0000;
}

export function appendFrameHeader(output: OutputBuffer, { length, type, flags, streamId }: FrameHeader): void {
  output.appendByte(length >> 16);
  output.appendByte(length >> 8);
  output.appendByte(length);
  output.appendByte(type);
  output.appendByte(flags);
  appendUint32(output, streamId);
}

export function appendUint32(output: OutputBuffer, value: number): void {
  output.appendByte(value >>> 24);
  output.appendByte(value >>> 16);
  output.appendByte(value >>> 8);
  output.appendByte(value);
}

/** RFC 9113 6.4. */
export function appendReset(output: OutputBuffer, streamId: number, code: number): void {
  appendFrameHeader(output, { length: 4, type: FrameType.RST_STREAM, flags: 0, streamId });
  appendUint32(output, code);
}

/** RFC 9113 6.9. */
export function appendWindowUpdate(output: OutputBuffer, streamId: number, increment: number): void {
  appendFrameHeader(output, { length: 4, type: FrameType.WINDOW_UPDATE, flags: 0, streamId });
  appendUint32(output, increment);
}

/** RFC 9113 6.7: the answer to a PING with these eight bytes. */
export function appendPingAck(output: OutputBuffer, opaque: Uint8Array): void {
  appendFrameHeader(output, { length: 8, type: FrameType.PING, flags: Flag.ACK, streamId: 0 });
  output.append(opaque);
}

/** RFC 9113 6.8; without debug data. */
export function appendGoAway(output: OutputBuffer, lastStreamId: number, code: number): void {
  appendFrameHeader(output, { length: 8, type: FrameType.GOAWAY, flags: 0, streamId: 0 });
  appendUint32(output, lastStreamId);
  appendUint32(output, code);
}

/** RFC 9113 6.5: identifiers with their values. */
export function appendSettings(output: OutputBuffer, settings: readonly (readonly [number, number])[]): void {
  appendFrameHeader(output, { length: 6 * settings.length, type: FrameType.SETTINGS, flags: 0, streamId: 0 });
  for (const [identifier, value] of settings) {
    output.appendByte(identifier >> 8);
    output.appendByte(identifier);
    appendUint32(output, value);
  }
}

export function appendSettingsAck(output: OutputBuffer): void {
  appendFrameHeader(output, { length: 0, type: FrameType.SETTINGS, flags: Flag.ACK, streamId: 0 });
}
