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

/** Process ids of the children of a process; zombies count. */
export function childrenOf(pid: number): number[] {
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
