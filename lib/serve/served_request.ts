/**
 * A request as handlers see it, and its content as they pull it, over an exchange of any protocol. Apart from serving it, for
 * handlers get nothing else.
 */
import type { HeaderFields } from "../http/header_fields.ts";
import type { Body, ConnectionInfo, HttpRequest, HttpResponse, HttpVersion } from "../http/message.ts";
import type { ReceivedRequest } from "../http/received_request.ts";
import { makeRequestId } from "../request_id.ts";
import type { RequestNotes } from "../request_notes.ts";
import { NO_PLACE } from "../status/counters.ts";
import { type ContentSource, type Exchange, NOBODY_WAITS } from "./exchange.ts";

/** What a request needs of its exchange. */
export type RequestEnds = Pick<Exchange, "received" | "client" | "watch">;

export class ServedRequest implements HttpRequest {
  readonly method: string;
  readonly target: string;
  readonly version: HttpVersion;
  readonly fields: HeaderFields;
  readonly path: string;
  readonly query: string;
  readonly host: string;
  readonly body: Body;
  readonly connection: ConnectionInfo;
  /** The router's guard finds it out. */
  user: HttpRequest["user"] = null;
  readonly notes: RequestNotes | null;
  /** Where it is counted; the router finds it out. */
  countedAs = NO_PLACE;
  /** Where its access line goes when it has no answer, as HttpResponse has it; the router finds it out. */
  accessLog: HttpResponse["accessLog"] = undefined;
  /** Null once the request has been answered. */
  #exchange: RequestEnds | null;
  #controller: AbortController | null = null;
  #id: string | null = null;

  constructor(exchange: RequestEnds, body: Body, notes: RequestNotes | null = null) {
    const { received } = exchange;
    this.method = received.head.method;
    this.target = received.head.target;
    this.version = received.head.version;
    this.fields = received.head.fields;
    this.path = received.target.path;
    this.query = received.target.query;
    this.host = received.host;
    this.body = body;
    this.notes = notes;
    this.connection = exchange.client;
    this.#exchange = exchange;
  }

  /** That of the proxy that sent it, else one of its own. */
  get id(): string {
    return this.#id ??= this.connection.requestId ?? makeRequestId();
  }

  /** Its first use has the client watched. */
  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      this.#exchange?.watch(this.#controller);
    }
    return this.#controller.signal;
  }

  /** The answer has been sent: nothing aborts the signal any more, and the exchange may be another request's. */
  end(): void {
    this.#exchange = null;
  }

  /** The answer can no longer reach the client. */
  abort(): void {
    if (this.#exchange !== null) this.#controller?.abort(NOBODY_WAITS);
  }
}

/** The content of a request, pulled from its exchange part by part. */
export class RequestBody implements Body {
  readonly length: number | null;
  readonly #source: ContentSource;
  #isUsed = false;
  #isClosed = false;

  constructor({ contentLength }: Pick<ReceivedRequest, "contentLength">, source: ContentSource) {
    this.length = contentLength;
    this.#source = source;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    if (this.#isUsed) throw new Error("A body is read once");
    this.#isUsed = true;
    while (!this.#isClosed) {
      const part = await this.#source.pull();
      if (part === null || this.#isClosed) return;
      yield part;
    }
  }

  close(): Promise<void> {
    this.#isClosed = true;
    return Promise.resolve();
  }
}
