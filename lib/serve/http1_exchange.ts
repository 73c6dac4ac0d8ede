/**
 * A request being served on an HTTP/1 connection: its content on the way from the socket to the handler, with 100 Continue at
 * the first pull and limits of time and rate, and the answer on the way to the socket. Apart from the connection, which goes
 * on from one request to the next; one object serves all of them. RFC 9110 10.1.1, RFC 9112 6 and 9.3.
 */
import type { Connection } from "../http/connection.ts";
import { type ConnectionInfo, type FileRange, HttpError, type HttpResponse } from "../http/message.ts";
import type { ReceivedRequest } from "../http/received_request.ts";
import type { OutputBuffer } from "../http/output_buffer.ts";
import type { ConnectionServices } from "./connection_services.ts";
import type { ConnectionSocket } from "./connection_socket.ts";
import { type Exchange, NOBODY_WAITS } from "./exchange.ts";
import { UpgradedConnection } from "./upgraded_connection.ts";
import { Patience } from "./patience.ts";

/** Content is read in larger pieces than heads. */
const MOST_READ_BYTES = 65_536;

/** What requests and their answers go through, on one connection. */
export interface Http1Ends {
  readonly connection: Connection;
  readonly socket: ConnectionSocket;
  readonly services: Pick<ConnectionServices, "limits" | "clock" | "budget" | "counters">;
}

export class Http1Exchange implements Exchange {
  readonly #connection: Connection;
  readonly #socket: ConnectionSocket;
  readonly #services: Http1Ends["services"];
  #received: ReceivedRequest;
  #client: ConnectionInfo;
  /** With a client that sends its content slowly. */
  #patience: Patience | null = null;
  #hasContinued = false;
  /** Aborted when the client goes away; null where nobody asked. */
  #watcher: AbortController | null = null;
  #failure: { readonly error: unknown } | null = null;
  /** Of content that is sent by its range, what left with the head. */
  #begunBytes = 0;
  /** What the connection has become. */
  #upgraded: UpgradedConnection | null = null;
  #isDraining = false;

  /** For the first request of a connection. */
  constructor(received: ReceivedRequest, client: ConnectionInfo, { connection, socket, services }: Http1Ends) {
    this.#connection = connection;
    this.#socket = socket;
    this.#services = services;
    this.#received = received;
    this.#client = client;
  }

  /** For each further one, when the one before has been served. */
  restart(received: ReceivedRequest, client: ConnectionInfo): void {
    this.#received = received;
    this.#client = client;
    this.#patience = null;
    this.#hasContinued = false;
    this.#watcher = null;
  }

  get received(): ReceivedRequest {
    return this.#received;
  }

  get client(): ConnectionInfo {
    return this.#client;
  }

  get hasOutput(): boolean {
    return this.#socket.writer.hasOutput;
  }

  /** What it was cut with; the connection ends by it. */
  get failure(): { readonly error: unknown } | null {
    return this.#failure;
  }

  cut(error: unknown): void {
    this.#failure = { error };
  }

  /** Null as long as HTTP is spoken. */
  get upgraded(): UpgradedConnection | null {
    return this.#upgraded;
  }

  /** The server stops. */
  drain(): void {
    this.#isDraining = true;
    this.#upgraded?.drain();
  }

  /** The answer can no longer reach the client, or nobody wants it any more. */
  abort(): void {
    this.#watcher?.abort(NOBODY_WAITS);
  }

  /** While a handler works on a request that has arrived whole, notices that the client goes away. */
  watch(controller: AbortController): void {
    this.#watcher = controller;
    if (this.#connection.requestState === "received") this.#watchPeer(controller);
  }

  async #watchPeer(watcher: AbortController): Promise<void> {
    const connection = this.#connection;
    const { reader } = this.#socket;
    try {
      while (this.#watcher === watcher && !connection.hasUnreadBytes && !connection.hasPeerClosed) {
        await reader.startRead();
      }
    } catch {
      // Whatever the read failed with, the client is gone; the pump meets the same failure and tells of it.
      watcher.abort(NOBODY_WAITS);
    }
    // A client may end its side and still wait for the answer, and one that is gone looks the same from here.
    if (this.#watcher === watcher && connection.hasPeerClosed) {
      reader.startWait("half_closed", this.#services.limits.halfClosedMs);
    }
  }

  async pull(): Promise<Uint8Array | null> {
    const connection = this.#connection;
    while (connection.requestState === "receiving_body") {
      const event = connection.nextEvent();
      if (event.type === "data") {
        // RFC 9110 10.1.1: no 100 is needed once a part of the content has come.
        this.#hasContinued = true;
        return event.bytes;
      }
      if (event.type === "need_data") {
        if (connection.responseState === "awaiting_response") await this.#sendContinue();
        await this.#read();
      }
    }
    if (this.#watcher !== null) this.watch(this.#watcher);
    return null;
  }

  async #read(): Promise<void> {
    const { bodyIdleMs, minRateBytes } = this.#services.limits;
    const { clock } = this.#services;
    const { reader } = this.#socket;
    const patience = this.#patience ??= new Patience({ idleMs: bodyIdleMs, minRateBytes });
    const before = reader.byteCount;
    reader.startWait("body", patience.start(clock.nowMs));
    try {
      await reader.readExpirably(MOST_READ_BYTES);
    } catch (error) {
      // Late or broken off: nobody knows where a next request would begin.
      this.#connection.endAfterResponse();
      throw error;
    } finally {
      reader.endWait();
      patience.end(clock.nowMs, reader.byteCount - before);
    }
  }

  /**
   * RFC 9110 10.1.1: 100 when the content is wanted and has not begun to come. Answers to earlier requests leave in any
   * case: the client may wait for them before it sends the content.
   */
  async #sendContinue(): Promise<void> {
    const isWanted = this.#received.expectsContinue && !this.#hasContinued;
    this.#hasContinued = true;
    await this.#socket.writer.sendAside(isWanted ? this.#connection.sendContinue() : NOTHING);
  }

  flush(): Promise<void> {
    const { writer } = this.#socket;
    // While the answer is awaited, its handler may pull content, and 100 would come into the buffer that is being written.
    return this.#connection.responseState === "awaiting_response" ? writer.sendAside(NOTHING) : writer.flush();
  }

  sendAtOnce({ status, reason, fields, body, keptHead, own }: HttpResponse): number | null {
    const connection = this.#connection;
    const { output } = this.#socket.writer;
    if (connection.requestState === "receiving_body") this.#giveContentUp();
    connection.sendHead(
      output,
      { status, reason, fields, length: body.length, keptHead, own },
      this.#services.clock.unixMs,
    );
    if (!connection.sendsContent || body.length === 0 || body.bytes?.length === 0) return 0;
    if (body.bytes === undefined) return body.range === undefined ? null : this.#sendRangeAtOnce(body.range());
    if (body.bytes.length > output.room) return null;
    return appendContent(output, body.bytes, connection);
  }

  /** Null where it does not all leave at once: then it is for `sendRange`. */
  #sendRangeAtOnce(range: FileRange | null): number | null {
    if (range === null || !this.takesFiles) return null;
    const count = this.#socket.writer.sendFileAtOnce(range);
    if (count === range.length) {
      this.#connection.sendData(count);
      return count;
    }
    this.#begunBytes = count;
    return null;
  }

  async sendPart(bytes: Uint8Array): Promise<void> {
    const { writer } = this.#socket;
    writer.output.append(this.#connection.sendData(bytes.length));
    await writer.send(bytes);
    writer.output.append(this.#connection.dataEnd);
    await writer.flush();
  }

  get takesFiles(): boolean {
    return this.#socket.writer.takesFiles;
  }

  /** Of content whose length was told: no chunks. */
  async sendRange(range: FileRange): Promise<number> {
    const { descriptor, first, length } = range;
    const begun = this.#begunBytes;
    this.#begunBytes = 0;
    const rest = { descriptor, first: first + begun, length: length - begun };
    const count = begun + await this.#socket.writer.sendFile(rest);
    if (count > 0) this.#connection.sendData(count);
    return count;
  }

  sendEnd(): void {
    this.#socket.writer.output.append(this.#connection.sendEnd());
    this.#watcher = null;
  }

  async switchTo({ fields }: HttpResponse): Promise<UpgradedConnection> {
    const { writer } = this.#socket;
    this.#watcher = null;
    this.#connection.switchProtocols(writer.output, fields);
    const upgraded = this.#upgraded = new UpgradedConnection(this.#socket, this.#services);
    if (this.#isDraining) upgraded.drain();
    await writer.flush();
    writer.release();
    return upgraded;
  }

  /** Closes after an answer to a request whose content nobody will send, or that is too long to be read away. */
  #giveContentUp(): void {
    const { contentLength, expectsContinue } = this.#received;
    const isTooLong = contentLength !== null && contentLength > this.#services.limits.drainBytes;
    // RFC 9110 10.1.1: a client that was not told to continue may or may not send the content.
    if (isTooLong || (expectsContinue && !this.#hasContinued)) this.#connection.endAfterResponse();
  }

  /** Reads away content that the handler did not want, as far as that is worth a connection. */
  settleContent(): Promise<void> {
    return this.#connection.requestState === "receiving_body" ? this.#readAway() : DONE;
  }

  async #readAway(): Promise<void> {
    const connection = this.#connection;
    await this.#socket.writer.flush();
    let drained = 0;
    try {
      while (connection.keepsAlive && drained <= this.#services.limits.drainBytes) {
        const part = await this.pull();
        if (part === null) return;
        drained += part.length;
      }
    } catch (error) {
      // The answer has been sent: invalid content can only end the connection.
      if (!(error instanceof HttpError)) throw error;
    }
    connection.endAfterResponse();
  }
}

const NOTHING = new Uint8Array(0);
const DONE = Promise.resolve();

/** Puts content that is in memory into the buffer, and returns its bytes. */
export function appendContent(output: OutputBuffer, bytes: Uint8Array, connection: Connection): number {
  output.append(connection.sendData(bytes.length));
  output.append(bytes);
  output.append(connection.dataEnd);
  return bytes.length;
}
