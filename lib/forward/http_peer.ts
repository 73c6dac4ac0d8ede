/**
 * One request on a connection to an HTTP/1.1 upstream, as lib/gateway/program_exchange.ts wants a program: its content goes
 * out in the framing that was told, its answer comes as a head and content without any.
 */
import type { ByteSink, ByteSource } from "../child/child.ts";
import { latin1Bytes } from "../http/grammar.ts";
import type { Limits } from "../limits.ts";
import type { ForwardPeer } from "./forward_peer.ts";
import { HttpResponseReader, type ResponsePart } from "./http_response_reader.ts";
import { BrokenConnection, type UpstreamConnection } from "./upstream_connection.ts";

export interface HttpPeerOptions {
  /** What the upstream is called in the log. */
  readonly label: string;
  readonly method: string;
  /** Bytes of content; null: it is sent in chunks. */
  readonly contentLength: number | null;
  readonly isKept: boolean;
  readonly limits: Limits;
}

export class HttpPeer implements ForwardPeer {
  readonly label: string;
  readonly input: ByteSink | null;
  readonly output: ByteSource;
  readonly done: Promise<boolean>;
  hasAnswered = false;
  readonly #options: HttpPeerOptions;
  readonly #connection: UpstreamConnection;
  readonly #reader: HttpResponseReader;
  readonly #setDone: (isUsable: boolean) => void;
  /** Content that is still to be sent; null where its end will tell. */
  #contentLeft: number | null;
  #hasSentAll: boolean;
  /** The write that is under way, or was. */
  #writing: Promise<boolean>;
  #isWriting = false;
  #isOver = false;

  /** The connection is used by nobody else until `done`, and closed then by whoever opened it. */
  constructor(connection: UpstreamConnection, head: Uint8Array, options: HttpPeerOptions) {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.done = promise;
    this.#setDone = resolve;
    this.label = options.label;
    this.#options = options;
    this.#connection = connection;
    this.#reader = new HttpResponseReader(options.method, options.limits);
    this.#contentLeft = options.contentLength;
    this.#hasSentAll = options.contentLength === 0;
    this.input = this.#hasSentAll
      ? null
      : { write: (bytes) => this.#writeContent(bytes), close: () => this.#endContent() };
    this.output = { read: () => this.#read(), close: () => this.#end(false) };
    this.#writing = this.#write(head);
  }

  /** There is no word for it but the end of the connection. */
  end(): void {
    this.#end(false);
  }

  #write(bytes: Uint8Array): Promise<boolean> {
    this.#isWriting = true;
    return this.#writing = this.#connection.write(bytes).finally(() => this.#isWriting = false);
  }

  async #writeContent(bytes: Uint8Array): Promise<boolean> {
    await this.#writing;
    if (this.#isOver || bytes.length === 0) return !this.#isOver;
    if (this.#contentLeft === null) return await this.#write(chunkOf(bytes));
    this.#contentLeft -= bytes.length;
    const isWritten = await this.#write(bytes);
    if (this.#contentLeft === 0 && isWritten) this.#hasSentAll = true;
    return isWritten;
  }

  /** The end of what is chunked; or else the upstream has answered without all of it, and nothing can follow on the connection. */
  #endContent(): void {
    if (this.#isOver || this.#isWriting || this.#hasSentAll || this.#contentLeft !== null) return;
    this.#hasSentAll = true;
    this.#write(LAST_CHUNK);
  }

  async #read(): Promise<Uint8Array | null> {
    try {
      while (!this.#isOver) {
        const part = this.#reader.next() ?? await this.#receive();
        if (part === null) continue;
        if (part.kind !== "end") return part.bytes;
        this.#end(part.isPersistent && this.#options.isKept && this.#hasSentAll && !this.#isWriting);
      }
      return null;
    } catch (error) {
      if (this.#isOver) return null;
      this.#end(false);
      throw error;
    }
  }

  async #receive(): Promise<ResponsePart | null> {
    const bytes = await this.#connection.read();
    if (this.#isOver) return null;
    if (bytes !== null) {
      this.hasAnswered = true;
      this.#reader.push(bytes);
      return null;
    }
    if (this.#reader.endsByClose()) return { kind: "end", isPersistent: false };
    throw new BrokenConnection(`${this.label} closed the connection before the end of its answer`);
  }

  #end(isUsable: boolean): void {
    this.#isOver = true;
    this.#setDone(isUsable);
  }
}

/** RFC 9112 7.1. */
const LAST_CHUNK = latin1Bytes("0\r\n\r\n");

function chunkOf(bytes: Uint8Array): Uint8Array {
  const size = latin1Bytes(`${bytes.length.toString(16)}\r\n`);
  const chunk = new Uint8Array(size.length + bytes.length + 2);
  chunk.set(size);
  chunk.set(bytes, size.length);
  chunk.set([13, 10], size.length + bytes.length);
  return chunk;
}
