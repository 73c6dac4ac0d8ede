/**
 * Asks a server by HTTP/2, one request after the other, and reads whole answers. Apart from answer.ts, which speaks HTTP/1.1; it
 * shares no code with the server under test on purpose. Knows what the peers send to a client that asks for little: no padding,
 * heads in one frame, contents within the windows that all connections begin with (RFC 9113 6.9.2). Anything else is an Error.
 */
import type { ByteSource } from "./answer.ts";

/** RFC 9113 6. */
const TYPE = { data: 0, headers: 1, reset: 3, settings: 4, goAway: 7, continuation: 9 } as const;
const FLAG = { ack: 1, endStream: 1, endHeaders: 4, padded: 8 } as const;
const FRAME_HEAD_BYTES = 9;
const NO_BYTES = new Uint8Array(0);

/** RFC 9113 3.4: what each connection of a client begins with, and empty SETTINGS. */
const PREFACE = joinBytes([
  new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  frame({ type: TYPE.settings, flags: 0, stream: 0, payload: NO_BYTES }),
]);

/** A frame without its length. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Uint8Array;
}

/** What is asked through: a Deno.Conn fits. */
export interface Socket extends ByteSource {
  write(bytes: Uint8Array): Promise<number>;
}

/** A connection on which nothing was sent before. Who opened the socket closes it. */
export class Http2Client {
  readonly #socket: Socket;
  readonly #authority: string;
  #received: Uint8Array = NO_BYTES;
  #nextStream = 1;

  /** `authority` is the host and port that are asked. */
  constructor(socket: Socket, authority: string) {
    this.#socket = socket;
    this.#authority = authority;
  }

  /** The content of a 200 answer. Throws Error for any other one, and where the server resets the stream or goes away. */
  async get(path: string): Promise<Uint8Array> {
    const stream = this.#nextStream;
    this.#nextStream += 2;
    const flags = FLAG.endStream | FLAG.endHeaders;
    const request = frame({ type: TYPE.headers, flags, stream, payload: requestBlock(this.#authority, path) });
    await this.#send(stream === 1 ? joinBytes([PREFACE, request]) : request);
    const contents: Uint8Array[] = [];
    for (;;) {
      const received = await this.#readFrame();
      // RFC 9113 6.5.3: each SETTINGS is acknowledged.
      if (received.type === TYPE.settings && (received.flags & FLAG.ack) === 0) {
        await this.#send(frame({ type: TYPE.settings, flags: FLAG.ack, stream: 0, payload: NO_BYTES }));
      }
      if (isContent(received, stream)) contents.push(received.payload);
      if (endsStream(received, stream)) return joinBytes(contents);
    }
  }

  async #send(bytes: Uint8Array): Promise<void> {
    for (let sent = 0; sent < bytes.length;) sent += await this.#socket.write(bytes.subarray(sent));
  }

  async #readFrame(): Promise<Frame> {
    const room = new Uint8Array(4096);
    for (;;) {
      const found = splitFrame(this.#received);
      if (found !== null) {
        this.#received = found.rest;
        return found.frame;
      }
      const count = await this.#socket.read(room);
      if (count === null) throw new Error("The server closed the connection within an answer");
      this.#received = joinBytes([this.#received, room.subarray(0, count)]);
    }
  }
}

/** Whether it is content of the stream. Throws Error for a frame after which the right answer cannot come. */
function isContent({ type, flags, stream, payload }: Frame, wanted: number): boolean {
  if (type === TYPE.goAway) throw new Error(`The server went away with code ${payload[7]}`);
  if (stream !== wanted) return false;
  if (type === TYPE.reset) throw new Error(`The server reset the stream with code ${payload[3]}`);
  if (type === TYPE.continuation || (type === TYPE.headers && (flags & FLAG.endHeaders) === 0)) {
    throw new Error("The head of an answer came in pieces");
  }
  if (type !== TYPE.data && type !== TYPE.headers) return false;
  if ((flags & FLAG.padded) !== 0) throw new Error("The server pads its frames");
  if (type === TYPE.headers && !isOkBlock(payload)) throw new Error("The answer has another status than 200");
  return type === TYPE.data;
}

function endsStream({ type, flags, stream }: Frame, wanted: number): boolean {
  return stream === wanted && (type === TYPE.data || type === TYPE.headers) && (flags & FLAG.endStream) !== 0;
}

/** RFC 7541 6: size updates (001xxxxx), then the first field; 8 of the static table is `:status: 200`. */
export function isOkBlock(block: Uint8Array): boolean {
  let at = 0;
  while ((block[at] & 0xe0) === 0x20) {
    const isLong = (block[at] & 0x1f) === 0x1f;
    at += 1;
    if (!isLong) continue;
    while ((block[at] & 0x80) !== 0) at += 1;
    at += 1;
  }
  return block[at] === 0x88;
}

/** A GET over TLS as an HPACK block that leaves nothing in tables: 2, 7, 4 and 1 of the static one, the latter two with text. */
function requestBlock(authority: string, path: string): Uint8Array {
  return joinBytes([Uint8Array.of(0x82, 0x87), plainField(4, path), plainField(1, authority)]);
}

/** RFC 7541 6.2.2 and 5.2: a literal that is not indexed, its text shorter than 127 bytes. */
function plainField(index: number, text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length >= 127) throw new Error(`The bench sends no fields as long as "${text}"`);
  return joinBytes([Uint8Array.of(index, bytes.length), bytes]);
}

/** RFC 9113 4.1. */
export function frame({ type, flags, stream, payload }: Frame): Uint8Array {
  const bytes = new Uint8Array(FRAME_HEAD_BYTES + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, payload.length * 256 + type);
  view.setUint8(4, flags);
  view.setUint32(5, stream);
  bytes.set(payload, FRAME_HEAD_BYTES);
  return bytes;
}

/** The first frame and the bytes after it; null where it is not whole. */
export function splitFrame(bytes: Uint8Array): { readonly frame: Frame; readonly rest: Uint8Array } | null {
  if (bytes.length < FRAME_HEAD_BYTES) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const end = FRAME_HEAD_BYTES + (view.getUint32(0) >>> 8);
  if (bytes.length < end) return null;
  // RFC 9113 4.1: the first bit of the stream's number is reserved.
  const stream = view.getUint32(5) & 0x7fff_ffff;
  const payload = bytes.subarray(FRAME_HEAD_BYTES, end);
  return { frame: { type: bytes[3], flags: bytes[4], stream, payload }, rest: bytes.subarray(end) };
}

function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
