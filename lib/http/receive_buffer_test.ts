import { assert, assertEquals, assertThrows } from "@std/assert";
import { bytesOf, fill, textOf } from "../../tests/feed.ts";
import { MemoryBudget } from "../memory_budget.ts";
import { HttpError } from "./message.ts";
import { ReceiveBuffer } from "./receive_buffer.ts";

Deno.test("take() gives the bytes in their order, at most as many as asked for", () => {
  const buffer = new ReceiveBuffer();
  assertEquals(buffer.take(5).length, 0);
  fill(buffer, "hello world");
  assertEquals(textOf(buffer.take(5)), "hello");
  buffer.skip(1);
  assertEquals(buffer.length, 5);
  assertEquals(textOf(buffer.take(99)), "world");
  assertEquals(buffer.length, 0);
});

Deno.test("space() always has room and keeps what has not been taken", () => {
  const buffer = new ReceiveBuffer();
  let [sent, got] = ["", ""];
  for (let round = 0; round < 200; round++) {
    const part = `${round}`.repeat(round * 3 % 300);
    fill(buffer, part);
    sent += part;
    assert(buffer.space().length > 0);
    got += textOf(buffer.take(round * 7 % 250));
  }
  assertEquals(got + textOf(buffer.take(buffer.length)), sent);
});

Deno.test("space() grows with what comes as far as is wished, and further when full; shrinks when empty", () => {
  const buffer = new ReceiveBuffer();
  const roomAfter = (text: string, mostBytes?: number) => {
    fill(buffer, text);
    buffer.skip(buffer.length);
    return buffer.space(mostBytes).length;
  };
  assertEquals([buffer.space().length, buffer.space(65_536).length], [1024, 1024]);
  assertEquals(roomAfter("w".repeat(1023), 65_536), 1024);
  // Who has filled the storage once gets a larger one from then on.
  assertEquals(roomAfter("w".repeat(1024), 65_536), 8192);
  assertEquals(roomAfter("w".repeat(8191), 65_536), 8192);
  assertEquals(roomAfter("w".repeat(8192), 65_536), 65_536);
  assertEquals(buffer.space().length, 8192);
  fill(buffer, "x".repeat(8192));
  assertEquals(buffer.space().length, 8192);
  assertEquals(buffer.bytes.length, 16_384);
  buffer.skip(8000);
  fill(buffer, "y".repeat(8192 + 8000));
  assertEquals(buffer.bytes.length, 16_384);
  assertEquals(textOf(buffer.take(193)), "x".repeat(192) + "y");
  assertEquals(roomAfter(""), 8192);
});

Deno.test("space() is smaller for who has left most of a large storage empty, and large again for who fills it", () => {
  const buffer = new ReceiveBuffer();
  const roomAfter = (count: number) => {
    buffer.space(65_536);
    buffer.commit(count);
    buffer.discard();
    return buffer.space(65_536).length;
  };
  assertEquals([1024, 8192].map(roomAfter), [8192, 65_536]);
  assertEquals([16_385, 16_384, 4096, 1].map(roomAfter), [65_536, 16_384, 4096, 4096]);
  assertEquals([4096, 32_768].map(roomAfter), [32_768, 65_536]);
});

Deno.test("takeLine() gives a line without its end, once it is whole", () => {
  const buffer = new ReceiveBuffer();
  for (
    const [part, want] of [["", null], ["ab", null], ["c\r", null], ["\n\r", "abc"], ["\n", ""], ["", null]] as const
  ) {
    fill(buffer, part);
    assertEquals(buffer.takeLine(10), want, part);
  }
  fill(buffer, "\xe4\r\nrest");
  assertEquals(buffer.takeLine(10), "\xe4");
  assertEquals(textOf(buffer.take(9)), "rest");
});

Deno.test("takeLine() does not take an old line end behind the bytes for one of them", () => {
  const buffer = new ReceiveBuffer();
  fill(buffer, "a\r\nbbbbbb\r\n");
  buffer.skip(buffer.length);
  buffer.space();
  fill(buffer, "c");
  assertEquals(buffer.takeLine(10), null);
});

Deno.test("takeLine() refuses a bare LF and a line over the limit as soon as it is over", () => {
  const cases: readonly (readonly [text: string, want: string | null | "refused"])[] = [
    ["\n", "refused"],
    ["a\n", "refused"],
    ["abcd\n", "refused"],
    ["abcde", null],
    ["abcde\r", null],
    ["abcde\r\n", "abcde"],
    ["abcdefg", "refused"],
    ["abcdef\r\n", "refused"],
    ["a\rb\r\n", "a\rb"],
  ];
  for (const [text, want] of cases) {
    const buffer = new ReceiveBuffer();
    fill(buffer, text);
    if (want === "refused") assertEquals(assertThrows(() => buffer.takeLine(5), HttpError).status, 400, text);
    else assertEquals(buffer.takeLine(5), want, text);
  }
});

Deno.test("commit() and skip() throw when there are fewer bytes", () => {
  const buffer = new ReceiveBuffer();
  assertThrows(() => buffer.commit(buffer.space().length + 1), Error, "More bytes committed");
  assertThrows(() => buffer.skip(1), Error, "More bytes taken");
});

Deno.test("space() has room for a byte or more, whatever came in pieces of whatever length", () => {
  let state = 1;
  // The same numbers each time.
  const random = (below: number) => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return Math.floor(below * state / 2 ** 32);
  };
  const push = (buffer: ReceiveBuffer, length: number) => {
    for (let left = length; left > 0;) {
      const room = buffer.space(left).length;
      if (room === 0) return false;
      const count = Math.min(room, left);
      buffer.commit(count);
      left -= count;
    }
    return true;
  };
  for (let round = 0; round < 2000; round++) {
    const buffer = new ReceiveBuffer();
    const lengths = Array.from({ length: 6 }, () => 1 + random(30_000));
    for (const length of lengths) {
      assert(push(buffer, length), lengths.join(" "));
      buffer.skip(random(2) === 0 ? buffer.length : random(buffer.length + 1));
    }
  }
});

Deno.test("receive() takes what a read gave, and tells the end", () => {
  const buffer = new ReceiveBuffer();
  fill(buffer, "last");
  assertEquals(buffer.hasEnded, false);
  buffer.receive(null);
  assertEquals([buffer.hasEnded, buffer.length], [true, 4]);
  buffer.discard();
  assertEquals([buffer.hasEnded, buffer.length], [true, 0]);
});

Deno.test("rest() holds nothing where all was taken, and leaves what was not; space() has room again", () => {
  const budget = new MemoryBudget();
  const buffer = new ReceiveBuffer(budget);
  buffer.space().set(bytesOf("GET"));
  buffer.commit(3);
  buffer.rest();
  assertEquals(textOf(buffer.take(1)), "G");
  buffer.skip(2);
  const held = budget.heldBytes;
  assert(held > 0);
  buffer.rest();
  assertEquals([buffer.bytes.length, budget.heldBytes], [0, 0]);
  buffer.space().set(bytesOf("next"));
  buffer.commit(4);
  assertEquals([textOf(buffer.take(9)), budget.heldBytes], ["next", held]);
  buffer.keep();
  buffer.rest();
  assertEquals(budget.heldBytes, held);
});

Deno.test("rest() leaves a large storage to who sends much", () => {
  const buffer = new ReceiveBuffer();
  for (let read = 0; read < 4; read++) {
    buffer.commit(buffer.space(65_536).length);
    buffer.discard();
  }
  buffer.rest();
  assertEquals(buffer.bytes.length, 65_536);
});

Deno.test("release() gives the storage to the next one that reads, but not where it is still looked at", () => {
  const [first, second, third] = [1, 2, 3].map(() => new ReceiveBuffer());
  assertEquals(first.bytes.length, 0);
  const storage = first.space().buffer;
  first.release();
  first.release();
  assertEquals(second.space().buffer, storage);
  second.keep();
  second.release();
  assert(third.space().buffer !== storage);
});
