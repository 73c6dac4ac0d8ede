/**
 * Files by calls of the C library, for the system sends from descriptors, and the runtime tells nobody the numbers of its own: those
 * of the disk, which are read without a wait where they are in memory, and by another thread where they are not; and one in memory,
 * for contents that are kept. Separate from who sends. I/O. statx(2), preadv2(2), pread(2), memfd_create(2), fallocate(2).
 */
import { O_CLOEXEC, O_NONBLOCK } from "./flags.ts";

export const RANGE_CALLS = {
  open: { parameters: ["buffer", "i32", "u32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  statx: { parameters: ["i32", "buffer", "i32", "u32", "buffer"], result: "i32" },
  pread: { parameters: ["i32", "buffer", "u32", "i64"], result: "i32" },
  /** The same by another thread. */
  pread_aside: { name: "pread", parameters: ["i32", "buffer", "u32", "i64"], result: "i32", nonblocking: true },
  pwrite: { parameters: ["i32", "buffer", "u32", "i64"], result: "i32" },
  preadv2: { parameters: ["i32", "buffer", "i32", "i64", "i32"], result: "i32" },
  memfd_create: { parameters: ["buffer", "u32"], result: "i32" },
  fallocate: { parameters: ["i32", "i32", "i64", "i64"], result: "i32" },
  /** Returns where its first argument is. */
  memcpy: { parameters: ["buffer", "buffer", "usize"], result: "usize" },
} as const satisfies Deno.ForeignLibraryInterface;

export type RangeCalls = Deno.DynamicLibrary<typeof RANGE_CALLS>["symbols"];

/** Bytes of a file that is open: `length` of them from `first` on. */
export interface Range {
  readonly descriptor: number;
  readonly first: number;
  readonly length: number;
}

/** What the system says of a regular file, as the runtime says it: times in ms from 1970 on or back, ctime in whole seconds. */
export interface DescriptorFacts {
  readonly dev: number;
  readonly ino: number;
  readonly size: number;
  readonly mode: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
}

/** A file of the disk from which the system sends. */
export interface RangeFile {
  readonly descriptor: number;
  /** Whether those bytes are in memory, as far as can be seen by some of them: then sending them waits for no disk. */
  isInMemory(first: number, length: number): boolean;
}

/** Linux, linux/fcntl.h, linux/stat.h, linux/uio.h, linux/memfd.h and linux/falloc.h; the same on every processor. */
const O_NOCTTY = 0o400;
const AT_EMPTY_PATH = 0x1000;
const STATX_BASIC_STATS = 0x7ff;
const STATX_BYTES = 256;
const RWF_NOWAIT = 8;
const S_IFMT = 0o170000;
const S_IFREG = 0o100000;
const MFD_CLOEXEC = 1;
const PUNCH_HOLE_AND_KEEP_SIZE = 3;

/**
 * One byte of so many is asked for. What reads a file ahead, and what drops it from memory, does so with more at once: a
 * smaller hole is rare, and costs one read of the disk for which everybody waits.
 */
const PROBE_BYTES = 65_536;
/** Each content begins at a page of its own, of whatever size pages are: so its pages can be given back. */
const MOST_PAGE_BYTES = 65_536;

export class FileRanges {
  readonly #calls: RangeCalls;
  readonly #stat = new DataView(new ArrayBuffer(STATX_BYTES));
  readonly #statBytes = new Uint8Array(this.#stat.buffer);
  /** struct iovec { void *base; size_t length }, of one byte. */
  readonly #vector: Uint8Array<ArrayBuffer>;
  /** Where that byte goes; larger, for small arrays move. */
  readonly #probe = new Uint8Array(4096);
  /** The same of what is read. */
  readonly #readVector = new BigUint64Array(2);
  readonly #readVectorBytes = new Uint8Array(this.#readVector.buffer);

  constructor(calls: RangeCalls) {
    this.#calls = calls;
    const where = calls.memcpy(this.#probe, this.#probe, 0n);
    this.#vector = new Uint8Array(BigUint64Array.of(where, 1n).buffer);
  }

  /** Below 0 where it cannot be opened for reading. */
  open(path: string): number {
    const name = new TextEncoder().encode(`${path}\0`);
    // O_RDONLY is 0. O_NONBLOCK: what was a file a moment ago may be a FIFO now.
    return this.#calls.open(name, O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
  }

  /** Once. */
  close(descriptor: number): void {
    this.#calls.close(descriptor);
  }

  /** Null for what is no regular file. */
  stat(descriptor: number): DescriptorFacts | null {
    if (this.#calls.statx(descriptor, NO_NAME, AT_EMPTY_PATH, STATX_BASIC_STATS, this.#statBytes) !== 0) return null;
    const stat = this.#stat;
    const mode = stat.getUint16(28, true);
    if ((mode & S_IFMT) !== S_IFREG) return null;
    const number = (offset: number) => Number(stat.getBigInt64(offset, true));
    return {
      dev: deviceNumber(stat.getUint32(136, true), stat.getUint32(140, true)),
      ino: number(32),
      size: number(40),
      mode,
      mtimeMs: mirroredMs(number(112), stat.getUint32(120, true)),
      ctimeMs: number(96) * 1000,
    };
  }

  /** How many bytes were read from there on without a wait, 0 at the end; below 0: they are to be waited for, or nobody can say (tmpfs). */
  readNow(descriptor: number, into: Uint8Array<ArrayBuffer>, position: number): number {
    this.#readVector[0] = this.#calls.memcpy(into, into, 0n);
    this.#readVector[1] = BigInt(into.length);
    return this.#calls.preadv2(descriptor, this.#readVectorBytes, 1, BigInt(position), RWF_NOWAIT);
  }

  /** The same by another thread, for as long as it takes: nobody may free `into` meanwhile. Below 0: it cannot be done. */
  readLater(descriptor: number, into: Uint8Array<ArrayBuffer>, position: number): Promise<number> {
    return this.#calls.pread_aside(descriptor, into, into.length, BigInt(position));
  }

  /** Whether those bytes are in memory, as far as can be seen by some of them. */
  isInMemory(descriptor: number, { first, length }: { readonly first: number; readonly length: number }): boolean {
    const last = first + length - 1;
    for (let at = first; at < last; at += PROBE_BYTES) if (!this.#isByteInMemory(descriptor, at)) return false;
    return this.#isByteInMemory(descriptor, last);
  }

  /** False also where the file system cannot say. */
  #isByteInMemory(descriptor: number, at: number): boolean {
    return this.#calls.preadv2(descriptor, this.#vector, 1, BigInt(at), RWF_NOWAIT) === 1;
  }

  /** A file of its own in memory, for at most so many bytes at once. */
  createMemory(maxBytes: number): MemoryFile {
    return new MemoryFile(this.#calls, maxBytes);
  }
}

const NO_NAME = new Uint8Array(1);

/** Of a time before 1970 the distance to it, as the runtime has it: file_times.ts tells which is meant. */
function mirroredMs(seconds: number, nanoseconds: number): number {
  const isBorrowed = seconds < 0 && nanoseconds > 0;
  const distance = seconds < 0 ? -seconds - (isBorrowed ? 1 : 0) : seconds;
  return distance * 1000 + Math.floor((isBorrowed ? 1e9 - nanoseconds : nanoseconds) / 1e6);
}

/** As st_dev has it: makedev(3). */
function deviceNumber(major: number, minor: number): number {
  return (major >>> 12) * 2 ** 44 + (major & 0xfff) * 2 ** 8 + (minor >>> 8) * 2 ** 20 + (minor & 0xff);
}

/** Contents in memory that no file of the disk stands for: what is kept there does not change, and never has to be read. */
export class MemoryFile {
  readonly #calls: RangeCalls;
  readonly #maxBytes: number;
  /** Null before the first content, -1 where the system gives none. */
  #descriptor: number | null = null;
  #end = 0;
  #heldBytes = 0;
  /** What nobody knows any more is given back: until then somebody may be sending it. */
  readonly #forgotten = new FinalizationRegistry<Range>((range) => this.release(range));

  constructor(calls: RangeCalls, maxBytes: number) {
    this.#calls = calls;
    this.#maxBytes = maxBytes;
  }

  /** Bytes of memory that it takes. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** A copy of the bytes, for as long as somebody knows of the range that is returned; null where there is no room. */
  keep(bytes: Uint8Array<ArrayBuffer>): Range | null {
    const paddedBytes = padded(bytes.length);
    if (this.#heldBytes + paddedBytes > this.#maxBytes) return null;
    const descriptor = this.#descriptor ??= this.#calls.memfd_create(NAME, MFD_CLOEXEC);
    if (descriptor < 0) return null;
    if (this.#heldBytes === 0) this.#end = 0;
    const range = { descriptor, first: this.#end, length: bytes.length };
    this.#heldBytes += paddedBytes;
    this.#end += paddedBytes;
    if (this.#calls.pwrite(descriptor, bytes, bytes.length, BigInt(range.first)) !== bytes.length) {
      this.release(range);
      return null;
    }
    this.#forgotten.register(range, { ...range });
    return range;
  }

  /** A copy of what is kept there. */
  read({ descriptor, first, length }: Range): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    const count = this.#calls.pread(descriptor, bytes, length, BigInt(first));
    if (count !== length) throw new Error("What is kept in memory cannot be read");
    return bytes;
  }

  /** Gives the memory back. Once, and nobody may know of the range any more. */
  release({ descriptor, first, length }: Range): void {
    const paddedBytes = padded(length);
    this.#calls.fallocate(descriptor, PUNCH_HOLE_AND_KEEP_SIZE, BigInt(first), BigInt(paddedBytes));
    this.#heldBytes -= paddedBytes;
  }
}

const NAME = new TextEncoder().encode("lisod-contents\0");

function padded(length: number): number {
  return Math.ceil(length / MOST_PAGE_BYTES) * MOST_PAGE_BYTES;
}
