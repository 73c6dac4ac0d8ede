/** What servers use while a load is on them, read from outside: CPU time and resident memory; and what a load leaves behind. */
import type { Server } from "./fleet.ts";
import { cpuMicrosecondsOf, listTree, parseWaitedMicroseconds, rssBytesOf, withoutScripts } from "./process_stats.ts";

/** How often resident memory is read for one figure, and the time between. */
const RSS_READINGS = 5;
const RSS_PAUSE_MS = 20;
/** Longest wait for a server whose load has ended, and how long it must have used no CPU. */
const REST_MS = 5000;
const REST_PAUSE_MS = 100;

/** What is looked at of a server. */
type Processes = Pick<Server, "processes">;

/** What a run has used, in microseconds of CPU time. */
export interface CpuOfRun<Report> {
  readonly report: Report;
  /** Of the server and its children. */
  readonly cpuUs: number;
  /** Of the programs that made the load and have ended. */
  readonly loadUs: number;
}

/** Runs `work`, which is a load, and gives its result with the CPU time that it took. */
export async function runWithCpu<Report>(server: Processes, work: () => Promise<Report>): Promise<CpuOfRun<Report>> {
  const before = cpuMicrosecondsOf(treeOf(server));
  const loadBefore = readWaited();
  const report = await work();
  return { report, cpuUs: cpuMicrosecondsOf(treeOf(server)) - before, loadUs: readWaited() - loadBefore };
}

/** Of the children of the bench; servers that still run are none that it has waited for. */
function readWaited(): number {
  return parseWaitedMicroseconds(Deno.readTextFileSync("/proc/self/stat"));
}

/** Resolves when the programs that a load has left behind are done: they would take the time of whoever is measured next. */
export async function awaitRest(server: Server): Promise<void> {
  const endMs = performance.now() + REST_MS;
  for (let last = -1, now = 0; now !== last && performance.now() < endMs;) {
    last = now;
    await new Promise((resolve) => setTimeout(resolve, REST_PAUSE_MS));
    now = cpuMicrosecondsOf(treeOf(server));
  }
}

function treeOf(server: Processes): ReturnType<typeof listTree> {
  return listTree(server.processes.map(({ pid }) => pid));
}

/**
 * Resident memory of a server and its children now, without scripts that still run. A child between its fork and its
 * exec counts as its parent once more, so it is the least of some readings.
 */
export async function rssOf(server: Server): Promise<number> {
  const roots = server.processes.map(({ pid }) => pid);
  let least = Infinity;
  for (let reading = 0; reading < RSS_READINGS; reading += 1) {
    if (reading > 0) await new Promise((resolve) => setTimeout(resolve, RSS_PAUSE_MS));
    least = Math.min(least, rssBytesOf(withoutScripts(treeOf(server), roots)));
  }
  return least;
}

/** Log files grow by gigabytes otherwise. All servers append, so they go on at the start of the empty file. */
export async function emptyLog({ place }: Server): Promise<void> {
  try {
    await Deno.truncate(place.log);
  } catch (error) {
    // A server without a log made no file.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
