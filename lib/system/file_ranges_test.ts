/** Files that the system sends itself: real ones, but for what of them is in memory, which nobody can order. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { FileRanges, RANGE_CALLS, type RangeCalls } from "./file_ranges.ts";

const calls: RangeCalls = Deno.dlopen("libc.so.6", RANGE_CALLS).symbols;

/** Runs with a file of that content that is open. */
async function withOpen(
  content: Uint8Array,
  test: (descriptor: number, path: string) => Promise<void> | void,
  ranges = new FileRanges(calls),
): Promise<void> {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeFile(path, content);
    const descriptor = ranges.open(path);
    assert(descriptor > 2);
    await test(descriptor, path);
    ranges.close(descriptor);
    assertEquals(calls.pread(descriptor, new Uint8Array(1), 1, 0n), -1);
  } finally {
    await Deno.remove(path);
  }
}

const WORDS = new TextEncoder().encode("some words");

Deno.test("FileRanges.stat() says of a file that is open what the runtime says by its name", () =>
  withOpen(WORDS, async (descriptor, path) => {
    for (
      const time of [
        "2001-09-09 01:46:40",
        "2001-09-09 01:46:40.2505",
        "1969-12-31 23:59:50",
        "1969-12-31 23:59:50.4996",
      ]
    ) {
      const touch = await new Deno.Command("touch", { args: ["-d", `${time} UTC`, path] }).output();
      assert(touch.success);
      await Deno.chmod(path, 0o640);
      const { dev, ino, size, mode, mtime, ctime } = await Deno.stat(path);
      const times = { mtimeMs: mtime?.getTime(), ctimeMs: ctime?.getTime() };
      assertEquals(new FileRanges(calls).stat(descriptor), { dev, ino, size, mode, ...times });
    }
  }));

Deno.test("FileRanges.open() opens for reading alone, and stat() knows nothing of what is no file", () => {
  const ranges = new FileRanges(calls);
  assert(ranges.open("/none/of/this") < 0);
  const folder = ranges.open("/");
  assertEquals(ranges.stat(folder), null);
  ranges.close(folder);
  assertEquals(ranges.stat(-1), null);
});

Deno.test("FileRanges.readNow() and readLater() read at a place, up to the end", () =>
  withOpen(WORDS, async (descriptor) => {
    const ranges = new FileRanges({ ...calls, preadv2 });
    for (const [position, length, want] of [[0, 4, "some"], [5, 100, "words"], [10, 4, ""]] as const) {
      const [now, later] = [new Uint8Array(new ArrayBuffer(length)), new Uint8Array(new ArrayBuffer(length))];
      assertEquals(ranges.readNow(descriptor, now, position), want.length);
      assertEquals(await ranges.readLater(descriptor, later, position), want.length);
      for (const bytes of [now, later]) assertEquals(new TextDecoder().decode(bytes.subarray(0, want.length)), want);
    }
    assert(await ranges.readLater(-1, new Uint8Array(new ArrayBuffer(1)), 0) < 0);
    assert(new FileRanges(calls).readNow(-1, new Uint8Array(new ArrayBuffer(1)), 0) < 0);
  }));

/** As on a disk whose files are all in memory, and can be told to be so. */
const preadv2: RangeCalls["preadv2"] = (descriptor, vector, count, position, flags) => {
  assertEquals([count, flags], [1, 8]);
  assert(vector instanceof Uint8Array);
  const [where, length] = new BigUint64Array(vector.buffer);
  const bytes = new Uint8Array(Number(length));
  const read = calls.pread(descriptor, bytes, bytes.length, position);
  const pointer = Deno.UnsafePointer.create(where);
  assert(pointer !== null);
  new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(pointer, bytes.length)).set(bytes.subarray(0, read));
  return read;
};

Deno.test("FileRanges.isInMemory() asks for one byte of 64 KiB, and the last, until one is not there", () =>
  withOpen(WORDS, (descriptor) => {
    const asked: bigint[] = [];
    let missing = -1n;
    const ranges = new FileRanges({
      ...calls,
      preadv2: (_descriptor, _vector, count, at, flags) => {
        assertEquals([count, flags], [1, 8]);
        asked.push(at);
        return at === missing ? -1 : 1;
      },
    });
    for (const [length, want] of [[1, [5n]], [65_536, [5n, 65_540n]], [65_538, [5n, 65_541n, 65_542n]]] as const) {
      asked.length = 0;
      assertEquals([ranges.isInMemory(descriptor, { first: 5, length }), asked], [true, [...want]]);
    }
    for (missing of [5n, 65_541n, 65_542n]) {
      assertEquals(ranges.isInMemory(descriptor, { first: 5, length: 65_538 }), false);
    }
  }));

Deno.test("FileRanges.isInMemory() sees bytes that have just been written, where the file system tells", () =>
  withOpen(new Uint8Array(200_000), (descriptor) => {
    const ranges = new FileRanges(calls);
    // Those that cannot tell, tmpfs among them, say so for each byte.
    const isTold = ranges.isInMemory(descriptor, { first: 0, length: 1 });
    assertEquals(ranges.isInMemory(descriptor, { first: 0, length: 200_000 }), isTold);
    assertEquals(ranges.isInMemory(descriptor, { first: 0, length: 200_001 }), false);
  }));

Deno.test("MemoryFile keeps contents apart, up to its bound, and gives back the memory of those that are released", () => {
  const memory = new FileRanges(calls).createMemory(200_000);
  const contents = [100_000, 60_000].map((length, index) => new Uint8Array(length).fill(index + 1));
  const [first, second] = contents.map((bytes) => memory.keep(bytes));
  assert(first !== null && second !== null);
  assertEquals([memory.read(first), memory.read(second)], contents);
  assertEquals([memory.heldBytes, memory.keep(new Uint8Array(1))], [196_608, null]);
  memory.release(first);
  assertEquals(memory.heldBytes, 65_536);
  // The place is empty, and never that of another one.
  assertEquals(memory.read(first), new Uint8Array(100_000));
  const third = memory.keep(contents[0]);
  assert(third !== null);
  assertEquals([memory.read(second), memory.read(third)], [contents[1], contents[0]]);
  calls.close(first.descriptor);
  assertThrows(() => memory.read(third), Error, "cannot be read");
});

Deno.test("MemoryFile keeps nothing where the system gives no such file, or has no room in it", () => {
  const refusing = new FileRanges({ ...calls, memfd_create: () => -1 }).createMemory(1 << 20);
  assertEquals([refusing.keep(new Uint8Array(1)), refusing.heldBytes], [null, 0]);
  const full = new FileRanges({ ...calls, pwrite: () => 3 }).createMemory(1 << 20);
  assertEquals([full.keep(new Uint8Array(4)), full.heldBytes], [null, 0]);
});
