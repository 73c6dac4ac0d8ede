/** One running program that the runtime started (command_starter.ts), as child_process.ts is one of the C library's. I/O. */
import process from "node:process";
import type { Child, ChildEnd } from "./child.ts";
import { type GroupSignal, ProcessGroup } from "./process_group.ts";
import { StreamReader, StreamWriter } from "./stream_pipe.ts";

export class CommandChild implements Child {
  readonly pid: number;
  readonly input: StreamWriter | null;
  readonly output: StreamReader;
  readonly errors: StreamReader;
  readonly #end: Promise<ChildEnd>;
  readonly #group: ProcessGroup;

  /** Of a process that leads a group of its own and whose output and errors are piped; its input is where `hasInput`. */
  constructor(child: Deno.ChildProcess, { hasInput }: { readonly hasInput: boolean }) {
    this.pid = child.pid;
    this.#group = new ProcessGroup(child.pid, send);
    this.input = hasInput ? new StreamWriter(child.stdin) : null;
    this.output = new StreamReader(child.stdout);
    this.errors = new StreamReader(child.stderr);
    this.#end = child.status.then(describeStatus, describeFailure);
  }

  /** The runtime has waited for it from the start. */
  reap(): Promise<ChildEnd> {
    return this.#end;
  }

  hasGroup(): boolean {
    return this.#group.send(0);
  }

  signalGroup(signal: "SIGTERM" | "SIGKILL"): boolean {
    return this.#group.send(signal);
  }
}

function send(pid: number, signal: GroupSignal): boolean {
  try {
    // Deno.kill, which knows no signal 0, tells what is wrong in words alone.
    return process.kill(pid, signal);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : null;
    if (code === "ESRCH") return false;
    if (code !== "EPERM") throw error;
    throw new Deno.errors.PermissionDenied(`Process group ${-pid} belongs to another user`, { cause: error });
  }
}

function describeStatus({ success, code, signal }: Deno.CommandStatus): ChildEnd {
  return { isSuccess: success, description: signal === null ? `exit status ${code}` : `signal ${signal}` };
}

/** The runtime knows no name for a real-time signal, and says `Invalid signal: 40` in place of a status. */
function describeFailure(error: unknown): ChildEnd {
  const [, signal] = /^Invalid signal: (\d+)$/.exec(error instanceof Error ? error.message : "") ?? [];
  return { isSuccess: false, description: signal === undefined ? `no status: ${error}` : `signal ${signal}` };
}
