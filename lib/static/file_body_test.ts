/** What of a file is sent from where it stands, and what is read. Whole answers: static_files_test.ts and tests/. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { BrokenAnswer } from "../http/message.ts";
import { MemoryBudget } from "../memory_budget.ts";
import type { RangeFile } from "../system/file_ranges.ts";
import { nextTurn } from "../system/readiness.ts";
import { FileBody, ReadBuffers } from "./file_body.ts";
import { openByRuntime } from "./file_handle.ts";
import type { Piece } from "./multipart_ranges.ts";
import { statOpenFile } from "./open_file.ts";
import { Semaphore } from "./turnstile.ts";

const MIB = 1 << 20;
const TAIL = FileBody.COPIED_BYTES;

/** A file of which all is in memory, or nothing, as the test says. */
class NotedRanges implements RangeFile {
  readonly descriptor = 77;
  isWarm = true;

  isInMemory(): boolean {
    return this.isWarm;
  }
}

interface Under {
  readonly body: FileBody;
  readonly ranges: NotedRanges;
  readonly path: string;
}

/** Runs with a file of `length` bytes, all 0, of which `pieces` are sent. */
async function withBody(
  { length, pieces = [{ first: 0, last: length - 1 }] }: {
    readonly length: number;
    readonly pieces?: readonly Piece[];
  },
  test: (under: Under) => Promise<void>,
): Promise<void> {
  const path = await Deno.makeTempFile();
  try {
    await Deno.truncate(path, length);
    await Deno.utime(path, 1e9, 1e9);
    const handle = openByRuntime(path);
    const ranges = new NotedRanges();
    let leaveCount = 0;
    const leave = () => {
      handle.close();
      leaveCount++;
    };
    const file = { path, handle, facts: statOpenFile(handle), ranges, reads: new Semaphore(1), leave };
    const body = new FileBody(file, { pieces, buffers: new ReadBuffers(16 * MIB) });
    try {
      await test({ body, ranges, path });
    } finally {
      await body.close();
      assertEquals(leaveCount, 1);
    }
  } finally {
    await Deno.remove(path);
  }
}

/** How it was sent, to its end: `r FIRST+LENGTH` for ranges, `b LENGTH` for bytes. */
async function sendAll(body: FileBody): Promise<readonly string[]> {
  const how: string[] = [];
  for (;;) {
    const range = await body.next();
    if (range !== null) {
      assertEquals(range.descriptor, 77);
      how.push(`r ${range.first}+${range.length}`);
      body.sent(range.length);
      continue;
    }
    const bytes = await body.read();
    if (bytes === null) return how;
    how.push(`b ${bytes.length}`);
  }
}

const COPIED = Array.from({ length: 8 }, () => "b 524288");

Deno.test("FileBody.next() gives all of a file but its end, a MiB at a time", () =>
  withBody({ length: TAIL + 2 * MIB + 65_536 }, async ({ body }) => {
    const want = [`r 0+${MIB}`, `r ${MIB}+${MIB}`, `r ${2 * MIB}+65536`, ...COPIED];
    assertEquals(await sendAll(body), want);
  }));

Deno.test("FileBody.next() gives nothing of what is short, or of what stands between ranges", async () => {
  await withBody({ length: TAIL + 65_535 }, async ({ body }) => {
    assertEquals((await sendAll(body)).filter((how) => how.startsWith("r")), []);
  });
  const pieces = [new Uint8Array(10), { first: 5, last: TAIL + 4 }, new Uint8Array(10), { first: 0, last: TAIL - 1 }];
  await withBody({ length: 2 * TAIL, pieces }, async ({ body }) => {
    const how = await sendAll(body);
    // What stands before a range is read together with some of it.
    assertEquals(how.slice(0, 3), [
      `b ${ReadBuffers.LARGE_BYTES}`,
      `r ${ReadBuffers.LARGE_BYTES - 5}+${MIB}`,
      `r ${ReadBuffers.LARGE_BYTES - 5 + MIB}+${MIB}`,
    ]);
    assertEquals(how.at(-1)?.[0], "b");
  });
});

Deno.test("FileBody.next() gives nothing while what comes next is not in memory", () =>
  withBody({ length: 2 * TAIL }, async ({ body, ranges }) => {
    ranges.isWarm = false;
    assertEquals(await body.next(), null);
    assertEquals((await body.read())?.length, ReadBuffers.LARGE_BYTES);
    ranges.isWarm = true;
    assertEquals(await body.next(), { descriptor: 77, first: ReadBuffers.LARGE_BYTES, length: MIB });
    // A part of it has left.
    body.sent(1000);
    assertEquals((await body.next())?.first, ReadBuffers.LARGE_BYTES + 1000);
  }));

Deno.test("FileBody gives the bytes of what the system cannot send from the file, and asks no more", () =>
  withBody({ length: 2 * TAIL }, async ({ body }) => {
    assert(await body.next() !== null);
    body.sent(0);
    assertEquals(await body.next(), null);
    assertEquals(await sendAll(body), [...COPIED, ...COPIED]);
  }));

Deno.test("FileBody.next() throws BrokenAnswer once the file has changed, and so does read()", () =>
  withBody({ length: 2 * TAIL }, async ({ body, path }) => {
    const range = await body.next();
    body.sent(range?.length ?? 0);
    await Deno.truncate(path, 10);
    assertThrows(() => body.next(), BrokenAnswer, `${2 * TAIL - MIB} bytes before the end`);
    await assertRejects(() => body.read(), BrokenAnswer);
  }));

Deno.test("FileBody.next() gives nothing once it is closed", () =>
  withBody({ length: 2 * TAIL }, async ({ body }) => {
    await body.close();
    assertEquals([await body.next(), await body.read()], [null, null]);
  }));

/** The reads of 20 bodies, and how many of them hold a buffer at once: of a file for each, and of one that lets four in. */
const TURNS = [{ reads: () => new Semaphore(1), most: 8 }, { reads: constant(new Semaphore(4)), most: 4 }];

function constant<Value>(value: Value): () => Value {
  return () => value;
}

for (const { reads: readsOf, most } of TURNS) {
  Deno.test(`FileBody holds no buffer while it waits for its turn to read, ${most} at once`, async () => {
    const path = await Deno.makeTempFile();
    await Deno.truncate(path, 3 * ReadBuffers.SMALL_BYTES);
    const budget = new MemoryBudget();
    const buffers = new ReadBuffers(0, budget);
    const bodies = Array.from({ length: 20 }, () => {
      const handle = openByRuntime(path);
      const file = {
        path,
        handle,
        facts: statOpenFile(handle),
        ranges: null,
        reads: readsOf(),
        leave: () => handle.close(),
      };
      return new FileBody(file, { pieces: [{ first: 0, last: 3 * ReadBuffers.SMALL_BYTES - 1 }], buffers });
    });
    try {
      await Promise.all(bodies.map((body) => body.read()));
      assertEquals(budget.heldBytes, 20 * ReadBuffers.SMALL_BYTES);
      await nextTurn();
      const reads = bodies.map((body) => body.read());
      assertEquals(budget.heldBytes, most * ReadBuffers.SMALL_BYTES);
      assertEquals((await Promise.all(reads)).map((bytes) => bytes?.length), reads.map(() => ReadBuffers.SMALL_BYTES));
    } finally {
      for (const body of bodies) await body.close();
      await Deno.remove(path);
    }
    assertEquals(budget.heldBytes, 0);
  });
}
