/**
 * From a response to what leaves on its connection: head and content that is in memory together, other content part by
 * part. Apart from the pump, which decides when a request is answered and what becomes of the connection. RFC 9112 6.
 */
import type { Connection } from "../http/connection.ts";
import type { Body, HttpResponse } from "../http/message.ts";
import { isSettledSoon } from "./is_settled_soon.ts";
import type { Clock } from "./clock.ts";
import type { SocketWriter } from "./socket_writer.ts";

export class ResponseSender {
  readonly #connection: Connection;
  readonly #writer: SocketWriter;
  readonly #clock: Clock;

  constructor(connection: Connection, writer: SocketWriter, clock: Clock) {
    this.#connection = connection;
    this.#writer = writer;
    this.#clock = clock;
  }

  /** Puts the head into the output buffer, and content that fits too: its bytes; null where content is still to be sent. */
  sendAtOnce({ status, fields, body, keptHead }: HttpResponse): number | null {
    const { output } = this.#writer;
    this.#connection.sendHead(output, { status, fields, length: body.length, keptHead }, this.#clock.nowMs);
    if (!this.#connection.sendsContent || body.length === 0 || body.bytes?.length === 0) return 0;
    if (body.bytes === undefined || body.bytes.length > output.room) return null;
    return this.#append(body.bytes);
  }

  /** Sends what content is left after the head, and resolves to its bytes. Rejects as the body and the socket do. */
  async sendParts(body: Body): Promise<number> {
    let sent = 0;
    const parts = body[Symbol.asyncIterator]();
    let next = parts.next();
    // A script may print its head long before its content.
    if (body.length === null && !await isSettledSoon(next)) await this.#writer.flush();
    for (let part = await next; part.done !== true; part = await next) {
      const bytes = part.value;
      if (bytes.length > 0) {
        sent += bytes.length;
        this.#writer.output.append(this.#connection.sendData(bytes.length));
        await this.#writer.send(bytes);
        this.#writer.output.append(this.#connection.dataEnd);
        await this.#writer.flush();
      }
      next = parts.next();
    }
    return sent;
  }

  /** Puts what ends the content into the output buffer. */
  sendEnd(): void {
    this.#writer.output.append(this.#connection.sendEnd());
  }

  /** Puts the whole answer to what could not be read into the output buffer, and returns the bytes of its content. */
  sendError({ status, fields, body }: HttpResponse): number {
    this.#connection.sendErrorHead(this.#writer.output, { status, fields, length: body.length }, this.#clock.nowMs);
    const sent = this.#connection.sendsContent && body.bytes?.length ? this.#append(body.bytes) : 0;
    this.sendEnd();
    return sent;
  }

  #append(bytes: Uint8Array): number {
    const { output } = this.#writer;
    output.append(this.#connection.sendData(bytes.length));
    output.append(bytes);
    output.append(this.#connection.dataEnd);
    return bytes.length;
  }
}
