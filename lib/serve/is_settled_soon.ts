/** Whether it is worth waiting for something before what is there already is sent. Separate, for it owns a timer. */

/** How long output waits for what could leave in the same write: a first part of content of unknown length, a next answer. */
const SOON_MS = 5;

/** Whether the promise settles within a moment; how it settled is for others to see. */
export async function isSettledSoon(promise: Promise<unknown>): Promise<boolean> {
  // An answer from memory is there after a few turns of the microtask queue, and needs no timer.
  let isSettled = false;
  const settle = () => isSettled = true;
  promise.then(settle, settle);
  for (let turn = 0; turn < 8 && !isSettled; turn++) await undefined;
  if (isSettled) return true;
  let timer: number | undefined;
  const moment = new Promise<"later">((resolve) => timer = setTimeout(resolve, SOON_MS, "later"));
  try {
    return await Promise.race([promise.then(() => "now", () => "now"), moment]) === "now";
  } finally {
    clearTimeout(timer);
  }
}
