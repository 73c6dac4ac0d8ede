/**
 * One request on a connection to an HTTP/1.1 upstream, as lib/gateway/program_exchange.ts wants a program: its content goes
 * out in the framing that was told, its answer comes as a head and content without any.
 */
import type { ByteSink, ByteSource } from "../child/child.ts";
import type { TakeBytes } from "../http/message.ts";
import { latin1Bytes } from "../http/grammar.ts";
import type { KnownHeads } from "../gateway/known_heads.ts";
import type { ScriptDocument, ScriptHead } from "../gateway/script_head.ts";
import type { Limits } from "../limits.ts";
import type { WholeAnswer, WholePeer } from "./forward_peer.ts";
import { PeerEnd } from "./peer_end.ts";
import { type HeadMeaning, HttpResponseReader, type ResponsePart } from "./http_response_reader.ts";
import { BrokenConnection, type UpstreamConnection } from "./upstream_connection.ts";

export interface HttpPeerOptions {
  /** What the upstream is called in the log. */
  readonly label: string;
  readonly method: string;
  /** Bytes of content; null: it is sent in chunks. */
  readonly contentLength: number | null;
  readonly isKept: boolean;
  /** Whether it asks for WebSocket: then an answer may be 101, and its content what is said from there on. */
  readonly isUpgrade: boolean;
  readonly limits: Limits;
  /** Of the same upstream. */
  readonly knownHeads: KnownHeads<HeadMeaning>;
}

export class HttpPeer implements WholePeer {
  readonly label: string;
  hasAnswered = false;
  readonly #options: HttpPeerOptions;
  readonly #connection: UpstreamConnection;
  readonly #reader: HttpResponseReader;
  #input: ByteSink | null = null;
  #output: ByteSource | null = null;
  readonly #done = new PeerEnd();
  /** Content that is still to be sent; null where its end will tell. */
  #contentLeft: number | null;
  #hasSentAll: boolean;
  /** Of the answer that was read last. */
  #document: ScriptDocument | null = null;
  #hasClosed = false;
  /** The write that is under way, or was. */
  #writing: boolean | Promise<boolean>;
  #isWriting = false;
  #isOver = false;

  /** The connection is used by nobody else until `done`, and closed then by whoever opened it. */
  constructor(connection: UpstreamConnection, head: Uint8Array, options: HttpPeerOptions) {
    this.label = options.label;
    this.#options = options;
    this.#connection = connection;
    this.#reader = new HttpResponseReader(options.method, options.limits, options);
    this.#contentLeft = options.contentLength;
    this.#hasSentAll = options.contentLength === 0;
    this.#writing = this.#write(head);
  }

  get input(): ByteSink | null {
    if (this.#options.contentLength === 0) return null;
    return this.#input ??= { write: (bytes) => this.#writeContent(bytes), close: () => this.#endContent() };
  }

  get output(): ByteSource {
    return this.#output ??= {
      read: () => this.#read(),
      keepLast: () => this.#keepLast(),
      close: () => this.#end(false),
    };
  }

  get done(): Promise<boolean> {
    return this.#done.promise;
  }

  /** There is no word for it but the end of the connection. */
  end(): void {
    this.#end(false);
  }

  #write(bytes: Uint8Array): boolean | Promise<boolean> {
    const writing = this.#connection.write(bytes);
    if (typeof writing === "boolean") return this.#writing = writing;
    this.#isWriting = true;
    return this.#writing = writing.finally(() => this.#isWriting = false);
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

  whole(): WholeAnswer | null {
    const part = this.#next();
    if (part?.kind !== "head") return null;
    this.#document = part.document;
    const content = this.#canEnd ? this.#reader.takeWhole() : null;
    return content === null ? null : { response: part.document, content };
  }

  release(): boolean {
    if (this.#isOver) return false;
    const part = this.#next();
    const isUsable = part?.kind === "end" && part.isPersistent && this.#canEnd;
    this.#end(isUsable);
    return isUsable;
  }

  /** Null where nobody waits for it any more. Throws as `receive` does, and MalformedResponse. */
  async readHead(): Promise<ScriptHead | null> {
    while (!this.#isOver && this.#document === null) {
      const part = this.#next();
      if (part === null) await this.receive();
      else if (part.kind === "head") this.#document = part.document;
    }
    return this.#document === null ? null : { response: this.#document, rest: NOTHING };
  }

  async receive(): Promise<void> {
    try {
      const bytes = await this.#connection.read();
      if (this.#isOver) return;
      if (bytes !== null) {
        this.hasAnswered = true;
        this.#reader.push(bytes);
      } else if (this.#reader.endsByClose()) this.#hasClosed = true;
      else throw new BrokenConnection(`${this.label} closed the connection before the end of its answer`);
    } catch (error) {
      this.#cut(error);
    }
  }

  /** What is said after a 101, in place of reads of the output. Rejects as those do. */
  async flow(take: TakeBytes): Promise<void> {
    // What came with the head.
    for (let part; (part = this.#next()) !== null;) if (part.kind !== "content" || !await take(part.bytes)) return;
    try {
      if (!this.#isOver) await this.#connection.flow(take);
    } catch (error) {
      this.#cut(error);
    }
  }

  async #read(): Promise<Uint8Array | null> {
    while (!this.#isOver) {
      const part = this.#next();
      if (part?.kind === "content") return part.bytes;
      if (part?.kind === "end") this.#end(part.isPersistent && this.#canEnd);
      else if (part === null) await this.receive();
    }
    return null;
  }

  #keepLast(): void {
    this.#connection.keepLast();
    this.#reader.keepLast();
  }

  #next(): ResponsePart | null {
    try {
      const part = this.#reader.next();
      return part === null && this.#hasClosed ? { kind: "end", isPersistent: false } : part;
    } catch (error) {
      this.#cut(error);
      return null;
    }
  }

  /** Whether another request may follow. */
  get #canEnd(): boolean {
    return this.#options.isKept && this.#hasSentAll && !this.#isWriting;
  }

  /** Throws the error, but for what was ended already. */
  #cut(error: unknown): void {
    if (this.#isOver) return;
    this.#end(false);
    throw error;
  }

  #end(isUsable: boolean): void {
    this.#isOver = true;
    this.#done.tell(isUsable);
  }
}

const NOTHING = new Uint8Array(0);
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
