/**
 * The pump of one connection: moves bytes between the socket and the state machine, calls the handler and writes the
 * access line. Every failure of a connection ends here, in the one catch, and costs that connection alone. RFC 9112 9.
 */
import type { TrustedProxies } from "../access/forwarded.ts";
import { takeProxyHeader } from "../access/proxy_header.ts";
import { Connection, type ConnectionOptions } from "../http/connection.ts";
import {
  type ConnectionInfo,
  EMPTY_BODY,
  HttpError,
  type HttpRequest,
  type HttpResponse,
  type RequestHead,
  type Soon,
} from "../http/message.ts";
import type { ReceivedRequest } from "../http/received_request.ts";
import type { OutputPool } from "../http/writers.ts";
import { answerRequest, type AnswerServices } from "./answer_request.ts";
import { isPeerGone } from "../net/is_peer_gone.ts";
import type { Log } from "../log/log.ts";
import { type ContentEnds, RequestContent } from "./request_content.ts";
import { type LentToRequest, ServedRequest } from "./served_request.ts";
import { ResponseSender } from "./response_sender.ts";
import type { Transport } from "../net/transport.ts";
import type { Clock } from "./clock.ts";
import { SocketReader } from "./socket_reader.ts";
import { SocketWriter } from "./socket_writer.ts";

/** What all connections of a server share. */
export interface ConnectionServices extends ConnectionOptions, AnswerServices {
  readonly log: Pick<Log, "isAccessOn" | "access" | "debug" | "warn" | "error">;
  /** Who is believed when it says for whom it speaks. */
  readonly proxies: TrustedProxies;
  readonly outputPool: OutputPool;
  readonly clock: Clock;
  /** Really ends sockets on which a write or a handshake hangs, which `close()` does not. */
  readonly shutdownSockets: (connections: readonly ConnectionInfo[]) => void;
}

export class ServedConnection {
  readonly #transport: Transport;
  readonly #info: ConnectionInfo;
  readonly #services: ConnectionServices;
  readonly #connection: Connection;
  readonly #reader: SocketReader;
  readonly #writer: SocketWriter;
  readonly #sender: ResponseSender;
  /** The client as its proxy tells of it, by a header before the first request; the peer of the socket where none does. */
  #client: ConnectionInfo;
  #expectsProxyHeader: boolean;
  /** What a request without content needs of its connection, made once. */
  #lent: LentToRequest;
  /** What requests and their answers go through. */
  readonly #ends: ContentEnds & { readonly services: ConnectionServices };
  #request: ServedRequest | null = null;
  #isWatched = false;
  #isDraining = false;
  #isEnded = false;
  #isClosed = false;

  constructor(transport: Transport, info: ConnectionInfo, services: ConnectionServices) {
    this.#transport = transport;
    this.#info = info;
    this.#client = info;
    // Over TLS it would have to stand before the handshake, which the runtime reads.
    this.#expectsProxyHeader = transport.handshake === undefined && services.proxies.has(info.remoteAddress);
    this.#services = services;
    this.#connection = new Connection(services);
    this.#reader = new SocketReader(transport, this.#connection, services.clock);
    this.#writer = new SocketWriter(transport, services);
    this.#sender = new ResponseSender(this.#connection, this.#writer, services.clock);
    this.#lent = { body: EMPTY_BODY, connection: info, watch: () => this.#watch() };
    this.#ends = {
      connection: this.#connection,
      reader: this.#reader,
      writer: this.#writer,
      services,
      onEnd: () => this.#isWatched && this.#watch(),
    };
  }

  /** Serves the connection to its end; with a `refusal` that is answered and nothing is read. Never rejects. */
  async run(refusal: HttpError | null = null): Promise<void> {
    const { limits } = this.#services;
    try {
      if (this.#transport.handshake !== undefined) {
        this.#reader.startWait("handshake", refusal === null ? limits.handshakeMs : 0);
        await this.#transport.handshake();
      }
      if (refusal !== null) return await this.#answerReadingError(refusal);
      this.#reader.startWait("head", limits.headMs);
      await this.#serveRequests();
    } catch (error) {
      this.#reportFailure(error);
      await this.#sendWhatWaits();
    } finally {
      this.#request?.abort();
      this.#writer.release();
      this.#close();
      this.#reader.release();
    }
  }

  /** Both ends of the connection. */
  get info(): ConnectionInfo {
    return this.#info;
  }

  /** Whether something has waited beyond its limit. */
  isLate(nowMs: number): boolean {
    return nowMs > this.#writer.deadlineMs || nowMs > this.#reader.deadlineMs;
  }

  /**
   * Ends what has waited beyond its limit. A client that waits for an answer is told so by 408. True when the socket
   * hangs: then the caller shuts it down, and where it cannot, the connection stays and counts until the client ends it.
   */
  sweep(nowMs: number): boolean {
    if (nowMs > this.#writer.deadlineMs) return this.#giveUp("a write made no progress");
    if (nowMs > this.#reader.deadlineMs && !this.#reader.expire()) {
      if (this.#reader.wait === "handshake") return this.#giveUp("timed out: handshake");
      if (this.#reader.wait === "half_closed") this.#request?.abort();
      else this.#end(`timed out: ${this.#reader.wait}`);
    }
    return false;
  }

  /** The server stops: the first answer that can still say so is the last one. True as for `sweep`. */
  drain(): boolean {
    this.#isDraining = true;
    if (this.#reader.wait === "handshake") return this.#giveUp("the server stops");
    // A client that was not told may have sent its next request already.
    if (this.#connection.responseState === "awaiting_response") this.#connection.endAfterResponse();
    return false;
  }

  /** Whether no request has begun, as far as the pump has seen. */
  get isIdle(): boolean {
    const { wait } = this.#reader;
    const isWaiting = wait === "keep_alive" || (wait === "head" && !this.#connection.hasBegunRequest);
    return isWaiting && !this.#writer.isWriting;
  }

  /** Closes a connection on which no request has begun for at least so long, and says whether it did. */
  closeIfIdle(reason: string, idleMs: number): boolean {
    if (!this.isIdle || this.#reader.waitedMs < idleMs) return false;
    this.#end(reason);
    return true;
  }

  /** The server stops now: whatever is under way is cut; the caller shuts the socket down, for a write may hang. */
  abort(): void {
    this.#request?.abort();
    this.#end("the server stops");
  }

  async #serveRequests(): Promise<void> {
    const { limits } = this.#services;
    for (;;) {
      try {
        if (this.#expectsProxyHeader) await this.#readProxyHeader();
        const event = this.#connection.nextEvent();
        if (event.type === "request_head") {
          const serving = this.#serveRequest(event.request);
          if (serving !== null) await serving;
          if (!this.#connection.startNextCycle()) return await this.#finish();
          this.#reader.startWait("keep_alive", limits.keepAliveMs);
        } else if (event.type === "need_data") {
          await this.#writer.flush();
          this.#writer.release();
          if (this.#connection.hasBegunRequest) {
            // The clock of the whole head starts with its first byte.
            this.#reader.startWait("head", limits.headMs);
            await this.#reader.readExpirably();
          } else {
            try {
              this.#reader.accept(await this.#reader.read());
            } catch (error) {
              this.#reader.acceptFailure(error);
            }
          }
        } else {
          return await this.#writer.flush();
        }
      } catch (error) {
        if (!(error instanceof HttpError) || this.#connection.responseState !== "idle") throw error;
        return await this.#answerReadingError(error);
      }
    }
  }

  /** Takes the header of the PROXY protocol where the connection begins with one. */
  async #readProxyHeader(): Promise<void> {
    let header = this.#connection.takePreamble(takeProxyHeader);
    while (header === null && !this.#connection.hasPeerClosed) {
      this.#reader.accept(await this.#reader.read());
      header = this.#connection.takePreamble(takeProxyHeader);
    }
    this.#expectsProxyHeader = false;
    if (header === null || header === "none" || header.client === null) return;
    const { secure, ...client } = header.client;
    this.#client = { ...this.#info, ...client, secure: secure ?? this.#info.secure };
    this.#lent = { ...this.#lent, connection: this.#client };
  }

  /** Null: done already. What is in memory is answered without a promise, which would take longer than all the rest. */
  #serveRequest(received: ReceivedRequest): Promise<void> | null {
    this.#reader.endWait();
    if (this.#isDraining) this.#connection.endAfterResponse();
    const content = received.hasContent ? new RequestContent(received, this.#ends) : null;
    const lent = this.#lend(received.head);
    const request = new ServedRequest(received, content === null ? lent : { ...lent, body: content.body });
    this.#request = request;
    this.#isWatched = false;
    const answer = answerRequest(received, request, this.#ends);
    if (content !== null || answer instanceof Promise || answer.body.bytes === undefined) {
      return this.#finishResponse(answer, { request, content, hasHead: false });
    }
    const contentBytes = this.#sender.sendAtOnce(answer);
    if (contentBytes === null) return this.#finishResponse(answer, { request, content, hasHead: true });
    this.#sender.sendEnd();
    this.#request = null;
    this.#writeAccessLine(request, answer.status, contentBytes);
    return null;
  }

  /** `hasHead`: it is in the output buffer already. */
  async #finishResponse(
    answer: Soon<HttpResponse>,
    { request, content, hasHead }: {
      readonly request: ServedRequest;
      readonly content: RequestContent | null;
      readonly hasHead: boolean;
    },
  ): Promise<void> {
    const response = await answer;
    let contentBytes = 0;
    try {
      content?.giveUp();
      contentBytes = (hasHead ? null : this.#sender.sendAtOnce(response)) ??
        await this.#sender.sendParts(response.body);
      this.#sender.sendEnd();
    } catch (error) {
      request.abort();
      throw error;
    } finally {
      this.#request = null;
      await response.body.close();
      await content?.body.close();
      this.#writeAccessLine(request, response.status, contentBytes);
    }
    await content?.drain();
  }

  /** What a request needs of its connection, with the client for whom its proxies say they speak. */
  #lend({ fields }: RequestHead): LentToRequest {
    const connection = this.#services.proxies.seeThrough(this.#client, fields);
    return connection === this.#client ? this.#lent : { ...this.#lent, connection };
  }

  /** While a handler works on a request that has arrived whole, notices that the client goes away. */
  #watch(): void {
    this.#isWatched = true;
    const request = this.#request;
    if (request !== null && this.#connection.requestState === "received") this.#watchPeer(request);
  }

  async #watchPeer(request: ServedRequest): Promise<void> {
    try {
      while (this.#request === request && !this.#connection.hasUnreadBytes && !this.#connection.hasPeerClosed) {
        await this.#reader.startRead();
      }
    } catch {
      // Whatever the read failed with, the client is gone; the pump meets the same failure and tells of it.
      request.abort();
    }
    // A client may end its side and still wait for the answer, and one that is gone looks the same from here.
    if (this.#request === request && this.#connection.hasPeerClosed) {
      this.#reader.startWait("half_closed", this.#services.limits.halfClosedMs);
    }
  }

  /** Answers what cannot be read as a request; the connection ends with it. */
  async #answerReadingError(error: HttpError): Promise<void> {
    const { log, errorResponse } = this.#services;
    log.debug(this.#source, error.message);
    const answer = errorResponse(error);
    const contentBytes = this.#sender.sendError(answer);
    const { head } = this.#connection;
    this.#writeAccessLine(head && { ...head, ...this.#lend(head) }, answer.status, contentBytes);
    this.#connection.startNextCycle();
    await this.#finish();
  }

  /** Sends the rest and closes so that the client can read it all. */
  async #finish(): Promise<void> {
    await this.#writer.flush(true);
    this.#connection.close();
    // RFC 9112 9.6: closing with unread bytes makes the system reset the connection, and the client may lose the answer.
    if (this.#connection.requestState === "must_close" && this.#connection.hasReceivedAll) return;
    await this.#transport.closeWrite();
    this.#reader.startWait("linger", this.#services.limits.lingerMs);
    while (!this.#connection.hasPeerClosed) {
      await this.#reader.startRead();
      this.#connection.discard();
    }
  }

  /** After a failure: the answers before the one that failed are whole, and the client must see that this one is not. */
  async #sendWhatWaits(): Promise<void> {
    try {
      await this.#writer.flush();
    } catch (error) {
      this.#reportFailure(error);
    }
  }

  /** Cuts the connection from outside the pump, which then fails and cleans up. */
  #end(reason: string): void {
    this.#services.log.debug(this.#source, `Closed: ${reason}`);
    this.#isEnded = true;
    this.#close();
  }

  /** Leaves the socket to the caller: closing it now would leave it open, and out of every count. */
  #giveUp(reason: string): true {
    this.#services.log.debug(this.#source, `Closed: ${reason}`);
    this.#isEnded = true;
    this.#reader.endWait();
    this.#writer.deadlineMs = Infinity;
    return true;
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#reader.endWait();
    this.#writer.deadlineMs = Infinity;
    this.#transport.close();
  }

  /** The one place where a connection's failure is told. */
  #reportFailure(error: unknown): void {
    const { log } = this.#services;
    if (this.#isEnded && isPeerGone(error)) return; // told already
    // 4xx: the client broke off the content that its answer was being made of.
    const isPeersFault = (error instanceof HttpError && error.status < 500) || error instanceof Deno.errors.InvalidData;
    if (isPeersFault || isPeerGone(error)) log.debug(this.#source, String(error));
    else log.error(this.#source, "The connection failed", error);
  }

  /** `request` is null for what could not be read as one. */
  #writeAccessLine(
    request: RequestHead & Pick<HttpRequest, "connection" | "user"> | null,
    status: number,
    bodyBytes: number,
  ): void {
    const { log } = this.#services;
    if (!log.isAccessOn) return;
    log.access({
      remoteAddress: (request?.connection ?? this.#client).remoteAddress,
      remoteUser: request?.user?.name ?? null,
      method: request?.method ?? "",
      target: request?.target ?? "",
      version: request?.version ?? "",
      status,
      bodyBytes,
      referer: request?.fields.get("referer") ?? null,
      userAgent: request?.fields.get("user-agent") ?? null,
    });
  }

  /** Names the connection in messages. */
  get #source(): string {
    return `${this.#info.remoteAddress}:${this.#info.remotePort}`;
  }
}
