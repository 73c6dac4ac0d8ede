/**
 * Waits for the end of a process, be it nobody's child here. Separate from child_process.ts, which reaps its own. pidfd_open(2). I/O.
 */
import type { Watcher } from "../system/epoll.ts";
import type { SystemCalls } from "../system/process_calls.ts";

/** Linux, asm-generic/unistd.h. */
const PIDFD_OPEN = 434n;

/** Resolves to true when the process has ended, to false at once where there is none or it cannot be watched. Never rejects. */
export async function processEnd(
  pid: number,
  { calls, readiness }: { readonly calls: Pick<SystemCalls, "syscall" | "close">; readonly readiness: Watcher },
): Promise<boolean> {
  const descriptor = Number(calls.syscall(PIDFD_OPEN, BigInt(pid), 0n));
  if (descriptor < 0) return false;
  const watched = readiness.watch(descriptor, "readable");
  try {
    await watched.ready();
    return true;
  } catch {
    return false; // no room to watch it
  } finally {
    watched.stop();
    calls.close(descriptor);
  }
}
