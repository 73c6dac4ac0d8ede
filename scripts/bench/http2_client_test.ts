import { assertEquals, assertRejects } from "@std/assert";
import { type Frame, frame, Http2Client, isOkBlock, type Socket, splitFrame } from "./http2_client.ts";

const bytes = (...values: readonly number[]): Uint8Array => Uint8Array.from(values);

/** RFC 7541 C.5 and 6.3: nginx puts a size update before its first field. */
const BLOCKS: readonly { readonly name: string; readonly block: Uint8Array; readonly want: boolean }[] = [
  { name: "200", block: bytes(0x88, 0x61), want: true },
  { name: "200 after a short size update", block: bytes(0x20, 0x88), want: true },
  { name: "200 after a long and a short one", block: bytes(0x3f, 0xe1, 0x1f, 0x21, 0x88), want: true },
  { name: "404", block: bytes(0x8d), want: false },
  { name: "404 after a size update", block: bytes(0x20, 0x8d), want: false },
  { name: "nothing", block: bytes(), want: false },
];

for (const { name, block, want } of BLOCKS) {
  Deno.test(`isOkBlock() is ${want} when the block has ${name}`, () => {
    assertEquals(isOkBlock(block), want);
  });
}

Deno.test("splitFrame() takes one whole frame and leaves the rest when there is more", () => {
  const sent: Frame = { type: 0, flags: 1, stream: 3, payload: new Uint8Array(70_000).fill(7) };
  const whole = frame(sent);
  assertEquals([...whole.subarray(0, 9)], [1, 0x11, 0x70, 0, 1, 0, 0, 0, 3]);
  for (const length of [0, 8, 9, whole.length - 1]) assertEquals(splitFrame(whole.subarray(0, length)), null);
  assertEquals(splitFrame(whole), { frame: sent, rest: bytes() });
  assertEquals(splitFrame(bytes(...whole, 1, 2)), { frame: sent, rest: bytes(1, 2) });
});

/** Answers with `frames` in pieces of `step` bytes, and keeps what was sent. */
class PlayedSocket implements Socket {
  readonly sent: number[] = [];
  readonly #answer: readonly number[];
  readonly #step: number;
  #at = 0;

  constructor(frames: readonly Frame[], step: number) {
    this.#answer = frames.flatMap((each) => [...frame(each)]);
    this.#step = step;
  }

  write(part: Uint8Array): Promise<number> {
    this.sent.push(...part);
    return Promise.resolve(part.length);
  }

  read(into: Uint8Array): Promise<number | null> {
    const part = this.#answer.slice(this.#at, this.#at + Math.min(this.#step, into.length));
    this.#at += part.length;
    into.set(part);
    return Promise.resolve(part.length === 0 ? null : part.length);
  }
}

const SETTINGS: Frame = { type: 4, flags: 0, stream: 0, payload: bytes() };
const SETTINGS_ACK: Frame = { ...SETTINGS, flags: 1 };
const WINDOW: Frame = { type: 8, flags: 0, stream: 0, payload: bytes(0, 1, 0, 0) };
const HEAD: Frame = { type: 1, flags: 4, stream: 1, payload: bytes(0x88) };
const FIRST: Frame = { type: 0, flags: 0, stream: 1, payload: bytes(1, 2) };
const LAST: Frame = { type: 0, flags: 1, stream: 1, payload: bytes(3) };
const ANSWER = [SETTINGS, WINDOW, HEAD, FIRST, SETTINGS_ACK, LAST];

Deno.test("Http2Client.get() asks, acknowledges settings and joins the content however the answer comes", async () => {
  for (const step of [1, 7, 1000]) {
    const second = [HEAD, LAST].map((each) => ({ ...each, stream: 3 }));
    const socket = new PlayedSocket([...ANSWER, ...second], step);
    const client = new Http2Client(socket, "a:1");
    assertEquals([...await client.get("/f")], [1, 2, 3]);
    const block = [0x82, 0x87, 4, 2, 47, 102, 1, 3, 97, 58, 49];
    assertEquals(socket.sent, [
      ...new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
      ...[0, 0, 0, 4, 0, 0, 0, 0, 0],
      ...[0, 0, 11, 1, 5, 0, 0, 0, 1, ...block],
      ...[0, 0, 0, 4, 1, 0, 0, 0, 0],
    ]);
    socket.sent.length = 0;
    assertEquals([...await client.get("/f")], [3]);
    assertEquals(socket.sent, [0, 0, 11, 1, 5, 0, 0, 0, 3, ...block]);
  }
});

const WRONG: readonly { readonly name: string; readonly frames: readonly Frame[]; readonly want: string }[] = [
  { name: "closes", frames: [SETTINGS, HEAD, FIRST], want: "closed the connection" },
  {
    name: "goes away",
    frames: [{ type: 7, flags: 0, stream: 0, payload: bytes(0, 0, 0, 0, 0, 0, 0, 11) }],
    want: "11",
  },
  { name: "resets", frames: [HEAD, { type: 3, flags: 0, stream: 1, payload: bytes(0, 0, 0, 7) }], want: "code 7" },
  { name: "answers 404", frames: [{ ...HEAD, flags: 5, payload: bytes(0x8d) }], want: "status" },
  { name: "pads", frames: [HEAD, { ...LAST, flags: 9 }], want: "pads" },
  { name: "sends a head in pieces", frames: [{ ...HEAD, flags: 0 }], want: "in pieces" },
];

for (const { name, frames, want } of WRONG) {
  Deno.test(`Http2Client.get() throws when the server ${name}`, async () => {
    await assertRejects(() => new Http2Client(new PlayedSocket(frames, 1000), "a:1").get("/f"), Error, want);
  });
}
