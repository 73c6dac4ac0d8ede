/** Writing of one socket; what the pump makes of it is in http1_connection_test.ts and its siblings. */
import { assert, assertEquals } from "@std/assert";
import { bytesOf } from "../../tests/feed.ts";
import { ScriptedTransport, type ScriptOptions } from "../../tests/scripted_transport.ts";
import type { FileRange } from "../http/message.ts";
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

/** A socket that takes at once what `counts` say, one after another. */
class QuickTransport extends ScriptedTransport {
  readonly counts: number[] = [];
  atOnce = "";
  /** Whether something followed each of them. */
  readonly followed: boolean[] = [];

  writeAtOnce(bytes: Uint8Array, hasMore = false): number {
    this.followed.push(hasMore);
    const count = Math.min(this.counts.shift() ?? 0, bytes.length);
    this.atOnce += new TextDecoder().decode(bytes.subarray(0, count));
    return count;
  }
}

Deno.test("flush() writes without a wait what the socket takes so, and only the rest with one", async () => {
  const transport = new QuickTransport({});
  const clock = { nowMs: 1000, update: () => {} };
  const limits = { writeIdleMs: 50, minRateBytes: 0 };
  const writer = new SocketWriter(transport, { outputPool: new OutputPool(), clock, limits });
  for (const count of [5, 2, 0]) {
    transport.counts.push(count);
    writer.output.append(bytesOf("hello"));
    const flushed = writer.flush();
    assertEquals(writer.isWriting, count < 5);
    await flushed;
    assertEquals([writer.isWriting, writer.hasOutput], [false, false]);
  }
  assertEquals([transport.atOnce, transport.output, transport.writes.length], ["hellohe", "llohello", 2]);
  assertEquals(writer.byteCount, 15);
  assertEquals(transport.followed, [false, false, false]);
  // What follows is to leave with it.
  writer.output.append(bytesOf("last"));
  transport.counts.push(4);
  await writer.flush(true);
  assertEquals([transport.atOnce, transport.followed.at(-1)], ["hellohelast", true]);
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

/** A socket that takes of each file what `counts` say, one after another. */
class FileTransport extends ScriptedTransport {
  /** What was sent of files, and how much of the rest had been written by then. */
  readonly files: string[] = [];
  readonly counts: number[] = [];

  sendFile({ descriptor, first, length }: FileRange): Promise<number> {
    this.files.push(`${descriptor}: ${first}+${length} after "${this.output}"`);
    return Promise.resolve(this.counts.shift() ?? 0);
  }
}

Deno.test("sendFile() writes what waits, then sends the file in as many parts as the socket takes", async () => {
  const transport = new FileTransport();
  const clock = { nowMs: 1000, update: () => {} };
  const limits = { writeIdleMs: 50, minRateBytes: 0 };
  const writer = new SocketWriter(transport, { outputPool: new OutputPool(), clock, limits });
  assertEquals([makeWriter().writer.takesFiles, writer.takesFiles], [false, true]);
  writer.output.append(bytesOf("head"));
  transport.counts.push(6, 4);
  assertEquals(await writer.sendFile({ descriptor: 5, first: 100, length: 10 }), 10);
  assertEquals(transport.files, ['5: 100+10 after "head"', '5: 106+4 after "head"']);
  assertEquals([writer.byteCount, writer.isWriting, writer.heldBytes], [14, false, 0]);
  // What the socket refuses is left to who calls.
  transport.counts.push(3, 0);
  assertEquals(await writer.sendFile({ descriptor: 5, first: 0, length: 10 }), 3);
  assertEquals([writer.byteCount, writer.isWriting], [17, false]);
});

/** The same for a file. */
class QuickFileTransport extends QuickTransport {
  sendFileAtOnce({ descriptor, first, length }: FileRange): number {
    const count = Math.min(this.counts.shift() ?? 0, length);
    this.atOnce += `<${descriptor}: ${first}+${count}>`;
    return count;
  }
}

/** Of a head of 4 bytes and a file of 10: what the socket takes of each write, what has left, and what waits. */
const AT_ONCE: readonly (readonly [counts: readonly number[], sent: number, left: string, waits: boolean])[] = [
  [[4, 10], 10, "head<5: 100+10>", false],
  [[4, 6], 6, "head<5: 100+6>", false],
  [[4], 0, "head<5: 100+0>", false],
  [[3, 10], 0, "hea", true],
  [[], 0, "", true],
];

for (const [counts, sent, left, waits] of AT_ONCE) {
  Deno.test(`sendFileAtOnce() sends a head, and a file after it, as the socket takes them: ${counts.join(" and ")}`, async () => {
    const transport = new QuickFileTransport();
    const clock = { nowMs: 1000, update: () => {} };
    const limits = { writeIdleMs: 50, minRateBytes: 0 };
    const writer = new SocketWriter(transport, { outputPool: new OutputPool(), clock, limits });
    transport.counts.push(...counts);
    writer.output.append(bytesOf("head"));
    assertEquals(writer.sendFileAtOnce({ descriptor: 5, first: 100, length: 10 }), sent);
    assertEquals([transport.atOnce, writer.hasOutput, writer.isWriting], [left, waits, false]);
    // What waits is the rest of the head.
    transport.counts.push(4);
    await writer.flush();
    assertEquals(transport.atOnce.replace(/<.*>/, ""), "head");
  });
}

Deno.test("sendFileAtOnce() sends nothing where nobody can tell, and nothing before what was begun", async () => {
  const { writer, transport: plain } = makeWriter();
  writer.output.append(bytesOf("head"));
  assertEquals([writer.sendFileAtOnce({ descriptor: 5, first: 0, length: 1 }), writer.hasOutput], [0, true]);
  assertEquals(plain.output, "");
  const transport = new QuickFileTransport();
  const options = { clock: { nowMs: 0, update: () => {} }, limits: { writeIdleMs: 50, minRateBytes: 0 } };
  const other = new SocketWriter(transport, { outputPool: new OutputPool(), ...options });
  transport.block();
  const aside = other.sendAside(bytesOf("first,"));
  await transport.untilBlocked();
  transport.counts.push(10, 10);
  other.output.append(bytesOf("second"));
  assertEquals([other.sendFileAtOnce({ descriptor: 5, first: 0, length: 1 }), transport.atOnce], [0, ""]);
  transport.unblock();
  await aside;
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
