/**
 * What the kernel tells of a process in numbers: its processor time, and how many descriptors this one has open. By the C library,
 * so that no permission to read /proc is needed. I/O. proc_pid_stat(5), fcntl(2).
 */
import { descriptorBound } from "./descriptor_bound.ts";
import type { Libc } from "./libc.ts";
import { readProcHead } from "./proc_file.ts";

const STAT_BYTES = 1024;
/** USER_HZ is 100 for every program of Linux on x86-64 and arm64. */
const TICKS_A_SECOND = 100;
/** Of the fields that follow the name: utime, stime, and those of children that were waited for, cutime and cstime. */
const FIRST_TIME = 11;
const TIME_COUNT = 4;

/** Processor time with that of children that have ended; null where it is gone, or nobody can tell. `pid` "self": this process. */
export function readCpuSeconds(libc: Libc, pid: number | "self"): number | null {
  return parseCpuSeconds(readProcHead(`/proc/${pid}/stat`, STAT_BYTES, libc));
}

/** Null for what is no line of a process. Its name, in parentheses, may hold anything. */
export function parseCpuSeconds(stat: string): number | null {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = fields.slice(FIRST_TIME, FIRST_TIME + TIME_COUNT).map(Number);
  if (ticks.length < TIME_COUNT || !ticks.every(Number.isSafeInteger)) return null;
  return ticks.reduce((sum, each) => sum + each, 0) / TICKS_A_SECOND;
}

const F_GETFD = 1;

/** Null where nobody can tell. 0.2 us for each number that a descriptor may have. */
export function countDescriptors(libc: Libc): number | null {
  const bound = descriptorBound(libc);
  if (bound === 0) return null;
  let count = 0;
  for (let descriptor = 0; descriptor < bound; descriptor++) {
    if (libc.fcntl(descriptor, F_GETFD, 0) >= 0) count++;
  }
  return count;
}
