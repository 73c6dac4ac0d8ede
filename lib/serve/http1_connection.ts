/**
 * The pump of an HTTP/1 connection: reads requests, has each of them served, and goes on to the next or comes to an end that
 * the client can see. Apart from what a request is served with (http1_exchange.ts), and from what comes before the first one
 * (begin_connection.ts). RFC 9112 9.
 */
import { Connection } from "../http/connection.ts";
import { type ConnectionInfo, HttpError } from "../http/message.ts";
import type { ReceivedRequest } from "../http/received_request.ts";
import { NO_PLACE } from "../status/counters.ts";
import type { ConnectionServices } from "./connection_services.ts";
import { ConnectionSocket } from "./connection_socket.ts";
import { appendContent, Http1Exchange } from "./http1_exchange.ts";
import type { OpenConnection, Protocol } from "./open_connection.ts";
import { type Rest, RestingConnection } from "./resting_connection.ts";
import { logAccess, serveExchange } from "./serve_exchange.ts";

export class Http1Connection implements OpenConnection {
  readonly #socket: ConnectionSocket;
  readonly #services: ConnectionServices;
  /** As far as it is known before a request: the peer of the socket, or whom that one speaks for. */
  readonly #client: ConnectionInfo;
  readonly #connection: Connection;
  /** None before the first request. */
  #exchange: Http1Exchange | null = null;
  #isDraining = false;

  /** Of a socket on which HTTP begins now, with what has arrived there. */
  constructor(socket: ConnectionSocket, services: ConnectionServices, client: ConnectionInfo = socket.info) {
    this.#socket = socket;
    this.#services = services;
    this.#client = client;
    this.#connection = new Connection(services, socket.received);
  }

  get info(): ConnectionInfo {
    return this.#socket.info;
  }

  get protocol(): Protocol {
    return "http/1.1";
  }

  get isIdle(): boolean {
    const { reader, writer } = this.#socket;
    const isWaiting = reader.wait === "keep_alive" || (reader.wait === "head" && !this.#connection.hasBegunRequest);
    return isWaiting && !writer.isWriting;
  }

  run(refusal: HttpError | null = null): Promise<OpenConnection | null> {
    return this.#socket.serve(this.serve(refusal));
  }

  rest(idleMs: number): boolean {
    const { info, reader, transport } = this.#socket;
    if (transport.rest === undefined || reader.wait !== "keep_alive" || reader.waitedMs < idleMs || !this.isIdle) {
      return false;
    }
    const { deadlineMs } = reader;
    const sinceMs = this.#services.clock.nowMs - reader.waitedMs;
    const rest = { transport, info, client: this.#client, services: this.#services, sinceMs, deadlineMs };
    return this.#socket.leaveTo(new RestingConnection(rest, resume));
  }

  /** As `run`, but rejects with what the connection fails with, and leaves the socket open. */
  serve(refusal: HttpError | null): Promise<void> {
    return refusal === null ? this.#serveRequests() : this.#answerReadingError(refusal);
  }

  isLate(nowMs: number): boolean {
    return this.#socket.isLate(nowMs);
  }

  sweep(nowMs: number): boolean {
    const { reader, writer } = this.#socket;
    if (nowMs > writer.deadlineMs) return this.#socket.giveUp("a write made no progress");
    if (this.#socket.isReadLate(nowMs) && !reader.expire()) {
      if (reader.wait === "half_closed") this.#exchange?.abort();
      else this.#socket.end(`timed out: ${reader.wait}`);
    }
    return false;
  }

  drain(): boolean {
    this.#isDraining = true;
    // A client that was not told may have sent its next request already.
    if (this.#connection.responseState === "awaiting_response") this.#connection.endAfterResponse();
    this.#exchange?.drain();
    return false;
  }

  closeIfIdle(reason: string, idleMs: number): boolean {
    if (!this.isIdle || !this.#socket.isSilentFor(idleMs)) return false;
    this.#socket.end(reason);
    return true;
  }

  get slowness(): number | null {
    return this.#socket.slowness(this.isIdle, this.#heldByUpgrade > 0);
  }

  get heldBytes(): number {
    return this.#socket.heldBytes + this.#heldByUpgrade;
  }

  get #heldByUpgrade(): number {
    return this.#exchange?.upgraded?.heldBytes ?? 0;
  }

  giveWay(reason: string): boolean {
    return this.#socket.giveWay(reason);
  }

  abort(): void {
    this.#exchange?.abort();
    this.#socket.end("the server stops");
  }

  async #serveRequests(): Promise<void> {
    const { limits } = this.#services;
    const { reader, writer } = this.#socket;
    reader.startWait("head", limits.headMs);
    for (;;) {
      try {
        const event = this.#connection.nextEvent();
        if (event.type === "request_head") {
          const exchange = this.#begin(event.request);
          const serving = serveExchange(exchange, this.#services);
          if (serving !== null) await serving;
          if (exchange.failure !== null) throw exchange.failure.error;
          if (!this.#connection.startNextCycle()) return await this.#finish();
          reader.startWait("keep_alive", limits.keepAliveMs);
        } else if (event.type === "need_data") {
          await writer.flush();
          writer.release();
          if (this.#connection.hasBegunRequest) {
            // The clock of the whole head starts with its first byte.
            reader.startWait("head", limits.headMs);
            await reader.readExpirably();
          } else {
            try {
              const count = await reader.read();
              if (this.#socket.isLeft) return;
              reader.accept(count);
            } catch (error) {
              reader.acceptFailure(error);
            }
          }
        } else {
          return await writer.flush();
        }
      } catch (error) {
        if (!(error instanceof HttpError) || this.#connection.responseState !== "idle") throw error;
        return await this.#answerReadingError(error);
      }
    }
  }

  #begin(received: ReceivedRequest): Http1Exchange {
    const { reader } = this.#socket;
    reader.endWait();
    const client = this.#services.proxies.seeThrough(this.#client, received.head.fields, this.info);
    if (this.#exchange !== null) this.#exchange.restart(received, client);
    const exchange = this.#exchange ??= new Http1Exchange(received, client, {
      connection: this.#connection,
      socket: this.#socket,
      services: this.#services,
    });
    if (this.#isDraining) {
      this.#connection.endAfterResponse();
      exchange.drain();
    }
    return exchange;
  }

  /** Answers what cannot be read as a request; the connection ends with it. */
  async #answerReadingError(error: HttpError): Promise<void> {
    const { log, errorResponse, proxies, clock, counters } = this.#services;
    this.#socket.debug(error.message);
    const { status, fields, body } = errorResponse(error);
    const connection = this.#connection;
    const { output } = this.#socket.writer;
    connection.sendErrorHead(output, { status, fields, length: body.length }, clock.unixMs);
    const isSent = connection.sendsContent && body.bytes !== undefined && body.bytes.length > 0;
    const contentBytes = isSent ? appendContent(output, body.bytes, connection) : 0;
    output.append(connection.sendEnd());
    const { head } = connection;
    const client = head === null ? this.#client : proxies.seeThrough(this.#client, head.fields, this.info);
    counters.count(NO_PLACE, status, contentBytes);
    logAccess({ ...head, connection: client }, { status, contentBytes }, log);
    connection.startNextCycle();
    await this.#finish();
  }

  /** Sends the rest and closes so that the client can read it all. */
  async #finish(): Promise<void> {
    await this.#socket.writer.flush(true);
    this.#connection.close();
    // RFC 9112 9.6: closing with unread bytes makes the system reset the connection, and the client may lose the answer.
    if (this.#connection.requestState === "must_close" && this.#connection.hasReceivedAll) return;
    await this.#socket.linger(this.#services.limits.lingerMs);
  }
}

/** The connection when something of its next request has come; by a clock that nobody may have looked at meanwhile. */
function resume({ transport, info, client, services }: Rest): OpenConnection {
  services.clock.update();
  return new Http1Connection(new ConnectionSocket(transport, info, services), services, client);
}
