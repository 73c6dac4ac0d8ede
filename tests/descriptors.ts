/** How many descriptors are open: what a test compares before and after, so that none is lost. Linux. */

import { run, takenWay } from "./harness.ts";

/** So many times the same, 5 ms apart, is no moment of something else. */
export const STEADY_COUNT = 20;

/**
 * Of a process; of this one without its number. Reading the folder takes one of its own. A log counts once: the runtime has a
 * second descriptor of it while it writes.
 */
export function countDescriptors(pid: number = Deno.pid): number {
  const logs = new Set<string>();
  let count = 0;
  for (const { name } of Deno.readDirSync(`/proc/${pid}/fd`)) {
    const target = targetOf(`/proc/${pid}/fd/${name}`);
    if (target.endsWith(".log")) logs.add(target);
    else count++;
  }
  return count + logs.size;
}

/** Their number once it has been the same for a while: what the start, or a request, has open for a moment is closed by then. */
export async function steadyDescriptors(pid: number = Deno.pid): Promise<number> {
  for (let count = countDescriptors(pid), sameCount = 0;; await new Promise((resolve) => setTimeout(resolve, 5))) {
    const now = countDescriptors(pid);
    sameCount = now === count ? sameCount + 1 : 0;
    if (sameCount === STEADY_COUNT) return now;
    count = now;
  }
}

/** "" where it has been closed since. */
function targetOf(link: string): string {
  try {
    return Deno.readLinkSync(link);
  } catch {
    return "";
  }
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
