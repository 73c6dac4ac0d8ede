/** Files that several are sent at once. What may be opened at all: static_files_test.ts and tests/. */
import { assert, assertEquals } from "@std/assert";
import type { RangeFile } from "../system/file_ranges.ts";
import { type FileHandle, openByRuntime } from "./file_handle.ts";
import { SharedFiles, statOpenFile } from "./open_file.ts";
import { represent, type Representation } from "./representation.ts";

/** One that is counted, and that the system could send. */
class NotedHandle implements FileHandle {
  readonly ranges: RangeFile = { descriptor: 77, isInMemory: () => true };
  readonly #handle: FileHandle;
  isClosed = false;

  constructor(path: string) {
    this.#handle = openByRuntime(path);
  }

  stat() {
    return this.#handle.stat();
  }

  read(into: Uint8Array<ArrayBuffer>, position: number) {
    return this.#handle.read(into, position);
  }

  close(): void {
    assert(!this.isClosed);
    this.isClosed = true;
    this.#handle.close();
  }
}

interface Scene {
  readonly path: string;
  /** Opens the file anew, with what is known of it. */
  open(): { readonly handle: NotedHandle; readonly known: Representation };
}

async function withFile(test: (scene: Scene) => Promise<void> | void): Promise<void> {
  const path = await Deno.makeTempFile();
  try {
    await test({
      path,
      open: () => {
        const handle = new NotedHandle(path);
        const facts = statOpenFile(handle);
        const known = represent({ path, facts, coding: null }, {
          ...{ type: "", varies: false, nowMs: Date.now(), examined: null },
          acceptRanges: "bytes",
          ...{ keepsContent: false, isBefore1970: false },
        });
        return { handle, known };
      },
    });
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("SharedFiles has a file open once for all who are sent it, until the last of them has left", () =>
  withFile(({ path, open }) => {
    const files = new SharedFiles();
    const { handle, known } = open();
    assertEquals(files.join(known), null);
    const first = files.share(known, { path, handle, facts: known.facts }, true);
    const second = files.join(known);
    assertEquals([second?.handle, second?.ranges, second?.reads], [handle, handle.ranges, first.reads]);
    first.leave();
    assertEquals(handle.isClosed, false);
    second?.leave();
    assertEquals([handle.isClosed, files.join(known)], [true, null]);
  }));

Deno.test("SharedFiles has the system send a file only where it may", () =>
  withFile(({ path, open }) => {
    const { handle, known } = open();
    const shared = new SharedFiles().share(known, { path, handle, facts: known.facts }, false);
    assertEquals(shared.ranges, null);
    shared.leave();
  }));

Deno.test("SharedFiles lends none that has been written to, and closes both openings", () =>
  withFile(async ({ path, open }) => {
    const files = new SharedFiles();
    const { handle, known } = open();
    const first = files.share(known, { path, handle, facts: known.facts }, false);
    await Deno.writeTextFile(path, "longer");
    assertEquals(files.join(known), null);
    const again = open();
    const second = files.share(known, { path, handle: again.handle, facts: known.facts }, false);
    first.leave();
    assertEquals([handle.isClosed, again.handle.isClosed], [true, false]);
    second.leave();
    assertEquals(again.handle.isClosed, true);
  }));
