/**
 * From bytes to frames: the preface, headers of frames, and what can be said of a frame by itself or by the one before it. A
 * frame is given when all of it is there. RFC 9113 3.4, 4.1, 4.2 and 6.10.
 */
import { latin1Bytes } from "../http/grammar.ts";
import type { ReceiveBuffer } from "../http/receive_buffer.ts";
import { ConnectionError, ErrorCode } from "./error_codes.ts";
import { Flag, FRAME_BYTES, FRAME_HEADER_BYTES, FrameType, PREFACE, readUint31 } from "./frames.ts";

const PREFACE_BYTES = latin1Bytes(PREFACE);

/** Whether the bytes in the buffer are the preface, or "unknown" where they are its beginning. */
export function findPreface(buffer: ReceiveBuffer): boolean | "unknown" {
  const { bytes, start, length } = buffer;
  const known = Math.min(length, PREFACE_BYTES.length);
  for (let i = 0; i < known; i++) {
    if (bytes[start + i] !== PREFACE_BYTES[i]) return false;
  }
  return known === PREFACE_BYTES.length ? true : "unknown";
}

/** Reads frames one after the other; it has the fields of the one that was read last. */
export class FrameReader {
  #hasPreface = false;
  #hasSettings = false;
  /** RFC 9113 6.10: the stream whose block is not whole; nothing else may come then. 0: none. */
  #blockStreamId = 0;
  type = 0;
  flags = 0;
  streamId = 0;
  /** Where the payload stands in the storage of the buffer: `start` inclusive, `end` exclusive. */
  start = 0;
  end = 0;

  /** A block of fields has begun and is not whole. */
  get isInBlock(): boolean {
    return this.#blockStreamId !== 0;
  }

  /**
   * Takes the next frame from the buffer, in which its payload stands until more is read; false where it is not whole. Throws
   * ConnectionError for what no client may send.
   */
  read(buffer: ReceiveBuffer): boolean {
    if (!this.#hasPreface && !this.#readPreface(buffer)) return false;
    if (buffer.length < FRAME_HEADER_BYTES) return false;
    const { bytes, start } = buffer;
    const length = bytes[start] << 16 | bytes[start + 1] << 8 | bytes[start + 2];
    this.type = bytes[start + 3];
    this.flags = bytes[start + 4];
    this.streamId = readUint31(bytes, start + 5);
    this.#checkOrder();
    checkHeader(this.type, this.streamId, length);
    if (buffer.length < FRAME_HEADER_BYTES + length) return false;
    this.start = start + FRAME_HEADER_BYTES;
    this.end = this.start + length;
    buffer.skip(FRAME_HEADER_BYTES + length);
    this.#hasSettings = true;
    const isOfBlock = this.type === FrameType.HEADERS || this.type === FrameType.CONTINUATION;
    if (isOfBlock) this.#blockStreamId = (this.flags & Flag.END_HEADERS) === 0 ? this.streamId : 0;
    return true;
  }

  #readPreface(buffer: ReceiveBuffer): boolean {
    const found = findPreface(buffer);
    if (found === false) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "No preface");
    if (found === "unknown") return false;
    buffer.skip(PREFACE_BYTES.length);
    return this.#hasPreface = true;
  }

  #checkOrder(): void {
    if (!this.#hasSettings && (this.type !== FrameType.SETTINGS || (this.flags & Flag.ACK) !== 0)) {
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "The first frame is not SETTINGS");
    }
    const continues = this.type === FrameType.CONTINUATION;
    if (this.#blockStreamId === 0 ? continues : !continues || this.streamId !== this.#blockStreamId) {
      throw new ConnectionError(
        ErrorCode.PROTOCOL_ERROR,
        "A block of fields is broken off, or goes on without beginning",
      );
    }
  }

  /**
   * Takes padding, and the priority of RFC 7540, away from the payload of DATA or HEADERS; returns the number of the stream on
   * which that one depends, which says nothing here, or -1. RFC 9113 6.1 and 6.2.
   */
  unwrap(bytes: Uint8Array): number {
    let dependency = -1;
    let padding = 0;
    const hasPriority = this.type === FrameType.HEADERS && (this.flags & Flag.PRIORITY) !== 0;
    const isPadded = (this.flags & Flag.PADDED) !== 0;
    if (this.end - this.start < (isPadded ? 1 : 0) + (hasPriority ? PRIORITY_BYTES : 0)) {
      throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, "A frame without what its flags say");
    }
    if (isPadded) padding = bytes[this.start++];
    if (hasPriority) {
      dependency = readUint31(bytes, this.start);
      this.start += PRIORITY_BYTES;
    }
    if (padding > this.end - this.start) {
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "More padding than there is of the frame");
    }
    this.end -= padding;
    return dependency;
  }
}

const PRIORITY_BYTES = 5;

/** What each type says of its length and its stream; other types mean nothing here. RFC 9113 6, RFC 9218 7.1. */
function checkHeader(type: number, streamId: number, length: number): void {
  const rule = RULES[type];
  if (length > FRAME_BYTES) throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, `A frame of ${length} bytes`);
  if (rule === undefined) return;
  if (rule.isOfStream !== null && rule.isOfStream !== (streamId !== 0)) {
    throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, `A frame of type ${type} on stream ${streamId}`);
  }
  if (length < rule.least || length > rule.most) {
    throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, `A frame of type ${type} with ${length} bytes`);
  }
}

interface FrameRule {
  /** Whether it has to be of a stream, or must not be; null: either. */
  readonly isOfStream: boolean | null;
  readonly least: number;
  readonly most: number;
}

const RULES: { readonly [type: number]: FrameRule | undefined } = {
  [FrameType.DATA]: { isOfStream: true, least: 0, most: FRAME_BYTES },
  [FrameType.HEADERS]: { isOfStream: true, least: 0, most: FRAME_BYTES },
  // Its length, if wrong, ends the stream alone (RFC 9113 6.3).
  [FrameType.PRIORITY]: { isOfStream: true, least: 0, most: FRAME_BYTES },
  [FrameType.RST_STREAM]: { isOfStream: true, least: 4, most: 4 },
  [FrameType.SETTINGS]: { isOfStream: false, least: 0, most: FRAME_BYTES },
  [FrameType.PUSH_PROMISE]: { isOfStream: true, least: 0, most: FRAME_BYTES },
  [FrameType.PING]: { isOfStream: false, least: 8, most: 8 },
  [FrameType.GOAWAY]: { isOfStream: false, least: 8, most: FRAME_BYTES },
  [FrameType.WINDOW_UPDATE]: { isOfStream: null, least: 4, most: 4 },
  [FrameType.CONTINUATION]: { isOfStream: true, least: 0, most: FRAME_BYTES },
  [FrameType.PRIORITY_UPDATE]: { isOfStream: false, least: 4, most: FRAME_BYTES },
};
