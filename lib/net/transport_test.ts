/** Reading and writing of one socket; what the pump makes of it is in lib/serve/http1_connection_test.ts and its siblings. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { bytesOf } from "../../tests/feed.ts";
import { ScriptedTransport, type ScriptOptions } from "../../tests/scripted_transport.ts";
import { Connection } from "../http/connection.ts";
import { HttpError } from "../http/message.ts";
import { KnownSections } from "../http/known_sections.ts";
import { HeadWriter, OutputPool } from "../http/writers.ts";
import { DEFAULT_LIMITS } from "../limits.ts";
import { RULES } from "../rules.ts";
import { SocketReader, SocketWriter } from "./transport.ts";

/** A clock that stands still until the test moves it. */
function makeClock() {
  return { nowMs: 1000, update: () => {} };
}

function makeReader() {
  const transport = new ScriptedTransport();
  const clock = makeClock();
  const connection = new Connection({
    limits: DEFAULT_LIMITS,
    rules: RULES.standard,
    headWriter: new HeadWriter(),
    sections: new KnownSections(),
  });
  return { transport, clock, connection, reader: new SocketReader(transport, connection, clock) };
}

function makeWriter(options: ScriptOptions = {}, minRateBytes = 0) {
  const transport = new ScriptedTransport(options);
  const clock = makeClock();
  const limits = { writeIdleMs: 50, minRateBytes };
  return { transport, clock, writer: new SocketWriter(transport, { outputPool: new OutputPool(), clock, limits }) };
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
  const { transport, connection, reader } = makeReader();
  const first = reader.startRead();
  const second = reader.startRead();
  const third = reader.read();
  transport.send("GET");
  await Promise.all([first, second]);
  reader.accept(await third);
  assert(connection.hasUnreadBytes);
  connection.discard();
  transport.end();
  reader.accept(await reader.read());
  assert(connection.hasPeerClosed);
});

Deno.test("expire() ends a read with 408, and what the socket gives later is not lost", async () => {
  const { transport, connection, reader } = makeReader();
  assertEquals(reader.expire(), false);
  const late = reader.readExpirably();
  reader.startWait("body", 10);
  assertEquals(reader.expire(), true);
  assertEquals((await assertRejects(() => late, HttpError, "the body")).status, 408);
  assertEquals([reader.deadlineMs, reader.expire()], [Infinity, false]);
  const again = reader.readExpirably();
  transport.send("GET");
  await again;
  assert(connection.hasUnreadBytes);
});

Deno.test("readExpirably() rejects with what the socket fails with", async () => {
  const { transport, reader } = makeReader();
  const read = reader.readExpirably();
  transport.fail(new Deno.errors.ConnectionReset("Gone"));
  await assertRejects(() => read, Deno.errors.ConnectionReset);
  assertEquals(reader.expire(), false);
});

Deno.test("flush() writes all that waits, in as many writes as the socket takes", async () => {
  const { transport, writer } = makeWriter({ maxWriteBytes: 3 });
  assert(!writer.hasOutput);
  await writer.flush();
  assertEquals(transport.writes.length, 0);
  writer.output.append(bytesOf("hello"));
  writer.output.append(bytesOf(" world"));
  assert(writer.hasOutput);
  await writer.flush();
  assertEquals([transport.output, transport.writes.length], ["hello world", 4]);
  assert(!writer.hasOutput);
});

Deno.test("send() writes what waits first, and content that is larger than the buffer by itself", async () => {
  const { transport, writer } = makeWriter();
  writer.output.append(bytesOf("head,"));
  await writer.send(bytesOf("small,"));
  assertEquals(transport.writes.length, 0);
  const large = "x".repeat(200_000);
  await writer.send(bytesOf(large));
  await writer.flush();
  assertEquals(transport.output, `head,small,${large}`);
});

Deno.test("sendAside() keeps the order and a copy", async () => {
  const { transport, writer } = makeWriter();
  writer.output.append(bytesOf("one,"));
  transport.block();
  const first = writer.sendAside(bytesOf("two,"));
  await transport.untilBlocked();
  writer.output.append(bytesOf("three,"));
  const second = writer.sendAside(bytesOf("four,"));
  writer.output.append(bytesOf("five"));
  const last = writer.flush();
  transport.unblock();
  await Promise.all([first, second, last]);
  assertEquals(transport.output, "one,two,three,four,five");
});

Deno.test("isWriting and deadlineMs hold while a write is under way, and begin anew with each part that goes out", async () => {
  const { transport, clock, writer } = makeWriter({ maxWriteBytes: 3 });
  writer.output.append(bytesOf("hello"));
  assertEquals([writer.isWriting, writer.deadlineMs], [false, Infinity]);
  transport.block();
  const flushed = writer.flush();
  await transport.untilBlocked();
  assertEquals([writer.isWriting, writer.deadlineMs], [true, 1050]);
  clock.nowMs = 1040;
  transport.unblock();
  transport.block();
  await transport.until(() => transport.writes.length > 0);
  await transport.untilBlocked();
  assertEquals(writer.deadlineMs, 1090);
  transport.unblock();
  await flushed;
  assertEquals([writer.isWriting, writer.deadlineMs], [false, Infinity]);
});

Deno.test("release() drops what waits", async () => {
  const { transport, writer } = makeWriter();
  writer.output.append(bytesOf("lost"));
  writer.release();
  writer.release();
  await writer.flush();
  assertEquals(transport.output, "");
});

Deno.test("flush() lets no write wait for the acknowledgement of the one before, from the second on", async () => {
  const { transport, writer } = makeWriter();
  const calls: string[] = [];
  Object.assign(transport, { setNoDelay: (isOn: boolean) => calls.push(`no delay ${isOn}`) });
  for (const text of ["a", "b", "c"]) {
    writer.output.append(bytesOf(text));
    await writer.flush();
    calls.push(text);
  }
  assertEquals(calls, ["a", "no delay true", "b", "c"]);
});

Deno.test("flush() waits ever less for a client that takes less than the least rate", async () => {
  const { transport, clock, writer } = makeWriter({ maxWriteBytes: 1 }, 100);
  clock.update = () => clock.nowMs += 30;
  transport.block();
  writer.output.append(bytesOf("abc"));
  const flushed = writer.flush();
  const waits: number[] = [];
  for (let part = 0; part < 3; part++) {
    await transport.untilBlocked();
    waits.push(writer.deadlineMs - clock.nowMs);
    transport.unblock();
    transport.block();
  }
  await flushed;
  // Each byte is worth 10 ms and took 30.
  assertEquals(waits, [50, 30, 10]);
});
