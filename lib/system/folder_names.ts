/**
 * The names in a folder, some at a time: the runtime has them only all at once, which holds everybody up for 2 us a name and
 * takes memory for the whole folder, however few are wanted. Separate because it alone knows what the kernel writes. I/O.
 * Linux getdents64(2).
 */
import { constants } from "node:fs";
import { O_CLOEXEC, O_NONBLOCK } from "./flags.ts";

export const FOLDER_CALLS = {
  open: { parameters: ["buffer", "i32", "u32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  /** Waits for the disk in a thread of its own. */
  getdents64: { parameters: ["i32", "buffer", "usize"], result: "isize", nonblocking: true },
} as const satisfies Deno.ForeignLibraryInterface;

export type FolderCalls = Deno.DynamicLibrary<typeof FOLDER_CALLS>["symbols"];

/**
 * The names in the folder of that absolute path, in no order and without `.` and `..`; bytes that are not UTF-8 are U+FFFD.
 * Throws as the runtime does.
 */
export type ReadNames = (folder: string) => AsyncIterable<readonly string[]>;

/** Room for some 300 to 1,300 names: what a thread takes to bring them is then little. */
const BUFFER_BYTES = 32_768;
/** struct linux_dirent64 { u64 ino; i64 off; u16 reclen; u8 type; char name[]; } */
const LENGTH_OFFSET = 16;
const NAME_OFFSET = 19;

/** By the calls, or without them by the runtime. */
export function createReadNames(calls: FolderCalls | null): ReadNames {
  return calls === null ? readByRuntime : (folder) => readByCalls(folder, calls);
}

async function* readByCalls(folder: string, calls: FolderCalls): AsyncGenerator<readonly string[]> {
  const flags = constants.O_RDONLY | constants.O_DIRECTORY | O_NONBLOCK | O_CLOEXEC;
  const descriptor = calls.open(new TextEncoder().encode(`${folder}\0`), flags, 0);
  // The runtime will say why, if it cannot either.
  if (descriptor < 0) return yield* readByRuntime(folder);
  try {
    const buffer = new Uint8Array(BUFFER_BYTES);
    for (;;) {
      const count = Number(await calls.getdents64(descriptor, buffer, BigInt(buffer.length)));
      if (count < 0) throw whyNot(folder);
      if (count === 0) return;
      yield namesIn(buffer.subarray(0, count));
    }
  } finally {
    calls.close(descriptor);
  }
}

/** Why the folder could be opened and then not read. */
function whyNot(folder: string): Error {
  try {
    // Nearly always it was removed meanwhile.
    Deno.statSync(folder);
  } catch (error) {
    if (error instanceof Error) return error;
  }
  return new Error(`Cannot read the folder "${folder}"`);
}

function namesIn(records: Uint8Array): string[] {
  const view = new DataView(records.buffer, records.byteOffset, records.length);
  const names: string[] = [];
  for (let at = 0; at < records.length;) {
    const length = view.getUint16(at + LENGTH_OFFSET, true);
    const name = records.subarray(at + NAME_OFFSET, at + length);
    names.push(decoder.decode(name.subarray(0, name.indexOf(0))));
    at += length;
  }
  return names.filter((name) => name !== "." && name !== "..");
}

/** A name may begin with what a text would have as its mark. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

async function* readByRuntime(folder: string): AsyncGenerator<readonly string[]> {
  let names: string[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    names.push(name);
    if (names.length < NAMES_AT_ONCE) continue;
    yield names;
    names = [];
  }
  yield names;
}

const NAMES_AT_ONCE = 256;
