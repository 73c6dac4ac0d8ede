/**
 * A request being served, apart from what it came on: an HTTP/1 connection for a time, or one stream of HTTP/2. What answers
 * it (serve_exchange.ts) asks for nothing more, so that every protocol is answered, logged and cut in the same way.
 */
import type { ConnectionInfo, FileRange, HttpResponse, UpgradedStream } from "../http/message.ts";
import type { ReceivedRequest } from "../http/received_request.ts";

/** The request's content as it comes. */
export interface ContentSource {
  /**
   * The next part, valid until the next call; null after the last. RFC 9110 10.1.1: the first call tells a client to go on
   * that waits for it. Rejects with HttpError for content that is invalid, too long or too late, and as the socket does.
   */
  pull(): Promise<Uint8Array | null>;
}

/** A connection that speaks HTTP no more, as the access log sees it. */
export interface SwitchedStream extends UpgradedStream {
  /** Bytes that were written. */
  readonly sentBytes: number;
}

/** Why a request is aborted. A text, for the runtime's own reason is an error, which looks at the stack: 30 us beside programs. */
export const NOBODY_WAITS = "nobody waits for the answer";

/** What an answer needs of the protocol. */
export interface Exchange extends ContentSource {
  readonly received: ReceivedRequest;
  /** Both ends of the connection, with the client for whom its proxies say they speak. */
  readonly client: ConnectionInfo;
  /** Whether something waits for a flush: the head of this answer, or answers before it. */
  readonly hasOutput: boolean;
  /** From now on until the end of the answer, aborts it when that can no longer reach the client. */
  watch(controller: AbortController): void;
  /** Sends what waits. Rejects as the socket does. */
  flush(): Promise<void>;
  /**
   * Puts the head where it waits for a flush, with content that is in memory and fits: the bytes of that; null where content
   * is still to be sent, in parts.
   */
  sendAtOnce(response: HttpResponse): number | null;
  /** Sends a part of the content, of at least one byte. Resolves when `bytes` may change. Rejects as the socket does. */
  sendPart(bytes: Uint8Array): Promise<void>;
  /** Whether content may be sent by its ranges in files, as `sendRange` does. */
  readonly takesFiles: boolean;
  /** Sends a part of the content from its file: how many bytes of it, fewer where the rest has to be read. Rejects as the socket does. */
  sendRange(range: FileRange): Promise<number>;
  /** The answer is whole. Throws plain Error where the content was shorter than its length. */
  sendEnd(): void;
  /**
   * Sends 101 in place of an answer, and gives the connection to whoever speaks another protocol then; nothing else is called
   * after it but `cut` and `settleContent`. Rejects as the socket does. Absent where there is no such thing (RFC 9113 8.6).
   */
  switchTo?(response: HttpResponse): Promise<SwitchedStream>;
  /** After the answer: what becomes of content that nobody wanted. Rejects as the socket does. */
  settleContent(): Promise<void>;
  /** The answer cannot be given, or not be given whole: the client is to see that. */
  cut(error: unknown): void;
}
