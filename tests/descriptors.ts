/** How many descriptors are open: what a test compares before and after, so that none is lost. Linux. */

/** Of a process; of this one without its number. Reading the folder takes one of its own. */
export function countDescriptors(pid: number = Deno.pid): number {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
}
