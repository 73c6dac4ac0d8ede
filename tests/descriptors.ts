/** How many descriptors are open: what a test compares before and after, so that none is lost. Linux. */

import { run, takenWay } from "./harness.ts";

/**
 * Of a process; of this one without its number. Reading the folder takes one of its own. A log counts once: the runtime has a
 * second descriptor of it while it writes.
 */
export function countDescriptors(pid: number = Deno.pid): number {
  const targets = openTargets(pid);
  const logs = targets.filter((target) => target.endsWith(".log"));
  return targets.length - logs.length + new Set(logs).size;
}

/**
 * What the descriptors of a process are of, of this one without its number: the path of a file, with " (deleted)" after it once
 * that is gone; "closed" for one that went meanwhile.
 */
export function openTargets(pid: number = Deno.pid): readonly string[] {
  return Array.from(Deno.readDirSync(`/proc/${pid}/fd`), ({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/${pid}/fd/${name}`);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return "closed";
      throw error;
    }
  });
}

/** Whether that is a temporary file of contents, which has no name any more. */
export function isSpoolFile(target: string): boolean {
  return /\/lisod-content-\w+ \(deleted\)$/.test(target);
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
