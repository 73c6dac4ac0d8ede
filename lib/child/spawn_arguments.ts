/**
 * What posix_spawn(3) is told of one program, laid out as C wants it: words and environment as texts that end with NUL and
 * tables of their addresses. Separate from the starting, because here stands what must be right to the byte.
 */
import { encodeByteText } from "../http/byte_text.ts";
import type { SystemCalls } from "../system/process_calls.ts";
import type { ChildCommand } from "./child.ts";

/** Each part has its place: the process id, a posix_spawn_file_actions_t (80 bytes in glibc, 76 in musl), the tables. */
const ACTIONS_OFFSET = 64;
const TABLES_OFFSET = 512;
const POINTER_BYTES = 8;
/** Room for the tables and texts of most programs. */
const USUAL_BYTES = 16_384;

/** Where such memory comes from, and goes when it is of the usual size. */
export class SpawnMemory {
  readonly #calls: Pick<SystemCalls, "memcpy">;
  readonly #free: ArrayBuffer[] = [];

  constructor(calls: Pick<SystemCalls, "memcpy">) {
    this.#calls = calls;
  }

  /** Throws TypeError for a text that has a NUL in it. Whoever gets it gives it back after the call. */
  lay(command: Omit<ChildCommand, "hasInput">): SpawnArguments {
    const environment = Object.entries(command.environment).map(([name, value]) => `${name}=${value}`);
    const texts = [...command.words, ...environment, command.folder];
    const text = `${texts.join("\0")}\0`;
    const tableBytes = (texts.length + 1) * POINTER_BYTES;
    // A character takes at most three bytes of UTF-8.
    const buffer = this.#take(TABLES_OFFSET + tableBytes + 3 * text.length);
    const bytes = new Uint8Array(buffer);
    const textOffset = TABLES_OFFSET + tableBytes;
    const written = encodeByteText(text, bytes.subarray(textOffset));
    const starts = findStarts(bytes, textOffset, textOffset + written);
    if (starts.length !== texts.length) throw new TypeError("A word or variable of a script has a NUL in it");
    const address = this.#calls.memcpy(bytes, bytes, 0n);
    const wordCount = command.words.length;
    const tables = new BigUint64Array(buffer, TABLES_OFFSET, texts.length + 1);
    starts.forEach((start, index) => {
      // A null ends each table: behind the words, and in place of the folder behind the environment.
      if (index < texts.length - 1) tables[index < wordCount ? index : index + 1] = address + BigInt(start);
    });
    tables[wordCount] = 0n;
    tables[texts.length] = 0n;
    const at = (offset: number) => bytes.subarray(offset);
    return {
      buffer,
      processId: new Int32Array(buffer, 0, 1),
      actions: at(ACTIONS_OFFSET),
      program: at(starts[0]),
      words: at(TABLES_OFFSET),
      environment: at(TABLES_OFFSET + (wordCount + 1) * POINTER_BYTES),
      folder: at(starts[texts.length - 1]),
    };
  }

  giveBack({ buffer }: SpawnArguments): void {
    if (buffer.byteLength === USUAL_BYTES) this.#free.push(buffer);
  }

  #take(byteCount: number): ArrayBuffer {
    if (byteCount > USUAL_BYTES) return new ArrayBuffer(byteCount);
    return this.#free.pop() ?? new ArrayBuffer(USUAL_BYTES);
  }
}

/** Parts of one piece of memory, each from where it begins. */
export interface SpawnArguments {
  readonly buffer: ArrayBuffer;
  /** Filled by posix_spawn. */
  readonly processId: Int32Array<ArrayBuffer>;
  readonly actions: Uint8Array<ArrayBuffer>;
  readonly program: Uint8Array<ArrayBuffer>;
  readonly words: Uint8Array<ArrayBuffer>;
  readonly environment: Uint8Array<ArrayBuffer>;
  readonly folder: Uint8Array<ArrayBuffer>;
}

/** Where each text that ends with NUL begins. */
function findStarts(bytes: Uint8Array, from: number, to: number): number[] {
  const starts: number[] = [];
  for (let start = from; start < to; start = bytes.indexOf(0, start) + 1) starts.push(start);
  return starts;
}
