/** Writing of frames: what leaves together, and what waits. */
import { assertEquals, assertRejects } from "@std/assert";
import { HeaderFields } from "../http/header_fields.ts";
import { OutputPool } from "../http/output_buffer.ts";
import { OwnFields } from "../http/own_fields.ts";
import { DEFAULT_PRIORITY } from "../http2/priority.ts";
import { ResponseHeads } from "../http2/response_heads.ts";
import { Sender } from "../http2/sender.ts";
import { Stream } from "../http2/stream.ts";
import { MemoryBudget } from "../memory_budget.ts";
import { FrameQueue } from "./frame_queue.ts";
import { FrameWriter } from "./frame_writer.ts";
import { SocketWriter } from "./socket_writer.ts";

/** A writer of frames whose writes go on when they are told to. */
class Writing {
  readonly budget = new MemoryBudget();
  readonly pool = new OutputPool(this.budget);
  readonly queue = new FrameQueue(this.pool);
  readonly sender = new Sender(this.queue, new ResponseHeads(new OwnFields()), { allowFrames: () => {} });
  readonly writes: number[] = [];
  readonly writer: FrameWriter;
  #goOn: (() => void)[] = [];
  failure: Error | null = null;

  constructor() {
    const transport = {
      read: () => Promise.resolve(null),
      write: async (bytes: Uint8Array) => {
        this.writes.push(bytes.length);
        await new Promise<void>((go) => this.#goOn.push(go));
        if (this.failure !== null) throw this.failure;
        return bytes.length;
      },
      closeWrite: () => Promise.resolve(),
      close: () => {},
    };
    const clock = { nowMs: 0, update: () => {} };
    const limits = { writeIdleMs: 1000, minRateBytes: 0 };
    this.writer = new FrameWriter(
      this.queue,
      this.sender,
      new SocketWriter(transport, { outputPool: this.pool, clock, limits }),
    );
  }

  /** Lets the write that is under way come to its end. */
  async goOn(): Promise<void> {
    this.#goOn.shift()?.();
    for (let turn = 0; turn < 20; turn++) await undefined;
  }

  /** A stream whose answer has begun. */
  begin(id: number, sendWindow = 65_535): Stream {
    const stream = new Stream(id, { hasPeerEnded: true, expectedBytes: 0, sendWindow, priority: DEFAULT_PRIORITY });
    const head = { status: 200, fields: HeaderFields.EMPTY, length: null };
    this.sender.sendHead(stream, head, { isBodyless: false, nowMs: 0 });
    return stream;
  }
}

Deno.test("FrameWriter sends in one write what was held, and nothing before", async () => {
  const writing = new Writing();
  writing.writer.hold();
  for (const id of [1, 3, 5]) {
    writing.begin(id);
    writing.writer.schedule();
  }
  await undefined;
  assertEquals(writing.writes, []);
  writing.writer.send();
  assertEquals(writing.writes.length, 1);
  await writing.goOn();
  assertEquals(writing.budget.heldBytes, 0);
});

Deno.test("FrameWriter sends at the end of the turn what is scheduled in it", async () => {
  const writing = new Writing();
  writing.begin(1);
  writing.writer.schedule();
  writing.begin(3);
  writing.writer.schedule();
  assertEquals(writing.writes.length, 0);
  await undefined;
  assertEquals(writing.writes.length, 1);
  await writing.goOn();
});

Deno.test("FrameWriter puts into the next write what came during one, and resolves parts that have left", async () => {
  const writing = new Writing();
  const stream = writing.begin(1);
  const sent = writing.writer.sendPart(stream, new Uint8Array(60_000));
  writing.writer.send();
  await sent;
  const other = writing.begin(3);
  let isOtherSent = false;
  const later = writing.writer.sendPart(other, new Uint8Array(30_000)).then(() => isOtherSent = true);
  await undefined;
  // The window of the connection has 5,535 left for it.
  await writing.goOn();
  assertEquals(writing.writes.length, 2);
  await writing.goOn();
  assertEquals([writing.writes.length, isOtherSent, other.sentBytes], [2, false, 5535]);
  writing.sender.window += 100_000;
  writing.writer.schedule();
  await later;
  assertEquals(other.sentBytes, 30_000);
  await writing.goOn();
});

Deno.test("FrameWriter rejects parts of a stream that has ended, and all when a write fails", async () => {
  const writing = new Writing();
  const [one, other] = [writing.begin(1, 10), writing.begin(3, 10)];
  const first = assertRejects(() => writing.writer.sendPart(one, new Uint8Array(20)), Error, "reset");
  const second = assertRejects(() => writing.writer.sendPart(other, new Uint8Array(20)), Error, "broken");
  writing.writer.fail(one, new Error("reset"));
  await first;
  writing.failure = new Error("broken");
  writing.writer.send();
  await writing.goOn();
  await second;
  assertEquals(writing.writer.failure?.error, writing.failure);
  await assertRejects(() => writing.writer.sendPart(writing.begin(5), new Uint8Array(1)), Error, "broken");
  writing.queue.release();
  assertEquals(writing.budget.heldBytes, 0);
});

Deno.test("FrameQueue gives buffers in the order in which they were filled, and counts what waits", () => {
  const budget = new MemoryBudget();
  const queue = new FrameQueue(new OutputPool(budget));
  assertEquals(queue.take(), null);
  for (let count = 1; count <= 9; count++) queue.bufferFor(16_384).append(new Uint8Array(16_384).fill(count));
  assertEquals(queue.waitingBytes, 9 * 16_384);
  const firsts: number[] = [];
  for (let buffer = queue.take(); buffer !== null; buffer = queue.take()) {
    firsts.push(buffer.takeAll()[0]);
    queue.giveBack(buffer);
  }
  assertEquals(firsts, [1, 5, 9]);
  assertEquals([queue.waitingBytes, budget.heldBytes], [0, 0]);
});
