/**
 * What a program has printed and its client has not taken yet: in memory, and beyond a bound in a temporary file, so that the
 * program can end, and its place go to the next request, while the client is slow. Whoever adds to it waits where there is no
 * room. I/O (the file).
 */
import { fairShare, type MemoryBudget } from "../memory_budget.ts";
import { osProblem } from "../start_error.ts";
import type { SpoolFile, SpoolFolder } from "./spool_folder.ts";

/** How much more may be kept for all programs together. */
export interface OutputRoom {
  memoryBytes: number;
  fileBytes: number;
}

export interface OutputAheadOptions {
  /** What is kept is taken from it, and given back. */
  readonly room: OutputRoom;
  /** Counts the memory as well. */
  readonly budget: MemoryBudget;
  /** Where the file is made. */
  readonly folder: SpoolFolder;
  /** Told once, in words, when nothing more can be put into the file; then there is memory alone. */
  readonly onFileFailure: (problem: string) => void;
}

/** Bytes that one read of the file takes. */
const READ_BYTES = 65_536;

export class OutputAhead {
  readonly #options: OutputAheadOptions;
  /** They stand before what is in the file. */
  #parts: Uint8Array[] = [];
  #memoryBytes = 0;
  #file: SpoolFile | null = null;
  /** What of the file is to be read: from here, to there. */
  #fileStart = 0;
  #fileEnd = 0;
  #usesFile = true;
  #buffer: Uint8Array | null = null;
  /** The last use of the file, whose position both sides move; the next one waits for it. */
  #lastUse: Promise<unknown> = Promise.resolve();
  #hasEnded = false;
  #isClosed = false;
  #changed = Promise.withResolvers<void>();

  constructor(options: OutputAheadOptions) {
    this.#options = options;
  }

  /** Resolves once all of the bytes are kept, and then they may change; after `close` they are dropped. Never rejects. */
  async add(bytes: Uint8Array): Promise<void> {
    for (let rest = bytes; rest.length > 0 && !this.#isClosed;) {
      // As it is before the look: what changes while the file is used must not be missed.
      const { promise } = this.#changed;
      const kept = this.#addToMemory(rest) || await this.#addToFile(rest);
      if (kept === 0) await promise;
      rest = rest.subarray(kept);
    }
  }

  /** Nothing will be added. */
  end(): void {
    this.#hasEnded = true;
    this.#change();
  }

  /** The next bytes, valid until the next call; null at the end, and after `close`. Throws what reading the file throws. */
  async take(): Promise<Uint8Array | null> {
    while (!this.#isClosed) {
      const { promise } = this.#changed;
      const hasEnded = this.#hasEnded;
      const part = this.#takeFromMemory() ?? await this.#takeFromFile();
      if (part !== null) return part;
      if (hasEnded) return null;
      await promise;
    }
    return null;
  }

  /** Drops what is left. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const { room, budget } = this.#options;
    room.memoryBytes += this.#memoryBytes;
    budget.give(this.#memoryBytes);
    room.fileBytes += this.#fileEnd;
    this.#parts = [];
    // A use that is under way comes to its end before.
    this.#lastUse.then(() => this.#file?.close());
    this.#change();
  }

  /** Whoever waits for the other side looks again. */
  #change(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }

  /** How many of the bytes are in memory now. What comes after the file's bytes is never in memory before they are read. */
  #addToMemory(bytes: Uint8Array): number {
    if (this.#fileStart < this.#fileEnd) return 0;
    const { room, budget } = this.#options;
    const own = this.#memoryBytes;
    const kept = Math.min(bytes.length, fairShare(room.memoryBytes, own), budget.spoolRoom(own));
    if (kept === 0) return 0;
    room.memoryBytes -= kept;
    budget.take(kept);
    this.#memoryBytes += kept;
    this.#parts.push(bytes.slice(0, kept));
    this.#change();
    return kept;
  }

  #takeFromMemory(): Uint8Array | null {
    const part = this.#parts.shift();
    if (part === undefined) return null;
    this.#memoryBytes -= part.length;
    this.#options.room.memoryBytes += part.length;
    this.#options.budget.give(part.length);
    this.#change();
    return part;
  }

  async #addToFile(bytes: Uint8Array): Promise<number> {
    const { room, folder, onFileFailure } = this.#options;
    const kept = this.#usesFile ? Math.min(bytes.length, fairShare(room.fileBytes, this.#fileEnd)) : 0;
    if (kept === 0) return 0;
    room.fileBytes -= kept;
    try {
      const written = await this.#useAlone(async () => {
        this.#file ??= await folder.open();
        return await this.#file.writeAt(this.#fileEnd, bytes.subarray(0, kept));
      });
      // Closing has given back what was in the file before.
      if (this.#isClosed) room.fileBytes += kept;
      else room.fileBytes += kept - written;
      this.#fileEnd += written;
      this.#change();
      return written;
    } catch (error) {
      room.fileBytes += kept;
      this.#usesFile = false;
      onFileFailure(`"${folder.path}": ${osProblem(error)}`);
      return 0;
    }
  }

  async #takeFromFile(): Promise<Uint8Array | null> {
    const file = this.#file;
    if (file === null || this.#fileStart === this.#fileEnd) return null;
    const buffer = this.#buffer ??= new Uint8Array(READ_BYTES);
    const space = buffer.subarray(0, Math.min(buffer.length, this.#fileEnd - this.#fileStart));
    const count = await this.#useAlone(() => readAt(file, this.#fileStart, space));
    this.#fileStart += count;
    if (this.#fileStart === this.#fileEnd && !this.#isClosed) await this.#useAlone(() => this.#emptyFile(file));
    return buffer.subarray(0, count);
  }

  /** What has been read takes no room any more. */
  async #emptyFile(file: SpoolFile): Promise<void> {
    if (this.#fileStart < this.#fileEnd || this.#isClosed) return;
    try {
      await file.empty();
    } catch (error) {
      // What was read is good; the room comes back when it is closed.
      this.#usesFile = false;
      return this.#options.onFileFailure(`"${this.#options.folder.path}": ${osProblem(error)}`);
    }
    if (this.#isClosed) return;
    this.#options.room.fileBytes += this.#fileEnd;
    this.#fileStart = this.#fileEnd = 0;
    this.#change();
  }

  #useAlone<Result>(use: () => Promise<Result>): Promise<Result> {
    const result = this.#lastUse.then(use);
    this.#lastUse = result.catch(() => {});
    return result;
  }
}

async function readAt(file: SpoolFile, position: number, space: Uint8Array): Promise<number> {
  const count = await file.readAt(position, space);
  if (count === null) throw new Error("A temporary file has become shorter");
  return count;
}
