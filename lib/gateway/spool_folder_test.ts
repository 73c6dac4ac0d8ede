/** Work that hangs until the test says so, in place of a disk; what a real one does: tests/stalled_spool_test.ts. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { countDescriptors } from "../../tests/descriptors.ts";
import { SpoolFolder } from "./spool_folder.ts";

const MAX_UNDER_WAY = 8;
const LATE = Deno.errors.TimedOut;

/** Calls that hang. */
class HangingDisk {
  readonly calls: PromiseWithResolvers<string>[] = [];

  readonly call = (): Promise<string> => {
    const call = Promise.withResolvers<string>();
    this.calls.push(call);
    return call.promise;
  };
}

Deno.test("SpoolFolder.use() gives what comes of the work, and rejects as it does", async () => {
  const folder = new SpoolFolder("/tmp", 60_000);
  assertEquals(await folder.use(() => Promise.resolve(1)), 1);
  await assertRejects(() => folder.use(() => Promise.reject(new Error("full"))), Error, "full");
});

Deno.test("SpoolFolder.use() gives up work that hangs, and hands on what comes of it later", async () => {
  const [folder, disk, undone] = [new SpoolFolder("/tmp", 20), new HangingDisk(), Promise.withResolvers<string>()];
  await assertRejects(() => folder.use(disk.call, undone.resolve), LATE, "nothing has come of it for 20 ms");
  disk.calls[0].resolve("file");
  assertEquals(await undone.promise, "file");
});

Deno.test("SpoolFolder.use() does eight at once, the others in their turn", async () => {
  const [folder, disk] = [new SpoolFolder("/tmp", 60_000), new HangingDisk()];
  const uses = Array.from({ length: 20 }, () => folder.use(disk.call));
  for (let ended = 0; ended < 20; ended++) {
    assertEquals(disk.calls.length, Math.min(20, MAX_UNDER_WAY + ended));
    disk.calls[ended].resolve("done");
    await uses[ended];
    await Promise.resolve();
  }
});

Deno.test("SpoolFolder.use() lets nobody wait while all that are under way hang, and goes on when they end", async () => {
  const [folder, disk] = [new SpoolFolder("/tmp", 100), new HangingDisk()];
  const uses = Array.from({ length: MAX_UNDER_WAY + 3 }, () => folder.use(disk.call));
  for (const use of uses) await assertRejects(() => use, LATE);
  const refused = folder.use(disk.call).catch((error) => error);
  const later = new Promise((resolve) => setTimeout(resolve, 0, "later"));
  assert(await Promise.race([refused, later]) instanceof LATE);
  await later;
  assertEquals(disk.calls.length, MAX_UNDER_WAY);
  for (const call of disk.calls) call.resolve("late");
  await folder.useSometime(() => Promise.resolve());
  assertEquals(await folder.use(() => Promise.resolve(1)), 1);
});

Deno.test("SpoolFolder.useSometime() waits for its turn however long that takes", async () => {
  const [folder, disk] = [new SpoolFolder("/tmp", 10), new HangingDisk()];
  const uses = Array.from({ length: MAX_UNDER_WAY }, () => folder.use(disk.call));
  let isDone = false;
  const sometime = folder.useSometime(() => Promise.resolve(isDone = true));
  for (const use of uses) await assertRejects(() => use, LATE);
  assertEquals(isDone, false);
  disk.calls[0].resolve("late");
  await sometime;
  assertEquals(isDone, true);
  for (const call of disk.calls) call.resolve("late");
});

Deno.test("SpoolFile has no name, holds what is written where it is written, and its descriptor goes with it", async () => {
  const path = Deno.makeTempDirSync();
  const before = countDescriptors();
  const folder = new SpoolFolder(path, 60_000);
  const file = await folder.open();
  assertEquals([...Deno.readDirSync(path)], []);
  assertEquals(await file.writeAt(0, new TextEncoder().encode("abc")), 3);
  assertEquals(await file.writeAt(1, new TextEncoder().encode("x")), 1);
  const space = new Uint8Array(10);
  assertEquals(await file.readAt(1, space), 2);
  assertEquals(new TextDecoder().decode(space.subarray(0, 2)), "xc");
  await file.empty();
  assertEquals(await file.readAt(0, space), null);
  file.close();
  file.close();
  Deno.removeSync(path);
  for (const endMs = performance.now() + 10_000; countDescriptors() > before;) {
    assert(performance.now() < endMs, "It is still open");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
});
