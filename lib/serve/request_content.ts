/**
 * The content of one request on its way from the socket to the handler: pulled part by part, with 100 Continue at the
 * first pull, limits of time and rate, and what becomes of content that nobody wanted. RFC 9110 10.1.1, RFC 9112 9.3.
 */
import type { Connection } from "../http/connection.ts";
import { HttpError } from "../http/message.ts";
import type { ReceivedRequest } from "../http/received_request.ts";
import type { Limits } from "../limits.ts";
import { Patience } from "./patience.ts";
import { RequestBody } from "./served_request.ts";
import type { Clock } from "./clock.ts";
import type { SocketReader } from "./socket_reader.ts";
import type { SocketWriter } from "./socket_writer.ts";

/** Content is read in larger pieces than heads. */
const MOST_READ_BYTES = 65_536;

/** The two ends that content goes through, which all requests of a connection share. */
export interface ContentEnds {
  readonly connection: Connection;
  readonly reader: SocketReader;
  readonly writer: SocketWriter;
  readonly services: { readonly limits: Limits; readonly clock: Clock };
  /** Called when all of a request's content has arrived. */
  readonly onEnd: () => void;
}

export class RequestContent {
  /** What the handler gets. */
  readonly body: RequestBody;
  readonly #received: ReceivedRequest;
  readonly #ends: ContentEnds;
  /** With a client that sends slowly. */
  readonly #patience: Patience;
  #hasContinued = false;

  constructor(received: ReceivedRequest, ends: ContentEnds) {
    const { bodyIdleMs, minRateBytes } = ends.services.limits;
    this.#received = received;
    this.#ends = ends;
    this.#patience = new Patience({ idleMs: bodyIdleMs, minRateBytes });
    this.body = new RequestBody(received, () => this.#pull());
  }

  /** Closes after an answer to a request whose content nobody will send, or that is too long to be read away. */
  giveUp(): void {
    const { connection, services } = this.#ends;
    const { contentLength, expectsContinue } = this.#received;
    if (connection.requestState !== "receiving_body") return;
    const isTooLong = contentLength !== null && contentLength > services.limits.drainBytes;
    // RFC 9110 10.1.1: a client that was not told to continue may or may not send the content.
    if (isTooLong || (expectsContinue && !this.#hasContinued)) connection.endAfterResponse();
  }

  /** After the answer: reads away content that the handler did not want, as far as that is worth a connection. */
  async drain(): Promise<void> {
    const { connection, writer, services } = this.#ends;
    if (connection.requestState !== "receiving_body") return;
    await writer.flush();
    let drained = 0;
    try {
      while (connection.keepsAlive && drained <= services.limits.drainBytes) {
        const part = await this.#pull();
        if (part === null) return;
        drained += part.length;
      }
    } catch (error) {
      // The answer has been sent: invalid content can only end the connection.
      if (!(error instanceof HttpError)) throw error;
    }
    connection.endAfterResponse();
  }

  /** The next part, null after the last; HttpError when it is invalid, too long or too late. */
  async #pull(): Promise<Uint8Array | null> {
    const { connection, onEnd } = this.#ends;
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
    onEnd();
    return null;
  }

  async #read(): Promise<void> {
    const { connection, reader, services: { clock } } = this.#ends;
    const before = reader.byteCount;
    reader.startWait("body", this.#patience.start(clock.nowMs));
    try {
      await reader.readExpirably(MOST_READ_BYTES);
    } catch (error) {
      // Late or broken off: nobody knows where a next request would begin.
      connection.endAfterResponse();
      throw error;
    } finally {
      reader.endWait();
      this.#patience.end(clock.nowMs, reader.byteCount - before);
    }
  }

  /**
   * RFC 9110 10.1.1: 100 when the content is wanted and has not begun to come. Answers to earlier requests leave in any
   * case: the client may wait for them before it sends the content.
   */
  async #sendContinue(): Promise<void> {
    const { connection, writer } = this.#ends;
    const isWanted = this.#received.expectsContinue && !this.#hasContinued;
    this.#hasContinued = true;
    await writer.sendAside(isWanted ? connection.sendContinue() : NOTHING);
  }
}

const NOTHING = new Uint8Array(0);
