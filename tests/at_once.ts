/**
 * Cases that mostly wait, for a limit of time or for another process, played at once: together they take as long as the longest.
 * For those alone that share nothing, neither a server nor a count of what the test's own process has.
 */
import { assertEquals } from "@std/assert";

/** One case; its name is that of a step. */
export interface Case {
  readonly name: string;
  readonly fn: () => Promise<void>;
  readonly ignore?: boolean;
}

/** Plays the cases as steps of that test. What one leaves open fails the test, which is looked at when all have ended. */
export async function playAtOnce(context: Deno.TestContext, cases: readonly Case[]): Promise<void> {
  const unwatched = { sanitizeOps: false, sanitizeResources: false, sanitizeExit: false };
  const played = cases.map((one) => context.step({ ...one, ...unwatched }));
  // A step that is ignored resolves to false, as one that fails does.
  const want = cases.map(({ ignore = false }) => !ignore);
  assertEquals(await Promise.all(played), want);
}
