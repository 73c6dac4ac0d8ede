/**
 * Mutated frames and blocks for the machine of HTTP/2: whatever the bytes are, nothing is thrown, what it ends is ended by a
 * code of the protocol, and the same events and frames come however the bytes were split. Every case follows from its number.
 */
import { HTTP2_CASES } from "../http2_cases.ts";
import { frame, join, PREFACE, settings, summarizeFrames } from "../http2_frames.ts";
import { TestServer } from "../http2_machine.ts";
import { choose, type FuzzOptions, type Random, randomFrom } from "./mutate.ts";

/** Plays so many cases. Throws plain Error naming the case that failed, its bytes and what was told of them. */
export function fuzzHttp2({ seed, count }: FuzzOptions): void {
  for (let at = seed; at < seed + count; at++) {
    const bytes = makeCase(randomFrom(at));
    const want = play(at, bytes, []);
    const random = randomFrom(~at);
    const sizes = Array.from({ length: 7 }, () => 1 + random(40));
    for (const [name, steps] of [["byte by byte", [1]], ["in pieces", sizes]] as const) {
      const got = play(at, bytes, steps);
      if (got !== want) throw new Error(`Case ${at}, ${bytes.toHex()}\nwhole: ${want}\n${name}: ${got}`);
    }
  }
}

function play(at: number, bytes: Uint8Array, sizes: readonly number[]): string {
  try {
    const server = new TestServer();
    server.receive(bytes, ...sizes);
    const { frames, events, requests, error } = server;
    const heads = requests.map(({ head, rejection }) => `${head.method} ${head.target} ${rejection?.status ?? ""}`);
    return JSON.stringify({ frames: summarizeFrames(frames), events, heads, error });
  } catch (cause) {
    throw new Error(`Case ${at}, ${bytes.toHex()}: threw ${cause}`, { cause });
  }
}

function makeCase(random: Random): Uint8Array {
  const parts: Uint8Array[] = random(20) === 0 ? [] : [PREFACE, settings()];
  for (let count = 1 + random(4); count > 0; count--) parts.push(...makePart(random));
  return join(...parts);
}

function makePart(random: Random): readonly Uint8Array[] {
  const steps = [...choose(HTTP2_CASES, random).steps].filter(({ length }) => length < 2000);
  switch (random(4)) {
    case 0:
      return steps;
    case 1:
      return steps.map((step) => mutateBytes(step, random));
    case 2: {
      const payload = Uint8Array.from({ length: random(60) }, () => random(256));
      return [frame(random(12), random(64), random(8), payload)];
    }
    default:
      // A block of any bytes, that many blocks are about.
      return [frame(1, 5, 1 + 2 * random(5), Uint8Array.from({ length: random(80) }, () => random(256)))];
  }
}

function mutateBytes(bytes: Uint8Array, random: Random): Uint8Array {
  const changed = bytes.slice();
  for (let count = 1 + random(3); count > 0 && changed.length > 0; count--) {
    changed[random(changed.length)] = random(3) === 0 ? 255 : random(256);
  }
  const cut = random(changed.length + 1);
  return random(8) === 0 ? join(changed.subarray(0, cut), changed.subarray(cut + random(4))) : changed;
}
