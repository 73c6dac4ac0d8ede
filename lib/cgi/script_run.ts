/**
 * One script from its start until nothing of it is left: feeding it, reading it, and ending it when it takes too long,
 * its client has gone or the server stops. Separate from cgi_scripts.ts, which knows of all scripts and of no pipe.
 */
import { type Body, HttpError, type HttpRequest } from "../http/message.ts";
import type { Limits } from "../limits.ts";
import { logLines, type ScriptLog } from "../child/child_log.ts";
import type { ScriptEnd, ScriptProcess } from "../child/child_process.ts";
import { type ScriptHead, ScriptHeadReader } from "../gateway/script_head.ts";

export interface RunOptions {
  readonly request: HttpRequest;
  /** What the script is called in the log: its name and process id. */
  readonly label: string;
  readonly limits: Limits;
  readonly log: ScriptLog;
}

/** Watching a client costs a read of its socket, so it starts for scripts that run longer than most. */
const WATCH_AFTER_MS = 100;

export class ScriptRun {
  /** What the script is called in the log. */
  readonly label: string;
  /** Resolves when the process has been reaped and its pipes are closed. Never rejects. */
  readonly done: Promise<void>;
  readonly #process: ScriptProcess;
  readonly #request: HttpRequest;
  readonly #limits: Limits;
  readonly #log: ScriptLog;
  readonly #startMs = Date.now();
  readonly #setDone: () => void;
  /** "discarding": nobody wants the rest, but the script is let finish. */
  #output: "head" | "content" | "discarding" | "ended" = "head";
  #hasErrorsEnded = false;
  #end: ScriptEnd | null = null;
  /** Unix times in milliseconds; Infinity where they do not apply. */
  #endMs = Infinity;
  #waitStartMs = Infinity;
  #killMs = Infinity;
  /** When the script last took a part of its input. */
  #inputMs = 0;
  #isClientAwaited = false;
  #isEndExpected = false;
  #isWatching = false;
  #isTerminated = false;
  #failure: { readonly error: unknown } | null = null;
  readonly #onAbort = () => this.#fail(new Deno.errors.Interrupted("The client has gone"));

  constructor(process: ScriptProcess, { request, label, limits, log }: RunOptions) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.done = promise;
    this.#setDone = resolve;
    this.#process = process;
    this.#request = request;
    this.label = label;
    this.#limits = limits;
    this.#log = log;
  }

  /** Whether `done` has resolved and no process of the group is still to be killed. */
  get isOver(): boolean {
    return this.#isDone && this.#killMs === Infinity;
  }

  /** Whether standard output has been read to its end, or nobody reads it any more. */
  get hasOutputEnded(): boolean {
    return this.#output === "ended";
  }

  get #isDone(): boolean {
    return this.#end !== null && this.#output === "ended" && this.#hasErrorsEnded;
  }

  /** Writes `content` to the script as fast as it reads; what goes wrong is told by the reading methods. */
  async feed(content: Body): Promise<void> {
    try {
      const parts = content[Symbol.asyncIterator]();
      for (;;) {
        this.#isClientAwaited = true;
        const part = await parts.next();
        this.#isClientAwaited = false;
        if (part.done === true) break;
        this.#inputMs = Date.now();
        // RFC 3875 4.2: a script need not read its content. What it leaves is for the connection to drain.
        if (this.#output === "ended" || !await this.#process.input?.write(part.value)) break;
        this.#inputMs = Date.now();
      }
      this.#process.input?.close();
    } catch (error) {
      this.#isClientAwaited = false;
      this.#fail(error);
    }
  }

  /**
   * Reads up to the end of the head. Throws HttpError 500 for output that is no response, 504 when it takes too long,
   * whatever went wrong with the request's content, and Interrupted when the client has gone.
   */
  async readHead(): Promise<ScriptHead> {
    const reader = new ScriptHeadReader(this.#limits);
    try {
      for (;;) {
        const bytes = await this.read();
        if (bytes === null) {
          throw new HttpError(
            500,
            `${this.label} ${reader.hasBegun ? "printed an incomplete head" : "printed nothing"}`,
          );
        }
        const head = reader.push(bytes);
        if (head !== null) {
          this.#output = "content";
          return head;
        }
      }
    } catch (error) {
      this.abandon();
      throw error;
    }
  }

  /**
   * The next bytes of the output, valid until the next call; null at its end. Throws as `readHead` does, after the head
   * no HttpError above 499.
   */
  async read(): Promise<Uint8Array | null> {
    this.#throwFailure();
    this.#waitStartMs = Date.now();
    const bytes = await this.#process.output.read();
    this.#waitStartMs = Infinity;
    this.#throwFailure();
    if (bytes === null) this.#endOutput();
    return bytes;
  }

  #throwFailure(): void {
    if (this.#failure === null) return;
    const { error } = this.#failure;
    // The client may have the head already, and then no other status can be told. What is its own fault stays so.
    if (this.#output === "content" && error instanceof HttpError && error.status >= 500) {
      throw new Error(error.message, { cause: error });
    }
    throw error;
  }

  /** Nobody wants the rest of the output: the script is let finish, but not for ever. */
  async discard(): Promise<void> {
    if (this.#output === "ended") return;
    this.#output = "discarding";
    this.#waitStartMs = Date.now();
    try {
      while (await this.#process.output.read() !== null);
    } catch (error) {
      this.#log.warn(this.label, "Its output cannot be read", error);
    }
    this.#endOutput();
  }

  /** Nobody waits for the script any more: its process group is ended. */
  abandon(): void {
    if (this.#output === "ended") return;
    this.#terminate();
    this.#endOutput();
  }

  /** The server stops: whoever waits for the output is told, and the process group is ended. */
  stop(): void {
    this.#fail(new HttpError(503, "The server stops"));
    this.#terminate();
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
    } else if (this.#killMs !== Infinity && this.#isDone && !this.#process.hasGroup()) {
      this.#killMs = Infinity;
    }
    if (this.#end !== null) return this.#sweepAfterEnd(nowMs);
    this.#expectEnd();
    if (nowMs - this.#startMs >= WATCH_AFTER_MS) this.#watchClient();
    // While the client sends, its own limits hold; while it reads, the script has nothing to wait for.
    if (this.#isClientAwaited || this.#isTerminated) return;
    const waitedMs = nowMs - Math.max(this.#waitStartMs, this.#inputMs);
    const { scriptMs, scriptBodyMs } = this.#limits;
    if (this.#output === "head") {
      if (waitedMs > scriptMs) this.#fail(new HttpError(504, `${this.label} printed no head within ${scriptMs} ms`));
    } else if (waitedMs > scriptBodyMs) {
      if (this.#output === "content") this.#fail(new Error(`${this.label} printed nothing for ${scriptBodyMs} ms`));
      else this.#log.warn(this.label, `Still runs ${scriptBodyMs} ms after its response: it is ended`);
      this.#terminate();
    }
  }

  /** The process has ended, but a child that it left behind may hold its pipes. */
  #sweepAfterEnd(nowMs: number): void {
    const { scriptLingerMs } = this.#limits;
    if (this.#output !== "ended") {
      if (nowMs - Math.max(this.#waitStartMs, this.#endMs) > scriptLingerMs) this.#terminate();
    } else if (!this.#hasErrorsEnded && nowMs - this.#endMs > scriptLingerMs) {
      this.#process.errors.close();
    }
  }

  /**
   * Waits for the process and reads its standard error from now on. Most scripts end as soon as their output does, and then there is
   * nothing to be waited for; the sweep sees to the others.
   */
  #expectEnd(): void {
    if (this.#isEndExpected) return;
    this.#isEndExpected = true;
    this.#logErrors();
    this.#process.reap().then((end) => this.#onEnd(end));
  }

  #watchClient(): void {
    if (this.#isWatching || this.#output === "discarding" || this.#output === "ended") return;
    this.#isWatching = true;
    const { signal } = this.#request;
    if (signal.aborted) this.#onAbort();
    else signal.addEventListener("abort", this.#onAbort);
  }

  async #logErrors(): Promise<void> {
    const { maxScriptErrorBytes } = this.#limits;
    try {
      await logLines(this.#process.errors, { log: this.#log, source: this.label, maxBytes: maxScriptErrorBytes });
    } catch (error) {
      this.#log.warn(this.label, "Its standard error cannot be read", error);
    }
    this.#hasErrorsEnded = true;
    this.#checkDone();
  }

  #onEnd(end: ScriptEnd): void {
    this.#end = end;
    this.#endMs = Date.now();
    if (!end.isSuccess && !this.#isTerminated) this.#log.warn(this.label, `Ended with ${end.description}`);
    this.#checkDone();
  }

  #endOutput(): void {
    if (this.#output === "ended") return;
    this.#output = "ended";
    this.#waitStartMs = Date.now();
    // Whatever the script has not read by now cannot change its answer.
    this.#process.input?.close();
    this.#expectEnd();
    this.#checkDone();
  }

  #checkDone(): void {
    if (!this.#isDone) return;
    if (this.#isWatching) this.#request.signal.removeEventListener("abort", this.#onAbort);
    this.#setDone();
  }

  /** Makes the reading methods throw `error`, at once. */
  #fail(error: unknown): void {
    if (this.#failure !== null || this.#output === "discarding" || this.#output === "ended") return;
    this.#failure = { error };
    this.#terminate();
  }

  /** SIGTERM now, SIGKILL after `scriptKillMs`; the output ends here. */
  #terminate(): void {
    if (this.#isTerminated) return;
    this.#isTerminated = true;
    if (this.#signal("SIGTERM")) this.#killMs = Date.now() + this.#limits.scriptKillMs;
    this.#process.output.close();
    this.#process.input?.close();
  }

  #signal(signal: "SIGTERM" | "SIGKILL"): boolean {
    try {
      return this.#process.signalGroup(signal);
    } catch (error) {
      // A set-user-id program may belong to somebody whom this server may not end.
      this.#log.error(this.label, `Cannot send ${signal}`, error);
      return false;
    }
  }
}
