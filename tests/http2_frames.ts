/** Frames of HTTP/2 as tests send and read them, put together byte by byte and not by what is tested. RFC 9113 4 and 6. */
import { latin1Bytes } from "../lib/http/grammar.ts";

export const T = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  push: 5,
  ping: 6,
  goAway: 7,
  window: 8,
  continuation: 9,
  priorityUpdate: 16,
} as const;

export const F = { ack: 1, endStream: 1, endHeaders: 4, padded: 8, priority: 32 } as const;

/** RFC 9113 7. */
export const CODE = {
  none: 0,
  protocol: 1,
  internal: 2,
  flowControl: 3,
  streamClosed: 5,
  frameSize: 6,
  refused: 7,
  cancel: 8,
  compression: 9,
  calm: 11,
} as const;

export type Payload = readonly (number | string | Uint8Array)[];

/** Bytes, Latin-1 text and byte arrays, one after the other. */
export function join(...parts: Payload): Uint8Array {
  const pieces = parts.map((part) =>
    typeof part === "number" ? Uint8Array.of(part) : typeof part === "string" ? latin1Bytes(part) : part
  );
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

export function u32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

export function frame(type: number, flags: number, streamId: number, ...payload: Payload): Uint8Array {
  const body = join(...payload);
  return join(body.length >> 16, body.length >> 8 & 255, body.length & 255, type, flags, u32(streamId), body);
}

/** RFC 9113 3.4. */
export const PREFACE = latin1Bytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** SETTINGS with these identifiers and values. */
export function settings(...pairs: readonly (readonly [number, number])[]): Uint8Array {
  return frame(T.settings, 0, 0, ...pairs.flatMap(([id, value]) => [id >> 8, id & 255, u32(value)]));
}

export function windowUpdate(streamId: number, increment: number): Uint8Array {
  return frame(T.window, 0, streamId, u32(increment));
}

export const PING = frame(T.ping, 0, 0, "pingping");

/** RFC 7541 5.1, with a prefix of 7 bits. */
function length7(value: number): Uint8Array {
  if (value < 127) return Uint8Array.of(value);
  const bytes = [127];
  let left = value - 127;
  for (; left >= 128; left >>= 7) bytes.push(left & 127 | 128);
  return Uint8Array.from([...bytes, left]);
}

/** RFC 7541 6.2.2: a literal that is in no table, without Huffman; with `first` 0x40 one that comes into it. */
export function literal(name: string, value: string, first = 0): Uint8Array {
  return join(first, length7(name.length), name, length7(value.length), value);
}

export type Fields = readonly (readonly [name: string, value: string])[];

export function block(fields: Fields): Uint8Array {
  return join(...fields.map(([name, value]) => literal(name, value)));
}

/** The pseudo-fields of a request. */
export function requestFields(method = "GET", path = "/", more: Fields = []): Fields {
  return [[":method", method], [":scheme", "http"], [":path", path], [":authority", "a.example"], ...more];
}

/** HEADERS with all of the fields. */
export function headers(streamId: number, fields: Fields, flags: number = F.endStream | F.endHeaders): Uint8Array {
  return frame(T.headers, flags, streamId, block(fields));
}

/** A request without content. */
export function get(streamId: number, path = "/", more: Fields = []): Uint8Array {
  return headers(streamId, requestFields("GET", path, more));
}

/** The head of a request whose content follows, and is waited for before the answer. */
export function post(streamId: number, more: Fields = []): Uint8Array {
  return headers(streamId, requestFields("POST", HOLD_PATH, more), F.endHeaders);
}

/** What is asked for there is answered when the content has come. */
export const HOLD_PATH = "/cgi/hold";

export interface ReadFrame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Uint8Array;
}

/** The frames that are whole, and what is left. */
export function readFrames(bytes: Uint8Array): { readonly frames: readonly ReadFrame[]; readonly rest: Uint8Array } {
  const frames: ReadFrame[] = [];
  let at = 0;
  while (bytes.length - at >= 9) {
    const length = bytes[at] << 16 | bytes[at + 1] << 8 | bytes[at + 2];
    if (bytes.length - at - 9 < length) break;
    const view = new DataView(bytes.buffer, bytes.byteOffset + at, 9);
    const payload = bytes.slice(at + 9, at + 9 + length);
    frames.push({ type: view.getUint8(3), flags: view.getUint8(4), streamId: view.getUint32(5) & 0x7fffffff, payload });
    at += 9 + length;
  }
  return { frames, rest: bytes.slice(at) };
}

/** A number of four bytes in a payload. */
export function readU32(payload: Uint8Array, at = 0): number {
  return new DataView(payload.buffer, payload.byteOffset + at, 4).getUint32(0);
}

/** What the frames of a server come to, without their content. */
export function summarizeFrames(frames: readonly ReadFrame[]): readonly string[] {
  return frames.map(({ type, flags, streamId, payload }) => {
    const isCode = type === T.reset || type === T.goAway;
    return `${type} ${flags} ${streamId} ${isCode ? readU32(payload, payload.length - 4) : payload.length}`;
  });
}
