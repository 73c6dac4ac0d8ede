/** Reading of one socket; what the pump makes of it is in http1_connection_test.ts and its siblings. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { ScriptedTransport } from "../../tests/scripted_transport.ts";
import { HttpError } from "../http/message.ts";
import { ReceiveBuffer } from "../http/receive_buffer.ts";
import { SocketReader } from "./socket_reader.ts";

function makeReader() {
  const transport = new ScriptedTransport();
  // Stands still until the test moves it.
  const clock = { nowMs: 1000, update: () => {} };
  const buffer = new ReceiveBuffer();
  return { transport, clock, buffer, reader: new SocketReader(transport, buffer, clock) };
}

Deno.test("startWait() sets a deadline that a second wait of the same kind does not move", () => {
  const { clock, reader } = makeReader();
  assertEquals(reader.deadlineMs, Infinity);
  reader.startWait("head", 20);
  assertEquals([reader.wait, reader.deadlineMs], ["head", 1020]);
  clock.nowMs = 1010;
  reader.startWait("head", 20);
  assertEquals(reader.deadlineMs, 1020);
  reader.startWait("body", 30);
  assertEquals([reader.wait, reader.deadlineMs], ["body", 1040]);
  reader.endWait();
  assertEquals([reader.wait, reader.deadlineMs], ["nothing", Infinity]);
});

Deno.test("startRead() and read() join the read that is under way", async () => {
  const { transport, buffer, reader } = makeReader();
  const first = reader.startRead();
  const second = reader.startRead();
  const third = reader.read();
  transport.send("GET");
  await Promise.all([first, second]);
  reader.accept(await third);
  assert(buffer.length > 0);
  buffer.discard();
  transport.end();
  reader.accept(await reader.read());
  assert(buffer.hasEnded);
});

Deno.test("read() has no room while it waits, where the socket asks for it", async () => {
  const { transport, buffer, clock } = makeReader();
  let space: (() => Uint8Array) | null = null;
  let tell = (_count: number) => {};
  const readInto = (given: () => Uint8Array) => {
    space = given;
    return new Promise<number | null>((resolve) => tell = resolve);
  };
  const reader = new SocketReader(Object.assign(transport, { readInto }), buffer, clock);
  for (const text of ["GET", "HEAD"]) {
    const reading = reader.read();
    assertEquals(buffer.bytes.length, 0);
    (space as (() => Uint8Array) | null)?.().set(new TextEncoder().encode(text));
    tell(text.length);
    reader.accept(await reading);
    assertEquals(new TextDecoder().decode(buffer.take(9)), text);
  }
});

Deno.test("expire() ends a read with 408, and what the socket gives later is not lost", async () => {
  const { transport, buffer, reader } = makeReader();
  assertEquals(reader.expire(), false);
  const late = reader.readExpirably();
  reader.startWait("body", 10);
  assertEquals(reader.expire(), true);
  assertEquals((await assertRejects(() => late, HttpError, "the body")).status, 408);
  assertEquals([reader.deadlineMs, reader.expire()], [Infinity, false]);
  const again = reader.readExpirably();
  transport.send("GET");
  await again;
  assert(buffer.length > 0);
});

Deno.test("readExpirably() rejects with what the socket fails with", async () => {
  const { transport, reader } = makeReader();
  const read = reader.readExpirably();
  transport.fail(new Deno.errors.ConnectionReset("Gone"));
  await assertRejects(() => read, Deno.errors.ConnectionReset);
  assertEquals(reader.expire(), false);
});
