/** How many descriptors are open: what a test compares before and after, so that none is lost. Linux. */

import { run, takenWay } from "./harness.ts";

/** Of a process; of this one without its number. Reading the folder takes one of its own. */
export function countDescriptors(pid: number = Deno.pid): number {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
}

/**
 * The descriptors of a program that a server of the tests starts, as `0 1 2`. With --native off, programs also get what the
 * tests themselves were started with, for the runtime cannot keep it from them.
 */
export async function programDescriptors(): Promise<string> {
  if (takenWay() === "native") return "0 1 2";
  const { text } = await run("sh", ["-c", "ls /proc/$$/fd; true"]);
  return text.trim().split("\n").map(Number).sort((a, b) => a - b).join(" ");
}
