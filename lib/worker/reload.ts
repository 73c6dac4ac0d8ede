/**
 * Reads again, on SIGHUP, what the server has read at its start. Each part by itself: whatever is wrong with a new one,
 * the old one stays in force, and the log says so, and that all others are new.
 */
import type { Log } from "../log/log.ts";
import { StartError } from "../start_error.ts";

/** What the log says of one that cannot be read, or is no good. */
export const OLD_STAYS = "Not read again, this alone stays as it was";

/** Reads one thing again, and throws with the old one still in force. */
export type Reload = () => void | Promise<void>;

/** Whether all of it was read. Never rejects. */
export async function reloadAll(reloads: readonly Reload[], log: Log): Promise<boolean> {
  const results = await Promise.all(reloads.map((reload) => tryOne(reload, log)));
  return results.every((isReloaded) => isReloaded);
}

async function tryOne(reload: Reload, log: Log): Promise<boolean> {
  try {
    await reload();
    return true;
  } catch (error) {
    // A StartError is a line for the operator; of anything else the stack is wanted.
    if (error instanceof StartError) log.error("main", `${OLD_STAYS}: ${error.message}`);
    else log.error("main", OLD_STAYS, error);
    return false;
  }
}
