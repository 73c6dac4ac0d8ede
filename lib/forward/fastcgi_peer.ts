/**
 * One request on a FastCGI connection, as lib/gateway/program_exchange.ts wants a program: its content goes in as records of a
 * stream, its answer comes out of one, and its messages go to the log. FastCGI 1.0, chapters 5 and 6.2.
 */
import type { ByteSink, ByteSource } from "../child/child.ts";
import { logLines, type ScriptLog } from "../child/child_log.ts";
import { HttpError, RETRY_SOON } from "../http/message.ts";
import {
  abortRequest,
  beginRequest,
  contentRecord,
  MAX_CONTENT_BYTES,
  type RecordPart,
  RecordReader,
  type RequestEnd,
} from "./fastcgi_records.ts";
import type { KnownHeads } from "../gateway/known_heads.ts";
import { type ScriptHead, ScriptHeadReader, type ScriptResponse } from "../gateway/script_head.ts";
import type { Limits } from "../limits.ts";
import type { WholeAnswer, WholePeer } from "./forward_peer.ts";
import { PeerEnd } from "./peer_end.ts";
import { PushedBytes } from "./pushed_bytes.ts";
import { BrokenConnection, type UpstreamConnection } from "./upstream_connection.ts";

export interface PeerOptions {
  /** What the application is called in the log. */
  readonly label: string;
  readonly log: ScriptLog;
  readonly limits: Limits;
  readonly hasContent: boolean;
  /** Whether the application shall leave the connection open for the next request. */
  readonly isKept: boolean;
  /** Of the same application. */
  readonly knownHeads: KnownHeads<ScriptResponse>;
}

/** Longest time in which the word that nobody waits leaves; there is room for it, or the application reads nothing. */
const ABORT_MS = 50;

export class FastCgiPeer implements WholePeer {
  readonly label: string;
  readonly #options: PeerOptions;
  readonly #isHead: boolean;
  readonly #connection: UpstreamConnection;
  readonly #reader = new RecordReader();
  /** What was read before it was asked for. */
  #ahead: RecordPart[] = [];
  /** Null as long as there are none. */
  #errors: PushedBytes | null = null;
  #sink: ByteSink | null = null;
  #output: ByteSource | null = null;
  readonly #done = new PeerEnd();
  #input: "open" | "ended" | "cut";
  /** The write that is under way, or was. */
  #writing: boolean | Promise<boolean> = true;
  #isWriting = false;
  #hasAnswered = false;
  #isOver = false;

  /** The connection is used by nobody else until `done`, and closed then by whoever opened it. */
  constructor(connection: UpstreamConnection, variables: Readonly<Record<string, string>>, options: PeerOptions) {
    this.label = options.label;
    this.#options = options;
    this.#isHead = variables.REQUEST_METHOD === "HEAD";
    this.#connection = connection;
    this.#input = options.hasContent ? "open" : "ended";
    this.#write(beginRequest(variables, options));
  }

  get input(): ByteSink | null {
    if (!this.#options.hasContent) return null;
    return this.#sink ??= { write: (bytes) => this.#writeContent(bytes), close: () => this.#endContent() };
  }

  get output(): ByteSource {
    return this.#output ??= {
      read: () => this.#read(),
      keepLast: () => this.#connection.keepLast(),
      close: () => this.#cut(),
    };
  }

  get done(): Promise<boolean> {
    return this.#done.promise;
  }

  get hasAnswered(): boolean {
    return this.#hasAnswered;
  }

  /** FastCGI 5.4: the application is told, and may not listen: so the connection is closed as well. */
  end(): void {
    if (this.#isOver) return;
    // What waits to be written would come before.
    const told = this.#isWriting ? false : this.#write(abortRequest());
    this.#isOver = true;
    this.#errors?.end();
    if (this.#input === "open") this.#input = "cut";
    const close = () => this.#done.tell(false);
    if (typeof told === "boolean") return close();
    const timer = setTimeout(close, ABORT_MS);
    told.finally(() => {
      clearTimeout(timer);
      close();
    });
  }

  #write(bytes: Uint8Array): boolean | Promise<boolean> {
    const writing = this.#connection.write(bytes);
    if (typeof writing === "boolean") return this.#writing = writing;
    this.#isWriting = true;
    return this.#writing = writing.finally(() => this.#isWriting = false);
  }

  async #writeContent(bytes: Uint8Array): Promise<boolean> {
    await this.#writing;
    for (let at = 0; at < bytes.length; at += MAX_CONTENT_BYTES) {
      if (this.#input !== "open") return false;
      if (!await this.#write(contentRecord(bytes.subarray(at, at + MAX_CONTENT_BYTES)))) return false;
    }
    return this.#input === "open";
  }

  /** All of it has been written; or else the application has answered without it, and nothing else can follow on the connection. */
  #endContent(): void {
    if (this.#input !== "open") return;
    this.#input = this.#isWriting || this.#isOver ? "cut" : "ended";
    if (this.#input === "ended") this.#write(contentRecord(new Uint8Array(0)));
  }

  whole(): WholeAnswer | null {
    try {
      for (let part; this.#ahead.at(-1)?.kind !== "end" && (part = this.#reader.next()) !== null;) {
        this.#ahead.push(part);
      }
      return this.#wholeOf(this.#ahead);
    } catch (error) {
      this.#cut();
      throw error;
    }
  }

  /** Null also for whatever is seldom. */
  #wholeOf(parts: readonly RecordPart[]): WholeAnswer | null {
    const [output, end] = parts;
    if (parts.length !== 2 || output.kind !== "output" || end.kind !== "end") return null;
    if (end.protocolStatus !== "complete") return null;
    const head = this.#headOf(output.bytes);
    if (head === null) return null;
    const { response, rest: content } = head;
    if (response.kind === "document") {
      const { contentLength, isChunked } = response;
      // RFC 9110 8.6: what an application leaves out that was asked for the head alone says nothing of the length.
      if (this.#isHead && contentLength === null) return null;
      if (isChunked || (contentLength !== null && contentLength !== content.length)) return null;
    }
    return { response, content };
  }

  #headOf(bytes: Uint8Array): ScriptHead | null {
    const { knownHeads, limits } = this.#options;
    const known = knownHeads.find(bytes);
    if (known !== null) return { response: known.meaning, rest: bytes.subarray(known.bytes.length) };
    const head = new ScriptHeadReader(limits).push(bytes);
    if (head !== null) knownHeads.keep(bytes.subarray(0, bytes.length - head.rest.length), head.response);
    return head;
  }

  release(): boolean {
    const [, end] = this.#ahead;
    return !this.#isOver && end.kind === "end" && this.#finish(end);
  }

  async #read(): Promise<Uint8Array | null> {
    try {
      while (!this.#isOver) {
        const part = this.#ahead.shift() ?? this.#reader.next();
        if (part === null) await this.receive();
        else if (part.kind === "end") this.#finish(part);
        else if (part.kind === "output") return part.bytes;
        else this.#pushErrors(part.bytes);
      }
      return null;
    } catch (error) {
      this.#cut();
      throw error;
    }
  }

  async receive(): Promise<void> {
    let bytes;
    try {
      bytes = await this.#connection.read();
    } catch (error) {
      this.#cut();
      throw error;
    }
    if (this.#isOver) return;
    if (bytes === null) {
      this.#cut();
      throw new BrokenConnection(`${this.label} closed the connection before the end of its answer`);
    }
    this.#hasAnswered = true;
    this.#reader.push(bytes);
  }

  #pushErrors(bytes: Uint8Array): void {
    if (this.#errors === null) {
      this.#errors = new PushedBytes();
      const { log, label: source, limits: { maxScriptErrorBytes: maxBytes } } = this.#options;
      logLines(this.#errors, { log, source, maxBytes });
    }
    this.#errors.push(bytes);
  }

  /** FastCGI 5.5. As `done`. Throws HttpError where the application has not taken the request. */
  #finish({ applicationStatus, protocolStatus }: RequestEnd): boolean {
    const { log, isKept } = this.#options;
    const isUsable = isKept && protocolStatus === "complete" && this.#input === "ended" && !this.#isWriting &&
      this.#reader.isBetweenRecords;
    this.#end(isUsable);
    if (protocolStatus !== "complete") {
      const message = `${this.label} has refused the request: ${protocolStatus.replaceAll("_", " ")}`;
      throw protocolStatus === "overloaded"
        ? new HttpError(503, message, { fields: RETRY_SOON })
        : new HttpError(502, message);
    }
    if (applicationStatus !== 0) log.warn(this.label, `Ended with status ${applicationStatus}`);
    return isUsable;
  }

  /** Nothing will be read any more. */
  #cut(): void {
    if (!this.#isOver) this.#end(false);
  }

  #end(isUsable: boolean): void {
    this.#isOver = true;
    this.#errors?.end();
    if (isUsable) return this.#done.tell(true);
    if (this.#input === "open") this.#input = "cut";
    this.#done.tell(false);
  }
}
