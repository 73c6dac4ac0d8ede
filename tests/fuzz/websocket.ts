/**
 * Mutated frames for the reader of WebSocket messages, and any output of programs for the writer: nothing but what ends a
 * connection by a code is thrown, the same comes of the bytes however they were split, memory stays within what has come, and
 * what is made of an output is what a client reads. Every case follows from its number.
 */
import { BrokenProtocol, MessageReader } from "../../lib/websocket/message_reader.ts";
import { FrameEnds } from "../../lib/websocket/frame_ends.ts";
import { type Framing, OutputFramer, UnsendableOutput } from "../../lib/websocket/program_messages.ts";
import { WEBSOCKET_CASES } from "../websocket_cases.ts";
import { clientFrame, joinBytes, readServerFrames } from "../websocket_frames.ts";
import { choose, type FuzzOptions, type Random, randomFrom } from "./mutate.ts";

const MAX_MESSAGE_BYTES = 2000;
const CODES: readonly number[] = [1002, 1007, 1009];
const SHORT_CASES = WEBSOCKET_CASES.filter(({ bytes }) => bytes.length < MAX_MESSAGE_BYTES);

/** Plays so many cases. Throws plain Error naming the case that failed, its bytes and what was told of them. */
export function fuzzWebSocket({ seed, count }: FuzzOptions): void {
  for (let at = seed; at < seed + count; at++) {
    const random = randomFrom(at);
    if (random(3) === 0) playOutput(at, random);
    else playInput(at, random);
  }
}

function playInput(at: number, random: Random): void {
  const bytes = joinBytes(...Array.from({ length: 1 + random(4) }, () => makePart(random)));
  const sizes = Array.from({ length: 5 }, () => 1 + random(20));
  compare(at, bytes, [[], [1], sizes], readMessages);
  compare(at, bytes, [[], [1], sizes], findEnds);
}

function playOutput(at: number, random: Random): void {
  const framing: Framing = random(2) === 0 ? "text" : "binary";
  const alphabet = framing === "text" ? [10, 97, 0xc3, 0xbc, 0xe2, 0x82, 0xac, 0xff] : [0, 0, 0, 0, 1, 2, 3, 255];
  const isSound = random(2) === 0;
  const chosen = isSound && framing === "text" ? [10, 97, 98] : alphabet;
  const bytes = Uint8Array.from({ length: random(40) }, () => choose(chosen, random));
  const sizes = Array.from({ length: 5 }, () => 1 + random(6));
  compare(at, bytes, [[], [1], sizes], (pieces) => frameOutput(pieces, framing));
}

function compare(
  at: number,
  bytes: Uint8Array,
  allSizes: readonly (readonly number[])[],
  play: (pieces: readonly Uint8Array[]) => string,
): void {
  const [want, ...others] = allSizes.map((sizes) => {
    try {
      return play(split(bytes, sizes));
    } catch (cause) {
      throw new Error(`Case ${at}, ${bytes.toHex()}: threw ${cause}`, { cause });
    }
  });
  const other = others.find((each) => each !== want);
  if (other !== undefined) throw new Error(`Case ${at}, ${bytes.toHex()}\nwhole: ${want}\nin pieces: ${other}`);
}

function split(bytes: Uint8Array, sizes: readonly number[]): readonly Uint8Array[] {
  if (sizes.length === 0) return [bytes];
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) pieces.push(bytes.slice(at, at += sizes[pieces.length % sizes.length]));
  return pieces;
}

function readMessages(pieces: readonly Uint8Array[]): string {
  const reader = new MessageReader(MAX_MESSAGE_BYTES);
  const told: string[] = [];
  try {
    for (const piece of pieces) {
      reader.push(piece);
      for (let event; (event = reader.next()) !== null;) {
        told.push(event.type === "close" ? `close ${event.code}` : `${event.type} ${event.bytes.toHex()}`);
      }
      if (reader.heldBytes > MAX_MESSAGE_BYTES) throw new Error(`holds ${reader.heldBytes} bytes`);
    }
  } catch (error) {
    if (!(error instanceof BrokenProtocol) || !CODES.includes(error.code)) throw error;
    told.push(`${error.code} ${error.message}`);
  }
  return told.join("\n");
}

function findEnds(pieces: readonly Uint8Array[]): string {
  const ends = new FrameEnds();
  let first: number | null = null;
  let before = 0;
  for (const piece of pieces) {
    const end = ends.pass(piece);
    if (end !== null) first ??= before + end;
    before += piece.length;
  }
  return `${first} ${ends.isBetween}`;
}

function frameOutput(pieces: readonly Uint8Array[], framing: Framing): string {
  const framer = new OutputFramer(framing);
  const frames: Uint8Array[] = [];
  try {
    for (const piece of pieces) frames.push(framer.frames(piece));
    frames.push(framer.end());
  } catch (error) {
    // How much has left before it is seen depends on the pieces.
    if (error instanceof UnsendableOutput) return error.message;
    throw error;
  }
  return readServerFrames(joinBytes(...frames)).join("\n");
}

function makePart(random: Random): Uint8Array {
  switch (random(4)) {
    case 0:
      return choose(SHORT_CASES, random).bytes;
    case 1:
      return mutateBytes(choose(SHORT_CASES, random).bytes, random);
    case 2:
      return Uint8Array.from({ length: random(12) }, () => random(256));
    default:
      return clientFrame({
        opcode: choose([0, 1, 2, 8, 9, 10], random),
        isLast: random(3) > 0,
        payload: Uint8Array.from({ length: random(300) }, () => random(128)),
      });
  }
}

function mutateBytes(bytes: Uint8Array, random: Random): Uint8Array {
  const changed = bytes.slice();
  for (let count = 1 + random(2); count > 0 && changed.length > 0; count--) {
    changed[random(changed.length)] = random(3) === 0 ? 255 : random(256);
  }
  const cut = random(changed.length + 1);
  return random(6) === 0 ? joinBytes(changed.subarray(0, cut), changed.subarray(cut + random(4))) : changed;
}
