/**
 * What a server of HTTP/2 must do, as frames and the answer: a case for each MUST of RFC 9113 4 to 8 and of RFC 7541 that a
 * server can be held to, and for RFC 9218. Played against the machine without a socket and over sockets.
 */
import {
  block,
  CODE,
  F,
  frame,
  get,
  headers,
  HOLD_PATH,
  join,
  literal,
  PING,
  post,
  PREFACE,
  requestFields,
  settings,
  T,
  u32,
  windowUpdate,
} from "./http2_frames.ts";

/** What has to come of the frames. */
export type Want =
  /** GOAWAY with one of the codes, and the end of the connection. */
  | { readonly goAway: readonly number[] }
  /** RST_STREAM on that stream; or GOAWAY, for a stream error may always be treated so (RFC 9113 5.4.1). */
  | { readonly reset: readonly number[]; readonly streamId: number }
  /** These streams are answered with these statuses, and the connection goes on. */
  | { readonly statuses: { readonly [streamId: number]: number } }
  /** Nothing but that the connection goes on: a PING is answered. */
  | { readonly goesOn: true };

export interface Http2Case {
  readonly name: string;
  /** The client's frames; each step is sent when the answers to all before have come. */
  readonly steps: readonly Uint8Array[];
  readonly want: Want;
  /** The steps are all that is sent, the preface included; else preface and SETTINGS go before. */
  readonly isRaw?: boolean;
  /** The second step is sent when the first is answered, which is a request on that stream. */
  readonly answered?: number;
  /** It is HTTP/2 only where that was negotiated: in cleartext it is taken for HTTP/1.1. */
  readonly isNegotiated?: boolean;
}

const goAway = (...goAway: number[]): Want => ({ goAway });
const reset = (streamId: number, ...codes: number[]): Want => ({ reset: codes, streamId });
const answers = (statuses: { readonly [streamId: number]: number }): Want => ({ statuses });
const goesOn: Want = { goesOn: true };

const END = F.endStream;
const WHOLE = F.endHeaders;

/** HEADERS that end the stream, with exactly that block. */
function raw(block: Uint8Array, flags: number = END | WHOLE, streamId = 1): Uint8Array {
  return frame(T.headers, flags, streamId, block);
}

function bare(name: string, bytes: Uint8Array | readonly Uint8Array[], want: Want): Http2Case {
  return { name, steps: bytes instanceof Uint8Array ? [bytes] : bytes, want };
}

/** Once a request on stream 1 is answered. */
function afterAnswer(name: string, bytes: Uint8Array, want: Want): Http2Case {
  return { name, steps: [get(1), bytes], want, answered: 1 };
}

/** A request of these fields alone. */
function fields(name: string, list: readonly (readonly [string, string])[], want: Want = reset(1, CODE.protocol)) {
  return bare(name, headers(1, list), want);
}

function extra(name: string, field: readonly [string, string], want: Want = reset(1, CODE.protocol)) {
  return fields(name, requestFields("GET", "/", [field]), want);
}

const GET = block(requestFields());

/** Frames 4 and 5.5. */
const FRAMES: readonly Http2Case[] = [
  {
    name: "3.4 no preface",
    steps: [join("GET / HTTP/1.1\r\nHost: a\r\n\r\n")],
    want: goAway(CODE.protocol),
    isRaw: true,
    isNegotiated: true,
  },
  {
    name: "3.4 a preface that is broken off by another byte",
    steps: [join("PRI * HTTP/2.0\r\n\r\nSM\r\n\rX")],
    want: goAway(CODE.protocol),
    isRaw: true,
    isNegotiated: true,
  },
  { name: "3.4 no SETTINGS after the preface", steps: [join(PREFACE, PING)], want: goAway(CODE.protocol), isRaw: true },
  {
    name: "3.4 an acknowledgement in place of SETTINGS",
    steps: [join(PREFACE, frame(T.settings, F.ack, 0))],
    want: goAway(CODE.protocol),
    isRaw: true,
  },
  { name: "3.4 empty SETTINGS", steps: [join(PREFACE, settings(), get(1))], want: answers({ 1: 200 }), isRaw: true },
  bare("4.1 a frame of an unknown type is ignored", join(frame(0x42, 0xff, 0, "x"), get(1)), answers({ 1: 200 })),
  bare("4.1 unknown flags are ignored", frame(T.ping, 0xfe, 0, "pingping"), goesOn),
  bare("4.1 the reserved bit is ignored", frame(T.ping, 0, 0x8000_0000, "pingping"), goesOn),
  bare("4.2 DATA of 16,384 bytes", [post(1), frame(T.data, END, 1, new Uint8Array(16_384))], answers({ 1: 200 })),
  bare(
    "4.2 DATA beyond the frame size",
    [post(1), frame(T.data, END, 1, new Uint8Array(16_385))],
    reset(1, CODE.frameSize),
  ),
  bare("4.2 HEADERS beyond the frame size", raw(new Uint8Array(16_385)), goAway(CODE.frameSize)),
  bare("4.2 SETTINGS beyond the frame size", frame(T.settings, 0, 0, new Uint8Array(16_386)), goAway(CODE.frameSize)),
  bare("4.2 an unknown frame beyond the frame size", frame(0x42, 0, 0, new Uint8Array(16_385)), goAway(CODE.frameSize)),
  bare("4.3 a block that is no HPACK", raw(join(0xff, 0xff, 0xff, 0xff, 0xff, 0xff)), goAway(CODE.compression)),
  bare(
    "4.3 another frame within a block",
    join(frame(T.headers, END, 1, GET), PING),
    goAway(CODE.protocol),
  ),
  bare(
    "4.3 a block on another stream within a block",
    join(frame(T.headers, END, 1, GET), get(3)),
    goAway(CODE.protocol),
  ),
  bare(
    "5.5 an unknown frame within a block",
    join(frame(T.headers, END, 1, GET), frame(0x42, 0, 0)),
    goAway(CODE.protocol),
  ),
  bare(
    "4.3 a block in three frames",
    join(
      frame(T.headers, END, 1, GET.subarray(0, 5)),
      frame(T.continuation, 0, 1, GET.subarray(5, 9)),
      frame(T.continuation, WHOLE, 1, GET.subarray(9)),
    ),
    answers({ 1: 200 }),
  ),
];

/** Streams 5.1 to 5.4. */
const STREAMS: readonly Http2Case[] = [
  bare("5.1 DATA on an idle stream", frame(T.data, END, 1, "x"), goAway(CODE.protocol)),
  bare("5.1 RST_STREAM on an idle stream", frame(T.reset, 0, 1, u32(8)), goAway(CODE.protocol)),
  bare("5.1 WINDOW_UPDATE on an idle stream", windowUpdate(1, 100), goAway(CODE.protocol)),
  bare("5.1 CONTINUATION on an idle stream", frame(T.continuation, WHOLE, 1, GET), goAway(CODE.protocol)),
  bare("5.1 PRIORITY on an idle stream", join(frame(T.priority, 0, 5, u32(0), 16), get(1)), answers({ 1: 200 })),
  bare(
    "5.1 DATA on a half-closed stream",
    join(get(1, HOLD_PATH), frame(T.data, END, 1, "x")),
    reset(1, CODE.streamClosed),
  ),
  bare("5.1 HEADERS on a half-closed stream", join(get(1, HOLD_PATH), get(1)), reset(1, CODE.streamClosed)),
  bare(
    "5.1 CONTINUATION on a half-closed stream",
    join(get(1, HOLD_PATH), frame(T.continuation, WHOLE, 1, GET)),
    goAway(CODE.protocol),
  ),
  bare("5.1 WINDOW_UPDATE on a half-closed stream", join(get(1), windowUpdate(1, 1)), answers({ 1: 200 })),
  bare(
    "5.1 DATA after RST_STREAM",
    join(post(1), frame(T.reset, 0, 1, u32(8)), frame(T.data, END, 1, "x")),
    reset(1, CODE.streamClosed),
  ),
  bare(
    "5.1 HEADERS after RST_STREAM",
    join(post(1), frame(T.reset, 0, 1, u32(8)), get(1)),
    reset(1, CODE.streamClosed),
  ),
  bare(
    "5.1 CONTINUATION after RST_STREAM",
    join(post(1), frame(T.reset, 0, 1, u32(8)), frame(T.continuation, WHOLE, 1, GET)),
    goAway(CODE.protocol),
  ),
  bare("5.1 RST_STREAM twice", join(post(1), frame(T.reset, 0, 1, u32(8)), frame(T.reset, 0, 1, u32(8))), goesOn),
  afterAnswer("5.1 DATA on a closed stream", frame(T.data, END, 1, "x"), goAway(CODE.streamClosed)),
  afterAnswer("5.1 HEADERS on a closed stream", get(1), goAway(CODE.streamClosed)),
  afterAnswer("5.1 CONTINUATION on a closed stream", frame(T.continuation, WHOLE, 1, GET), goAway(CODE.protocol)),
  afterAnswer("5.1 PRIORITY on a closed stream", frame(T.priority, 0, 1, u32(0), 16), goesOn),
  afterAnswer("5.1 WINDOW_UPDATE on a closed stream", windowUpdate(1, 100), goesOn),
  afterAnswer("5.1 RST_STREAM on a closed stream", frame(T.reset, 0, 1, u32(8)), goesOn),
  bare(
    "5.1 frames for a stream that the server has reset are ignored, and their fields decoded",
    [
      join(post(1), windowUpdate(1, 0)),
      join(
        frame(T.data, 0, 1, "late"),
        raw(literal("x-late", "1", 0x40), END | WHOLE),
        raw(join(GET, 0x80 | 62), END | WHOLE, 3),
      ),
    ],
    answers({ 3: 200 }),
  ),
  bare("5.1.1 HEADERS on an even stream", get(2), goAway(CODE.protocol)),
  bare("5.1.1 DATA on an even stream", frame(T.data, END, 2, "x"), goAway(CODE.protocol)),
  bare("5.1.1 HEADERS on a lower stream", join(post(5), get(3)), goAway(CODE.protocol)),
  bare("5.1.1 numbers may be skipped", join(get(1), get(99)), answers({ 1: 200, 99: 200 })),
  bare("5.1.1 the highest number", get(0x7fff_ffff), answers({ 2147483647: 200 })),
  bare(
    "5.1.2 one stream more than is allowed at once",
    join(...Array.from({ length: 101 }, (_, index) => post(1 + 2 * index))),
    reset(201, CODE.refused),
  ),
  bare(
    "5.3.1 HEADERS that depend on themselves",
    frame(T.headers, END | WHOLE | F.priority, 1, u32(1), 16, GET),
    reset(1, CODE.protocol),
  ),
  bare("5.3.1 PRIORITY that depends on itself", frame(T.priority, 0, 1, u32(1), 16), reset(1, CODE.protocol)),
  bare(
    "5.3.2 the priority of RFC 7540 is ignored",
    frame(T.headers, END | WHOLE | F.priority, 3, u32(0x8000_0001), 255, GET),
    answers({ 3: 200 }),
  ),
  bare(
    "5.4.2 an error of a stream leaves the others alone",
    join(post(1), windowUpdate(1, 0), get(3)),
    answers({ 3: 200 }),
  ),
];

/** Definitions of frames, 6. */
const DEFINITIONS: readonly Http2Case[] = [
  bare("6.1 DATA on stream 0", frame(T.data, END, 0, "x"), goAway(CODE.protocol)),
  bare("6.1 padded DATA", [post(1), frame(T.data, END | F.padded, 1, 3, "ab", 0, 0, 0)], answers({ 1: 200 })),
  bare("6.1 as much padding as payload", [post(1), frame(T.data, END | F.padded, 1, 4, "abc")], goAway(CODE.protocol)),
  bare("6.1 padding that is all of it", [post(1), frame(T.data, END | F.padded, 1, 3, 0, 0, 0)], answers({ 1: 200 })),
  bare("6.1 padded DATA without a length of it", [post(1), frame(T.data, END | F.padded, 1)], goAway(CODE.frameSize)),
  bare("6.1 empty DATA at the end", [post(1), frame(T.data, END, 1)], answers({ 1: 200 })),
  bare("6.2 HEADERS on stream 0", raw(GET, END | WHOLE, 0), goAway(CODE.protocol)),
  bare("6.2 padded HEADERS", raw(join(2, GET, 0, 0), END | WHOLE | F.padded), answers({ 1: 200 })),
  bare(
    "6.2 more padding than there is",
    raw(join(255, GET.subarray(0, 8)), END | WHOLE | F.padded),
    goAway(CODE.protocol),
  ),
  bare(
    "6.2 HEADERS without the priority that they have",
    raw(join(0, 0), END | WHOLE | F.priority),
    goAway(CODE.frameSize),
  ),
  bare(
    "6.2 padding and priority",
    raw(join(1, u32(0), 7, GET, 0), END | WHOLE | F.padded | F.priority),
    answers({ 1: 200 }),
  ),
  bare("6.3 PRIORITY on stream 0", frame(T.priority, 0, 0, u32(1), 16), goAway(CODE.protocol)),
  bare("6.3 PRIORITY of 4 bytes", join(post(1), frame(T.priority, 0, 1, u32(0))), reset(1, CODE.frameSize)),
  bare("6.3 PRIORITY of 6 bytes", join(post(1), frame(T.priority, 0, 1, u32(0), 1, 1)), reset(1, CODE.frameSize)),
  bare("6.4 RST_STREAM on stream 0", frame(T.reset, 0, 0, u32(8)), goAway(CODE.protocol)),
  bare("6.4 RST_STREAM of 3 bytes", join(post(1), frame(T.reset, 0, 1, "abc")), goAway(CODE.frameSize)),
  bare("6.4 RST_STREAM of 5 bytes", join(post(1), frame(T.reset, 0, 1, "abcde")), goAway(CODE.frameSize)),
  bare("6.4 RST_STREAM with an unknown code", join(post(1), frame(T.reset, 0, 1, u32(0xffff_ffff))), goesOn),
  bare("6.5 SETTINGS on a stream", frame(T.settings, 0, 1), goAway(CODE.protocol)),
  bare("6.5 SETTINGS of 5 bytes", frame(T.settings, 0, 0, "abcde"), goAway(CODE.frameSize)),
  bare("6.5 an acknowledgement with a payload", frame(T.settings, F.ack, 0, 0, 3, u32(1)), goAway(CODE.frameSize)),
  bare("6.5.2 ENABLE_PUSH of 2", settings([2, 2]), goAway(CODE.protocol)),
  bare("6.5.2 INITIAL_WINDOW_SIZE of 2^31", settings([4, 0x8000_0000]), goAway(CODE.flowControl)),
  bare("6.5.2 MAX_FRAME_SIZE of 16,383", settings([5, 16_383]), goAway(CODE.protocol)),
  bare("6.5.2 MAX_FRAME_SIZE of 2^24", settings([5, 16_777_216]), goAway(CODE.protocol)),
  bare("6.5.2 MAX_FRAME_SIZE of 2^24 - 1", join(settings([5, 16_777_215]), get(1)), answers({ 1: 200 })),
  bare("6.5.2 an unknown setting is ignored", join(settings([0xaaaa, 5]), get(1)), answers({ 1: 200 })),
  bare("6.5.2 MAX_CONCURRENT_STREAMS of 0 is of pushes", join(settings([3, 0]), get(1)), answers({ 1: 200 })),
  bare(
    "6.5.3 a setting twice: the last one holds",
    join(settings([4, 0x7fff_ffff], [4, 100]), get(1)),
    answers({ 1: 200 }),
  ),
  bare("6.6 PUSH_PROMISE of a client", join(post(1), frame(T.push, WHOLE, 1, u32(2), GET)), goAway(CODE.protocol)),
  bare("6.7 PING", PING, goesOn),
  bare("6.7 an acknowledgement of a PING is not answered", join(frame(T.ping, F.ack, 0, "nobodyis"), PING), goesOn),
  bare("6.7 PING on a stream", frame(T.ping, 0, 1, "pingping"), goAway(CODE.protocol)),
  bare("6.7 PING of 6 bytes", frame(T.ping, 0, 0, "pingpi"), goAway(CODE.frameSize)),
  bare("6.7 PING of 9 bytes", frame(T.ping, 0, 0, "pingping!"), goAway(CODE.frameSize)),
  bare("6.8 GOAWAY on a stream", frame(T.goAway, 0, 1, u32(0), u32(0)), goAway(CODE.protocol)),
  bare("6.8 GOAWAY of 7 bytes", frame(T.goAway, 0, 0, u32(0), "abc"), goAway(CODE.frameSize)),
  bare("6.9 WINDOW_UPDATE of 0 on the connection", windowUpdate(0, 0), goAway(CODE.protocol)),
  bare("6.9 WINDOW_UPDATE of 0 on a stream", join(post(1), windowUpdate(1, 0)), reset(1, CODE.protocol)),
  bare("6.9 WINDOW_UPDATE of 3 bytes", frame(T.window, 0, 0, "abc"), goAway(CODE.frameSize)),
  bare("6.9 WINDOW_UPDATE of 5 bytes", frame(T.window, 0, 0, "abcde"), goAway(CODE.frameSize)),
  bare(
    "6.9.1 a window of the connection above 2^31 - 1",
    join(windowUpdate(0, 0x7fff_ffff), windowUpdate(0, 0x7fff_ffff)),
    goAway(CODE.flowControl),
  ),
  bare(
    "6.9.1 a window of a stream above 2^31 - 1",
    join(post(1), windowUpdate(1, 0x7fff_ffff), windowUpdate(1, 0x7fff_ffff)),
    reset(1, CODE.flowControl),
  ),
  bare(
    "6.9.2 SETTINGS that make a window larger than 2^31 - 1",
    join(post(1), windowUpdate(1, 0x7fff_0000), settings([4, 0x7fff_ffff])),
    goAway(CODE.flowControl),
  ),
  bare(
    "6.9.2 an answer waits for its window, which SETTINGS open",
    [join(settings([4, 0]), get(1)), settings([4, 1]), settings([4, 60_000])],
    answers({ 1: 200 }),
  ),
  bare(
    "6.9.2 a window may be below 0",
    [join(settings([4, 3]), get(1)), settings([4, 0]), windowUpdate(1, 3), windowUpdate(1, 60_000)],
    answers({ 1: 200 }),
  ),
  bare(
    "6.10 CONTINUATION on stream 0",
    join(frame(T.headers, END, 1, GET), frame(T.continuation, WHOLE, 0)),
    goAway(CODE.protocol),
  ),
  bare("6.10 CONTINUATION after END_HEADERS", join(post(1), frame(T.continuation, WHOLE, 1)), goAway(CODE.protocol)),
  bare(
    "6.10 CONTINUATION after DATA",
    join(post(1), frame(T.data, 0, 1, "x"), frame(T.continuation, WHOLE, 1)),
    goAway(CODE.protocol),
  ),
  bare(
    "6.10 an empty CONTINUATION",
    join(frame(T.headers, END, 1, GET), frame(T.continuation, 0, 1), frame(T.continuation, WHOLE, 1)),
    answers({ 1: 200 }),
  ),
];

const OTHERS = requestFields().filter(([name]) => name !== ":path");

/** Messages, 8. */
const MESSAGES: readonly Http2Case[] = [
  bare(
    "8.1 a second HEADERS without END_STREAM",
    join(post(1), headers(1, [["x", "y"]], WHOLE)),
    reset(1, CODE.protocol),
  ),
  bare("8.1 trailers", join(post(1), frame(T.data, 0, 1, "x"), headers(1, [["x-trailer", "y"]])), answers({ 1: 200 })),
  bare("8.1 a pseudo-field in trailers", join(post(1), headers(1, [[":method", "GET"]])), reset(1, CODE.protocol)),
  bare("8.1 Connection in trailers", join(post(1), headers(1, [["connection", "close"]])), reset(1, CODE.protocol)),
  bare("8.1 upper case in trailers", join(post(1), headers(1, [["X", "y"]])), reset(1, CODE.protocol)),
  bare(
    "8.1.1 more content than Content-Length",
    join(post(1, [["content-length", "1"]]), frame(T.data, END, 1, "xy")),
    reset(1, CODE.protocol),
  ),
  bare(
    "8.1.1 less content than Content-Length",
    join(post(1, [["content-length", "3"]]), frame(T.data, END, 1, "xy")),
    reset(1, CODE.protocol),
  ),
  bare(
    "8.1.1 less content in two parts than Content-Length",
    join(post(1, [["content-length", "3"]]), frame(T.data, 0, 1, "x"), frame(T.data, END, 1, "y")),
    reset(1, CODE.protocol),
  ),
  bare(
    "8.1.1 content that trailers end too early",
    join(post(1, [["content-length", "3"]]), frame(T.data, 0, 1, "x"), headers(1, [["x", "y"]])),
    reset(1, CODE.protocol),
  ),
  bare(
    "8.1.1 as much content as Content-Length",
    join(post(1, [["content-length", "3"]]), frame(T.data, 0, 1, "x"), frame(T.data, END, 1, "yz")),
    answers({ 1: 200 }),
  ),
  extra("8.1.1 a Content-Length without content", ["content-length", "3"]),
  extra("8.1.1 a Content-Length that is no number", ["content-length", "0x1"]),
  fields("8.1.1 two lengths", requestFields("GET", "/", [["content-length", "0"], ["content-length", "1"]])),
  extra("8.2 upper case in a name", ["X-Name", "y"]),
  extra("8.2.1 an empty name", ["", "y"]),
  extra("8.2.1 a space in a name", ["x name", "y"]),
  extra("8.2.1 a control byte in a name", ["x\x01", "y"]),
  extra("8.2.1 a byte above 0x7e in a name", ["x\xe4", "y"]),
  extra("8.2.1 a colon in a name", ["x:y", "z"]),
  extra("8.2.1 NUL in a value", ["x", "a\0b"]),
  extra("8.2.1 LF in a value", ["x", "a\nb: c"]),
  extra("8.2.1 CR in a value", ["x", "a\rb"]),
  extra("8.2.1 a space before a value", ["x", " a"]),
  extra("8.2.1 a space after a value", ["x", "a "]),
  extra("8.2.1 a tab after a value", ["x", "a\t"]),
  extra("8.2.1 bytes above 0x7f in a value", ["x", "\xe4\xff"], answers({ 1: 200 })),
  extra("8.2.2 Connection", ["connection", "close"]),
  extra("8.2.2 Keep-Alive", ["keep-alive", "timeout=5"]),
  extra("8.2.2 Proxy-Connection", ["proxy-connection", "keep-alive"]),
  extra("8.2.2 Transfer-Encoding", ["transfer-encoding", "chunked"]),
  extra("8.2.2 Upgrade", ["upgrade", "h2c"]),
  extra("8.2.2 TE other than trailers", ["te", "trailers, deflate"]),
  extra("8.2.2 TE of trailers", ["te", "trailers"], answers({ 1: 200 })),
  extra("8.2.3 a cookie in crumbs", ["cookie", "a=b"], answers({ 1: 200 })),
  fields("8.3 a pseudo-field after a field", [...OTHERS, ["x", "y"], [":path", "/"]]),
  fields("8.3 an unknown pseudo-field", [...requestFields(), [":unknown", "x"]]),
  fields("8.3 a pseudo-field of answers", [...requestFields(), [":status", "200"]]),
  fields("8.3 the protocol of RFC 8441, which was not offered", [...requestFields("CONNECT"), [
    ":protocol",
    "websocket",
  ]]),
  fields("8.3.1 no method", requestFields().filter(([name]) => name !== ":method")),
  fields("8.3.1 no scheme", requestFields().filter(([name]) => name !== ":scheme")),
  fields("8.3.1 no path", OTHERS),
  fields("8.3.1 an empty path", [...OTHERS, [":path", ""]]),
  fields("8.3.1 a path without slash", [...OTHERS, [":path", "index.html"]]),
  fields("8.3.1 two methods", [...requestFields(), [":method", "GET"]]),
  fields("8.3.1 two schemes", [...requestFields(), [":scheme", "http"]]),
  fields("8.3.1 two paths", [...requestFields(), [":path", "/"]]),
  fields("8.3.1 two authorities", [...requestFields(), [":authority", "a.example"]]),
  fields("8.3.1 a method that is no token", requestFields("GE T")),
  fields("8.3.1 another scheme", [...requestFields().filter(([name]) => name !== ":scheme"), [":scheme", "ftp"]]),
  fields(
    "8.3.1 an authority with user information",
    [...requestFields().slice(0, 3), [":authority", "u@a"]],
    answers({ 1: 400 }),
  ),
  fields(
    "8.3.1 Host in place of an authority",
    [...requestFields().slice(0, 3), ["host", "a.example"]],
    answers({ 1: 200 }),
  ),
  fields(
    "8.3.1 Host that differs from the authority",
    requestFields("GET", "/", [["host", "b.example"]]),
    answers({ 1: 400 }),
  ),
  fields("8.3.1 a space in a path", requestFields("GET", "/a b"), answers({ 1: 400 })),
  fields("8.3.1 OPTIONS *", requestFields("OPTIONS", "*"), answers({ 1: 200 })),
  fields("8.5 CONNECT with a path", requestFields("CONNECT")),
  fields("8.5 CONNECT without an authority", [[":method", "CONNECT"]]),
  fields("8.4 HEAD", requestFields("HEAD"), answers({ 1: 200 })),
  fields("a path that is not there", requestFields("GET", "/none"), answers({ 1: 404 })),
  extra("RFC 9110 10.1.1: another expectation", ["expect", "x"], answers({ 1: 417 })),
];

/** HPACK, RFC 7541. */
const HPACK: readonly Http2Case[] = [
  bare("2.3.3 index 0", raw(join(0x80)), goAway(CODE.compression)),
  bare("2.3.3 an index beyond both tables", raw(join(GET, 0x80 | 62)), goAway(CODE.compression)),
  bare("2.3.3 a name of an index beyond both tables", raw(join(GET, 0x7f, 0, 1, "x")), goAway(CODE.compression)),
  bare("2.3.3 the static table", raw(join(0x82, 0x84, 0x86, 0x01, 9, "a.example")), answers({ 1: 200 })),
  bare(
    "2.3.2 the dynamic table",
    join(raw(join(GET, literal("x-a", "b", 0x40))), raw(join(GET, 0x80 | 62), END | WHOLE, 3)),
    answers({ 1: 200, 3: 200 }),
  ),
  bare("4.2 a change of size after a field", raw(join(GET, 0x20)), goAway(CODE.compression)),
  bare("4.2 a change of size before the fields", raw(join(0x20, 0x3f, 0xe1, 0x1f, GET)), answers({ 1: 200 })),
  bare("4.2 a larger table than is allowed", raw(join(0x3f, 0xe2, 0x1f, GET)), goAway(CODE.compression)),
  bare(
    "4.3 an entry that a smaller table has lost",
    join(raw(join(GET, literal("x-a", "b", 0x40))), raw(join(0x20, GET, 0x80 | 62), END | WHOLE, 3)),
    goAway(CODE.compression),
  ),
  bare(
    "4.4 an entry that is larger than the table empties it",
    join(
      raw(join(GET, literal("x-a", "b", 0x40), literal("x-b", "c".repeat(4096), 0x40))),
      raw(join(GET, 0xbe), END | WHOLE, 3),
    ),
    goAway(CODE.compression),
  ),
  bare(
    "5.1 an integer without end",
    raw(join(GET, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f)),
    goAway(CODE.compression),
  ),
  bare("5.1 an integer that is cut off", raw(join(GET, 0x7f)), goAway(CODE.compression)),
  bare("5.2 a string that is cut off", raw(join(GET, 0, 10, "x")), goAway(CODE.compression)),
  bare("5.2 padding of more than seven bits", raw(join(GET, 0, 0x81, 0xff, 1, "x")), goAway(CODE.compression)),
  bare(
    "5.2 padding of eight bits after a symbol",
    raw(join(GET, 0, 1, "x", 0x82, 0x1f, 0xff)),
    goAway(CODE.compression),
  ),
  bare("5.2 padding that is not of ones", raw(join(GET, 0, 1, "x", 0x81, 0x18)), goAway(CODE.compression)),
  bare("5.2 EOS in a string", raw(join(GET, 0, 1, "x", 0x84, 0xff, 0xff, 0xff, 0xff)), goAway(CODE.compression)),
  bare("5.2 a string of Huffman code", raw(join(GET, 0, 1, "x", 0x81, 0x1f)), answers({ 1: 200 })),
  bare("6.2.3 a field that is never indexed", raw(join(GET, literal("x-secret", "y", 0x10))), answers({ 1: 200 })),
];

/** Priorities, RFC 9218. */
const PRIORITIES: readonly Http2Case[] = [
  extra("4 a priority", ["priority", "u=1, i"], answers({ 1: 200 })),
  extra("4 a priority that is malformed is ignored", ["priority", "u=9;;,=,I"], answers({ 1: 200 })),
  bare("2.1 NO_RFC7540_PRIORITIES of 2", settings([9, 2]), goAway(CODE.protocol)),
  bare("7.1 PRIORITY_UPDATE", join(post(1), frame(T.priorityUpdate, 0, 0, u32(1), "u=7"), get(3)), answers({ 3: 200 })),
  bare(
    "7.1 PRIORITY_UPDATE of a stream to come",
    join(frame(T.priorityUpdate, 0, 0, u32(1), "u=0"), get(1)),
    answers({ 1: 200 }),
  ),
  bare("7.1 PRIORITY_UPDATE on a stream", frame(T.priorityUpdate, 0, 1, u32(1), "u=0"), goAway(CODE.protocol)),
  bare("7.1 PRIORITY_UPDATE of stream 0", frame(T.priorityUpdate, 0, 0, u32(0), "u=0"), goAway(CODE.protocol)),
  bare("7.1 PRIORITY_UPDATE of 3 bytes", frame(T.priorityUpdate, 0, 0, "abc"), goAway(CODE.frameSize)),
];

const titled = (title: string, cases: readonly Http2Case[]) =>
  cases.map((one) => ({ ...one, name: `${title} ${one.name}` }));

export const HTTP2_CASES: readonly Http2Case[] = [
  ...titled("RFC 9113", [...FRAMES, ...STREAMS, ...DEFINITIONS, ...MESSAGES]),
  ...titled("RFC 7541", HPACK),
  ...titled("RFC 9218", PRIORITIES),
];
