/**
 * One request and the program that answers it: feeds the content to it, reads its head and its output, and ends it when it
 * takes too long, its client has gone or the server stops. What the program is and how it is ended is the peer's affair:
 * a child process and its pipes, records on a connection. RFC 3875 4.2 and 6. Clock.
 */
import type { WaitClock } from "../clock.ts";
import type { ByteSink, ByteSource } from "../child/child.ts";
import type { ScriptLog } from "../child/child_log.ts";
import { type Body, BrokenAnswer, HttpError, type HttpRequest } from "../http/message.ts";
import type { Limits } from "../limits.ts";
import { OutputAhead, type OutputAheadOptions } from "./output_ahead.ts";
import type { AnsweringProgram } from "./answering_program.ts";
import { type ScriptHead, ScriptHeadReader } from "./script_head.ts";

/** What talks with the program. */
export interface ProgramPeer {
  /** What the program is called in the log. */
  readonly label: string;
  /** Null: there is no content for it. */
  readonly input: ByteSink | null;
  readonly output: ByteSource;
  /** Reads the head where it does not stand at the beginning of the output; null where that ends before. Throws as the output does. */
  readHead?(): Promise<ScriptHead | null>;
  /**
   * Ends the program, and closes input and output at once: "unwanted": nobody waits for it; "late": it has passed a limit,
   * or the server stops. Is called once at most.
   */
  end(why: "unwanted" | "late"): void;
}

export interface ExchangeOptions {
  readonly request: Pick<HttpRequest, "signal">;
  readonly limits: Limits;
  readonly log: ScriptLog;
  readonly clock: WaitClock;
  /** Where output is kept for a client that is slow. */
  readonly ahead: Pick<OutputAheadOptions, "room" | "folder" | "budget">;
}

/** Whoever has not asked for more for so long is slow, and so is who has not had all after the second. */
const SLOW_AFTER_MS = 100;
const LONG_AFTER_MS = 1000;

/** Watching a client costs a read of its socket, so it starts for programs that run longer than most. */
const WATCH_AFTER_MS = 100;

export class ProgramExchange implements AnsweringProgram {
  /** Resolves when the output has been read to its end, or nobody reads it any more. Never rejects. */
  readonly outputEnded: Promise<void>;
  readonly #peer: ProgramPeer;
  readonly #signal: AbortSignal;
  readonly #limits: Limits;
  readonly #log: ScriptLog;
  readonly #clock: WaitClock;
  /** By the clock, as all times here. */
  readonly #startMs: number;
  readonly #setOutputEnded: () => void;
  /** "discarding": nobody wants the rest, but the program is let finish. */
  #output: "head" | "content" | "discarding" | "ended" = "head";
  /** Infinity while nobody waits for output. */
  #waitStartMs = Infinity;
  /** When the program last took a part of its input. */
  #inputMs = 0;
  #isClientAwaited = false;
  #isWatching = false;
  /** When the client was last given something, and when the first part of the content. */
  #givenMs = 0;
  #contentMs = 0;
  /** What was read for a client that is slow; null while it reads by itself. */
  #ahead: OutputAhead | null = null;
  readonly #aheadOptions: ExchangeOptions["ahead"];
  /** The peer was told to end the program. */
  #isEnding = false;
  #failure: { readonly error: unknown } | null = null;
  readonly #onAbort = () => {
    this.#fail(new Deno.errors.Interrupted("The client has gone"));
    this.#ahead?.close();
  };

  constructor(peer: ProgramPeer, { request, limits, log, clock, ahead }: ExchangeOptions) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.outputEnded = promise;
    this.#setOutputEnded = resolve;
    this.#peer = peer;
    this.#signal = request.signal;
    this.#limits = limits;
    this.#log = log;
    this.#clock = clock;
    this.#startMs = clock.nowMs;
    this.#aheadOptions = ahead;
  }

  get label(): string {
    return this.#peer.label;
  }

  get hasOutputEnded(): boolean {
    return this.#output === "ended";
  }

  /** Whether nobody waits for the output any more, though it may be read on. */
  get isAnswered(): boolean {
    return this.#output === "discarding" || this.#output === "ended";
  }

  /** Since when the output, or the end after it, is waited for, by the clock; Infinity while it is not. */
  get waitStartMs(): number {
    return this.#waitStartMs;
  }

  /** Writes `content` to the program as fast as it reads; what goes wrong is told by the reading methods. */
  async feed(content: Body): Promise<void> {
    const { input } = this.#peer;
    try {
      const parts = content[Symbol.asyncIterator]();
      for (;;) {
        this.#isClientAwaited = true;
        const part = await parts.next();
        this.#isClientAwaited = false;
        if (part.done === true) break;
        this.#inputMs = this.#clock.nowMs;
        // RFC 3875 4.2: a script need not read its content. What it leaves is for the connection to drain.
        if (this.#output === "ended" || !await input?.write(part.value)) break;
        this.#inputMs = this.#clock.nowMs;
      }
      input?.close();
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
    try {
      const head = this.#peer.readHead === undefined ? await this.#findHead() : await this.#askForHead(this.#peer);
      this.#output = "content";
      this.#contentMs = this.#givenMs = this.#clock.nowMs;
      return head;
    } catch (error) {
      this.abandon();
      throw error;
    }
  }

  async #askForHead(peer: ProgramPeer): Promise<ScriptHead> {
    this.#throwFailure();
    const head = await this.#wait(peer.readHead?.() ?? null);
    this.#throwFailure();
    if (head === null) throw new HttpError(500, `${this.label} answered nothing`);
    return head;
  }

  async #findHead(): Promise<ScriptHead> {
    const reader = new ScriptHeadReader(this.#limits);
    for (;;) {
      const bytes = await this.read();
      if (bytes === null) {
        const { beginning } = reader;
        const what = beginning === "" ? "nothing" : `an incomplete head: ${JSON.stringify(beginning)}`;
        throw new HttpError(500, `${this.label} printed ${what}`);
      }
      const head = reader.push(bytes);
      if (head !== null) return head;
    }
  }

  async read(): Promise<Uint8Array | null> {
    if (this.#ahead !== null) {
      // What was taken off the program is the client's, whatever has become of the program since.
      const bytes = await this.#ahead.take();
      if (bytes === null) this.#throwFailure();
      return bytes;
    }
    this.#throwFailure();
    const bytes = await this.#readOutput();
    this.#throwFailure();
    if (bytes === null) this.#endOutput();
    this.#givenMs = this.#clock.nowMs;
    return bytes;
  }

  #readOutput(): Promise<Uint8Array | null> {
    return this.#wait(this.#peer.output.read());
  }

  async #wait<Result>(reading: Promise<Result> | null): Promise<Result | null> {
    this.#waitStartMs = this.#clock.nowMs;
    try {
      return await reading;
    } finally {
      this.#waitStartMs = Infinity;
    }
  }

  /**
   * To be called often as long as output may come: a client that is slow does not keep the program from its end, and others
   * from its place. Others read by themselves, which costs a copy less.
   */
  takeAhead(nowMs: number): void {
    if (this.#output !== "content" || this.#ahead !== null || this.#waitStartMs !== Infinity) return;
    if (this.#isEnding || (nowMs - this.#givenMs < SLOW_AFTER_MS && nowMs - this.#contentMs < LONG_AFTER_MS)) return;
    const onFileFailure = (problem: string) => {
      this.#log.warn(this.label, `What it prints cannot be kept in ${problem}: it waits for its client`);
    };
    // The client may not have taken it yet.
    this.#peer.output.keepLast();
    this.#ahead = new OutputAhead({ ...this.#aheadOptions, onFileFailure });
    this.#readAhead(this.#ahead);
  }

  async #readAhead(ahead: OutputAhead): Promise<void> {
    try {
      for (let bytes; (bytes = await this.#readOutput()) !== null;) await ahead.add(bytes);
    } catch (error) {
      this.#fail(error);
    }
    ahead.end();
    this.#endOutput();
  }

  #throwFailure(): void {
    if (this.#failure === null) return;
    const { error } = this.#failure;
    // The client may have the head already, and then no other status can be told. What is its own fault stays so.
    if (this.#output !== "head" && error instanceof HttpError && error.status >= 500) {
      throw new BrokenAnswer(error.message);
    }
    throw error;
  }

  async discard(): Promise<void> {
    this.#ahead?.close();
    if (this.#output === "ended") return;
    this.#output = "discarding";
    // Whoever reads ahead reads on.
    if (this.#ahead !== null) return await this.outputEnded;
    this.#waitStartMs = this.#clock.nowMs;
    try {
      while (await this.#peer.output.read() !== null);
    } catch (error) {
      this.#log.warn(this.label, "Its output cannot be read", error);
    }
    this.#endOutput();
  }

  abandon(): void {
    this.#ahead?.close();
    if (this.#output === "ended") return;
    this.#end("unwanted");
    this.#endOutput();
  }

  /** The server stops: whoever waits for the output is told, and the program is ended. */
  stop(): void {
    this.#fail(new HttpError(503, "The server stops"));
    this.#end("late");
  }

  /** The output will have no end, for that reason: whoever waits for it is told, and the program is ended. */
  breakOff(reason: string): void {
    this.#fail(new HttpError(504, `${this.label}: ${reason}`), "late");
    this.#end("late");
  }

  /** To be called often as long as the program runs: acts on every limit that has passed, and does what the others here do. */
  sweep(nowMs: number): void {
    this.watchClient(nowMs);
    this.#actOnSilence(nowMs);
    this.takeAhead(nowMs);
  }

  #actOnSilence(nowMs: number): void {
    // While the client sends, its own limits hold; while it reads, the program has nothing to wait for.
    if (this.#isClientAwaited || this.#isEnding) return;
    const waitedMs = nowMs - Math.max(this.#waitStartMs, this.#inputMs);
    const { scriptMs, scriptBodyMs } = this.#limits;
    if (this.#output === "head") {
      if (waitedMs > scriptMs) this.#fail(new HttpError(504, `${this.label} printed no head within ${scriptMs} ms`));
    } else if (waitedMs > scriptBodyMs) {
      if (this.#output === "content") {
        this.#fail(new BrokenAnswer(`${this.label} printed nothing for ${scriptBodyMs} ms`));
      } else this.#log.warn(this.label, `Still runs ${scriptBodyMs} ms after its response: it is ended`);
      this.#end("late");
    }
  }

  /** To be called often as long as output may come: ends the program once the client has gone. */
  watchClient(nowMs: number): void {
    if (this.#isWatching || nowMs - this.#startMs < WATCH_AFTER_MS) return;
    if (this.isAnswered) return;
    this.#isWatching = true;
    if (this.#signal.aborted) this.#onAbort();
    else this.#signal.addEventListener("abort", this.#onAbort);
  }

  #endOutput(): void {
    if (this.#output === "ended") return;
    this.#output = "ended";
    this.#waitStartMs = this.#clock.nowMs;
    // Whatever the program has not read by now cannot change its answer.
    this.#peer.input?.close();
    if (this.#isWatching) this.#signal.removeEventListener("abort", this.#onAbort);
    this.#setOutputEnded();
  }

  /** Makes the reading methods throw `error`, at once. */
  #fail(error: unknown, why: "unwanted" | "late" = "unwanted"): void {
    if (this.#failure !== null || this.isAnswered) return;
    this.#failure = { error };
    this.#end(why);
  }

  #end(why: "unwanted" | "late"): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#peer.end(why);
  }
}
