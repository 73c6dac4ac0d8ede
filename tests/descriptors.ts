/** How many descriptors are open: what a test compares before and after, so that none is lost. Linux. */

import { run, takenWay } from "./harness.ts";

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
