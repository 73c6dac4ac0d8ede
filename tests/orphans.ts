/** Processes that nobody has reaped. */
import { childrenOf } from "./cgi/server.ts";

/** Children of a process that have ended and were not reaped. */
export function zombiesOf(pid: number): number[] {
  return childrenOf(pid).filter((child) => {
    try {
      return Deno.readTextFileSync(`/proc/${child}/stat`).includes(") Z ");
    } catch (error) {
      if (error instanceof Deno.errors.NotFound || /ESRCH|os error 3\b/.test(String(error))) return false;
      throw error;
    }
  });
}
