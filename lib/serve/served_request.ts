/**
 * A request as handlers see it, and its content as they pull it. Apart from the pump, which only lends them two
 * functions: one that pulls content from the socket, one that watches the socket while nothing is to be read.
 */
import type { HeaderFields } from "../http/header_fields.ts";
import type { Body, ConnectionInfo, HttpRequest, HttpVersion } from "../http/message.ts";
import type { ReceivedRequest } from "../http/received_request.ts";

/** What a request needs of its connection. */
export interface LentToRequest {
  readonly body: Body;
  readonly connection: ConnectionInfo;
  /** Starts noticing that the client goes away. */
  readonly watch: () => void;
}

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
  readonly #watch: () => void;
  #controller: AbortController | null = null;

  constructor(received: ReceivedRequest, lent: LentToRequest) {
    this.method = received.head.method;
    this.target = received.head.target;
    this.version = received.head.version;
    this.fields = received.head.fields;
    this.path = received.target.path;
    this.query = received.target.query;
    this.host = received.host;
    this.body = lent.body;
    this.connection = lent.connection;
    this.#watch = lent.watch;
  }

  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      this.#watch();
    }
    return this.#controller.signal;
  }

  /** The answer can no longer reach the client. */
  abort(): void {
    this.#controller?.abort();
  }
}

/** The content of a request, pulled from the connection part by part. */
export class RequestBody implements Body {
  readonly length: number | null;
  readonly #pull: () => Promise<Uint8Array | null>;
  #isUsed = false;
  #isClosed = false;

  /** `pull` gives the next part, null after the last. */
  constructor({ contentLength }: Pick<ReceivedRequest, "contentLength">, pull: () => Promise<Uint8Array | null>) {
    this.length = contentLength;
    this.#pull = pull;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    if (this.#isUsed) throw new Error("A body is read once");
    this.#isUsed = true;
    while (!this.#isClosed) {
      const part = await this.#pull();
      if (part === null || this.#isClosed) return;
      yield part;
    }
  }

  close(): Promise<void> {
    this.#isClosed = true;
    return Promise.resolve();
  }
}
