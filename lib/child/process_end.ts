/**
 * Waits for the end of a process that is nobody's child here, or of which nobody tells. Separate from child_process.ts, which
 * reaps its own. pidfd_open(2). I/O.
 */
import type { Watcher } from "../system/epoll.ts";
import type { SystemCalls } from "../system/process_calls.ts";

/** Linux, asm-generic/unistd.h. */
const PIDFD_OPEN = 434n;

/** Resolves when there is no such process any more, at once where there is none or it cannot be watched. Never rejects. */
export async function processEnd(
  pid: number,
  { calls, readiness }: { readonly calls: Pick<SystemCalls, "syscall" | "close">; readonly readiness: Watcher },
): Promise<void> {
  const descriptor = Number(calls.syscall(PIDFD_OPEN, BigInt(pid), 0n));
  if (descriptor < 0) return;
  const watched = readiness.watch(descriptor, "readable");
  try {
    await watched.ready();
  } catch {
    // No room to watch it: whoever waits for it goes on.
  } finally {
    watched.stop();
    calls.close(descriptor);
  }
}
