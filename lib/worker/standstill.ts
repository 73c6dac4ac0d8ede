/**
 * Threads that stand still while another one does what must find all of them so. A thread of the runtime's own pool
 * inherits what its maker has at that moment (capabilities(7)), and whoever stands here makes none. Reads the clock, for
 * its bound.
 */

/** How long each side waits for the other, ms. */
export const STANDSTILL_MS = 10_000;

const STANDING = 0;
const IS_OVER = 1;

/** What is sent to each thread. */
export type SharedStandstill = SharedArrayBuffer;

/** Throws plain Error where one of the `count` threads does not come to stand within `boundMs`; the others go on then. */
export function whileStanding(
  shared: SharedStandstill,
  { count, boundMs, act }: { readonly count: number; readonly boundMs: number; readonly act: () => void },
): void {
  const state = new Int32Array(shared);
  const end = Date.now() + boundMs;
  try {
    for (let standing; (standing = Atomics.load(state, STANDING)) < count;) {
      const outcome = Atomics.wait(state, STANDING, standing, Math.max(0, end - Date.now()));
      if (outcome === "timed-out") throw new Error(`Only ${standing} of ${count} threads stand still`);
    }
    act();
  } finally {
    Atomics.store(state, IS_OVER, 1);
    Atomics.notify(state, IS_OVER);
  }
}

/** For the other threads: returns when it is over, whatever became of it. Throws plain Error when it takes too long. */
export function standStill(shared: SharedStandstill, boundMs: number): void {
  const state = new Int32Array(shared);
  Atomics.add(state, STANDING, 1);
  Atomics.notify(state, STANDING);
  if (Atomics.wait(state, IS_OVER, 0, boundMs) === "timed-out") throw new Error("Stood still for too long");
}

/** For as many threads as one likes, for one time. */
export function makeStandstill(): SharedStandstill {
  return new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT);
}
