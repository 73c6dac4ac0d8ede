/** Every case of tests/http2_cases.ts against the machine: whole, byte by byte and frame by frame, always with the same end. */
import { assert, assertEquals } from "@std/assert";
import { HTTP2_CASES, type Http2Case } from "../../tests/http2_cases.ts";
import {
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
  readU32,
  requestFields,
  settings,
  summarizeFrames,
  T,
  u32,
  windowUpdate,
} from "../../tests/http2_frames.ts";
import { TestServer } from "../../tests/http2_machine.ts";

/** How the bytes of a step are cut. */
const CUTS: readonly (readonly [string, number])[] = [["whole", Infinity], ["byte by byte", 1], ["by seven", 7]];

function play({ steps, isRaw = false }: Http2Case, size: number): TestServer {
  const server = new TestServer();
  if (!isRaw) server.receive(join(PREFACE, settings()), size);
  for (const step of steps) server.receive(step, size);
  return server;
}

for (const one of HTTP2_CASES) {
  Deno.test(one.name, () => {
    const server = play(one, Infinity);
    const { want } = one;
    const goAway = server.frames.find(({ type }) => type === T.goAway);
    if ("goAway" in want) {
      assert(
        goAway !== undefined && want.goAway.includes(readU32(goAway.payload, 4)),
        summarizeFrames(server.frames).join("\n"),
      );
      assert(server.hasFailed);
    } else if ("reset" in want) {
      const reset = server.frames.find(({ type, streamId }) => type === T.reset && streamId === want.streamId);
      const code = reset === undefined ? readU32(goAway?.payload ?? u32(0xffff), 4) : readU32(reset.payload);
      assert(want.reset.includes(code), summarizeFrames(server.frames).join("\n"));
    } else {
      server.receive(PING, Infinity);
      assertEquals(goAway, undefined, server.error ?? "");
      assertEquals(server.frames.at(-1)?.type, T.ping);
      if ("statuses" in want) {
        for (const [id, status] of Object.entries(want.statuses)) {
          assertEquals(server.statusOf(Number(id)), status);
          assert(server.hasEnded(Number(id)), `stream ${id} is not at its end`);
        }
      }
    }
  });
}

Deno.test("there is a case for each MUST", () => {
  assert(HTTP2_CASES.length >= 150, String(HTTP2_CASES.length));
  assertEquals(new Set(HTTP2_CASES.map(({ name }) => name)).size, HTTP2_CASES.length);
});

Deno.test("the same frames come however the bytes of any case are cut", () => {
  for (const one of HTTP2_CASES) {
    const [whole, ...others] = CUTS.map(([, size]) => summarizeFrames(play(one, size).frames));
    for (const [index, other] of others.entries()) assertEquals(other, whole, `${one.name}, ${CUTS[index + 1][0]}`);
  }
});

function started(options: ConstructorParameters<typeof TestServer>[0] = {}): TestServer {
  const server = new TestServer(options);
  server.receive(join(PREFACE, settings()));
  return server;
}

Deno.test("the fields of a request are as those of HTTP/1, with Host and one Cookie", () => {
  const server = started();
  server.receive(get(1, "/a%20b?c=d", [["cookie", "a=b"], ["x-one", "1"], ["cookie", "c=d"]]));
  const [request] = server.requests;
  assertEquals(request.head.method, "GET");
  assertEquals(request.head.target, "/a%20b?c=d");
  assertEquals(request.head.version, "2.0");
  assertEquals(request.target.path, "/a b");
  assertEquals(request.host, "a.example");
  assertEquals([...request.head.fields], [["x-one", "1"], ["host", "a.example"], ["cookie", "a=b; c=d"]]);
});

Deno.test("a block that comes again means the same, and another one when the table has changed", () => {
  const server = started();
  const again = join(block(), 0x80 | 62);
  server.receive(frame(T.headers, F.endStream | F.endHeaders, 1, block(), literal("x-a", "1", 0x40)));
  server.receive(frame(T.headers, F.endStream | F.endHeaders, 3, again));
  server.receive(frame(T.headers, F.endStream | F.endHeaders, 5, again));
  server.receive(frame(T.headers, F.endStream | F.endHeaders, 7, block(), literal("x-b", "2", 0x40)));
  server.receive(frame(T.headers, F.endStream | F.endHeaders, 9, again));
  assertEquals(server.requests.map(({ head }) => head.fields.get("x-a")), ["1", "1", "1", null, null]);
  assertEquals(server.requests.map(({ head }) => head.fields.get("x-b")), [null, null, null, "2", "2"]);
  assert(server.requests[1] === server.requests[2]);
});

function block(): Uint8Array {
  return join(0x82, 0x84, 0x86, 0x01, 9, "a.example");
}

Deno.test("a block that comes again is another request where its stream goes on", () => {
  const server = started();
  const held = join(literal(":method", "POST"), 0x86, literal(":path", HOLD_PATH), 0x01, 9, "a.example");
  server.receive(frame(T.headers, F.endStream | F.endHeaders, 1, held));
  server.receive(frame(T.headers, F.endHeaders, 3, held));
  assertEquals(server.requests.map(({ hasContent }) => hasContent), [false, true]);
});

Deno.test("content comes to its stream, and the windows open again when it was taken", () => {
  const server = started({ isReading: false });
  server.receive(post(1));
  for (let sent = 0; sent < 49_152; sent += 16_384) server.receive(frame(T.data, 0, 1, new Uint8Array(16_384)));
  const increments = () =>
    server.frames.filter(({ type, streamId }) => type === T.window && streamId === 1).map(({ payload }) =>
      readU32(payload)
    );
  assertEquals(increments(), []);
  assertEquals(server.readAll(1), 49_152);
  server.flush();
  // Nobody had waited for it: the window is what it was.
  assertEquals(increments(), [32_768]);
  server.receive(frame(T.data, 0, 1, new Uint8Array(16_384)));
  assertEquals(server.readAll(1), 16_384);
  server.flush();
  // More was asked for than had come: it is twice as large.
  assertEquals(increments(), [32_768, 32_768 + 65_535]);
});

Deno.test("content beyond the window of a stream ends it, and beyond that of the connection the connection", () => {
  const server = started({ isReading: false });
  server.receive(post(1));
  for (let count = 0; count < 4; count++) server.receive(frame(T.data, 0, 1, new Uint8Array(16_384)));
  server.receive(join(post(3), frame(T.data, 0, 3, "still open")));
  assertEquals(resetsOf(server), [[1, CODE.flowControl]]);
});

Deno.test("a stream whose content is not read keeps no other from sending", () => {
  const server = started({ isReading: false });
  for (let id = 1; id < 200; id += 2) {
    server.receive(post(id));
    for (let count = 0; count < 3; count++) server.receive(frame(T.data, 0, id, new Uint8Array(16_384)));
  }
  assertEquals(server.hasFailed, false);
  assertEquals(server.heldBytes, 100 * 3 * 16_384);
});

Deno.test("small frames of content take no more memory than twice what they hold", () => {
  const server = started({ isReading: false });
  server.receive(post(1));
  for (let count = 0; count < 10_000; count++) server.receive(frame(T.data, 0, 1, "x"));
  assertEquals(server.heldBytes, 12_288);
});

Deno.test("what is held is given back when the stream is reset", () => {
  const server = started({ isReading: false });
  server.receive(join(post(1), frame(T.data, 0, 1, "x".repeat(5000)), frame(T.reset, 0, 1, u32(8))));
  assertEquals(server.heldBytes, 0);
});

function resetsOf(server: TestServer): readonly (readonly [number, number])[] {
  return server.frames.filter(({ type }) => type === T.reset).map(({ streamId, payload }) =>
    [streamId, readU32(payload)] as const
  );
}

function goAwayOf(server: TestServer): readonly number[] | null {
  const found = server.frames.findLast(({ type }) => type === T.goAway);
  return found === undefined ? null : [readU32(found.payload) & 0x7fff_ffff, readU32(found.payload, 4)];
}

const FLOODS: readonly (readonly [string, (id: number) => Uint8Array])[] = [
  ["requests that are reset at once", (id) => join(get(id), frame(T.reset, 0, id, u32(8)))],
  ["streams that the server is made to reset", (id) => join(post(id), windowUpdate(id, 0))],
  ["malformed requests", (id) => get(id, "/", [["connection", "close"]])],
  ["pings", () => PING],
  ["settings", () => settings([4, 65_535])],
  ["priorities", (id) => frame(T.priority, 0, id, u32(0), 1)],
  ["updates of priorities", (id) => frame(T.priorityUpdate, 0, 0, u32(id), "u=1")],
  ["frames of unknown types", () => frame(0x77, 0, 0)],
  ["windows", () => windowUpdate(0, 1)],
  ["acknowledgements", () => frame(T.settings, F.ack, 0)],
];

for (const [what, flood] of FLOODS) {
  Deno.test(`a flood of ${what} ends the connection with ENHANCE_YOUR_CALM`, () => {
    const server = started();
    for (let count = 0; count < 2000 && !server.hasFailed; count++) server.receive(flood(1 + 2 * count));
    assertEquals(goAwayOf(server)?.[1], CODE.calm);
  });

  Deno.test(`${what} now and then are no flood`, () => {
    const server = started();
    for (let count = 0; count < 500; count++) {
      server.nowMs += 10;
      server.receive(flood(1 + 2 * count));
    }
    assertEquals(goAwayOf(server), null);
  });
}

Deno.test("a flood of empty DATA ends the connection", () => {
  const server = started();
  server.receive(post(1));
  for (let count = 0; count < 2000 && !server.hasFailed; count++) server.receive(frame(T.data, 0, 1));
  assertEquals(goAwayOf(server)?.[1], CODE.calm);
});

Deno.test("a block without end ends the connection, whether its frames carry something or not", () => {
  for (const part of [new Uint8Array(0), new Uint8Array(16_000)]) {
    const server = started();
    server.receive(frame(T.headers, F.endStream, 1, part));
    for (let count = 0; count < 100 && !server.hasFailed; count++) server.receive(frame(T.continuation, 0, 1, part));
    assertEquals(goAwayOf(server)?.[1], CODE.calm);
  }
});

Deno.test("a block that names a large entry again and again is answered 431, and the table stays as it should be", () => {
  const server = started();
  const large = literal("x-large", "y".repeat(4000), 0x40);
  server.receive(frame(T.headers, F.endStream | F.endHeaders, 1, block(), large, new Uint8Array(10_000).fill(0xbe)));
  server.receive(frame(T.headers, F.endStream | F.endHeaders, 3, block(), 0xbe));
  assertEquals([server.statusOf(1), server.statusOf(3)], [431, 200]);
  assertEquals(server.requests[1].head.fields.get("x-large")?.length, 4000);
});

Deno.test("more fields, or a longer one, than is allowed are answered 431, a longer path 414, longer content 413", () => {
  const server = started();
  server.receive(get(1, "/", Array.from({ length: 101 }, (_, index) => [`x-${index}`, "y"] as const)));
  server.receive(get(3, "/", [["x", "y".repeat(8200)]]));
  server.receive(get(5, `/${"y".repeat(8200)}`));
  server.receive(headers(7, requestFields("POST", "/", [["content-length", "1073741825"]]), F.endHeaders));
  server.receive(get(9, "/", Array.from({ length: 300 }, () => ["cookie", "a=b"] as const)));
  assertEquals([1, 3, 5, 7, 9].map((id) => server.statusOf(id)), [431, 431, 414, 413, 200]);
});

Deno.test("answers wait for the window of the connection, the most urgent first", () => {
  const server = started({ content: new Uint8Array(40_000) });
  server.receive(get(1));
  server.receive(get(3));
  assertEquals(server.bytesOf(1), 40_000);
  assertEquals(server.bytesOf(3), 25_535);
  server.receive(get(5, "/", [["priority", "u=1"]]));
  server.receive(windowUpdate(0, 20_000));
  assertEquals([server.bytesOf(3), server.bytesOf(5)], [25_535, 20_000]);
  server.receive(windowUpdate(0, 60_000));
  assertEquals([server.bytesOf(3), server.bytesOf(5)], [40_000, 40_000]);
});

Deno.test("incremental answers share, others come one after the other", () => {
  for (const [priority, shares] of [["i", [20_000, 20_000]], ["u=3", [40_000, 0]]] as const) {
    const server = started({ content: new Uint8Array(65_535) });
    // The window of the connection is used up.
    server.receive(get(1));
    server.receive(join(get(3, "/", [["priority", priority]]), get(5, "/", [["priority", priority]])));
    for (let count = 0; count < 40; count++) server.receive(windowUpdate(0, 1000));
    assertEquals([server.bytesOf(3), server.bytesOf(5)], [...shares], priority);
  }
});

Deno.test("an incremental answer and one that is not take turns", () => {
  const server = started({ content: new Uint8Array(65_535) });
  server.receive(get(1));
  server.receive(join(get(3), get(5, "/", [["priority", "i"]]), get(7)));
  for (let count = 0; count < 40; count++) server.receive(windowUpdate(0, 1000));
  assertEquals([server.bytesOf(3), server.bytesOf(5), server.bytesOf(7)], [20_000, 20_000, 0]);
});

Deno.test("a stream may be made more urgent while it waits", () => {
  const server = started({ content: new Uint8Array(65_535) });
  server.receive(get(1));
  server.receive(join(get(3), get(5), frame(T.priorityUpdate, 0, 0, u32(5), "u=0")));
  server.receive(windowUpdate(0, 16_384));
  assertEquals([server.bytesOf(3), server.bytesOf(5)], [0, 16_384]);
});

Deno.test("leave() tells that it comes, then which stream was the last, and serves none above", () => {
  const server = started({ isReading: false });
  server.receive(post(1));
  server.connection.leave(false);
  server.receive(post(3));
  server.connection.leave(true);
  server.receive(join(post(5), PING));
  server.flush();
  assertEquals(server.requests.length, 2);
  assertEquals(goAwayOf(server), [3, CODE.none]);
  const goAways = server.frames.filter(({ type }) => type === T.goAway).map(({ payload }) => readU32(payload));
  assertEquals(goAways, [0x7fff_ffff, 3]);
  assertEquals(server.frames.at(-1)?.type, T.ping);
});

Deno.test("a table that the client makes smaller is told so before the next head", () => {
  const server = started();
  server.receive(get(1));
  server.receive(join(settings([1, 0]), get(3)));
  server.receive(join(settings([1, 100]), get(5)));
  assertEquals([1, 3, 5].map((id) => server.statusOf(id)), [200, 200, 200]);
  const [, second, third] = server.frames.filter(({ type }) => type === T.headers);
  assertEquals(second.payload[0], 0x20);
  assertEquals([...third.payload.subarray(0, 3)], [0x3f, 100 - 31, third.payload[2]]);
});

Deno.test("a head that is the same takes a few bytes from the second answer on", () => {
  const server = started();
  server.receive(get(1));
  server.receive(get(3));
  const [first, second] = server.frames.filter(({ type }) => type === T.headers).map(({ payload }) => payload.length);
  assert(second < 20 && second < first, `${first}, then ${second} bytes`);
});
