/**
 * One script from its start until nothing of it is left: its standard error, its end, and the signals to its process group
 * when it is to end. Separate from script_runner.ts, which knows of all scripts and of no pipe; what is said to it and what
 * it answers is for lib/gateway/program_exchange.ts.
 */
import type { HttpRequest } from "../http/message.ts";
import type { Limits } from "../limits.ts";
import type { ByteSink, ByteSource, Child, ChildEnd } from "../child/child.ts";
import { logLines, type ScriptLog } from "../child/child_log.ts";
import { ProgramExchange, type ProgramPeer } from "../gateway/program_exchange.ts";

export interface RunOptions {
  readonly request: HttpRequest;
  /** What the script is called in the log: its name and process id. */
  readonly label: string;
  readonly limits: Limits;
  readonly log: ScriptLog;
}

export class ScriptRun implements ProgramPeer {
  readonly label: string;
  readonly input: ByteSink | null;
  readonly output: ByteSource;
  /** What the script is given and what it answers. */
  readonly exchange: ProgramExchange;
  /** Resolves when the process has been reaped and its pipes are closed. Never rejects. */
  readonly done: Promise<void>;
  readonly #child: Child;
  readonly #limits: Limits;
  readonly #log: ScriptLog;
  readonly #setDone: () => void;
  #hasErrorsEnded = false;
  #end: ChildEnd | null = null;
  /** Unix times in milliseconds; Infinity where they do not apply. */
  #endMs = Infinity;
  #killMs = Infinity;
  #isEndExpected = false;
  #isTerminated = false;

  constructor(child: Child, { request, label, limits, log }: RunOptions) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.done = promise;
    this.#setDone = resolve;
    this.#child = child;
    this.input = child.input;
    this.output = child.output;
    this.label = label;
    this.#limits = limits;
    this.#log = log;
    this.exchange = new ProgramExchange(this, { request, limits, log });
    this.exchange.outputEnded.then(() => this.#onOutputEnded());
  }

  /** Whether `done` has resolved and no process of the group is still to be killed. */
  get isOver(): boolean {
    return this.#isDone && this.#killMs === Infinity;
  }

  get #isDone(): boolean {
    return this.#end !== null && this.exchange.hasOutputEnded && this.#hasErrorsEnded;
  }

  /** SIGTERM to the process group now, SIGKILL after `scriptKillMs`; the output ends here. */
  end(): void {
    if (this.#isTerminated) return;
    this.#isTerminated = true;
    if (this.#signal("SIGTERM")) this.#killMs = Date.now() + this.#limits.scriptKillMs;
    this.output.close();
    this.input?.close();
  }

  /** SIGKILL to the process group, and nothing else. */
  kill(): void {
    if (!this.isOver) this.#signal("SIGKILL");
  }

  /** To be called often: acts on every limit that has passed. */
  sweep(nowMs: number): void {
    if (nowMs >= this.#killMs) {
      this.#killMs = Infinity;
      this.#signal("SIGKILL");
    } else if (this.#killMs !== Infinity && this.#isDone && !this.#child.hasGroup()) {
      this.#killMs = Infinity;
    }
    if (this.#end !== null) return this.#sweepAfterEnd(nowMs);
    this.#expectEnd();
    this.exchange.sweep(nowMs);
  }

  /** The process has ended, but a child that it left behind may hold its pipes. */
  #sweepAfterEnd(nowMs: number): void {
    const { scriptLingerMs } = this.#limits;
    if (!this.exchange.hasOutputEnded) {
      if (nowMs - Math.max(this.exchange.waitStartMs, this.#endMs) > scriptLingerMs) this.end();
    } else if (!this.#hasErrorsEnded && nowMs - this.#endMs > scriptLingerMs) {
      this.#child.errors.close();
    }
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
    this.#endMs = Date.now();
    if (!end.isSuccess && !this.#isTerminated) this.#log.warn(this.label, `Ended with ${end.description}`);
    this.#checkDone();
  }

  #checkDone(): void {
    if (this.#isDone) this.#setDone();
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
