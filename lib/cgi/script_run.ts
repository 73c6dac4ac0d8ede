/**
 * One script from its start until nothing of it is left: its standard error, its end, and the signals to its process group
 * when it is to end. Separate from script_runner.ts, which knows of all scripts and of no pipe; what is said to it and what
 * it answers is for lib/gateway/program_exchange.ts, or for web_socket_session.ts.
 */
import type { WaitClock } from "../clock.ts";
import type { Limits } from "../limits.ts";
import type { ByteSink, ByteSource, Child, ChildEnd } from "../child/child.ts";
import type { RunView } from "./runner_view.ts";
import { logLines, type ScriptLog } from "../child/child_log.ts";
import type { ProgramExchange, ProgramPeer } from "../gateway/program_exchange.ts";

/** A script, for what talks with it. */
export interface ScriptPeer extends ProgramPeer {
  /** How the process ended, once it has been reaped. Never rejects. */
  readonly ended: Promise<ChildEnd>;
}

/** What talks with a script, as its run knows it. */
export type RunExchange = Pick<
  ProgramExchange,
  | "outputEnded"
  | "hasOutputEnded"
  | "isAnswered"
  | "waitStartMs"
  | "sweep"
  | "watchClient"
  | "takeAhead"
  | "stop"
  | "breakOff"
>;

export interface RunOptions<Exchange> {
  /** What the script is called in the log: its name and process id. */
  readonly label: string;
  /** Absolute path of the script. */
  readonly file: string;
  /** As RunView has it. */
  readonly client: string;
  readonly limits: Limits;
  readonly log: ScriptLog;
  readonly clock: WaitClock;
  /** Makes what talks with it. */
  readonly exchangeOf: (peer: ScriptPeer) => Exchange;
}

export class ScriptRun<Exchange extends RunExchange = RunExchange> implements ScriptPeer, RunView {
  readonly label: string;
  readonly input: ByteSink | null;
  readonly output: ByteSource;
  /** Of the process, and of its group. */
  readonly pid: number;
  readonly file: string;
  readonly client: string;
  readonly startMs = performance.now();
  /** What the script is given and what it answers. */
  readonly exchange: Exchange;
  /**
   * Resolves when the process has been reaped and its answer is whole, or nobody waits for it. Processes that it left may hold
   * its pipes for longer (`isHeld`). Never rejects.
   */
  readonly done: Promise<void>;
  /** Resolves when its pipes are closed as well. Never rejects. */
  readonly closed: Promise<void>;
  readonly ended: Promise<ChildEnd>;
  readonly #child: Child;
  readonly #limits: Limits;
  readonly #log: ScriptLog;
  readonly #clock: WaitClock;
  readonly #setDone: () => void;
  readonly #setClosed: () => void;
  readonly #setEnded: (end: ChildEnd) => void;
  #hasErrorsEnded = false;
  #end: ChildEnd | null = null;
  /** By the clock; Infinity where they do not apply. */
  #endMs = Infinity;
  #killMs = Infinity;
  #isEndExpected = false;
  #isStopping = false;
  /** Who is told of the end by SIGTERM, and why. */
  #terminated: "unwanted" | "late" | null = null;

  constructor(child: Child, { label, file, client, limits, log, clock, exchangeOf }: RunOptions<Exchange>) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.done = promise;
    this.#setDone = resolve;
    const closing = Promise.withResolvers<void>();
    this.closed = closing.promise;
    this.#setClosed = closing.resolve;
    const ending = Promise.withResolvers<ChildEnd>();
    this.ended = ending.promise;
    this.#setEnded = ending.resolve;
    this.#child = child;
    this.pid = child.pid;
    this.input = child.input;
    this.output = child.output;
    this.label = label;
    this.file = file;
    this.client = client;
    this.#limits = limits;
    this.#log = log;
    this.#clock = clock;
    this.exchange = exchangeOf(this);
    this.exchange.outputEnded.then(() => this.#onOutputEnded());
  }

  /** Whether nothing of it is left: the process is reaped, its pipes are closed, and nobody is still to be killed. */
  get isOver(): boolean {
    return this.#isClosed && this.#killMs === Infinity;
  }

  /** Whether `done` has resolved, and processes that it left hold its pipes. */
  get isHeld(): boolean {
    return this.#isDone && !this.#isClosed && this.#killMs === Infinity;
  }

  get #isDone(): boolean {
    return this.#end !== null && this.exchange.isAnswered;
  }

  get #isClosed(): boolean {
    return this.#end !== null && this.exchange.hasOutputEnded && this.#hasErrorsEnded;
  }

  /** SIGTERM to the process group now, SIGKILL after `scriptKillMs`; the output ends here. */
  end(why: "unwanted" | "late"): void {
    if (this.#terminated !== null) return;
    this.#terminated = why;
    if (this.#signal("SIGTERM")) this.#killMs = this.#clock.nowMs + this.#limits.scriptKillMs;
    this.output.close();
    this.input?.close();
  }

  /** The server stops: whoever waits for the answer is told, and nothing of the script is left in `scriptKillMs`. */
  stop(): void {
    this.#isStopping = true;
    // Most have left nobody, which the sweep has not seen yet.
    const isLeft = this.exchange.isAnswered && (this.#end === null || this.#hasGroup());
    if (isLeft && this.#terminated === null) {
      const what = this.#end === null ? "It still runs" : "Ended, but processes that it left hold its pipes";
      this.#log.warn(this.label, `${what}: its process group gets SIGTERM, for the server stops`);
    }
    this.exchange.stop();
  }

  /** Ends what `isHeld` is about, for that reason. */
  letGo(reason: string): void {
    if (!this.exchange.hasOutputEnded) this.#letGoOutput(reason);
    if (!this.#hasErrorsEnded) this.#letGoErrors(reason);
  }

  /** SIGKILL to the process group, and nothing else. */
  kill(): void {
    if (!this.isOver) this.#signal("SIGKILL");
  }

  /** To be called often: acts on every limit that has passed. */
  sweep(nowMs: number): void {
    if (nowMs >= this.#killMs) this.#killLate();
    // Asked at each sweep, so that the number of a group that is empty is not used when it is somebody else's.
    else if (this.#end !== null && !this.#hasGroup()) this.#killMs = Infinity;
    if (this.#end !== null) return this.#sweepAfterEnd(nowMs);
    this.#expectEnd();
    this.exchange.sweep(nowMs);
  }

  /** The process has ended, but a child that it left behind may hold its pipes. */
  #sweepAfterEnd(nowMs: number): void {
    const { scriptLingerMs, scriptErrorMs } = this.#limits;
    // Whoever wanted the answer may have had enough of it since.
    this.#checkDone();
    this.exchange.watchClient(nowMs);
    if (!this.exchange.hasOutputEnded) {
      if (nowMs - Math.max(this.exchange.waitStartMs, this.#endMs) > scriptLingerMs) {
        this.#letGoOutput(`and has said nothing for ${scriptLingerMs} ms`);
      } else {
        this.exchange.takeAhead(nowMs);
      }
    } else if (this.#hasErrorsEnded) {
      return;
    } else if (this.#isStopping) {
      if (this.#killMs === Infinity) this.#letGoErrors("and the server stops");
    } else if (nowMs - this.#endMs > scriptErrorMs) {
      this.#letGoErrors(`and has done so for ${scriptErrorMs} ms`);
    }
  }

  #letGoOutput(reason: string): void {
    const held = `Ended, but a process that it left holds its output ${reason}`;
    const answer = this.exchange.isAnswered ? "" : ": the answer is broken off";
    this.exchange.breakOff(`${held}${answer}`);
    const outcome = this.#killMs === Infinity
      ? "nobody is left in its process group"
      : "its process group gets SIGTERM";
    this.#log.warn(this.label, `${held}${answer}; ${outcome}, and whoever still writes to it SIGPIPE`);
  }

  #letGoErrors(reason: string): void {
    this.#log.warn(
      this.label,
      `Ended, but a process that it left holds its standard error ${reason}: it is closed, and whoever writes to it gets SIGPIPE`,
    );
    this.#child.errors.close();
  }

  #killLate(): void {
    this.#killMs = Infinity;
    if (!this.#signal("SIGKILL")) return;
    const level = this.#terminated === "late" ? "warn" : "info";
    this.#log[level](
      this.label,
      `Not ended ${this.#limits.scriptKillMs} ms after SIGTERM: its process group gets SIGKILL`,
    );
  }

  /** Most scripts end as soon as their output does, and then there is nothing to be waited for; the sweep sees to the others. */
  #onOutputEnded(): void {
    this.#expectEnd();
    this.#checkDone();
  }

  /** Waits for the process and reads its standard error from now on. */
  #expectEnd(): void {
    if (this.#isEndExpected) return;
    this.#isEndExpected = true;
    this.#logErrors();
    this.#child.reap().then((end) => this.#onEnd(end));
  }

  async #logErrors(): Promise<void> {
    const { maxScriptErrorBytes } = this.#limits;
    try {
      await logLines(this.#child.errors, { log: this.#log, source: this.label, maxBytes: maxScriptErrorBytes });
    } catch (error) {
      this.#log.warn(this.label, "Its standard error cannot be read", error);
    }
    this.#hasErrorsEnded = true;
    this.#checkDone();
  }

  #onEnd(end: ChildEnd): void {
    this.#end = end;
    this.#setEnded(end);
    this.#endMs = this.#clock.nowMs;
    if (!end.isSuccess && this.#terminated === null) this.#log.warn(this.label, `Ended with ${end.description}`);
    this.#checkDone();
  }

  #checkDone(): void {
    if (this.#isDone) this.#setDone();
    if (this.#isClosed) this.#setClosed();
  }

  #hasGroup(): boolean {
    try {
      return this.#child.hasGroup();
    } catch {
      // It belongs to somebody whom this server may not end, which `#signal` tells.
      return true;
    }
  }

  #signal(signal: "SIGTERM" | "SIGKILL"): boolean {
    try {
      return this.#child.signalGroup(signal);
    } catch (error) {
      // A set-user-id program may belong to somebody whom this server may not end.
      this.#log.error(this.label, `Cannot send ${signal}`, error);
      return false;
    }
  }
}
