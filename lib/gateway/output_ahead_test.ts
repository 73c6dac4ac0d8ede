/** Real temporary files, and rooms so small that they are used. */
import { assert, assertEquals } from "@std/assert";
import { countDescriptors } from "../../tests/descriptors.ts";
import { MemoryBudget } from "../memory_budget.ts";
import { OutputAhead } from "./output_ahead.ts";
import { SpoolFolder } from "./spool_folder.ts";

function open({ memoryBytes = 0, fileBytes = 0, folder = "/tmp" } = {}) {
  const room = { memoryBytes, fileBytes };
  const failures: string[] = [];
  const ahead = new OutputAhead({
    room,
    folder: new SpoolFolder(folder, 10_000),
    budget: new MemoryBudget(),
    onFileFailure: (problem) => failures.push(problem),
  });
  return { ahead, room, failures };
}

/** All that is left, as text. */
async function takeAll(ahead: OutputAhead): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for (let part; (part = await ahead.take()) !== null;) text += decoder.decode(part, { stream: true });
  return text;
}

const bytesOf = (text: string) => new TextEncoder().encode(text);

/** A file is closed a little later. Resolves when so many are open; rejects when they are not within ten seconds. */
async function untilDescriptorsAre(count: number): Promise<void> {
  for (const endMs = performance.now() + 10_000; countDescriptors() !== count;) {
    if (performance.now() > endMs) throw new Error(`${countDescriptors()} descriptors in place of ${count}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Whether it has come to its end after whatever needs no other side. */
async function isDone(promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  promise.then(() => done = true);
  await new Promise((resolve) => setTimeout(resolve, 20));
  return done;
}

for (
  const [name, sizes] of [
    ["memory", { memoryBytes: 1 << 20 }],
    ["a file", { fileBytes: 1 << 20 }],
    ["memory, then a file", { memoryBytes: 4000, fileBytes: 1 << 20 }],
    ["a little memory at a time", { memoryBytes: 40 }],
    ["a little of a file at a time", { fileBytes: 40 }],
  ] as const
) {
  Deno.test(`OutputAhead gives what was added, in order, by ${name}, and the room back`, async () => {
    const before = countDescriptors();
    const { ahead, room, failures } = open(sizes);
    const parts = Array.from({ length: 200 }, (_, index) => `${index} ${"x".repeat(index)}\n`);
    const adding = (async () => {
      for (const part of parts) {
        const bytes = bytesOf(part);
        await ahead.add(bytes);
        // Whoever adds uses his bytes again.
        bytes.fill(0);
      }
      ahead.end();
    })();
    assertEquals(await takeAll(ahead), parts.join(""));
    await adding;
    ahead.close();
    await untilDescriptorsAre(before);
    assertEquals([room, failures], [Object.assign({ memoryBytes: 0, fileBytes: 0 }, sizes), []]);
  });
}

Deno.test("OutputAhead.add() waits where there is no room, and goes on when some is taken, or all dropped", async () => {
  const { ahead, room } = open({ memoryBytes: 400 });
  await ahead.add(new Uint8Array(100));
  const adding = ahead.add(new Uint8Array(10));
  assertEquals(await isDone(adding), false);
  assertEquals((await ahead.take())?.length, 100);
  await adding;
  const dropped = ahead.add(new Uint8Array(200));
  assertEquals(await isDone(dropped), false);
  ahead.close();
  await dropped;
  assertEquals([await ahead.take(), room.memoryBytes], [null, 400]);
});

Deno.test("OutputAhead.take() waits for what is added, and for the end", async () => {
  const { ahead } = open({ memoryBytes: 400 });
  const first = ahead.take();
  assertEquals(await isDone(first), false);
  await ahead.add(bytesOf("a"));
  assertEquals(await first, bytesOf("a"));
  const last = ahead.take();
  assertEquals(await isDone(last), false);
  ahead.end();
  assertEquals(await last, null);
});

Deno.test("OutputAhead leaves three quarters of the room that is left to others", async () => {
  const { ahead, room } = open({ memoryBytes: 4000, fileBytes: 40_000 });
  const adding = ahead.add(new Uint8Array(100_000));
  assertEquals(await isDone(adding), false);
  assertEquals(room, { memoryBytes: 3000, fileBytes: 30_000 });
  ahead.close();
  await adding;
  await isDone(adding);
  assertEquals(room, { memoryBytes: 4000, fileBytes: 40_000 });
});

Deno.test("OutputAhead says once that no file can be made, and goes on in memory", async () => {
  const { ahead, failures, room } = open({ memoryBytes: 40, fileBytes: 1 << 20, folder: "/nowhere" });
  const adding = ahead.add(bytesOf("abcdefghijklmnopqrstuvwxyz")).then(() => ahead.end());
  assertEquals(await takeAll(ahead), "abcdefghijklmnopqrstuvwxyz");
  await adding;
  ahead.close();
  assertEquals([failures, room], [['"/nowhere": does not exist'], { memoryBytes: 40, fileBytes: 1 << 20 }]);
});

Deno.test("OutputAhead.close() while the file is written or read leaves nothing open", async () => {
  const before = countDescriptors();
  const { ahead, room } = open({ fileBytes: 1 << 22 });
  await ahead.add(new Uint8Array(1 << 16));
  const [adding, taking] = [ahead.add(new Uint8Array(1 << 19)), ahead.take()];
  ahead.close();
  await adding;
  assert((await taking)?.length !== 0);
  await untilDescriptorsAre(before);
  assertEquals(room.fileBytes, 1 << 22);
});
