/** What a figure depends on beside the servers: the machine, its other work and the versions, for the report. */
import type { Peer } from "./peers.ts";

/** CPU time in clock ticks since some start. */
export interface CpuUse {
  /** Of all cores: what they worked, and all there was. */
  readonly busy: number;
  readonly all: number;
  /** Of the bench, with the servers and loads that have ended. */
  readonly own: number;
}

/** Reads the CPU time used so far. */
export async function readCpuUse(): Promise<CpuUse> {
  const [all, own] = await Promise.all([Deno.readTextFile("/proc/stat"), Deno.readTextFile("/proc/self/stat")]);
  return parseCpuUse(all, own);
}

/**
 * Reads the first line of /proc/stat and a /proc/PID/stat (proc(5)). Time in interrupts belongs to nobody, so it does
 * not count as work; neither does steal, which other machines took.
 */
export function parseCpuUse(all: string, own: string): CpuUse {
  const ticks = all.split("\n")[0].split(/\s+/).slice(1, 9).map(Number);
  const [user, nice, system] = ticks;
  const fields = own.slice(own.lastIndexOf(")") + 2).split(" ");
  const times = fields.slice(11, 15).map(Number);
  return {
    busy: user + nice + system,
    all: ticks.reduce((sum, value) => sum + value, 0),
    own: times.reduce((sum, value) => sum + value, 0),
  };
}

/** The share of all cores that programs other than the bench used between two readings, 0 to 1. */
export function otherWork(before: CpuUse, after: CpuUse): number {
  const others = (after.busy - before.busy) - (after.own - before.own);
  return Math.max(0, others) / Math.max(1, after.all - before.all);
}

/** Kernel, processor and cores. */
export async function describeMachine(): Promise<string> {
  const processor = /^model name\s*:\s*(.*)$/m.exec(await Deno.readTextFile("/proc/cpuinfo"));
  return `Linux ${Deno.osRelease()}, ${processor?.[1] ?? "unknown processor"}, ${navigator.hardwareConcurrency} cores`;
}

/** The first line that names a version, by title of the server. */
export async function readVersions(peers: readonly Peer<string>[]): Promise<Readonly<Record<string, string>>> {
  const versions: Record<string, string> = {};
  for (const { title, versionCommand: [program, ...args] } of peers) {
    const signal = AbortSignal.timeout(10_000);
    const { stdout, stderr } = await new Deno.Command(program, { args, stdout: "piped", stderr: "piped", signal })
      .output();
    // nginx writes it to standard error.
    const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    versions[title] = text.split("\n")[0].replace(/^(nginx|Server) version: /, "").trim();
  }
  return versions;
}
