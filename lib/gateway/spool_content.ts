/**
 * Takes in the whole content of a request before its script starts. Of a chunked one because a script is told CONTENT_LENGTH,
 * reads as many bytes as that says, and has no other way to know the end; of others so that the script does not wait for a
 * client that is slow to send. RFC 3875 4.1.2 and 4.2.
 */
import { freeBytes } from "../free_bytes.ts";
import { type Body, HttpError } from "../http/message.ts";
import { statusOfSystemError, systemHttpError } from "../http/system_error.ts";
import type { MemoryBudget } from "../memory_budget.ts";
import { osProblem } from "../start_error.ts";
import type { SpoolFile, SpoolFolder } from "./spool_folder.ts";

export interface SpoolOptions {
  /** Content beyond this goes to a file, and beyond what `budget` has room for. */
  readonly maxMemoryBytes: number;
  readonly budget: MemoryBudget;
  /** Where that file is made; it loses its name at once. */
  readonly folder: SpoolFolder;
}

/** Bytes that one read of the file takes. */
const READ_BYTES = 65_536;

/**
 * Reads `content` to its end and gives it back with its length. Whoever gets it closes it; when this rejects nothing is
 * left: as `content` does, and with HttpError where the folder fails: 507 when it is full, 503 when it hangs and for want of descriptors, else 500.
 */
export async function spoolContent(content: Body, options: SpoolOptions): Promise<Body> {
  const spool = new SpooledContent(options, content.length);
  try {
    for await (const part of content) await spool.append(part);
    await spool.finish();
    return spool;
  } catch (error) {
    await spool.close();
    throw error;
  }
}

class SpooledContent implements Body {
  length = 0;
  readonly #options: SpoolOptions;
  /** What will have been appended in the end; null: that is not known. */
  readonly #wholeLength: number | null;
  /** What is in no file, from 0 to `#memoryLength`: all of the content, or the last of it. */
  #memory: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #memoryLength = 0;
  #file: SpoolFile | null = null;
  #fileLength = 0;

  constructor(options: SpoolOptions, wholeLength: number | null) {
    this.#options = options;
    this.#wholeLength = wholeLength;
  }

  /** Takes the part, which may change afterwards. Parts may be of one byte each, so they are gathered. */
  async append(part: Uint8Array): Promise<void> {
    this.length += part.length;
    if (this.#memoryLength + part.length > this.#mostInMemory()) {
      await this.#moveToFile();
      if (part.length > this.#mostInMemory()) return await this.#write(part);
    }
    this.#reserve(this.#memoryLength + part.length);
    this.#memory.set(part, this.#memoryLength);
    this.#memoryLength += part.length;
  }

  /** All of the content has been appended. */
  async finish(): Promise<void> {
    if (this.#file === null) return;
    await this.#moveToFile();
    this.#dropMemory();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    if (this.#file === null) {
      if (this.#memoryLength > 0) yield this.#memory.subarray(0, this.#memoryLength);
      return;
    }
    const buffer = new Uint8Array(READ_BYTES);
    for (let position = 0; this.#file !== null;) {
      const count = await this.#read(this.#file, { position, buffer });
      if (count === null) break;
      yield buffer.subarray(0, count);
      position += count;
    }
  }

  close(): Promise<void> {
    this.#file?.close();
    this.#file = null;
    this.#dropMemory();
    this.#memoryLength = 0;
    return Promise.resolve();
  }

  #mostInMemory(): number {
    const { maxMemoryBytes, budget } = this.#options;
    const ownBytes = this.#memory.length;
    return Math.min(maxMemoryBytes, ownBytes + budget.spoolRoom(ownBytes));
  }

  #dropMemory(): void {
    this.#options.budget.give(this.#memory.length);
    freeBytes(this.#memory);
    this.#memory = new Uint8Array(0);
  }

  #reserve(length: number): void {
    if (length <= this.#memory.length) return;
    const larger = new Uint8Array(Math.min(2 * length, this.#mostInMemory(), this.#wholeLength ?? Infinity));
    larger.set(this.#memory.subarray(0, this.#memoryLength));
    this.#options.budget.take(larger.length - this.#memory.length);
    // Left to the collector, what was outgrown took as much again.
    freeBytes(this.#memory);
    this.#memory = larger;
  }

  async #moveToFile(): Promise<void> {
    await this.#write(this.#memory.subarray(0, this.#memoryLength));
    this.#memoryLength = 0;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    const { folder } = this.#options;
    try {
      const file = this.#file ??= await folder.open();
      for (let written = 0; written < bytes.length;) {
        const count = await file.writeAt(this.#fileLength, bytes.subarray(written));
        written += count;
        this.#fileLength += count;
      }
    } catch (error) {
      throw folderError(`Cannot keep the content of a request in "${folder.path}"`, error);
    }
  }

  async #read(
    file: SpoolFile,
    { position, buffer }: { readonly position: number; readonly buffer: Uint8Array },
  ): Promise<number | null> {
    try {
      return await file.readAt(position, buffer);
    } catch (error) {
      throw folderError(`Cannot read the content of a request in "${this.#options.folder.path}"`, error);
    }
  }
}

/** One line that says all: the reason is the system's, the folder is the operator's, and no path was asked for in vain. */
function folderError(message: string, error: unknown): HttpError {
  const status = statusOfSystemError(error);
  if (status === 503 || status === 507) return systemHttpError(status, message, error);
  return new HttpError(500, `${message}: ${osProblem(error)}`);
}
