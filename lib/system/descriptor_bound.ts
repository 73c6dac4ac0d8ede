/**
 * How far the descriptors of this process reach, for whoever has to ask each of them: the runtime does not tell those of its
 * sockets, and a list of them (/proc/self/fd) would be one more folder that the server has to be permitted to read. I/O.
 * proc_pid_status(5), getrlimit(2).
 */
import type { Libc } from "./libc.ts";
import { readProcHead } from "./proc_file.ts";

/** More than all lines up to the one that is looked for. */
const STATUS_BYTES = 4096;
/** Linux, asm-generic/resource.h. */
const RLIMIT_NOFILE = 7;
/** Without /proc: a server that is permitted a million descriptors has no more than these open. */
const MOST_DESCRIPTORS = 65_536;

/** One more than the highest number that a descriptor of this process can have now; 0 where nobody can tell. */
export function descriptorBound(libc: Libc): number {
  // The size of the table in which the kernel keeps them: it grows by doubling, and never shrinks.
  const [, size] = /^FDSize:\t(\d+)$/m.exec(readProcHead("/proc/self/status", STATUS_BYTES, libc)) ?? [];
  return Number(size ?? 0) || descriptorLimit(libc);
}

function descriptorLimit(libc: Libc): number {
  const limit = new BigUint64Array(2);
  if (libc.getrlimit(RLIMIT_NOFILE, new Uint8Array(limit.buffer)) !== 0) return 0;
  return Math.min(Number(limit[0]), MOST_DESCRIPTORS);
}
