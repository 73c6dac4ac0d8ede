import { assertEquals } from "@std/assert";
import { DEFAULT_PRIORITY } from "./priority.ts";
import { Stream } from "./stream.ts";

function open(): Stream {
  return new Stream(1, {
    hasPeerEnded: false,
    expectedBytes: null,
    sendWindow: 0,
    priority: DEFAULT_PRIORITY,
  });
}

Deno.test("Stream.takeContent() gives what is valid until more is asked for, whatever becomes of the stream meanwhile", () => {
  const stream = open();
  const sent = new Uint8Array(5000).fill(7);
  stream.putContent(sent);
  stream.putContent(sent);
  const first = stream.takeContent();
  assertEquals(first, sent);
  const second = stream.takeContent();
  assertEquals([first?.length, second], [0, sent]);
  stream.putContent(sent);
  stream.dropContent();
  assertEquals([second, stream.heldBytes], [sent, 0]);
  assertEquals([stream.takeContent(), second?.length], [null, 0]);
});
