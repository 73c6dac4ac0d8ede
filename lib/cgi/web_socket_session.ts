/**
 * A client that speaks WebSocket and the program that talks with it: each message of the one is something to read for the other,
 * and one is told when the other ends. What a program is and how it is ended is its run's affair (script_run.ts), what a frame is
 * that of lib/websocket/. At most one message from the client, and one read of the output, is held: whoever is slow slows the
 * other down. Clock. RFC 6455 5 to 7.
 */
import type { ScriptLog } from "../child/child_log.ts";
import type { WaitClock } from "../clock.ts";
import type { Body, Upgrade, UpgradedStream } from "../http/message.ts";
import type { Limits } from "../limits.ts";
import { CLOSE, closeFrame, frameOf, OPCODE } from "../websocket/frames.ts";
import { BrokenProtocol, type ClientEvent, MessageReader } from "../websocket/message_reader.ts";
import { type Framing, OutputFramer, toProgram, UnsendableOutput } from "../websocket/program_messages.ts";
import type { RunExchange, ScriptPeer } from "./script_run.ts";

/** A write that takes so long has waited until the client had taken something. */
const LONG_WRITE_MS = 100;

export interface SessionOptions {
  readonly framing: Framing;
  readonly limits: Pick<Limits, "maxMessageBytes" | "websocketPingMs" | "websocketCloseMs" | "scriptBodyMs">;
  readonly log: ScriptLog;
  readonly clock: WaitClock;
}

export class WebSocketSession implements RunExchange, Upgrade {
  /** Resolves when the output has been read to its end, or nobody reads it any more. Never rejects. */
  readonly outputEnded: Promise<void>;
  /** Of the answer 101: closed without a run, the program is ended. */
  readonly body: Body = { length: 0, [Symbol.asyncIterator]: noParts, close: () => this.#abandon() };
  readonly #peer: ScriptPeer;
  readonly #options: SessionOptions;
  readonly #setOutputEnded: () => void;
  readonly #reader: MessageReader;
  readonly #framer: OutputFramer;
  /** Null before 101. */
  #stream: UpgradedStream | null = null;
  /** Frames leave one after the other. */
  #sending: Promise<void> = Promise.resolve();
  #hasSentClose = false;
  /** The connection is, or there will be none. */
  #isOver = false;
  #hasOutputEnded = false;
  #isDraining = false;
  /** The peer was told to end the program. */
  #isEnding = false;
  /** By the clock, as all times here; Infinity while nothing of the kind is waited for. */
  #outputWaitMs = Infinity;
  #inputWaitMs = Infinity;
  #clientWaitMs = Infinity;
  #pingedMs = Infinity;
  /** Something is being written; for how long the client may take is among the limits of the socket. */
  #isTaking = false;
  /** When the program is ended, which has been told that nothing follows. */
  #graceMs = Infinity;
  readonly #grace = Promise.withResolvers<null>();

  constructor(peer: ScriptPeer, options: SessionOptions) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.outputEnded = promise;
    this.#setOutputEnded = resolve;
    this.#peer = peer;
    this.#options = options;
    this.#reader = new MessageReader(options.limits.maxMessageBytes);
    this.#framer = new OutputFramer(options.framing);
  }

  get hasOutputEnded(): boolean {
    return this.#hasOutputEnded;
  }

  get isAnswered(): boolean {
    return this.#isOver || this.#hasOutputEnded;
  }

  get waitStartMs(): number {
    return this.#outputWaitMs;
  }

  /** Resolves when nothing is left to be said; of a server that stops, when the program has had time to end as well. */
  async run(stream: UpgradedStream): Promise<void> {
    this.#stream = stream;
    stream.draining.then(() => this.#goAway());
    this.#passOutput();
    let isClosed = false;
    try {
      isClosed = await this.#passInput(stream);
    } finally {
      stream.hold(0);
      this.#reader.release();
      await this.#leave(isClosed);
    }
  }

  /** To be called often while the process runs: acts on every limit that has passed. */
  sweep(nowMs: number): void {
    const { scriptBodyMs } = this.#options.limits;
    this.watchClient(nowMs);
    if (nowMs - this.#inputWaitMs > scriptBodyMs) {
      this.#giveProgramUp(`Has read nothing of its input for ${scriptBodyMs} ms: it is ended`);
    }
    if (nowMs < this.#graceMs) return;
    this.#graceMs = Infinity;
    this.#grace.resolve(null);
    this.#end("unwanted");
  }

  /**
   * A client that is silent is asked whether it is there; while the program keeps it waiting nobody listens to it, and one that takes a
   * long message cannot hear the question. RFC 6455 5.5.2.
   */
  watchClient(nowMs: number): void {
    const { websocketPingMs } = this.#options.limits;
    if (this.#isOver || this.#hasSentClose || this.#isTaking || nowMs - this.#clientWaitMs < websocketPingMs) return;
    if (this.#pingedMs === Infinity) {
      this.#pingedMs = nowMs;
      this.#send(frameOf(OPCODE.ping, NOTHING));
    } else if (nowMs - this.#pingedMs >= websocketPingMs) {
      this.#stream?.cut("no answer to a ping");
    }
  }

  /** A slow client keeps its program waiting: there is no answer that could be kept for it. */
  takeAhead(): void {}

  stop(): void {
    this.#close(CLOSE.goingAway);
    this.#end("late");
  }

  breakOff(): void {
    this.#close(CLOSE.internalError);
    this.#end("late");
  }

  /** True: both sides have said that they close. */
  async #passInput(stream: UpgradedStream): Promise<boolean> {
    try {
      for (;;) {
        const bytes = await this.#hear(stream);
        if (bytes === null) return false;
        this.#reader.push(bytes);
        for (let event; (event = this.#reader.next()) !== null;) {
          if (event.type === "close") {
            // RFC 6455 5.5.1: it is answered by the same code.
            await this.#close(event.code);
            return true;
          }
          await this.#take(event);
        }
        stream.hold(this.#reader.heldBytes);
      }
    } catch (error) {
      if (!(error instanceof BrokenProtocol)) throw error;
      this.#options.log.debug(this.#peer.label, `The client is told ${error.code}: ${error.message}`);
      await this.#close(error.code, error.message);
      return false;
    }
  }

  async #hear(stream: UpgradedStream): Promise<Uint8Array | null> {
    this.#clientWaitMs = this.#options.clock.nowMs;
    try {
      return await stream.read();
    } finally {
      this.#clientWaitMs = this.#pingedMs = Infinity;
    }
  }

  async #take(event: Exclude<ClientEvent, { readonly type: "close" }>): Promise<void> {
    if (event.type === "ping") await this.#send(frameOf(OPCODE.pong, event.bytes));
    if (event.type !== "message") return;
    const { framing, clock } = this.#options;
    if (framing === "text" && !event.isText) {
      throw new BrokenProtocol(CLOSE.unsupportedData, "a binary message to a program that reads lines");
    }
    this.#inputWaitMs = clock.nowMs;
    // A program need not read its input, and may have ended.
    await this.#peer.input?.write(toProgram(event.bytes, framing));
    this.#inputWaitMs = Infinity;
  }

  /** Never rejects. */
  async #passOutput(): Promise<void> {
    try {
      for (let bytes; (bytes = await this.#readOutput()) !== null;) {
        if (!this.#hasSentClose) await this.#send(this.#framer.frames(bytes));
      }
      if (!this.#isEnding && !this.#hasSentClose) await this.#send(this.#framer.end());
    } catch (error) {
      const isUnsendable = error instanceof UnsendableOutput;
      this.#giveProgramUp(isUnsendable ? `Its output: ${error.message}` : "Its output cannot be read", error);
    }
    this.#endOutput();
    await this.#close(await this.#codeOfEnd());
  }

  async #readOutput(): Promise<Uint8Array | null> {
    this.#outputWaitMs = this.#options.clock.nowMs;
    try {
      return await this.#peer.output.read();
    } finally {
      this.#outputWaitMs = Infinity;
    }
  }

  /** How the process ended says how the conversation did; one that only lets go of its output is not waited for long. */
  async #codeOfEnd(): Promise<number> {
    const end = await Promise.race([this.#peer.ended, this.#grace.promise]);
    return end === null || end.isSuccess ? CLOSE.normal : CLOSE.internalError;
  }

  #giveProgramUp(problem: string, error?: unknown): void {
    if (this.#isEnding) return;
    this.#options.log.warn(this.#peer.label, problem, error instanceof UnsendableOutput ? undefined : error);
    this.#close(CLOSE.internalError);
    this.#end("late");
  }

  #goAway(): void {
    this.#isDraining = true;
    this.#close(CLOSE.goingAway);
  }

  /** RFC 6455 7.1.2: nothing is said after it; the client has some time to answer. Never rejects. */
  async #close(code: number | null, reason = ""): Promise<void> {
    if (this.#hasSentClose || this.#isOver || this.#stream === null) return;
    const sent = this.#send(closeFrame(code, reason));
    this.#hasSentClose = true;
    this.#stream.endWithin(this.#options.limits.websocketCloseMs);
    await sent;
  }

  /** Nothing is sent after a close, nor to a client that is gone. Never rejects: whoever reads meets the same failure. */
  #send(bytes: Uint8Array): Promise<void> {
    if (this.#hasSentClose || bytes.length === 0) return this.#sending;
    return this.#sending = this.#sending.then(() => this.#write(bytes));
  }

  async #write(bytes: Uint8Array): Promise<void> {
    if (this.#isOver || this.#stream === null) return;
    try {
      const { clock } = this.#options;
      clock.update();
      const startMs = clock.nowMs;
      this.#isTaking = true;
      await this.#stream.write(bytes);
      clock.update();
      if (clock.nowMs - startMs >= LONG_WRITE_MS) this.#renewClientWait();
    } catch (error) {
      this.#end("unwanted");
      this.#stream.cut(`a write failed: ${error}`);
    } finally {
      this.#isTaking = false;
    }
  }

  /** The client has shown that it is there. */
  #renewClientWait(): void {
    if (this.#clientWaitMs !== Infinity) this.#clientWaitMs = this.#options.clock.nowMs;
    this.#pingedMs = Infinity;
  }

  /** The connection has come to its end. A program that has heard all of a whole conversation may make an end of it by itself. */
  async #leave(isClosed: boolean): Promise<void> {
    this.#isOver = true;
    if (!isClosed) return this.#end("unwanted");
    this.#peer.input?.close();
    this.#limitGrace();
    if (this.#isDraining) await this.outputEnded;
  }

  #limitGrace(): void {
    const { clock, limits } = this.#options;
    this.#graceMs = Math.min(this.#graceMs, clock.nowMs + limits.websocketCloseMs);
  }

  #endOutput(): void {
    if (this.#hasOutputEnded) return;
    this.#hasOutputEnded = true;
    this.#peer.input?.close();
    this.#limitGrace();
    this.#setOutputEnded();
  }

  #end(why: "unwanted" | "late"): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#peer.end(why);
  }

  #abandon(): Promise<void> {
    if (this.#stream === null) {
      this.#isOver = true;
      this.#end("unwanted");
      this.#endOutput();
    }
    return Promise.resolve();
  }
}

const NOTHING = new Uint8Array(0);

async function* noParts(): AsyncGenerator<Uint8Array> {}
