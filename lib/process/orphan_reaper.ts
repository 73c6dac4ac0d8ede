/**
 * Reaps processes that this one has not started but is the parent of: those that programs leave behind, where it is process 1
 * of a container or their subreaper, and those that whoever executed it had started. Nobody else would, and each would stay
 * as a zombie. Apart from reaping programs (lib/child/), whose exit status it must never take. Timer. waitid(2), prctl(2).
 */
import type { OwnChildren } from "../child/own_children.ts";
import type { Libc } from "../system/libc.ts";

/** How long a zombie may stay. */
const LOOK_MS = 1000;
/** So that nobody waits for a flood of them; the rest is for the next look. */
const MOST_AT_ONCE = 1000;

/** Linux, linux/prctl.h and linux/wait.h. */
const PR_GET_CHILD_SUBREAPER = 37;
const P_ALL = 0;
const P_PID = 1;
const WNOHANG = 1;
const WEXITED = 4;
const WNOWAIT = 0x0100_0000;
/** siginfo_t has 128 bytes; where the process id is in it, in words of four bytes. */
const INFO_WORDS = 32;
const PID_WORD = 4;

export type ReaperCalls = Pick<Libc, "waitid" | "getsid" | "prctl" | "memcpy">;

/** Whether processes may come to this one, or have come already. To be asked before it has started any. */
export function getsOrphans(calls: ReaperCalls, pid = Deno.pid): boolean {
  if (pid === 1) return true;
  const isSubreaper = new Int32Array(1);
  const bytes = new Uint8Array(isSubreaper.buffer);
  calls.prctl(PR_GET_CHILD_SUBREAPER, calls.memcpy(bytes, bytes, 0n), 0n, 0n, 0n);
  if (isSubreaper[0] === 1) return true;
  // Not an error: there are children.
  return calls.waitid(P_ALL, 0, new Int32Array(INFO_WORDS), WEXITED | WNOHANG | WNOWAIT) === 0;
}

export class OrphanReaper {
  readonly #calls: ReaperCalls;
  readonly #own: OwnChildren;
  readonly #info = new Int32Array(INFO_WORDS);
  #timer: number | undefined = undefined;

  constructor(calls: ReaperCalls, own: OwnChildren) {
    this.#calls = calls;
    this.#own = own;
  }

  /** Looks every second, until `stop`. */
  start(): void {
    this.#timer ??= setInterval(() => this.look(), LOOK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Reaps what has ended and is nobody's; returns how many. Programs of the server that have ended stay as they are. */
  look(): number {
    let count = 0;
    while (count < MOST_AT_ONCE) {
      const pid = this.#wait(P_ALL, 0, WNOWAIT);
      // One of the server's own that stands in front is reaped soon, and then it is the turn of those behind it.
      if (pid === 0 || this.#isOwn(pid)) break;
      this.#wait(P_PID, pid, 0);
      count++;
    }
    return count;
  }

  /**
   * A program of the server leads a session from before it can be seen, or is still in the server's. So what is in the
   * session of another process was started by that one, however many starts are under way.
   */
  #isOwn(pid: number): boolean {
    const session = this.#calls.getsid(pid);
    if (session !== pid && session !== this.#calls.getsid(0)) return false;
    return this.#own.mayHave(pid);
  }

  /** The process id of a child that has ended; 0: none has. */
  #wait(kind: number, id: number, options: number): number {
    this.#info[PID_WORD] = 0;
    return this.#calls.waitid(kind, id, this.#info, WEXITED | WNOHANG | options) === 0 ? this.#info[PID_WORD] : 0;
  }
}
