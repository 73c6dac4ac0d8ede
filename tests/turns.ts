/** Whether others have their turn while something is done again and again. */

/** Calls until a timer that was set before has called, or so often that it never will. */
export async function countUntilTimer(call: () => Promise<unknown>): Promise<number> {
  let isOver = false;
  setTimeout(() => isOver = true);
  let count = 0;
  while (!isOver && count < 100_000) {
    await call();
    count++;
  }
  return count;
}
