/**
 * Messages as programs read and print them: lines of text, or bytes behind their length. Separate from the connection, so that it
 * is tested with bytes in any pieces. Pure.
 */
import { LF } from "../http/grammar.ts";
import { headLength, OPCODE, putHead } from "./frames.ts";
import { Utf8Checker } from "./utf8_checker.ts";

/** "text": a message is a line. "binary": a message is what follows its length, four bytes in network order. */
export type Framing = "text" | "binary";

const LENGTH_BYTES = 4;

/**
 * What a program reads for that message. One whose text has line feeds is several lines for it, and could as well have been sent
 * as several messages (websocketd does the same).
 */
export function toProgram(message: Uint8Array, framing: Framing): Uint8Array {
  if (framing === "text") {
    const line = new Uint8Array(message.length + 1);
    line.set(message);
    line[message.length] = LF;
    return line;
  }
  const bytes = new Uint8Array(LENGTH_BYTES + message.length);
  new DataView(bytes.buffer).setUint32(0, message.length);
  bytes.set(message, LENGTH_BYTES);
  return bytes;
}

/** A program has printed what is no message. */
export class UnsendableOutput extends Error {
  constructor(problem: string) {
    super(problem);
    this.name = "UnsendableOutput";
  }
}

/**
 * From what a program prints, in any pieces, to frames: nothing is kept until a message is whole, for what has come of one leaves
 * as a fragment (RFC 6455 5.4).
 */
export class OutputFramer {
  readonly #framing: Framing;
  readonly #text = new Utf8Checker();
  /** Some of the present message has left. */
  #hasBegun = false;
  /** Of "binary": bytes of a length that has not come whole, and what is left of the message. */
  readonly #length = new Uint8Array(LENGTH_BYTES);
  #lengthBytes = 0;
  #left = 0;

  constructor(framing: Framing) {
    this.#framing = framing;
  }

  /** Frames for all of these bytes; none may be. Throws UnsendableOutput for text that is not UTF-8. */
  frames(output: Uint8Array): Uint8Array {
    return join(this.#framing === "text" ? this.#frameLines(output) : this.#frameBytes(output));
  }

  /** The program prints no more: what ends a message that it has begun. Throws UnsendableOutput for one that lacks something. */
  end(): Uint8Array {
    if (this.#left > 0 || this.#lengthBytes > 0) throw new UnsendableOutput("ended within a message");
    if (!this.#text.isWhole) throw noText();
    return this.#hasBegun ? join([this.#part(NOTHING, true)]) : NOTHING;
  }

  #frameLines(output: Uint8Array): readonly Part[] {
    if (!this.#text.accepts(output)) throw noText();
    const parts: Part[] = [];
    let start = 0;
    for (let end; (end = output.indexOf(LF, start)) >= 0; start = end + 1) {
      parts.push(this.#part(output.subarray(start, end), true));
    }
    if (start < output.length) parts.push(this.#part(output.subarray(start), false));
    return parts;
  }

  #frameBytes(output: Uint8Array): readonly Part[] {
    const parts: Part[] = [];
    for (let at = 0; at < output.length;) {
      if (this.#left > 0) {
        const bytes = output.subarray(at, at + this.#left);
        at += bytes.length;
        this.#left -= bytes.length;
        parts.push(this.#part(bytes, this.#left === 0));
      } else {
        this.#length[this.#lengthBytes++] = output[at++];
        if (this.#lengthBytes < LENGTH_BYTES) continue;
        this.#lengthBytes = 0;
        this.#left = new DataView(this.#length.buffer).getUint32(0);
        if (this.#left === 0) parts.push(this.#part(NOTHING, true));
      }
    }
    return parts;
  }

  #part(bytes: Uint8Array, isLast: boolean): Part {
    const first = this.#framing === "text" ? OPCODE.text : OPCODE.binary;
    const opcode = this.#hasBegun ? OPCODE.continuation : first;
    this.#hasBegun = !isLast;
    return { opcode, isLast, bytes };
  }
}

interface Part {
  readonly opcode: number;
  readonly isLast: boolean;
  readonly bytes: Uint8Array;
}

const NOTHING = new Uint8Array(0);

function noText(): UnsendableOutput {
  return new UnsendableOutput("printed what is not UTF-8");
}

/** One write for all. */
function join(parts: readonly Part[]): Uint8Array {
  const length = parts.reduce((sum, { bytes }) => sum + headLength(bytes.length) + bytes.length, 0);
  const frames = new Uint8Array(length);
  let at = 0;
  for (const { opcode, isLast, bytes } of parts) {
    at = putHead(frames, at, { opcode, isLast, length: bytes.length });
    frames.set(bytes, at);
    at += bytes.length;
  }
  return frames;
}
