/**
 * One running program that spawner.ts started: its process, its process group and its three pipes. Separate from what HTTP
 * makes of it, because here stands all that must be right lest a process, a zombie or a descriptor be left behind.
 */
import { constants } from "node:os";
import type { Watcher } from "../system/epoll.ts";
import type { Child, ChildEnd } from "./child.ts";
import type { PipeReader, PipeWriter } from "./pipe.ts";
import { processEnd } from "./process_end.ts";
import { type GroupSignal, ProcessGroup } from "./process_group.ts";
import type { SystemCalls } from "../system/process_calls.ts";

interface ProcessParts {
  /** Null: standard input is /dev/null. */
  readonly input: PipeWriter | null;
  readonly output: PipeReader;
  readonly errors: PipeReader;
  readonly calls: SystemCalls;
  readonly readiness: Watcher;
  /** Is called when it has been reaped. */
  readonly onReaped: () => void;
  /** Where it is another process's child, which reaps it and tells how it ended. Never rejects. */
  readonly ended?: Promise<ChildEnd>;
}

/** Linux, errno.h and sys/wait.h. */
const EPERM = 1;
const WNOHANG = 1;

export class ChildProcess implements Child {
  readonly pid: number;
  readonly input: PipeWriter | null;
  readonly output: PipeReader;
  readonly errors: PipeReader;
  readonly #calls: SystemCalls;
  readonly #readiness: Watcher;
  readonly #onReaped: () => void;
  readonly #ended: Promise<ChildEnd> | undefined;
  readonly #group: ProcessGroup;
  #end: Promise<ChildEnd> | null = null;

  /** Of a process that leads a session of its own, as `Spawner.start` makes it. */
  constructor(pid: number, { input, output, errors, calls, readiness, onReaped, ended }: ProcessParts) {
    this.pid = pid;
    this.input = input;
    this.output = output;
    this.errors = errors;
    this.#calls = calls;
    this.#readiness = readiness;
    this.#onReaped = onReaped;
    this.#ended = ended;
    this.#group = new ProcessGroup(pid, (group, signal) => this.#send(group, signal));
  }

  /**
   * Best called when the process is likely to have ended, for watching it takes four system calls and often a turn of the
   * event loop.
   */
  reap(): Promise<ChildEnd> {
    return this.#end ??= this.#ended === undefined ? this.#reap() : this.#hearEnd(this.#ended);
  }

  async #hearEnd(ended: Promise<ChildEnd>): Promise<ChildEnd> {
    const end = await ended;
    this.#onReaped();
    return end;
  }

  async #reap(): Promise<ChildEnd> {
    const status = new Int32Array(1);
    let pid = this.#calls.waitpid(this.pid, status, WNOHANG);
    if (pid !== this.pid) pid = await this.#reapLater(status);
    this.#onReaped();
    if (pid !== this.pid) return { isSuccess: false, description: "no status: somebody else has reaped it" };
    return describeEnd(status[0]);
  }

  /** Gives what waitpid(2) does. */
  async #reapLater(status: Int32Array<ArrayBuffer>): Promise<number> {
    const isWatched = await processEnd(this.pid, { calls: this.#calls, readiness: this.#readiness });
    // Without room to watch it, or on Linux before 5.3, a thread waits.
    if (!isWatched) return await this.#calls.waitpidLater(this.pid, status, 0);
    return this.#calls.waitpid(this.pid, status, WNOHANG);
  }

  hasGroup(): boolean {
    return this.#group.send(0);
  }

  signalGroup(signal: "SIGTERM" | "SIGKILL"): boolean {
    return this.#group.send(signal);
  }

  #send(pid: number, signal: GroupSignal): boolean {
    if (this.#calls.kill(pid, signal === 0 ? 0 : constants.signals[signal]) === 0) return true;
    const errno = new Int32Array(1);
    this.#calls.copyFrom(errno, this.#calls.errnoLocation(), 4n);
    if (errno[0] === EPERM) throw new Deno.errors.PermissionDenied(`Process group ${this.pid} belongs to another user`);
    return false;
  }
}

/** A status as waitpid(2) gives it: the signal in the lowest seven bits, else the exit status in the next eight. */
export function describeEnd(status: number): ChildEnd {
  const signal = status & 0x7f;
  if (signal === 0) return { isSuccess: status === 0, description: `exit status ${status >> 8 & 0xff}` };
  const [name] = Object.entries(constants.signals).find(([, number]) => number === signal) ?? [signal];
  return { isSuccess: false, description: `signal ${name}` };
}
