/** Known misuses of HTTP/2, as frames: for the test of each, and for the siege, which plays them again and again. RFC 9113 10.5. */
import {
  CODE,
  F,
  frame,
  get,
  headers,
  join,
  literal,
  PING,
  requestFields,
  settings,
  T,
  u32,
  windowUpdate,
} from "./http2_frames.ts";

const MIB = 1024 * 1024;
const BIG_BYTES = 8 * MIB;
/** What is attacked. */
export const FILES = { "index.html": "<!doctype html><title>Index</title>\n", "big.bin": new Uint8Array(BIG_BYTES) };
/** Takes no content for a long time. */
export const PROGRAMS = { silent: "#!/bin/sh\nexec sleep 1000\n" };

export interface Attack {
  readonly name: string;
  /** The frames, in the order and as often as they are sent while the server takes them. */
  readonly frames: Iterable<Uint8Array>;
  /** Whether what the server sends is read, but for the end. */
  readonly isReading?: boolean;
  /** How it has to end; null: the connection goes on. */
  readonly code: number | null;
}

/** The parts of the function, put together to writes of about 64 KiB. */
function* repeat(count: number, part: (index: number) => Uint8Array): Generator<Uint8Array> {
  let parts: Uint8Array[] = [];
  let bytes = 0;
  for (let index = 0; index < count; index++) {
    const next = part(index);
    parts.push(next);
    bytes += next.length;
    if (bytes < 65_536) continue;
    yield join(...parts);
    parts = [];
    bytes = 0;
  }
  yield join(...parts);
}

const id = (index: number) => 1 + 2 * index;
const HEAD = requestFields("POST", "/cgi/silent");
/** Refers to one entry of 4,000 bytes again and again. */
const BOMB = frame(
  T.headers,
  F.endStream | F.endHeaders,
  1,
  ...requestFields().map(([name, value]) => literal(name, value)),
  literal("x-bomb", "y".repeat(3900), 0x40),
  new Uint8Array(11_000).fill(0xbe),
);

/** Anew each time: frames are made while they are sent. */
export const ATTACKS = (): readonly Attack[] => [
  {
    name: "30,000 requests that are reset at once",
    frames: repeat(30_000, (index) => join(get(id(index), "/big.bin"), frame(T.reset, 0, id(index), u32(8)))),
    code: CODE.calm,
  },
  {
    name: "30,000 requests that the server is made to reset",
    frames: repeat(30_000, (index) => join(headers(id(index), HEAD, F.endHeaders), windowUpdate(id(index), 0))),
    code: CODE.calm,
  },
  {
    name: "48 MB of a block without end",
    frames: repeat(3000, (index) => frame(index === 0 ? T.headers : T.continuation, 0, 1, new Uint8Array(16_000))),
    code: CODE.calm,
  },
  {
    name: "a block without end that carries nothing",
    frames: repeat(100_000, (index) => frame(index === 0 ? T.headers : T.continuation, 0, 1)),
    code: CODE.calm,
  },
  { name: "34 MB of PING, answers read", frames: repeat(2_000_000, () => PING), code: CODE.calm },
  { name: "34 MB of PING, answers not read", frames: repeat(2_000_000, () => PING), isReading: false, code: CODE.calm },
  {
    name: "30 MB of SETTINGS, answers not read",
    frames: repeat(20_000, () => settings(...Array.from({ length: 256 }, () => [4, 65_535] as const))),
    isReading: false,
    code: CODE.calm,
  },
  {
    name: "2,000,000 priorities",
    frames: repeat(2_000_000, (index) => frame(T.priority, 0, id(index % 1000), u32(0), 1)),
    code: CODE.calm,
  },
  {
    name: "updates of the priorities of streams to come",
    frames: repeat(500_000, (index) => frame(T.priorityUpdate, 0, 0, u32(id(index)), "u=1")),
    code: CODE.calm,
  },
  {
    name: "DATA without content",
    frames: repeat(500_000, (index) => index === 0 ? headers(1, HEAD, F.endHeaders) : frame(T.data, 0, 1)),
    code: CODE.calm,
  },
  {
    name: "DATA that is padding alone",
    frames: repeat(
      100_000,
      (index) => index === 0 ? headers(1, HEAD, F.endHeaders) : frame(T.data, F.padded, 1, 255, new Uint8Array(255)),
    ),
    code: CODE.calm,
  },
  {
    name: "frames of unknown types",
    frames: repeat(500_000, () => frame(0x99, 0, 0, "x")),
    code: CODE.calm,
  },
  { name: "a block that names one entry 11,000 times", frames: [BOMB], code: null },
  {
    name: "100 answers of 8 MiB behind windows of 0",
    frames: [join(settings([4, 0]), ...Array.from({ length: 100 }, (_, index) => get(id(index), "/big.bin")))],
    code: null,
  },
  {
    name: "100 answers of 8 MiB with windows that open, and nothing read",
    frames: [
      join(
        settings([4, 0x7fff_ffff]),
        windowUpdate(0, 0x7fff_0000),
        ...Array.from({ length: 100 }, (_, index) => get(id(index), "/big.bin")),
      ),
    ],
    isReading: false,
    code: null,
  },
  {
    name: "windows of one byte",
    frames: [
      join(settings([4, 1]), get(1, "/big.bin")),
      ...repeat(20_000, () => windowUpdate(1, 1)),
    ],
    code: CODE.calm,
  },
  {
    name: "100 uploads of small frames that nobody reads",
    frames: repeat(100, (index) =>
      join(
        headers(id(index), HEAD, F.endHeaders),
        ...Array.from({ length: 2000 }, () => frame(T.data, 0, id(index), "x")),
      )),
    code: null,
  },
];
