/** Writing of one socket; what the pump makes of it is in http1_connection_test.ts and its siblings. */
import { assert, assertEquals } from "@std/assert";
import { bytesOf } from "../../tests/feed.ts";
import { ScriptedTransport, type ScriptOptions } from "../../tests/scripted_transport.ts";
import { OutputPool } from "../http/output_buffer.ts";
import { SocketWriter } from "./socket_writer.ts";

function makeWriter(options: ScriptOptions = {}, minRateBytes = 0) {
  const transport = new ScriptedTransport(options);
  // Stands still until the test moves it.
  const clock = { nowMs: 1000, update: () => {} };
  const limits = { writeIdleMs: 50, minRateBytes };
  return { transport, clock, writer: new SocketWriter(transport, { outputPool: new OutputPool(), clock, limits }) };
}

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
