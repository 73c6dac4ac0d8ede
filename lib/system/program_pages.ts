/**
 * Gives back the pages of the program's own file that came into memory with the start, most of which nothing needs afterwards: half
 * of what the process takes. What is needed comes again, from what the system keeps of the file. madvise(2), proc(5). I/O.
 */
import { type ReadCalls, readProcFile } from "./proc_file.ts";

/** Linux, asm-generic/mman-common.h. */
const MADV_DONTNEED = 4;

/** Where a part of a file is in memory: from `first` (inclusive) to `end` (exclusive). */
export interface Mapping {
  readonly first: bigint;
  readonly end: bigint;
}

export interface PageCalls extends ReadCalls {
  madvise(address: bigint, byteCount: bigint, advice: number): number;
}

/** `path`: the program's file. Without /proc nothing is given back. */
export function releaseProgramPages(path: string, calls: PageCalls): void {
  for (const { first, end } of programMappings(readProcFile("/proc/self/maps", calls), path)) {
    calls.madvise(first, end - first, MADV_DONTNEED);
  }
}

/**
 * Those of the file, in /proc/PID/maps, that are as the file has them, for nobody ever writes there: the code, and what cannot be written
 * at the beginning. What cannot be written further on could be when the program was linked at its start: that would be lost.
 */
export function programMappings(maps: string, path: string): readonly Mapping[] {
  return maps.split("\n").flatMap((line) => {
    const [, first, end, mode, offset, name] = /^([0-9a-f]+)-([0-9a-f]+) (\S+) ([0-9a-f]+) \S+ \d+ +(.*)$/.exec(line) ??
      [];
    const isUnchanged = mode === "r-xp" || (mode === "r--p" && Number(`0x${offset}`) === 0);
    return name === path && isUnchanged ? [{ first: BigInt(`0x${first}`), end: BigInt(`0x${end}`) }] : [];
  });
}
