/**
 * The process group of one program that was started, and the signals to it. Separate, because both ways of starting
 * (child_process.ts, command_child.ts) must hold to one rule: no signal is sent to a group once it was seen to be empty, for
 * its number may be somebody else's from then on. kill(2), setsid(2).
 */

/** What is sent: 0 asks whether there is anybody. */
export type GroupSignal = "SIGTERM" | "SIGKILL" | 0;

export class ProcessGroup {
  readonly #send: (pid: number, signal: GroupSignal) => boolean;
  readonly #pid: number;
  #isGone = false;

  /**
   * Of the process with that id, which leads it. `send` sends to what it is given as kill(2) does, false: there is no such
   * process. Throws plain Error for ids that are no program's.
   */
  constructor(pid: number, send: (pid: number, signal: GroupSignal) => boolean) {
    // 0 and 1 would mean this server's own group, and every process there is.
    if (pid <= 1) throw new Error(`Not the process of a program: ${pid}`);
    this.#pid = pid;
    this.#send = send;
  }

  /** Sends to the whole group; false when nobody is, or was found to be, left. Throws what `send` does. */
  send(signal: GroupSignal): boolean {
    if (!this.#isGone) this.#isGone = !this.#send(-this.#pid, signal);
    return !this.#isGone;
  }
}
