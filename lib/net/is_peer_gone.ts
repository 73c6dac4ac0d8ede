/** Tells failures that nobody can mend and nobody waits for from those that are faults. Separate, for it is asked at each end. */

/** The peer closed, reset or vanished, or we closed the socket under a read: nobody is left to answer, nothing is wrong. */
export function isPeerGone(error: unknown): boolean {
  return PEER_GONE.some((kind) => error instanceof kind);
}

const PEER_GONE = [
  Deno.errors.BrokenPipe,
  Deno.errors.ConnectionReset,
  Deno.errors.ConnectionAborted,
  Deno.errors.NotConnected,
  Deno.errors.Interrupted,
  Deno.errors.UnexpectedEof,
  Deno.errors.BadResource,
  Deno.errors.TimedOut,
];
