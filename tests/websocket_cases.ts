/**
 * What a server of WebSocket must do, as frames of a client and the events that come of them: a case for each MUST of RFC 6455 5
 * to 8 that a server can be held to. Played against the reader without a socket, and over sockets with a program that says
 * everything again.
 */
import { binary, clientFrame, closing, code, joinBytes, more, ping, pong, text } from "./websocket_frames.ts";

export interface WebSocketCase {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** `text "a"`, `binary 3`, `ping "a"`, `pong "a"`, `close 1000`, `close`. */
  readonly events: readonly string[];
  /** The code that the connection is failed with; null: it goes on, or the client has closed. */
  readonly error: number | null;
}

/** The longest message of the cases' servers. */
export const MAX_MESSAGE_BYTES = 100_000;

const bytes = (...values: readonly number[]) => Uint8Array.from(values);
const well = (name: string, events: readonly string[], ...frames: readonly Uint8Array[]): WebSocketCase => {
  return { name, events, error: null, bytes: joinBytes(...frames) };
};
const fails = (error: number, name: string, ...frames: readonly Uint8Array[]): WebSocketCase => {
  return { name, events: [], error, bytes: joinBytes(...frames, text("after")) };
};
/** The same, behind a message that is told. */
const failsAfter = (error: number, name: string, ...frames: readonly Uint8Array[]): WebSocketCase => {
  return { name, events: ['text "first"'], error, bytes: joinBytes(text("first"), ...frames, text("after")) };
};

const RESERVED_OPCODES = [3, 4, 5, 6, 7, 11, 12, 13, 14, 15];
const GOOD_CODES = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999];
const BAD_CODES = [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535];

/** RFC 3629: what is UTF-8, by its bytes. */
const TEXTS: readonly (readonly [name: string, bytes: Uint8Array])[] = [
  ["two bytes", bytes(0xc2, 0x80, 0xdf, 0xbf)],
  ["three bytes", bytes(0xe0, 0xa0, 0x80, 0xed, 0x9f, 0xbf, 0xee, 0x80, 0x80, 0xef, 0xbf, 0xbf)],
  ["four bytes", bytes(0xf0, 0x90, 0x80, 0x80, 0xf4, 0x8f, 0xbf, 0xbf)],
  ["a NUL", bytes(0)],
];
const NO_TEXTS: readonly (readonly [name: string, bytes: Uint8Array])[] = [
  ["a continuation byte alone", bytes(0x80)],
  ["an overlong slash", bytes(0xc0, 0xaf)],
  ["an overlong form of three bytes", bytes(0xe0, 0x9f, 0xbf)],
  ["an overlong form of four bytes", bytes(0xf0, 0x8f, 0xbf, 0xbf)],
  ["a surrogate", bytes(0xed, 0xa0, 0x80)],
  ["a character beyond U+10FFFF", bytes(0xf4, 0x90, 0x80, 0x80)],
  ["a lead byte of five", bytes(0xf8, 0x88, 0x80, 0x80, 0x80)],
  ["0xff", bytes(0xff)],
  ["a lead byte before ASCII", bytes(0xc3, 0x41)],
];

export const WEBSOCKET_CASES: readonly WebSocketCase[] = [
  // 5.2, 5.6: messages and the lengths of their frames
  well("an empty text", ['text ""'], text("")),
  well("a text", ['text "Hello"'], text("Hello")),
  well("a mask of zeros", ['text "Hello"'], text("Hello", { mask: [0, 0, 0, 0] })),
  well("an empty binary message", ["binary 0"], binary("")),
  ...[125, 126, 127, 128, 65_535, 65_536, MAX_MESSAGE_BYTES].map((length) =>
    well(`${length} bytes`, [`binary ${length}`], binary(new Uint8Array(length).fill(7)))
  ),
  well("several in a row", ['text "a"', "binary 1", 'text "b"'], text("a"), binary("x"), text("b")),
  // 5.4: fragments
  well("two fragments", ['text "Hello"'], text("Hel", { isLast: false }), more("lo")),
  well("empty fragments", ['text "a"'], text("", { isLast: false }), more("a", { isLast: false }), more("")),
  well(
    "a fragment for each byte",
    ['text "Hello"'],
    text("H", { isLast: false }),
    ...[..."ell"].map((each) => more(each, { isLast: false })),
    more("o"),
  ),
  well(
    "a character in two fragments",
    ['text "\u00fc"'],
    text(bytes(0xc3), { isLast: false }),
    more(bytes(0xbc)),
  ),
  well(
    "control frames between fragments",
    ['ping "1"', 'pong "2"', 'text "ab"'],
    text("a", { isLast: false }),
    ping("1"),
    pong("2"),
    more("b"),
  ),
  well("the longest of fragments", [`binary ${MAX_MESSAGE_BYTES}`], ...fragments(MAX_MESSAGE_BYTES)),
  fails(1002, "a continuation of nothing", more("a")),
  fails(1002, "a last fragment of nothing", more("a", { isLast: false })),
  failsAfter(1002, "a continuation after a whole message", more("a")),
  fails(1002, "a text within a text", text("a", { isLast: false }), text("b")),
  fails(1002, "a binary message within a text", text("a", { isLast: false }), binary("b")),
  // 5.1, 5.3: masks
  fails(1002, "a frame without a mask", text("a", { mask: null })),
  failsAfter(1002, "a second frame without a mask", text("a", { mask: null })),
  fails(1002, "a ping without a mask", ping("a", { mask: null })),
  // 5.2: reserved bits and opcodes; no extension was negotiated
  ...[0x40, 0x20, 0x10, 0x70].map((reserved) => fails(1002, `reserved bits ${reserved}`, text("a", { reserved }))),
  fails(1002, "a reserved bit of a ping", ping("a", { reserved: 0x40 })),
  fails(1002, "a reserved bit of a fragment", text("a", { isLast: false }), more("b", { reserved: 0x10 })),
  ...RESERVED_OPCODES.map((opcode) => fails(1002, `opcode ${opcode}`, clientFrame({ opcode }))),
  // 5.2: the fewest bytes for a length
  fails(1002, "5 in two bytes", text("Hello", { lengthBytes: 2 })),
  fails(1002, "125 in two bytes", binary(new Uint8Array(125), { lengthBytes: 2 })),
  fails(1002, "5 in eight bytes", text("Hello", { lengthBytes: 8 })),
  fails(1002, "65535 in eight bytes", binary(new Uint8Array(65_535), { lengthBytes: 8 })),
  fails(1002, "a length with its first bit", binary("", { length: 1n << 63n })),
  // 5.5: control frames
  well("a ping", ['ping ""'], ping()),
  well("a ping of 125 bytes", [`ping "${"x".repeat(125)}"`], ping("x".repeat(125))),
  well("a pong that nobody asked for", ['pong "x"', 'text "a"'], pong("x"), text("a")),
  well("many pings", Array(10).fill('ping "x"'), ...Array.from({ length: 10 }, () => ping("x"))),
  fails(1002, "a ping of 126 bytes", ping("x".repeat(126))),
  fails(1002, "a close of 126 bytes", closing(code(1000, "x".repeat(124)))),
  fails(1002, "a ping in fragments", ping("a", { isLast: false })),
  fails(1002, "a pong in fragments", pong("a", { isLast: false })),
  fails(1002, "a close in fragments", closing("", { isLast: false })),
  // 5.5.1, 7.4: a close, after which nothing counts
  well("a close without a code", ["close"], closing(), text("after")),
  ...GOOD_CODES.map((number) => well(`a close with ${number}`, [`close ${number}`], closing(code(number)), ping())),
  well("a close with a reason", ["close 1000"], closing(code(1000, "gr\u00fcn")), text("after")),
  well("a close within a message", ["close 1000"], text("a", { isLast: false }), closing(code(1000)), more("b")),
  well("a close with the longest reason", ["close 1000"], closing(code(1000, "x".repeat(123)))),
  ...BAD_CODES.map((number) => fails(1002, `a close with ${number}`, closing(code(number)))),
  fails(1002, "a close with half a code", closing(bytes(0x0f))),
  fails(1007, "a reason that is not UTF-8", closing(code(1000, bytes(0xff)))),
  fails(1007, "a reason that ends within a character", closing(code(1000, bytes(0xc3)))),
  // 8.1: text is UTF-8
  ...TEXTS.map(([name, payload]) =>
    well(name, [`text ${JSON.stringify(new TextDecoder().decode(payload))}`], text(payload))
  ),
  ...NO_TEXTS.flatMap(([name, payload]) => [
    fails(1007, name, text(payload)),
    fails(1007, `${name}, before the end of its message`, text(payload, { isLast: false })),
    fails(1007, `${name}, in a later fragment`, text("a", { isLast: false }), more(payload, { isLast: false })),
    well(`${name}, where it may be`, [`binary ${payload.length}`], binary(payload)),
  ]),
  fails(1007, "a text that ends within a character", text(bytes(0xe2, 0x82))),
  failsAfter(1007, "a fragment that ends within a character", text(bytes(0xc3), { isLast: false }), more("")),
  well("UTF-8 after a message of other bytes", ["binary 1", 'text "a"'], binary(bytes(0xc3)), text("a")),
  // 7.4.1, 10.4: bounds
  fails(1009, "one byte too many", binary("", { length: MAX_MESSAGE_BYTES + 1 })),
  fails(1009, "a length beyond all", binary("", { length: (1n << 62n) + 1n })),
  fails(1009, "a fragment too many", ...fragments(MAX_MESSAGE_BYTES, false), more("x")),
];

/** A binary message of that length in fragments; not `isWhole`: another one is to follow. */
function fragments(length: number, isWhole = true): readonly Uint8Array[] {
  const count = 10;
  return Array.from({ length: count }, (_, at) => {
    const payload = new Uint8Array(length / count);
    const isLast = isWhole && at === count - 1;
    return at === 0 ? binary(payload, { isLast: false }) : more(payload, { isLast });
  });
}
