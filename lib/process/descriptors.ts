/**
 * How many connections and scripts fit into the descriptors that the system gives this process. Separate from accepting, which would
 * find out only when the last descriptor is gone, and then no file could be opened for those who are connected. I/O.
 */
import type { Limits } from "../limits.ts";
import type { Libc } from "../system/libc.ts";

/** For files, scripts, the log, connections that are being refused, and what the runtime itself has open. */
const MOST_SPARE = 512;
const LEAST_SPARE = 96;

/** `maxConnectionCount`, or fewer where the process may not open that many descriptors and a quarter (or 96) more. */
export function fitConnections(
  { maxConnectionCount }: Pick<Limits, "maxConnectionCount">,
  descriptorCount: number,
): number {
  const least = Math.min(LEAST_SPARE, Math.ceil(descriptorCount / 2));
  const spare = Math.max(least, Math.min(MOST_SPARE, Math.floor(descriptorCount / 4)));
  return Math.min(maxConnectionCount, descriptorCount - spare);
}

/** Of those that are spare: the log, sockets that listen, files being sent, what the runtime has open. */
const OWN = 40;
/** Three pipes, a file for what does not fit into memory, and two pipes that another one has left held (script_runner.ts). */
const PER_SCRIPT = 6;

/** `maxScripts`, or fewer, at least one, where the descriptors beside those of connections are fewer; the others wait. */
export function fitScripts(
  maxScripts: number,
  { descriptorCount, maxConnectionCount }: { readonly descriptorCount: number; readonly maxConnectionCount: number },
): number {
  const fitting = Math.floor((descriptorCount - maxConnectionCount - OWN) / PER_SCRIPT);
  return Math.max(1, Math.min(maxScripts, fitting));
}

/** Linux, asm-generic/resource.h. */
const RLIMIT_NOFILE = 7;

/** How many descriptors this process may have open; Infinity where there is no bound, and where nobody says. */
export function readDescriptorLimit(libc: Libc): number {
  // struct rlimit { u64 soft, hard }; the runtime has raised the soft limit to the hard one.
  const limit = new BigUint64Array(2);
  const isKnown = libc.getrlimit(RLIMIT_NOFILE, new Uint8Array(limit.buffer)) === 0;
  return isKnown ? Number(limit[0]) : askShell();
}

/** A shell has the limits of whoever starts it. */
function askShell(): number {
  try {
    const { stdout } = new Deno.Command("/bin/sh", { args: ["-c", "ulimit -n"], stderr: "null" }).outputSync();
    return Number.parseInt(new TextDecoder().decode(stdout)) || Infinity;
  } catch (error) {
    // There is none on this machine; a limit that is met later is told then.
    if (error instanceof Deno.errors.NotFound) return Infinity;
    throw error;
  }
}
