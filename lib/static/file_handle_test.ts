/** Files as they are opened, looked at and read, both ways. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { FileRanges, RANGE_CALLS, type RangeCalls } from "../system/file_ranges.ts";
import { handleOpener, type OpenHandle } from "./file_handle.ts";

const calls: RangeCalls = Deno.dlopen("libc.so.6", RANGE_CALLS).symbols;

/** The ways to open: the last one has nothing in memory. */
const WAYS: Readonly<Record<string, OpenHandle>> = {
  "the runtime": handleOpener(null),
  "the C library": handleOpener(new FileRanges(calls)),
  "the C library from a disk": handleOpener(new FileRanges({ ...calls, preadv2: () => -1 })),
};

async function withFile(content: string, test: (path: string) => Promise<void> | void): Promise<void> {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, content);
    await test(path);
  } finally {
    await Deno.remove(path);
  }
}

for (const [name, open] of Object.entries(WAYS)) {
  Deno.test(`FileHandle says by ${name} what it is, and reads at any place`, () =>
    withFile("some words", async (path) => {
      const handle = open(path);
      const { dev, ino, size, mode, mtime, ctime } = await Deno.stat(path);
      const times = { mtimeMs: mtime?.getTime(), ctimeMs: ctime?.getTime() };
      assertEquals(handle.stat(), { dev, ino, size, mode, ...times });
      for (const [position, length, want] of [[5, 100, "words"], [0, 4, "some"], [10, 5, ""]] as const) {
        const bytes = new Uint8Array(new ArrayBuffer(length));
        assertEquals(await handle.read(bytes, position), want.length);
        assertEquals(new TextDecoder().decode(bytes.subarray(0, want.length)), want);
      }
      // It is the file that was opened, whatever has its name.
      await Deno.rename(path, `${path}.old`);
      await Deno.writeTextFile(path, "others");
      assertEquals(handle.stat()?.size, 10);
      await Deno.remove(`${path}.old`);
      handle.close();
    }));

  Deno.test(`FileHandle by ${name} of what is no file says so, and what cannot be opened has the runtime's error`, () => {
    const folder = open("/");
    assertEquals(folder.stat(), null);
    folder.close();
    assertThrows(() => open("/none/of/this"), Error, "ENOENT");
  });
}

Deno.test("FileHandle reads at once what is in memory, in another thread what is not, and says what cannot be read", () =>
  withFile("some words", async (path) => {
    const into = new Uint8Array(new ArrayBuffer(10));
    const later = WAYS["the C library from a disk"](path);
    const reading = later.read(into, 0);
    assert(reading instanceof Promise);
    assertEquals(await reading, 10);
    const folder = WAYS["the C library from a disk"]("/");
    await assertRejects(() => Promise.resolve(folder.read(into, 0)), Error, 'Cannot read "/"');
    folder.close();
    const now = handleOpener(new FileRanges({ ...calls, preadv2: () => 7 }))(path);
    assertEquals(now.read(into, 0), 7);
    now.close();
    later.close();
  }));
