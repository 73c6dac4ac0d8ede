/**
 * Keeps the secrets of TLS connections off the disk. The runtime opens the file that SSLKEYLOGFILE names before any of
 * this program runs, and later writes the keys of every connection to it; taking the variable away is too late. So the
 * open file is exchanged for /dev/null. What stays is a file without content. I/O.
 */
import { O_CLOEXEC } from "../system/flags.ts";
import type { Libc } from "../system/libc.ts";
import { StartError } from "../start_error.ts";

const VARIABLE = "SSLKEYLOGFILE";

/** Linux, fcntl.h. */
const O_WRONLY = 1;
/** Standard input, output and error are no key log, whatever the variable names. */
const FIRST_FD = 3;

/**
 * Makes the runtime forget the key log, before the first TLS connection. Returns what to tell the operator; null where
 * the variable is not set. Throws StartError where the key log would be written all the same.
 */
export function silenceKeyLog(libc: Libc): string | null {
  const path = Deno.env.get(VARIABLE);
  // Programs that this one starts have no use for it either.
  Deno.env.delete(VARIABLE);
  if (path === undefined || path === "") return null;
  const descriptors = findDescriptors(path);
  if (descriptors.length > 0 && !pointToNull(descriptors, libc)) {
    const problem = "the runtime would write the secrets of every connection there";
    throw new StartError({ argument: VARIABLE, value: path, problem, remedy: `unset ${VARIABLE}` });
  }
  return `${VARIABLE} is set and ignored: it would put the secrets of every connection on disk`;
}

/** The descriptors of this process that are open on the file. */
function findDescriptors(path: string): readonly number[] {
  const file = statOrNull(path);
  if (file === null) return [];
  return Array.from(Deno.readDirSync("/proc/self/fd"), (entry) => Number(entry.name)).filter((fd) => {
    if (fd < FIRST_FD) return false;
    const open = statOrNull(`/proc/self/fd/${fd}`);
    return open !== null && open.dev === file.dev && open.ino === file.ino;
  });
}

/** Null for what is not there: the runtime could not open it, or it is the descriptor that reads /proc itself. */
function statOrNull(path: string): Deno.FileInfo | null {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return null;
    throw error;
  }
}

/** Not closed, for its number would go to the next file or socket, and the secrets with it. */
function pointToNull(descriptors: readonly number[], libc: Libc): boolean {
  const none = libc.open(new TextEncoder().encode("/dev/null\0"), O_WRONLY | O_CLOEXEC, 0);
  const isDone = none >= 0 && descriptors.every((fd) => libc.dup3(none, fd, O_CLOEXEC) === fd);
  libc.close(none);
  return isDone;
}
