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
  RecordReader,
  type RequestEnd,
} from "./fastcgi_records.ts";
import type { ForwardPeer } from "./forward_peer.ts";
import { PushedBytes } from "./pushed_bytes.ts";
import { BrokenConnection, type UpstreamConnection } from "./upstream_connection.ts";

export interface PeerOptions {
  /** What the application is called in the log. */
  readonly label: string;
  readonly log: ScriptLog;
  /** Of messages in the log. */
  readonly maxErrorBytes: number;
  readonly hasContent: boolean;
  /** Whether the application shall leave the connection open for the next request. */
  readonly isKept: boolean;
}

/** Longest time in which the word that nobody waits leaves; there is room for it, or the application reads nothing. */
const ABORT_MS = 50;

export class FastCgiPeer implements ForwardPeer {
  readonly label: string;
  readonly input: ByteSink | null;
  readonly output: ByteSource;
  readonly done: Promise<boolean>;
  readonly #options: PeerOptions;
  readonly #connection: UpstreamConnection;
  readonly #reader = new RecordReader();
  readonly #errors = new PushedBytes();
  readonly #setDone: (isUsable: boolean) => void;
  #input: "open" | "ended" | "cut";
  /** The write that is under way, or was. */
  #writing: Promise<boolean> = Promise.resolve(true);
  #isWriting = false;
  #hasAnswered = false;
  #isOver = false;

  /** The connection is used by nobody else until `done`, and closed then by whoever opened it. */
  constructor(connection: UpstreamConnection, variables: Readonly<Record<string, string>>, options: PeerOptions) {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.done = promise;
    this.#setDone = resolve;
    this.label = options.label;
    this.#options = options;
    this.#connection = connection;
    const { hasContent, log, label: source, maxErrorBytes: maxBytes } = options;
    this.#input = hasContent ? "open" : "ended";
    this.input = hasContent ? { write: (bytes) => this.#writeContent(bytes), close: () => this.#endContent() } : null;
    this.output = { read: () => this.#read(), close: () => this.#cut() };
    logLines(this.#errors, { log, source, maxBytes });
    this.#write(beginRequest(variables, options));
  }

  get hasAnswered(): boolean {
    return this.#hasAnswered;
  }

  /** FastCGI 5.4: the application is told, and may not listen: so the connection is closed as well. */
  end(): void {
    if (this.#isOver) return;
    // What waits to be written would come before.
    const told = this.#isWriting ? null : this.#write(abortRequest());
    this.#isOver = true;
    this.#errors.end();
    if (this.#input === "open") this.#input = "cut";
    const close = () => this.#setDone(false);
    if (told === null) return close();
    const timer = setTimeout(close, ABORT_MS);
    told.finally(() => {
      clearTimeout(timer);
      close();
    });
  }

  #write(bytes: Uint8Array): Promise<boolean> {
    this.#isWriting = true;
    return this.#writing = this.#connection.write(bytes).finally(() => this.#isWriting = false);
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

  async #read(): Promise<Uint8Array | null> {
    try {
      while (!this.#isOver) {
        const part = this.#reader.next();
        if (part === null) await this.#receive();
        else if (part.kind === "end") this.#finish(part);
        else if (part.kind === "output") return part.bytes;
        else this.#errors.push(part.bytes);
      }
      return null;
    } catch (error) {
      this.#cut();
      throw error;
    }
  }

  async #receive(): Promise<void> {
    const bytes = await this.#connection.read();
    if (this.#isOver) return;
    if (bytes === null) throw new BrokenConnection(`${this.label} closed the connection before the end of its answer`);
    this.#hasAnswered = true;
    this.#reader.push(bytes);
  }

  /** FastCGI 5.5. Throws HttpError where the application has not taken the request. */
  #finish({ applicationStatus, protocolStatus }: RequestEnd): void {
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
  }

  /** Nothing will be read any more. */
  #cut(): void {
    if (!this.#isOver) this.#end(false);
  }

  #end(isUsable: boolean): void {
    this.#isOver = true;
    this.#errors.end();
    if (isUsable) return this.#setDone(true);
    if (this.#input === "open") this.#input = "cut";
    this.#setDone(false);
  }
}
