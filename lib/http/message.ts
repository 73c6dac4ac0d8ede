/**
 * The central types: what a request, a response and their content are, and what a handler is. Read this first. All
 * of it is pure; a file, a script or a socket appears here only as a `Body`. RFC 9110 sections 6 and 15.
 */
import { HeaderFields } from "./header_fields.ts";
import type { RequestNotes } from "../request_notes.ts";
import type { KeptHead } from "./kept_head.ts";
import type { OwnFields } from "./own_fields.ts";

/**
 * The content of a message. Single use: it is iterated once, and `close()` is called in the end whether it was or not
 * (a HEAD answer never iterates, and a generator that never started does not run its `finally`).
 */
export interface Body extends AsyncIterable<Uint8Array> {
  /** Bytes in all; null when that is known only at the end. */
  readonly length: number | null;
  /** All of the content where it is in memory already: it then leaves in one write with the head. */
  readonly bytes?: Uint8Array;
  /** The same where the system has it, for a socket that it sends files to; null where it is to be read. Nothing has to be closed then. */
  range?(): FileRange | null;
  /** In place of the iterator, once, for a socket that the system sends files to; absent where no file has the content. */
  fromFile?(): FileSource;
  /** Lets go of what the body holds (file, process). Idempotent, and right before the first chunk too. */
  close(): Promise<void>;
}

/** Where some content stands in a file that is open: `length` bytes, at least one, from `first` on. */
export interface FileRange {
  readonly descriptor: number;
  readonly first: number;
  readonly length: number;
}

/** Content that the system may send from a file, piece by piece. Both may throw as the iterator of a body does. */
export interface FileSource {
  /** Where the next bytes stand, which no disk is waited for; null: they are to be read, or there are none. */
  next(): Soon<FileRange | null>;
  /** So many bytes of what `next` gave have left. Fewer than all: the rest is to be read. */
  sent(count: number): void;
  /** The next bytes themselves, valid until the next call; null after the last. */
  read(): Promise<Uint8Array | null>;
}

/** Content that is in memory; the bytes are not copied and must not change. */
export class BytesBody implements Body {
  constructor(readonly bytes: Uint8Array) {}

  get length(): number {
    return this.bytes.length;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    if (this.bytes.length > 0) yield this.bytes;
  }

  close(): Promise<void> {
    return DONE;
  }
}

const DONE = Promise.resolve();

/** No content: length 0. Holds nothing, so one value serves all. */
export const EMPTY_BODY: Body = new BytesBody(new Uint8Array(0));

/** RFC 9110 2.5: major and minor version. */
export type HttpVersion = "1.0" | "1.1" | "2.0";

/** What stands before the content of a request, as received. RFC 9112 3, RFC 9113 8.3. */
export interface RequestHead {
  /** A token, case-sensitive. */
  readonly method: string;
  /** As received: still percent-encoded, with its query. */
  readonly target: string;
  readonly version: HttpVersion;
  readonly fields: HeaderFields;
}

/** Both ends of the connection. Not to be spread: what of it is asked for seldom may be found out only then. */
export interface ConnectionInfo {
  /** Counts connections from 1; for the log. */
  readonly id: number;
  /** Textual IP address, IPv4-mapped ones as plain IPv4; "" for a Unix socket. */
  readonly remoteAddress: string;
  /** 0: not known, as of a client for whom a proxy speaks. */
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** The request came in over TLS. */
  readonly secure: boolean;
  /** What the proxy that sends the request knows it by; absent: nothing. */
  readonly requestId?: string;
}

/** A path and a query as HttpRequest has them. */
export interface PathAndQuery {
  readonly path: string;
  readonly query: string;
}

export interface HttpRequest extends RequestHead {
  /**
   * Absolute path, percent-decoded once, dot segments resolved: starts with "/", never leaves it. "*" for OPTIONS *. Where it is
   * not well formed it names no file: it has bytes that are not UTF-8, as byte_text.ts writes them, or an encoded slash, as
   * target.ts does.
   */
  readonly path: string;
  /** What follows the first "?", raw; "" when there is none. */
  readonly query: string;
  /** Host name of the target or of the Host field, without port, in lower case; "" when the client named none. */
  readonly host: string;
  /** What the client asked for, where `path` and `query` stand in its place; absent or null: just these. */
  readonly original?: PathAndQuery | null;
  readonly body: Body;
  readonly connection: ConnectionInfo;
  /** What programs, upstreams and the log know it by; made where it is first asked for. Absent: nothing. */
  readonly id?: string;
  /** What those who answer it find out about it, for the log; absent or null: nobody will ask. */
  readonly notes?: RequestNotes | null;
  /** Whom the server has authenticated, and by which scheme ("Basic"); absent or null: nobody. RFC 9110 11. */
  readonly user?: { readonly name: string; readonly scheme: string } | null;
  /**
   * Aborted when the answer can no longer reach the client or the server stops. Watching costs a read on the socket,
   * so the watch starts with the first use of this property.
   */
  readonly signal: AbortSignal;
}

/** What a handler answers. Framing fields (Content-Length, Transfer-Encoding, Connection) follow from `body` alone. */
export interface HttpResponse {
  readonly status: number;
  /** RFC 9112 4: a reason phrase of its own, valid and Latin-1; absent or null: that of the status. */
  readonly reason?: string | null;
  readonly fields: HeaderFields;
  readonly body: Body;
  /** Where an answer that is given again and again keeps its head. */
  readonly keptHead?: KeptHead;
  /** What the server says beside the fields, in place of what it says in every answer. */
  readonly own?: OwnFields;
  /** The path of the log that its access line goes to, in place of the server's; null: it has none. */
  readonly accessLog?: string | null;
  /** Of 101, which only a request of HTTP/1.1 without content is answered with; `body` is empty, and closed as any other. */
  readonly upgrade?: Upgrade;
}

/** What is spoken on a connection after 101. RFC 9110 7.8. */
export interface Upgrade {
  /** Has the connection for itself until it resolves; then that is closed, so that the peer can read all. Rejects as the socket does. */
  run(stream: UpgradedStream): Promise<void>;
}

/**
 * Takes what a connection gives, valid only until it returns: false ends it, and where it returns a promise nothing more comes
 * before that has resolved.
 */
export type TakeBytes = (bytes: Uint8Array) => Soon<boolean>;

/** A connection that speaks HTTP no more. One read and one write at a time. */
export interface UpgradedStream {
  /** The next bytes, valid until the next call; null at the end. Rejects as the socket does. */
  read(): Promise<Uint8Array | null>;
  /**
   * In place of reads: resolves at the end, or once `take` has ended it. What waits between two messages is nothing but the socket, so
   * a thousand that are mostly silent cost the collector nothing. Rejects as the socket does.
   */
  flow(take: TakeBytes): Promise<void>;
  /** Writes all; the bytes may change once it returns. Rejects as the socket does, also for a peer that takes too little. */
  write(bytes: Uint8Array): Soon<void>;
  /** From now on it is cut when nothing has passed for so long; Infinity: it may be silent. */
  limitSilence(ms: number): void;
  /** It is cut after that time, whatever passes. */
  endWithin(ms: number): void;
  /** So many bytes of memory are held for something that the peer has begun and not ended; 0: none. */
  hold(bytes: number): void;
  /** Cuts it at once: what is read or written is rejected. `reason` is for the log. */
  cut(reason: string): void;
  /** Resolves when the server stops: both ends are to be told in their own words. Never rejects. */
  readonly draining: Promise<void>;
}

/** RFC 3875 6.2.2: the server answers as if the client had asked for `localRedirect` (absolute path and query). */
export interface LocalRedirect {
  readonly localRedirect: string;
}

/** An answer that is there at once, or will be: what is in memory needs no turn of the event loop. */
export type Soon<Answer> = Answer | Promise<Answer>;

/**
 * Answers one request. Throws HttpError, at once or later, where the client or the resource is at fault. Whoever called it
 * closes the body of the answer, and of the request.
 */
export type Handler = (request: HttpRequest) => Soon<HttpResponse | LocalRedirect>;

/**
 * The peer or the resource is at fault. `message` and `cause` are for the log: they never reach a client.
 */
export class HttpError extends Error {
  readonly status: number;
  /** Fields that belong to the answer, such as Allow or Retry-After. */
  readonly fields: HeaderFields;

  constructor(
    status: number,
    message: string,
    options: { readonly fields?: HeaderFields; readonly cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = "HttpError";
    this.status = status;
    this.fields = options.fields ?? HeaderFields.EMPTY;
  }
}

/** The path leads to neither a file nor a folder that clients may know of: 404, unless something else answers in its place. */
export class NotThere extends HttpError {
  /** `what` is not there. */
  constructor(what: string) {
    super(404, `Not there: "${what}"`);
    this.name = "NotThere";
  }
}

/** What an operator named or put there is refused, for a reason that he can mend: he is told, if only once for each path. */
export class Refusal extends HttpError {
  /** What is at fault. */
  readonly path: string;
  /** What is wrong with it, in his words and without full stop: "has no index.html". */
  readonly reason: string;

  constructor(
    { path, reason }: { readonly path: string; readonly reason: string },
    options: { readonly cause?: unknown } = {},
  ) {
    super(403, `"${path}" ${reason}`, options);
    this.name = "Refusal";
    this.path = path;
    this.reason = reason;
  }
}

/**
 * An answer ends before it is whole, though its head has left, for what makes it has failed, or was changed. `message` says in one
 * line what the operator has to know.
 */
export class BrokenAnswer extends Error {
  override readonly name = "BrokenAnswer";
}

/** Fields of a 503 of something that may be there again in a second. RFC 9110 10.2.3. */
export const RETRY_SOON = HeaderFields.of(["Retry-After", "1"]);

/** There is no room for a request, of which clients may make as many as they like: whoever throws it tells it now and then. */
export class Crowded extends HttpError {
  constructor(message: string) {
    super(503, message, { fields: RETRY_SOON });
    this.name = "Crowded";
  }
}

/** The reason phrase of a status code that this server or its scripts use; "" for an unknown one. RFC 9110 15. */
export function reasonPhrase(status: number): string {
  return REASON_PHRASES[status] ?? "";
}

const REASON_PHRASES: { readonly [status: number]: string } = {
  100: "Continue",
  101: "Switching Protocols",
  102: "Processing",
  103: "Early Hints",
  200: "OK",
  201: "Created",
  202: "Accepted",
  203: "Non-Authoritative Information",
  204: "No Content",
  205: "Reset Content",
  206: "Partial Content",
  207: "Multi-Status",
  208: "Already Reported",
  226: "IM Used",
  300: "Multiple Choices",
  301: "Moved Permanently",
  302: "Found",
  303: "See Other",
  304: "Not Modified",
  305: "Use Proxy",
  307: "Temporary Redirect",
  308: "Permanent Redirect",
  400: "Bad Request",
  401: "Unauthorized",
  402: "Payment Required",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  406: "Not Acceptable",
  407: "Proxy Authentication Required",
  408: "Request Timeout",
  409: "Conflict",
  410: "Gone",
  411: "Length Required",
  412: "Precondition Failed",
  413: "Content Too Large",
  414: "URI Too Long",
  415: "Unsupported Media Type",
  416: "Range Not Satisfiable",
  417: "Expectation Failed",
  421: "Misdirected Request",
  422: "Unprocessable Content",
  423: "Locked",
  424: "Failed Dependency",
  425: "Too Early",
  426: "Upgrade Required",
  428: "Precondition Required",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  451: "Unavailable For Legal Reasons",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
  506: "Variant Also Negotiates",
  507: "Insufficient Storage",
  508: "Loop Detected",
  510: "Not Extended",
  511: "Network Authentication Required",
};
