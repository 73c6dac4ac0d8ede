import { assert, assertEquals, assertThrows } from "@std/assert";
import { binary, joinBytes, more, text } from "../../tests/websocket_frames.ts";
import { MAX_MESSAGE_BYTES, WEBSOCKET_CASES } from "../../tests/websocket_cases.ts";
import { BrokenProtocol, type ClientEvent, MessageReader } from "./message_reader.ts";

function describe(event: ClientEvent): string {
  if (event.type === "close") return event.code === null ? "close" : `close ${event.code}`;
  const shown = JSON.stringify(new TextDecoder().decode(event.bytes));
  if (event.type !== "message") return `${event.type} ${shown}`;
  return event.isText ? `text ${shown}` : `binary ${event.bytes.length}`;
}

/** All that comes of the bytes in pieces of these sizes, in turn. */
function read(bytes: Uint8Array, ...sizes: readonly number[]) {
  const reader = new MessageReader(MAX_MESSAGE_BYTES);
  const events: string[] = [];
  let error: number | null = null;
  try {
    for (let at = 0, count = 0; at < bytes.length; count++) {
      const size = sizes.length === 0 ? bytes.length : sizes[count % sizes.length];
      // What was pushed may be overwritten by what comes next.
      reader.push(bytes.slice(at, at += size));
      for (let event; (event = reader.next()) !== null;) events.push(describe(event));
    }
  } catch (thrown) {
    if (!(thrown instanceof BrokenProtocol)) throw thrown;
    error = thrown.code;
    reader.push(text("more"));
    assertEquals(reader.next(), null);
  }
  return { events, error };
}

for (const { name, bytes, events, error } of WEBSOCKET_CASES) {
  Deno.test(`MessageReader gives the same events for ${name} in any pieces`, () => {
    for (const sizes of [[], [1], [7], [2, 1, 13]]) assertEquals(read(bytes, ...sizes), { events, error });
  });
}

Deno.test("MessageReader splits at each byte of several messages without a difference", () => {
  const bytes = joinBytes(text("a", { isLast: false }), more("\u00fc\u20ac"), binary(new Uint8Array(130)), text("end"));
  const want = read(bytes);
  for (let at = 1; at < bytes.length; at++) assertEquals(read(bytes, at, bytes.length - at), want);
});

Deno.test("MessageReader takes memory for what has come, and not for what a head promises", () => {
  const reader = new MessageReader(1_000_000_000);
  reader.push(binary(new Uint8Array(10), { length: 900_000_000 }));
  assertEquals(reader.next(), null);
  assert(reader.heldBytes > 0 && reader.heldBytes <= 1024, `${reader.heldBytes}`);
  reader.push(new Uint8Array(100_000));
  assertEquals(reader.next(), null);
  assert(reader.heldBytes <= 250_000, `${reader.heldBytes}`);
  reader.release();
  assertEquals(reader.heldBytes, 0);
});

Deno.test("MessageReader keeps a message as it was while the next one is read", () => {
  const reader = new MessageReader(100);
  reader.push(joinBytes(text("first"), text("other")));
  const first = reader.next();
  assert(first?.type === "message");
  const second = reader.next();
  assertEquals([describe(first), second && describe(second)], ['text "first"', 'text "other"']);
});

Deno.test("MessageReader ends a text as soon as it cannot be UTF-8, long before its frame has come", () => {
  const reader = new MessageReader(MAX_MESSAGE_BYTES);
  reader.push(text(new Uint8Array([0x61, 0xff]), { length: 50_000 }));
  assertThrows(() => reader.next(), BrokenProtocol, "not UTF-8");
});
