/** A server under siege as the system shows it, whichever program it is. Linux, proc(5). */
import { countDescriptors } from "../descriptors.ts";
import { memoryOf } from "../cgi/server.ts";

/** What is asked of a server that is besieged. */
export interface Besieged extends AsyncDisposable {
  readonly port: number;
  /** Of the processes that serve. */
  pids(): readonly number[];
  /** Null while there is nothing wrong with it. */
  complaint(): string | null;
}

/** Sums over the processes. */
export interface Holdings {
  readonly descriptors: number;
  readonly bytes: number;
}

export function look(server: Besieged): Holdings {
  const pids = server.pids();
  return {
    descriptors: sum(pids.map(countDescriptors)),
    bytes: sum(pids.map((pid) => memoryOf(pid, "VmRSS"))),
  };
}

/** The most resident memory that the processes have had since `forgetPeak`. */
export function peakOf(server: Besieged): number {
  return sum(server.pids().map((pid) => memoryOf(pid, "VmHWM")));
}

/** proc(5): 5 in clear_refs. */
export function forgetPeak(server: Besieged): void {
  for (const pid of server.pids()) Deno.writeTextFileSync(`/proc/${pid}/clear_refs`, "5");
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((one, other) => one + other, 0);
}
