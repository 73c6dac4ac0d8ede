/**
 * What a server's processes use: CPU time and resident memory of a process and all its descendants, read from /proc
 * (proc(5)). It is apart because the numbers of the report come from here; reading the text is pure and tested.
 */

/** The facts of /proc/PID/stat that the bench needs. */
export interface ProcessStat {
  readonly parentPid: number;
  /** CPU time of the process and of its children that have been waited for, user and system, in clock ticks. */
  readonly cpuTicks: number;
  /** Clock ticks since boot when it started: together with the pid it names one process for ever. */
  readonly startTicks: number;
  /** Resident memory in pages. */
  readonly rssPages: number;
  /** True once it has ended and only waits to be reaped. */
  readonly isZombie: boolean;
}

/** USER_HZ, the unit of /proc/PID/stat: 100 on every Linux that Deno runs on. */
const TICKS_PER_SECOND = 100;
const MICROSECONDS_PER_TICK = 1_000_000 / TICKS_PER_SECOND;
/** Bytes of a page on x86-64 and on the usual arm64. */
const PAGE_BYTES = 4096;

/** One process of a tree. */
export interface ProcessEntry {
  readonly pid: number;
  readonly stat: ProcessStat;
}

/** The fields from the state on. The name in the brackets may itself hold blanks and brackets: the last one counts. */
function fieldsOf(line: string): readonly string[] {
  return line.slice(line.lastIndexOf(")") + 2).split(" ");
}

/** Reads the line of /proc/PID/stat. */
export function parseStat(line: string): ProcessStat {
  const fields = fieldsOf(line);
  // Numbered from the state, which is field 3 of proc(5).
  const at = (number: number): number => Number(fields[number - 3]);
  return {
    parentPid: at(4),
    cpuTicks: at(14) + at(15) + at(16) + at(17),
    startTicks: at(22),
    rssPages: at(24),
    isZombie: fields[0] === "Z",
  };
}

/** The facts of a process; null when there is none with that pid. */
export function readStat(pid: number): ProcessStat | null {
  try {
    return parseStat(Deno.readTextFileSync(`/proc/${pid}/stat`));
  } catch (error) {
    // It ended before or (ESRCH) while its file was read: both mean that it is gone.
    if (error instanceof Deno.errors.NotFound || (error instanceof Error && error.message.includes("os error 3"))) {
      return null;
    }
    throw error;
  }
}

/** CPU time of the children of a process that it has waited for, in microseconds, in steps of 10,000; of its /proc/PID/stat. */
export function parseWaitedMicroseconds(line: string): number {
  const [user, system] = fieldsOf(line).slice(13, 15).map(Number);
  return (user + system) * MICROSECONDS_PER_TICK;
}

/** The processes of `roots` and all their descendants that live now. */
export function listTree(roots: readonly number[]): readonly ProcessEntry[] {
  const all: ProcessEntry[] = [];
  for (const entry of Deno.readDirSync("/proc")) {
    const pid = Number(entry.name);
    const stat = Number.isInteger(pid) ? readStat(pid) : null;
    if (stat !== null) all.push({ pid, stat });
  }
  return selectTree(all, roots);
}

/** Those of `all` that are a root or descend from one. */
export function selectTree(all: readonly ProcessEntry[], roots: readonly number[]): readonly ProcessEntry[] {
  const chosen = new Set(roots);
  // A child may be listed before its parent, so go on until a pass finds nothing new.
  for (let before = -1; before !== chosen.size;) {
    before = chosen.size;
    for (const { pid, stat } of all) if (chosen.has(stat.parentPid)) chosen.add(pid);
  }
  return all.filter(({ pid }) => chosen.has(pid));
}

/** Those of a tree that run the program of one of its `roots`: what a server has started for others is not the server. */
export function withoutScripts(
  tree: readonly ProcessEntry[],
  roots: readonly number[],
  programOf: (pid: number) => string | null = readProgram,
): readonly ProcessEntry[] {
  const own = new Set(roots.map(programOf));
  return tree.filter(({ pid }) => {
    const program = programOf(pid);
    return program !== null && own.has(program);
  });
}

/** The file that a process runs; null when it has ended. */
function readProgram(pid: number): string | null {
  try {
    return Deno.readLinkSync(`/proc/${pid}/exe`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** CPU time that a tree has used since it started, in microseconds, in steps of 10,000. */
export function cpuMicrosecondsOf(tree: readonly ProcessEntry[]): number {
  const ticks = tree.reduce((sum, { stat }) => sum + stat.cpuTicks, 0);
  return ticks * MICROSECONDS_PER_TICK;
}

/** Resident memory of a tree in bytes. Pages that forked processes share count once for each. */
export function rssBytesOf(tree: readonly ProcessEntry[]): number {
  return tree.reduce((sum, { stat }) => sum + stat.rssPages, 0) * PAGE_BYTES;
}
