/**
 * Takes what a client sends apart: frames, and the messages that they make. Whatever RFC 6455 forbids a client ends the
 * connection with the code that it names, as soon as it can be seen. Separate from the connection, so that it is tested with
 * bytes in any pieces. Pure. RFC 6455 5, 7.4 and 8.1.
 */
import { freeBytes } from "../free_bytes.ts";
import {
  CLOSE,
  EIGHT_BYTES,
  FIN,
  FIRST_CONTROL,
  MASKED,
  MAX_CONTROL_BYTES,
  OPCODE,
  RESERVED,
  TWO_BYTES,
} from "./frames.ts";
import { Utf8Checker } from "./utf8_checker.ts";

/** What a client has said, in order. */
export type ClientEvent =
  /** A whole message; its bytes, and those of a ping, are valid until the next event. */
  | { readonly type: "message"; readonly isText: boolean; readonly bytes: Uint8Array }
  | { readonly type: "ping" | "pong"; readonly bytes: Uint8Array }
  /** Nothing follows. `code`: null where it has none. */
  | { readonly type: "close"; readonly code: number | null };

/** The client has broken the protocol, or a limit: the connection is closed with that code. */
export class BrokenProtocol extends Error {
  readonly code: number;

  constructor(code: number, problem: string) {
    super(problem);
    this.name = "BrokenProtocol";
    this.code = code;
  }
}

/** The frame that is being read. */
interface Frame {
  readonly opcode: number;
  readonly isLast: boolean;
  /** Bytes of its payload. */
  readonly length: number;
  readonly mask: Uint8Array;
}

/** The longest head: two bytes, eight of length, four of the mask. */
const MAX_HEAD_BYTES = 14;
/** Memory for a message is what has come of it, in steps from here, and never what a head promises. */
const FIRST_MESSAGE_BYTES = 1024;

export class MessageReader {
  readonly #maxMessageBytes: number;
  /** What was pushed last, from where it has not been read. */
  #bytes: Uint8Array = NOTHING;
  readonly #head = new Uint8Array(MAX_HEAD_BYTES);
  #headLength = 0;
  #frame: Frame | null = null;
  /** Bytes of the payload that were read. */
  #taken = 0;
  /** The message that is being read, or was; null between messages. */
  #opcode: number | null = null;
  #message = NOTHING;
  #messageLength = 0;
  readonly #text = new Utf8Checker();
  /** The payload of a control frame, which may come between the frames of a message. */
  readonly #control = new Uint8Array(MAX_CONTROL_BYTES);
  #hasEnded = false;

  /** `maxMessageBytes`: 1009 beyond. */
  constructor(maxMessageBytes: number) {
    this.#maxMessageBytes = maxMessageBytes;
  }

  /** Memory for a message that is not whole. */
  get heldBytes(): number {
    return this.#message.length;
  }

  /** Takes the next bytes, which must not change until all events of them were taken. */
  push(bytes: Uint8Array): void {
    this.#bytes = bytes;
  }

  /** The next event; null when more must be pushed, and after a close. Throws BrokenProtocol, after which nothing more is read. */
  next(): ClientEvent | null {
    try {
      while (!this.#hasEnded) {
        if (this.#frame === null && !this.#readHead()) return null;
        const event = this.#readPayload();
        if (event !== "more") return event;
      }
      return null;
    } catch (error) {
      this.#hasEnded = true;
      throw error;
    }
  }

  /** Gives the memory of a message up that is not whole, for nothing more comes. */
  release(): void {
    this.#hasEnded = true;
    this.#leaveMessage();
  }

  /** False when more must be pushed. */
  #readHead(): boolean {
    for (let at = 0; at < this.#bytes.length; at++) {
      const byte = this.#head[this.#headLength++] = this.#bytes[at];
      if (this.#headLength === 1) this.#checkFirst(byte);
      else if (this.#headLength === 2) this.#checkSecond(byte);
      if (this.#headLength < 2 || this.#headLength < this.#wantedHeadLength) continue;
      this.#bytes = this.#bytes.subarray(at + 1);
      this.#frame = this.#takeHead();
      return true;
    }
    this.#bytes = NOTHING;
    return false;
  }

  get #wantedHeadLength(): number {
    const length = this.#head[1] & 0x7f;
    return 6 + (length === TWO_BYTES ? 2 : length === EIGHT_BYTES ? 8 : 0);
  }

  /** RFC 6455 5.2, 5.4, 5.5: no extension was negotiated, so no reserved bit means anything; which frame may follow which. */
  #checkFirst(byte: number): void {
    const opcode = byte & 0x0f;
    if ((byte & RESERVED) !== 0) throw broken("a reserved bit is set");
    const isControl = opcode >= FIRST_CONTROL;
    if (isControl ? opcode > OPCODE.pong : opcode > OPCODE.binary) throw broken(`opcode ${opcode}`);
    if (isControl && (byte & FIN) === 0) throw broken("a control frame in fragments");
    if (isControl) return;
    if (opcode === OPCODE.continuation && this.#opcode === null) throw broken("a fragment of no message");
    if (opcode !== OPCODE.continuation && this.#opcode !== null) throw broken("a message within another");
  }

  /** RFC 6455 5.1: a server MUST close the connection for a frame that is not masked. */
  #checkSecond(byte: number): void {
    if ((byte & MASKED) === 0) throw broken("a frame without a mask");
    const isControl = (this.#head[0] & 0x0f) >= FIRST_CONTROL;
    if (isControl && (byte & 0x7f) > MAX_CONTROL_BYTES) throw broken("a control frame that is too long");
  }

  #takeHead(): Frame {
    const [first, second] = this.#head;
    const view = new DataView(this.#head.buffer);
    const short = second & 0x7f;
    const long = short === EIGHT_BYTES ? view.getBigUint64(2) : null;
    const length = long !== null ? Number(long) : short === TWO_BYTES ? view.getUint16(2) : short;
    // RFC 6455 5.2: the minimal number of bytes MUST be used; the most significant bit of 64 MUST be 0.
    if (long !== null && long >> 63n === 1n) throw broken("a length of 64 bits");
    if (short >= TWO_BYTES && length <= (short === TWO_BYTES ? 125 : 0xffff)) {
      throw broken("a length in too many bytes");
    }
    const opcode = first & 0x0f;
    if (opcode < FIRST_CONTROL) this.#beginFragment(opcode, length);
    const mask = this.#head.slice(this.#headLength - 4, this.#headLength);
    this.#headLength = 0;
    this.#taken = 0;
    return { opcode, isLast: (first & FIN) !== 0, length, mask };
  }

  #beginFragment(opcode: number, length: number): void {
    if (opcode !== OPCODE.continuation) {
      this.#opcode = opcode;
      this.#messageLength = 0;
    }
    if (this.#messageLength + length > this.#maxMessageBytes) {
      throw new BrokenProtocol(CLOSE.tooBig, `a message of more than ${this.#maxMessageBytes} bytes`);
    }
  }

  /** "more": nothing to tell of it, and there may be another frame. */
  #readPayload(): ClientEvent | null | "more" {
    const frame = this.#frame;
    if (frame === null) throw new Error("No frame");
    const part = this.#bytes.subarray(0, frame.length - this.#taken);
    this.#bytes = this.#bytes.subarray(part.length);
    if (frame.opcode >= FIRST_CONTROL) this.#unmask(part, frame, { into: this.#control, at: this.#taken });
    else this.#takePart(part, frame);
    this.#taken += part.length;
    if (this.#taken < frame.length) return null;
    this.#frame = null;
    return frame.opcode >= FIRST_CONTROL ? this.#endControl(frame) : this.#endFragment(frame);
  }

  #takePart(part: Uint8Array, frame: Frame): void {
    const before = this.#messageLength;
    this.#makeRoom(before + part.length);
    this.#unmask(part, frame, { into: this.#message, at: before });
    this.#messageLength += part.length;
    // RFC 6455 8.1: as soon as it can be seen.
    if (this.#opcode === OPCODE.text && !this.#text.accepts(this.#message, before, this.#messageLength)) throw noText();
  }

  #makeRoom(length: number): void {
    if (length <= this.#message.length) return;
    const larger = new Uint8Array(Math.max(FIRST_MESSAGE_BYTES, Math.min(2 * length, this.#maxMessageBytes)));
    larger.set(this.#message.subarray(0, this.#messageLength));
    this.#leaveMessage();
    this.#message = larger;
  }

  /** RFC 6455 5.3. */
  #unmask(part: Uint8Array, { mask }: Frame, { into, at }: { readonly into: Uint8Array; readonly at: number }): void {
    for (let index = 0; index < part.length; index++) {
      into[at + index] = part[index] ^ mask[(this.#taken + index) & 3];
    }
  }

  #endFragment({ isLast }: Frame): ClientEvent | "more" {
    if (!isLast) return "more";
    const isText = this.#opcode === OPCODE.text;
    if (isText && !this.#text.isWhole) throw noText();
    const bytes = this.#message.subarray(0, this.#messageLength);
    this.#opcode = null;
    // The next message finds memory of its own: few clients send another one at once.
    this.#message = NOTHING;
    return { type: "message", isText, bytes };
  }

  #leaveMessage(): void {
    if (this.#message !== NOTHING) freeBytes(this.#message);
    this.#message = NOTHING;
  }

  #endControl({ opcode, length }: Frame): ClientEvent {
    const bytes = this.#control.subarray(0, length);
    if (opcode !== OPCODE.close) return { type: opcode === OPCODE.ping ? "ping" : "pong", bytes };
    this.#hasEnded = true;
    this.#leaveMessage();
    return { type: "close", code: closeCode(bytes) };
  }
}

const NOTHING = new Uint8Array(0);

function broken(problem: string): BrokenProtocol {
  return new BrokenProtocol(CLOSE.protocolError, problem);
}

function noText(): BrokenProtocol {
  return new BrokenProtocol(CLOSE.invalidData, "a text that is not UTF-8");
}

/** RFC 6455 5.5.1, 7.4: null where there is none. */
function closeCode(payload: Uint8Array): number | null {
  if (payload.length === 0) return null;
  if (payload.length === 1) throw broken("a close with half a code");
  const code = payload[0] << 8 | payload[1];
  if (!isCloseCode(code)) throw broken(`a close with ${code}`);
  const reason = new Utf8Checker();
  if (!reason.accepts(payload, 2) || !reason.isWhole) throw noText();
  return code;
}

/** RFC 6455 7.4.2, and the register of IANA as of 2026: 1004 to 1006 and 1015 are never sent, 1016 to 2999 mean nothing yet. */
function isCloseCode(code: number): boolean {
  if (code >= 3000) return code <= 4999;
  return code >= 1000 && code <= 1014 && (code < 1004 || code > 1006);
}
