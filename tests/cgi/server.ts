/** A built ./lisod that runs the scripts of this folder, or others, and what its tests ask of the processes. */
import { type StartOptions, startServer, takenWarmth, type TestServer } from "../harness.ts";
import { hasLearned, probe, SCRIPTS, until } from "./running_scripts.ts";

/** Starts the server over the probe; `args` come after the options for that. */
export async function startCgiServer(options: StartOptions = {}): Promise<TestServer> {
  const server = await startServer({ ...options, args: ["--cgi", SCRIPTS, ...options.args ?? []] });
  if (takenWarmth()) await warmUp(server);
  return server;
}

/** Has the probe be warm, with what it imports. */
async function warmUp(server: TestServer): Promise<void> {
  await until(async () => {
    await (await fetch(server.url + probe("print", { out: "Content-Type: text/plain\n\n" }))).text();
    return hasLearned(server.logText());
  }, "the probe is warm");
}

/** A field of /proc/PID/status in bytes: VmRSS, VmHWM, and RssFile, which is what came from files. */
export function memoryOf(pid: number, field: "VmRSS" | "VmHWM" | "RssFile"): number {
  const [, kibibytes] = new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(Deno.readTextFileSync(`/proc/${pid}/status`)) ??
    [];
  return Number(kibibytes) * 1024;
}

/** What ends the scripts of a server that is killed: one for each worker, from its first script on. */
export function guardsOf(pid: number): number[] {
  return allChildrenOf(pid).filter(isGuard);
}

/** Process ids of the children of a process, but for its guards and zygotes while they live; zombies count. */
export function childrenOf(pid: number): number[] {
  return allChildrenOf(pid).filter((child) => !isGuard(child) && !isZygote(child));
}

/** The interpreters that it keeps for warm programs. */
export function zygotesOf(pid: number): number[] {
  return allChildrenOf(pid).filter(isZygote);
}

function isGuard(pid: number): boolean {
  return wordsOf(pid).includes("lisod-guard");
}

function isZygote(pid: number): boolean {
  return wordsOf(pid).some((word, index) => word.startsWith("-Mstrict ();BEGIN") || (index > 0 && word === "-"));
}

/** A zombie has no command line. */
function wordsOf(pid: number): readonly string[] {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/cmdline`).split("\0");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || /ESRCH|os error 3\b/.test(String(error))) return [];
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
