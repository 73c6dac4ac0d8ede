/**
 * The pump of an HTTP/2 connection: reads frames, has each request served as its stream, all of them side by side, and comes to
 * an end that the client can see. Apart from what a request is served with (http2_exchange.ts), from writing (frame_writer.ts)
 * and from the protocol itself (lib/http2/). RFC 9113 3.4, 5.4 and 6.8.
 */
import { type ConnectionInfo, HttpError } from "../http/message.ts";
import type { ReceivedRequest } from "../http/received_request.ts";
import { Connection, type Http2Event } from "../http2/connection.ts";
import { ErrorCode, type StreamError } from "../http2/error_codes.ts";
import type { ResponseHeads } from "../http2/response_heads.ts";
import type { Stream } from "../http2/stream.ts";
import { NO_PLACE } from "../status/counters.ts";
import { nextTurn } from "../system/readiness.ts";
import type { ConnectionServices } from "./connection_services.ts";
import type { ConnectionSocket } from "./connection_socket.ts";
import { FrameQueue } from "./frame_queue.ts";
import { FrameWriter } from "./frame_writer.ts";
import { type Http2Ends, Http2Exchange } from "./http2_exchange.ts";
import type { OpenConnection, Protocol } from "./open_connection.ts";
import { logAccess, serveExchange } from "./serve_exchange.ts";

/** Frames are read in larger pieces than the heads of HTTP/1. */
const MOST_READ_BYTES = 65_536;
/** Nothing more is read from a client that does not take so much. */
const MOST_WAITING_BYTES = 262_144;
/**
 * So much one connection does before all others have their turn: bytes that are read, and requests that are begun, of which one
 * that takes longer than to be answered from memory, as that of a file that has to be opened, counts as so many.
 */
const READ_AT_ONCE_BYTES = 131_072;
const BEGUN_AT_ONCE = 64;
const LONG_WORK = 8;
/** RFC 9113 6.8: a client that was told that the server leaves may have sent requests before it knew. */
const LEAVE_MS = 1000;
/** So long after the last answer a client may still be reading it. */
const READ_MS = 1000;

type ArrivedRequest = Extract<Http2Event, { readonly type: "request" }>;

/** ConnectionServices of a server that speaks HTTP/2. */
export interface Http2Services extends ConnectionServices {
  readonly responseHeads: ResponseHeads;
}

export class Http2Connection implements OpenConnection {
  readonly #socket: ConnectionSocket;
  readonly #services: Http2Services;
  /** The peer of the socket, or whom that one speaks for. */
  readonly #client: ConnectionInfo;
  readonly #connection: Connection;
  readonly #queue: FrameQueue;
  readonly #writer: FrameWriter;
  readonly #ends: Http2Ends;
  /** Those that were not answered at once. */
  readonly #exchanges = new Map<number, Http2Exchange>();
  /** Requests that have come and were not begun, from `#begunCount` on. */
  readonly #arrived: ArrivedRequest[] = [];
  #begunCount = 0;
  /** What was done, and how far may be read, before all others have their turn. */
  #turnWork = 0;
  #turnEndBytes = READ_AT_ONCE_BYTES;
  /** By the clock; null: the server does not stop. */
  #drainMs: number | null = null;
  /** The client was told which stream is the last one. */
  #hasLeft = false;
  /** The end is on its way. */
  #isEnding = false;
  /** Called when no stream is open any more. */
  #onIdle: (() => void) | null = null;

  /** Of a socket on which HTTP/2 begins now, with what has arrived there. */
  constructor(socket: ConnectionSocket, services: Http2Services, client: ConnectionInfo = socket.info) {
    this.#socket = socket;
    this.#services = services;
    this.#client = client;
    this.#queue = new FrameQueue(services.outputPool);
    const nowMs = services.clock.nowMs;
    this.#connection = new Connection(services, { buffer: socket.received, output: this.#queue, nowMs });
    this.#writer = new FrameWriter(this.#queue, this.#connection.sender, socket.writer);
    this.#ends = {
      connection: this.#connection,
      queue: this.#queue,
      writer: this.#writer,
      services,
      reportFailure: (error) => socket.reportFailure(error),
    };
  }

  get info(): ConnectionInfo {
    return this.#socket.info;
  }

  get protocol(): Protocol {
    return "http/2";
  }

  get isIdle(): boolean {
    const isQuiet = this.#connection.streamCount === 0 && !this.#connection.hasBegunFrame;
    return isQuiet && !this.#isEnding && !this.#socket.writer.isWriting;
  }

  /** Serves the connection to its end; rejects with what it fails with, and leaves the socket open. */
  async serve(refusal: HttpError | null): Promise<void> {
    try {
      if (refusal === null) await this.#serveRequests();
      else this.#refuse(refusal);
      await this.#finish();
    } finally {
      this.#abortExchanges();
      await this.#allServed();
      this.#queue.release();
    }
  }

  run(refusal: HttpError | null = null): Promise<OpenConnection | null> {
    return this.#socket.serve(this.serve(refusal));
  }

  isLate(nowMs: number): boolean {
    return this.#socket.isLate(nowMs) || this.#isLeavingLate(nowMs) || this.#lateExchanges(nowMs).length > 0;
  }

  #lateExchanges(nowMs: number): readonly Http2Exchange[] {
    return this.#exchanges.size === 0 ? [] : [...this.#exchanges.values()].filter((one) => one.isLate(nowMs));
  }

  #isLeavingLate(nowMs: number): boolean {
    return this.#drainMs !== null && !this.#hasLeft && nowMs - this.#drainMs >= LEAVE_MS;
  }

  sweep(nowMs: number): boolean {
    const { reader, writer } = this.#socket;
    if (nowMs > writer.deadlineMs) return this.#socket.giveUp("a write made no progress");
    if (this.#socket.isReadLate(nowMs)) {
      if (reader.wait === "half_closed") this.#abortExchanges();
      else if (reader.wait === "linger") this.#socket.end("timed out: linger");
      else this.#leave(`timed out: ${reader.wait}`);
    }
    for (const exchange of this.#lateExchanges(nowMs)) exchange.expire(nowMs);
    if (this.#isLeavingLate(nowMs)) this.#sayLast();
    return false;
  }

  drain(): boolean {
    this.#drainMs = this.#services.clock.nowMs;
    this.#connection.leave(false);
    this.#writer.schedule();
    return false;
  }

  closeIfIdle(reason: string, idleMs: number): boolean {
    if (!this.isIdle || !this.#socket.isSilentFor(idleMs)) return false;
    this.#leave(reason);
    return true;
  }

  get slowness(): number | null {
    const isAwaited = [...this.#exchanges.values()].some(({ isClientAwaited }) => isClientAwaited);
    return this.#socket.slowness(this.isIdle, isAwaited);
  }

  get heldBytes(): number {
    return this.#socket.heldBytes + this.#queue.waitingBytes + this.#connection.heldBytes;
  }

  giveWay(reason: string): boolean {
    return this.#socket.giveWay(reason);
  }

  abort(): void {
    this.#forgetArrived();
    this.#abortExchanges();
    this.#socket.end(STOPS);
  }

  async #serveRequests(): Promise<void> {
    const { reader } = this.#socket;
    reader.startWait("head", this.#services.limits.headMs);
    for (;;) {
      // Nothing more is said or served.
      if (reader.wait === "linger") return await this.#socket.readAway();
      this.#writer.hold();
      const isOpen = this.#handleEvents();
      let sending = this.#answerArrived();
      while (this.#arrived.length > 0 && this.#writer.failure === null) {
        await this.#giveTurn();
        sending = this.#answerArrived();
      }
      if (!isOpen) return;
      this.#setWait();
      // Where all is answered the client has to read first; its next request then is mostly there, and a read finds it at once.
      if (this.#exchanges.size === 0 || this.#queue.waitingBytes > MOST_WAITING_BYTES) await sending;
      if (this.#writer.failure !== null) throw this.#writer.failure.error;
      if (reader.byteCount >= this.#turnEndBytes) await this.#giveTurn();
      try {
        reader.accept(await reader.read(MOST_READ_BYTES));
      } catch (error) {
        reader.acceptFailure(error);
      }
    }
  }

  /** Has all others have their turn. A read that has to wait does so, too, which is not seen here. */
  async #giveTurn(): Promise<void> {
    await nextTurn();
    this.#turnWork = 0;
    this.#turnEndBytes = this.#socket.reader.byteCount + READ_AT_ONCE_BYTES;
  }

  /** Handles what has arrived; false where nothing more will be read. */
  #handleEvents(): boolean {
    const { clock } = this.#services;
    for (;;) {
      const event = this.#connection.nextEvent(clock.nowMs);
      switch (event.type) {
        case "request":
          // Begun when all is handled that came with it: what its client resets at once costs nothing.
          this.#arrived.push(event);
          break;
        case "content":
          this.#exchanges.get(event.stream.id)?.onContent();
          break;
        case "reset":
          this.#onReset(event.stream, event.error);
          break;
        case "need_data":
          return true;
        case "peer_closed":
          return false;
        case "failed":
          this.#socket.debug(event.error.message);
          this.#hasLeft = true;
          this.#forgetArrived();
          this.#abortExchanges();
          return false;
      }
    }
  }

  /** Begins what has arrived, as much of it as others may wait for, and sends the answers as `FrameWriter.send` does. */
  #answerArrived(): Promise<void> {
    const arrived = this.#arrived;
    this.#writer.hold();
    while (this.#begunCount < arrived.length && this.#turnWork < BEGUN_AT_ONCE) {
      const { stream, request } = arrived[this.#begunCount++];
      // One that was reset has been released.
      if (!stream.isReset) this.#turnWork += this.#serve(stream, request) ? 1 : LONG_WORK;
    }
    if (this.#begunCount === arrived.length) this.#forgetArrived();
    return this.#writer.send();
  }

  #forgetArrived(): void {
    this.#arrived.length = this.#begunCount = 0;
  }

  /** True: it was answered at once. */
  #serve(stream: Stream, received: ReceivedRequest): boolean {
    const client = this.#services.proxies.seeThrough(this.#client, received.head.fields, this.info);
    const exchange = new Http2Exchange(stream, { received, client }, this.#ends);
    const serving = serveExchange(exchange, this.#services);
    if (serving === null) {
      this.#connection.release(stream, exchange.code);
      return true;
    }
    this.#exchanges.set(stream.id, exchange);
    serving.then(() => this.#end(exchange));
    return false;
  }

  #onReset(stream: Stream, error: StreamError | null): void {
    if (error !== null) this.#socket.debug(error.message);
    const exchange = this.#exchanges.get(stream.id);
    if (exchange === undefined) this.#connection.release(stream, ErrorCode.CANCEL);
    else exchange.onGone();
  }

  /** The exchange has come to its end. */
  #end(exchange: Http2Exchange): void {
    this.#exchanges.delete(exchange.stream.id);
    this.#connection.release(exchange.stream, exchange.code);
    this.#writer.schedule();
    if (this.#exchanges.size > 0) return;
    this.#onIdle?.();
    this.#setWait();
  }

  /** What is waited for is said by what is open. */
  #setWait(): void {
    const { reader } = this.#socket;
    const { limits } = this.#services;
    if (reader.wait === "linger" || reader.wait === "half_closed") return;
    if (this.#connection.isInBlock || (this.#exchanges.size === 0 && this.#connection.hasBegunFrame)) {
      reader.startWait("head", limits.headMs);
    } else if (this.#exchanges.size > 0) {
      reader.endWait();
    } else {
      reader.startWait("keep_alive", limits.keepAliveMs);
    }
  }

  #refuse(refusal: HttpError): void {
    this.#socket.debug(refusal.message);
    this.#services.counters.count(NO_PLACE, refusal.status, 0);
    logAccess({ connection: this.#client }, { status: refusal.status, contentBytes: 0 }, this.#services.log);
    this.#hasLeft = true;
    this.#connection.leave(true, ErrorCode.ENHANCE_YOUR_CALM);
  }

  /** Says which stream was the last one that is served. */
  #sayLast(): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.#connection.leave(true);
    this.#writer.schedule();
  }

  /** Ends an idle connection, or one that has waited in vain. */
  #leave(reason: string): void {
    this.#isEnding = true;
    this.#sayLast();
    const sent = this.#writer.send();
    const mayBeRead = this.#drainMs !== null && this.#socket.reader.waitedMs < READ_MS;
    sent.then(() => mayBeRead ? this.#linger(reason) : this.#socket.end(reason));
  }

  /**
   * The last answer may not have been read. Were the socket closed now, the next frame of the client, such as that it has room for
   * more, would have the system reset the connection, and the answer be lost: so the client closes first. As RFC 9112 9.6 has it.
   */
  #linger(reason: string): void {
    this.#socket.reader.startWait("linger", this.#services.limits.lingerMs);
    this.#socket.closeWrite().catch(() => this.#socket.end(reason));
  }

  /** Sends the rest and closes so that the client can read it all. */
  async #finish(): Promise<void> {
    const { reader, received } = this.#socket;
    this.#isEnding = true;
    if (received.hasEnded && this.#exchanges.size > 0) {
      reader.startWait("half_closed", this.#services.limits.halfClosedMs);
      await this.#allServed();
    }
    if (!received.hasEnded) this.#sayLast();
    await this.#writer.send();
    if (this.#writer.failure !== null) throw this.#writer.failure.error;
    const { lingerMs, drainBytes } = this.#services.limits;
    // A client that floods goes on.
    if (!received.hasEnded) await this.#socket.linger(lingerMs, drainBytes);
  }

  async #allServed(): Promise<void> {
    if (this.#exchanges.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onIdle = resolve;
    await promise;
  }

  #abortExchanges(): void {
    for (const exchange of [...this.#exchanges.values()]) exchange.onGone();
  }
}

const STOPS = "the server stops";
