/**
 * A file that is open for reading, by the C library or by the runtime. Separate because these differ in more than their speed: the runtime's
 * own reads at a place (node:fs, Deno 2.7.11) are done by the very thread that asks, so that a slow disk holds up everybody. I/O.
 */
import { closeSync, constants, fstatSync, openSync, read } from "node:fs";
import type { Soon } from "../http/message.ts";
import type { FileRanges, RangeFile } from "../system/file_ranges.ts";
import type { FileFacts } from "./representation.ts";

export interface FileHandle {
  /** What the system sends of it itself; null: all of it has to be read. */
  readonly ranges: RangeFile | null;
  /** Null for what is no regular file. */
  stat(): FileFacts | null;
  /**
   * Reads at a place: how many bytes, 0 at the end. At once where they are in memory, else by another thread, where there is a C library.
   * `into` has a buffer of its own, which stays until it is done.
   */
  read(into: Uint8Array<ArrayBuffer>, position: number): Soon<number>;
  /** Once. */
  close(): void;
}

/** Throws the runtime's errors. */
export type OpenHandle = (path: string) => FileHandle;

/** By the functions of `ranges` where there are some. */
export function handleOpener(ranges: FileRanges | null): OpenHandle {
  if (ranges === null) return openByRuntime;
  return (path) => {
    const descriptor = ranges.open(path);
    // It says why it cannot be done.
    return descriptor < 0 ? openByRuntime(path) : new NativeHandle(ranges, descriptor, path);
  };
}

export function openByRuntime(path: string): FileHandle {
  // O_NONBLOCK: what was a file a moment ago may be a FIFO now, and opening that would stop the whole server.
  return new RuntimeHandle(openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY));
}

class RuntimeHandle implements FileHandle {
  readonly ranges = null;
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  stat(): FileFacts | null {
    const info = fstatSync(this.#fd);
    const { dev, ino, size, mode, mtimeMs, ctimeMs } = info;
    return info.isFile() ? { dev, ino, size, mode, mtimeMs, ctimeMs } : null;
  }

  read(into: Uint8Array<ArrayBuffer>, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      read(this.#fd, into, 0, into.length, position, (error, count) => error ? reject(error) : resolve(count));
    });
  }

  close(): void {
    closeSync(this.#fd);
  }
}

class NativeHandle implements FileHandle {
  readonly ranges: RangeFile;
  readonly #calls: FileRanges;
  readonly #descriptor: number;
  readonly #path: string;

  constructor(calls: FileRanges, descriptor: number, path: string) {
    this.#calls = calls;
    this.#descriptor = descriptor;
    this.#path = path;
    this.ranges = { descriptor, isInMemory: (first, length) => calls.isInMemory(descriptor, { first, length }) };
  }

  stat(): FileFacts | null {
    return this.#calls.stat(this.#descriptor);
  }

  read(into: Uint8Array<ArrayBuffer>, position: number): Soon<number> {
    const count = this.#calls.readNow(this.#descriptor, into, position);
    return count >= 0 ? count : this.#readLater(into, position);
  }

  async #readLater(into: Uint8Array<ArrayBuffer>, position: number): Promise<number> {
    const count = await this.#calls.readLater(this.#descriptor, into, position);
    if (count < 0) throw new Error(`Cannot read "${this.#path}"`);
    return count;
  }

  close(): void {
    this.#calls.close(this.#descriptor);
  }
}
