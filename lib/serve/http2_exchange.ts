/**
 * A request being served on a stream of HTTP/2: its content on the way from the stream to the handler, with 100 Continue at the
 * first pull and limits of time and rate, and the answer on the way to the stream. Apart from the connection, which has many of
 * them at once. RFC 9110 10.1.1, RFC 9113 8.1.
 */
import { type ConnectionInfo, HttpError, type HttpResponse } from "../http/message.ts";
import type { ReceivedRequest } from "../http/received_request.ts";
import type { Connection } from "../http2/connection.ts";
import { ErrorCode } from "../http2/error_codes.ts";
import type { Stream } from "../http2/stream.ts";
import { isPeerGone } from "../net/is_peer_gone.ts";
import type { ConnectionServices } from "./connection_services.ts";
import { type Exchange, NOBODY_WAITS } from "./exchange.ts";
import type { FrameQueue } from "./frame_queue.ts";
import type { FrameWriter } from "./frame_writer.ts";
import { Patience } from "./patience.ts";

/** So much may wait to be written while more is answered from memory. */
const MOST_WAITING_BYTES = 262_144;

/** What all exchanges of a connection go through. */
export interface Http2Ends {
  readonly connection: Connection;
  readonly queue: FrameQueue;
  readonly writer: FrameWriter;
  readonly services: Pick<ConnectionServices, "limits" | "clock">;
  /** Where what an exchange fails with is told. */
  readonly reportFailure: (error: unknown) => void;
}

/** Who waits for content. */
interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class Http2Exchange implements Exchange {
  readonly received: ReceivedRequest;
  readonly client: ConnectionInfo;
  readonly #stream: Stream;
  readonly #ends: Http2Ends;
  #contentBytes = 0;
  #hasContinued = false;
  #waiting: Waiting | null = null;
  /** By the clock, for content; Infinity while none is waited for. */
  #deadlineMs = Infinity;
  #receivePatience: Patience | null = null;
  /** With a client that keeps its windows shut; and what had been sent when they were looked at last. */
  #sendPatience: Patience | null = null;
  #sentBytes = -1;
  #watcher: AbortController | null = null;
  /** Nothing passes any more. */
  #isGone = false;
  #code: ErrorCode = ErrorCode.INTERNAL_ERROR;

  constructor(
    stream: Stream,
    { received, client }: { readonly received: ReceivedRequest; readonly client: ConnectionInfo },
    ends: Http2Ends,
  ) {
    this.#stream = stream;
    this.received = received;
    this.client = client;
    this.#ends = ends;
  }

  get stream(): Stream {
    return this.#stream;
  }

  /** How the stream ends where the answer is not whole. */
  get code(): ErrorCode {
    return this.#code;
  }

  /** All that waits on the connection leaves without being asked for. */
  get hasOutput(): boolean {
    return false;
  }

  watch(controller: AbortController): void {
    this.#watcher = controller;
    if (this.#isOver) controller.abort(NOBODY_WAITS);
  }

  flush(): Promise<void> {
    this.#ends.writer.schedule();
    return Promise.resolve();
  }

  sendAtOnce({ status, fields, body, keptHead, own }: HttpResponse): number | null {
    this.#requireWritable();
    const { connection: { sender }, queue, writer, services } = this.#ends;
    const stream = this.#stream;
    const isBodyless = this.received.head.method === "HEAD";
    const head = { status, fields, length: body.length, keptHead, own };
    sender.sendHead(stream, head, { isBodyless, nowMs: services.clock.unixMs });
    writer.schedule();
    if (stream.hasEnded) return 0;
    const { bytes } = body;
    const isSent = bytes !== undefined && sender.canSend(stream, bytes.length) &&
      queue.waitingBytes + bytes.length <= MOST_WAITING_BYTES;
    if (!isSent) return null;
    sender.sendAll(stream, bytes);
    return bytes.length;
  }

  sendPart(bytes: Uint8Array): Promise<void> {
    this.#requireWritable();
    return this.#ends.writer.sendPart(this.#stream, bytes);
  }

  /** Frames stand between the parts. */
  readonly takesFiles = false;

  sendRange(): Promise<number> {
    return Promise.resolve(0);
  }

  sendEnd(): void {
    if (this.#stream.isReset) return;
    this.#ends.connection.sender.sendEnd(this.#stream);
    this.#ends.writer.schedule();
    this.#watcher = null;
  }

  #requireWritable(): void {
    if (this.#isOver) throw gone();
  }

  get #isOver(): boolean {
    return this.#isGone || this.#stream.isReset;
  }

  async pull(): Promise<Uint8Array | null> {
    const { connection, services, writer } = this.#ends;
    const stream = this.#stream;
    for (;;) {
      const part = connection.takeContent(stream);
      writer.schedule();
      if (part !== null) {
        this.#contentBytes += part.length;
        if (this.#contentBytes > services.limits.maxBodyBytes) throw new HttpError(413, "The content is too long");
        return part;
      }
      if (this.#isOver) throw gone();
      if (stream.hasPeerEnded) return null;
      this.#sendContinue();
      await this.#awaitContent();
    }
  }

  /** RFC 9110 10.1.1: only where no content has come yet and no answer has begun. */
  #sendContinue(): void {
    const { connection, writer } = this.#ends;
    const isWanted = this.received.expectsContinue && !this.#hasContinued && this.#stream.receivedBytes === 0;
    this.#hasContinued = true;
    if (!isWanted || this.#stream.hasHead) return;
    connection.sender.sendInterim(this.#stream, 100);
    writer.schedule();
  }

  async #awaitContent(): Promise<void> {
    const { limits: { bodyIdleMs, minRateBytes }, clock } = this.#ends.services;
    const patience = this.#receivePatience ??= new Patience({ idleMs: bodyIdleMs, minRateBytes });
    const before = this.#stream.receivedBytes;
    try {
      await this.#wait(patience.start(clock.nowMs));
    } finally {
      patience.end(clock.nowMs, this.#stream.receivedBytes - before);
    }
  }

  /** Until something comes on the stream; rejects with HttpError 408 after so long. */
  async #wait(limitMs: number): Promise<void> {
    this.#deadlineMs = this.#ends.services.clock.nowMs + limitMs;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting = { resolve, reject };
    try {
      await promise;
    } finally {
      this.#deadlineMs = Infinity;
      this.#waiting = null;
    }
  }

  /** Content has come, or its end. */
  onContent(): void {
    this.#waiting?.resolve();
  }

  /** Nothing passes on the stream any more: the client has reset it, or its connection has ended. */
  onGone(error: unknown = gone()): void {
    this.#isGone = true;
    this.#waiting?.reject(error);
    this.#ends.writer.fail(this.#stream, error);
    this.#watcher?.abort(NOBODY_WAITS);
  }

  /** Whether the client is waited for, for its content or for its windows. */
  get isClientAwaited(): boolean {
    return this.#waiting !== null || this.#isBlocked;
  }

  get #isBlocked(): boolean {
    return this.#stream.waiting !== null && (this.#stream.sendWindow <= 0 || this.#ends.connection.sender.window <= 0);
  }

  /** Whether the client was waited for too long; to be asked about once a second. */
  isLate(nowMs: number): boolean {
    return nowMs > this.#deadlineMs || this.#isSendingLate(nowMs);
  }

  /** A stream that only waits for its turn is not late. */
  #isSendingLate(nowMs: number): boolean {
    if (!this.#isBlocked) {
      this.#sentBytes = -1;
      return false;
    }
    const { writeIdleMs, minRateBytes } = this.#ends.services.limits;
    const patience = this.#sendPatience ??= new Patience({ idleMs: writeIdleMs, minRateBytes });
    const { sentBytes } = this.#stream;
    if (this.#sentBytes >= 0) patience.end(nowMs, sentBytes - this.#sentBytes);
    this.#sentBytes = sentBytes;
    return patience.start(nowMs) < 0;
  }

  /** What is late: content is given up with 408 (RFC 9110 15.5.9), an answer is broken off. */
  expire(nowMs: number): void {
    if (nowMs > this.#deadlineMs) this.#waiting?.reject(new HttpError(408, "Timed out waiting for the body"));
    else this.#ends.writer.fail(this.#stream, new HttpError(408, "Timed out waiting for the windows of a stream"));
  }

  /**
   * RFC 9113 8.1: the stream of content that nobody wants is reset after the answer. Not at once, for curl 7.88 then gives up an
   * answer that comes in one read with the reset: the client may see for a moment that it need not send more, and some is read away.
   */
  async settleContent(): Promise<void> {
    const { connection, writer, services: { limits: { drainBytes, lingerMs } } } = this.#ends;
    const stream = this.#stream;
    try {
      for (let drained = 0; drained <= drainBytes && !this.#isOver;) {
        const part = connection.takeContent(stream);
        writer.schedule();
        drained += part?.length ?? 0;
        if (part !== null) continue;
        if (stream.hasPeerEnded) return;
        await this.#wait(lingerMs);
      }
    } catch (error) {
      // Neither that it takes too long nor that it ends is a failure now.
      if (!(error instanceof HttpError) && !isPeerGone(error)) throw error;
    }
  }

  cut(error: unknown): void {
    const isClients = isPeerGone(error) || (error instanceof HttpError && error.status < 500);
    this.#code = isClients ? ErrorCode.CANCEL : ErrorCode.INTERNAL_ERROR;
    if (!this.#stream.isReset) this.#ends.reportFailure(error);
  }
}

/** The client has reset the stream, or has gone. */
function gone(): Error {
  return new Deno.errors.ConnectionReset("The stream has ended");
}
