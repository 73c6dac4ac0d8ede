import { assertEquals, assertRejects } from "@std/assert";
import { type Body, HttpError } from "../http/message.ts";
import { chunkedBody } from "../../tests/cgi/fake_request.ts";
import { MemoryBudget } from "../memory_budget.ts";
import { spoolContent } from "./spool_content.ts";
import { SpoolFolder } from "./spool_folder.ts";

const LIMIT_MS = 10_000;

/** How many spool files this process has open; none has a name any more. */
function namelessFiles(): number {
  return [...Deno.readDirSync("/proc/self/fd")].filter(({ name }) => {
    try {
      return /^.*\/lisod-content-\w+ \(deleted\)$/.test(Deno.readLinkSync(`/proc/self/fd/${name}`));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  }).length;
}

/** A file is closed a little later. Resolves when so many are open; rejects when they are not within ten seconds. */
async function untilNamelessFilesAre(count: number): Promise<void> {
  for (const endMs = performance.now() + 10_000; namelessFiles() !== count;) {
    if (performance.now() > endMs) throw new Error(`${namelessFiles()} files in place of ${count}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function readAll(body: Body): Promise<number[]> {
  const bytes: number[] = [];
  for await (const part of body) bytes.push(...part);
  return bytes;
}

/** Parts of these sizes in one buffer that is used again, as a connection does; the bytes count up. */
function* reusedParts(sizes: readonly number[]): Iterable<Uint8Array> {
  const buffer = new Uint8Array(Math.max(0, ...sizes));
  let next = 0;
  for (const size of sizes) {
    for (let i = 0; i < size; i++) buffer[i] = next++;
    yield buffer.subarray(0, size);
  }
}

const ROWS: readonly (readonly [name: string, sizes: readonly number[], fileCount: number])[] = [
  ["nothing", [], 0],
  ["an empty part", [0], 0],
  ["as much as memory holds", [4, 5, 1], 0],
  ["one byte more", [4, 5, 2], 1],
  ["byte by byte", new Array(25).fill(1), 1],
  ["a part larger than memory at once", [11], 1],
  ["a part larger than memory after and before others", [3, 50, 4, 7], 1],
];

for (const [name, sizes, fileCount] of ROWS) {
  Deno.test(`spoolContent() gives back ${name}`, async () => {
    const folder = Deno.makeTempDirSync();
    try {
      const before = namelessFiles();
      const body = await spoolContent(chunkedBody(reusedParts(sizes)), {
        maxMemoryBytes: 10,
        folder: new SpoolFolder(folder, LIMIT_MS),
        budget: new MemoryBudget(),
      });
      const length = sizes.reduce((sum, size) => sum + size, 0);
      assertEquals(body.length, length);
      assertEquals([...Deno.readDirSync(folder)], []);
      assertEquals(namelessFiles() - before, fileCount);
      assertEquals(await readAll(body), Array.from({ length }, (_, index) => index));
      await body.close();
      await untilNamelessFilesAre(before);
    } finally {
      Deno.removeSync(folder);
    }
  });
}

Deno.test("spoolContent() rejects as the content does and leaves nothing", async () => {
  const folder = Deno.makeTempDirSync();
  function* broken() {
    yield new Uint8Array(20);
    throw new Error("gone");
  }
  const before = namelessFiles();
  await assertRejects(
    () =>
      spoolContent(chunkedBody(broken()), {
        maxMemoryBytes: 10,
        folder: new SpoolFolder(folder, LIMIT_MS),
        budget: new MemoryBudget(),
      }),
    Error,
    "gone",
  );
  await untilNamelessFilesAre(before);
  Deno.removeSync(folder);
});

Deno.test("spoolContent() rejects in one line that names the folder when that is gone or full", async () => {
  const folder = Deno.makeTempDirSync();
  const { makeTempFile } = Deno;
  const fail = async (folder: string) => {
    const spooling = spoolContent(chunkedBody([new Uint8Array(2)]), {
      maxMemoryBytes: 1,
      folder: new SpoolFolder(folder, LIMIT_MS),
      budget: new MemoryBudget(),
    });
    const { status, message, cause } = await assertRejects(() => spooling, HttpError);
    return [status, message, cause];
  };
  const start = "Cannot keep the content of a request in ";
  assertEquals(await fail("/nonexistent"), [500, `${start}"/nonexistent": does not exist`, undefined]);
  const before = namelessFiles();
  try {
    // The device that is always full, for a file system that is.
    Deno.makeTempFile = () => {
      Deno.symlinkSync("/dev/full", `${folder}/full`);
      return Promise.resolve(`${folder}/full`);
    };
    assertEquals(await fail(folder), [507, `${start}"${folder}": no space left on device`, undefined]);
  } finally {
    Deno.makeTempFile = makeTempFile;
    assertEquals([...Deno.readDirSync(folder)], []);
    Deno.removeSync(folder);
  }
  await untilNamelessFilesAre(before);
});
