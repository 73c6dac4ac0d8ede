/** A built ./lisod that runs the scripts of this folder, or others, and what its tests ask of the processes. */
import { type StartOptions, startServer, type TestServer } from "../harness.ts";
import { SCRIPTS } from "./running_scripts.ts";

/** Starts the server over the probe; `args` come after the options for that. */
export function startCgiServer(options: StartOptions = {}): Promise<TestServer> {
  return startServer({ ...options, args: ["--cgi", SCRIPTS, ...options.args ?? []] });
}

/** A field of /proc/PID/status in bytes: VmRSS, VmHWM. */
export function memoryOf(pid: number, field: "VmRSS" | "VmHWM"): number {
  const [, kibibytes] = new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(Deno.readTextFileSync(`/proc/${pid}/status`)) ??
    [];
  return Number(kibibytes) * 1024;
}

/** What ends the scripts of a server that is killed: one for each worker, from its first script on. */
export function guardsOf(pid: number): number[] {
  return allChildrenOf(pid).filter(isGuard);
}

/** Process ids of the children of a process, but for its guards while they live; zombies count. */
export function childrenOf(pid: number): number[] {
  return allChildrenOf(pid).filter((child) => !isGuard(child));
}

/** A zombie has no command line. */
function isGuard(pid: number): boolean {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/cmdline`).split("\0").includes("lisod-guard");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || /ESRCH|os error 3\b/.test(String(error))) return false;
    throw error;
  }
}

function allChildrenOf(pid: number): number[] {
  return [...Deno.readDirSync(`/proc/${pid}/task`)].flatMap(({ name }) => {
    try {
      return Deno.readTextFileSync(`/proc/${pid}/task/${name}/children`).split(" ").filter(Boolean).map(Number);
    } catch (error) {
      // The thread has ended since it was listed; its children are another's.
      if (error instanceof Deno.errors.NotFound || /ESRCH|os error 3\b/.test(String(error))) return [];
      throw error;
    }
  });
}
