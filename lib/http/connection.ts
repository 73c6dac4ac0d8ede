/**
 * One HTTP/1 connection as two state machines over bytes, without a socket: `nextEvent` takes the requests from a buffer,
 * `sendHead`, `sendData` and `sendEnd` are for the answers. The states stand in connection_states.ts. RFC 9112 6 and 9.
 */
import type { Limits } from "../limits.ts";
import type { Rules } from "../rules.ts";
import type { HeaderFields } from "./header_fields.ts";
import { HttpError, type HttpVersion, type RequestHead } from "./message.ts";
import { type BodyReader, ChunkedReader, LengthReader } from "./body_readers.ts";
import {
  nextRequestState,
  nextResponseState,
  type RequestState,
  type RequestTransition,
  type ResponseState,
  type ResponseTransition,
} from "./connection_states.ts";
import { type FieldMeaning, fieldMeaning } from "./field_meaning.ts";
import { HeadReader, type ReadHead } from "./head_reader.ts";
import type { KeptHead } from "./kept_head.ts";
import type { OwnFields } from "./own_fields.ts";
import { OutputBuffer } from "./output_buffer.ts";
import type { KnownSections } from "./known_sections.ts";
import type { ReceiveBuffer } from "./receive_buffer.ts";
import type { ReceivedRequest } from "./received_request.ts";
import { parseAuthority, parseTarget } from "./target.ts";
import {
  CHUNK_END,
  chunkStart,
  HeadWriter,
  interimHead,
  LAST_CHUNK,
  type ResponseFraming,
  switchingHead,
} from "./writers.ts";

export type RequestEvent =
  | { readonly type: "request_head"; readonly request: ReceivedRequest }
  /** A part of the content; valid until the buffer is asked for space again. */
  | { readonly type: "data"; readonly bytes: Uint8Array }
  | { readonly type: "end_of_message" }
  | { readonly type: "peer_closed" }
  | { readonly type: "need_data" };

const END_OF_MESSAGE = { type: "end_of_message" } as const;
const PEER_CLOSED = { type: "peer_closed" } as const;
const NEED_DATA = { type: "need_data" } as const;

/** A response head as `sendHead` takes it; `length` in bytes, null when it is known only at the end. */
export interface ResponseHead {
  readonly status: number;
  /** As HttpResponse has it. */
  readonly reason?: string | null;
  readonly fields: HeaderFields;
  readonly length: number | null;
  readonly keptHead?: KeptHead;
  readonly own?: OwnFields;
}

/** What all connections of a server share; `headWriter` and `sections` keep nothing of any of them. */
export interface ConnectionOptions {
  readonly limits: Limits;
  readonly rules: Rules;
  readonly headWriter: HeadWriter;
  readonly sections: KnownSections;
}

export class Connection {
  readonly #limits: Limits;
  readonly #rules: Rules;
  readonly #buffer: ReceiveBuffer;
  readonly #headReader: HeadReader;
  readonly #headWriter: HeadWriter;
  #requestState: RequestState = "idle";
  #responseState: ResponseState = "idle";
  #bodyReader: BodyReader | null = null;
  /** Of the present request. */
  #head: RequestHead | null = null;
  #keepsAlive = true;
  /** The client said that it will send nothing after the present request. */
  #isLastRequest = false;
  #isHead = false;
  #version: HttpVersion = "1.1";
  #framing: ResponseFraming = "none";
  /** Bytes of content that the head promised and that were not sent. */
  #unsent = 0;

  /** Reads what arrives in `buffer`. */
  constructor(options: ConnectionOptions, buffer: ReceiveBuffer) {
    this.#buffer = buffer;
    this.#limits = options.limits;
    this.#rules = options.rules;
    this.#headWriter = options.headWriter;
    this.#headReader = new HeadReader(options.limits, options.sections);
  }

  get requestState(): RequestState {
    return this.#requestState;
  }

  get responseState(): ResponseState {
    return this.#responseState;
  }

  /** A part of the next request is here. */
  get hasBegunRequest(): boolean {
    return this.#headReader.hasBegun || this.#buffer.length > 0;
  }

  /** Bytes have arrived that no event has told of. */
  get hasUnreadBytes(): boolean {
    return this.#buffer.length > 0;
  }

  /** The peer has ended its side; what it sent before may still be unread. */
  get hasPeerClosed(): boolean {
    return this.#buffer.hasEnded;
  }

  /** Whether the peer can have sent nothing that is unread, going by what it said: this was to be its last request. */
  get hasReceivedAll(): boolean {
    return this.#isLastRequest && this.#bodyReader === null && this.#buffer.length === 0;
  }

  /** The head of the present request, also where it was refused; null where there is none, or none that can be read. */
  get head(): RequestHead | null {
    return this.#head;
  }

  /** Whether the head of the present response says, or will say, that the connection goes on. */
  get keepsAlive(): boolean {
    return this.#keepsAlive;
  }

  /** Makes the present response the last one. */
  endAfterResponse(): void {
    this.#keepsAlive = false;
  }

  /**
   * The next event of the request half. In `received` it is told nothing before `startNextCycle()`. Throws HttpError
   * when the bytes are no valid request: the request half is then in `error`, and an error reply may still be sent.
   */
  nextEvent(): RequestEvent {
    try {
      switch (this.#requestState) {
        case "idle":
          return this.#nextHead();
        case "receiving_body":
          return this.#nextData();
        default:
          return this.hasPeerClosed ? PEER_CLOSED : NEED_DATA;
      }
    } catch (error) {
      this.#moveRequest("reading_error");
      this.#keepsAlive = false;
      throw error;
    }
  }

  #nextHead(): RequestEvent {
    const head = this.#buffer.length === 0 ? null : this.#headReader.read(this.#buffer);
    if (head === null) {
      if (!this.hasPeerClosed) return NEED_DATA;
      // RFC 9112 8: an incomplete request is answered with 400; here nobody is left who would wait for it.
      if (this.hasBegunRequest) throw new HttpError(400, "The peer closed within a request head");
      this.#moveRequest("peer_closed");
      return PEER_CLOSED;
    }
    // Before any check, so that an error reply is told of the right version and method.
    this.#head = head;
    this.#version = head.version;
    this.#isHead = head.method === "HEAD";
    const meaning = this.#meaningOf(head);
    this.#keepsAlive = meaning.keepsAlive;
    this.#isLastRequest = !meaning.keepsAlive;
    const request = receivedRequest(head, meaning);
    this.#moveRequest("request_head");
    this.#moveResponse("request_head");
    const { framing } = meaning;
    if (framing === 0) {
      this.#moveRequest("end_of_message");
    } else {
      // A script may still be taking in the last part of it when the connection has ended.
      this.#buffer.keep();
      this.#bodyReader = framing === "chunked" ? new ChunkedReader(this.#limits) : new LengthReader(framing);
    }
    return { type: "request_head", request };
  }

  #meaningOf(head: ReadHead): FieldMeaning {
    const { method, version, section } = head;
    const known = section?.meaning;
    if (known && known.method === method && known.version === version) return known;
    const meaning = fieldMeaning(head, { limits: this.#limits, rules: this.#rules });
    if (section !== null) section.meaning = meaning;
    return meaning;
  }

  #nextData(): RequestEvent {
    const part = this.#bodyReader?.read(this.#buffer) ?? null;
    if (part === null) {
      if (!this.hasPeerClosed) return NEED_DATA;
      // RFC 9112 8: a body shorter than its framing says is incomplete, and must not pass for a whole one.
      throw new HttpError(400, "The peer closed within a request body");
    }
    if (part === "end") {
      this.#moveRequest("end_of_message");
      this.#bodyReader = null;
      return END_OF_MESSAGE;
    }
    this.#moveRequest("data");
    return { type: "data", bytes: part };
  }

  /** What tells the client to go on and send the content. RFC 9110 15.2.1. */
  sendContinue(): Uint8Array {
    this.#moveResponse("informational_head");
    return interimHead(100);
  }

  /** Appends 101 with fields that name the protocol: no HTTP is spoken from there on. RFC 9110 7.8, 15.2.2. */
  switchProtocols(output: OutputBuffer, fields: HeaderFields): void {
    this.#moveRequest("switch");
    this.#moveResponse("switch");
    this.#keepsAlive = false;
    output.append(switchingHead(fields));
  }

  /** Appends the head of the answer to the present request; its framing follows from `length`, version and method. */
  sendHead(output: OutputBuffer, head: ResponseHead, nowMs: number): void {
    this.#moveResponse("response_head");
    this.#writeHead(output, head, nowMs);
  }

  /**
   * Like `sendHead`, for an error that was found while reading, or for a head that did not come in time: it may have no
   * request. The connection ends with it.
   */
  sendErrorHead(output: OutputBuffer, head: ResponseHead, nowMs: number): void {
    this.#moveResponse("error_reply");
    if (this.#requestState === "idle") this.#moveRequest("reading_error");
    this.#keepsAlive = false;
    this.#writeHead(output, head, nowMs);
  }

  #writeHead(output: OutputBuffer, head: ResponseHead, nowMs: number): void {
    const { status, reason, fields, length, keptHead, own } = head;
    let framing: ResponseFraming;
    // RFC 9110 8.6, RFC 9112 6.1: neither field in 204; a 304 may leave them out.
    if (status === 204 || status === 304) framing = "none";
    else if (length !== null) framing = length;
    else framing = this.#version === "1.1" ? "chunked" : "close";
    if (framing === "close") this.#keepsAlive = false;
    this.#framing = framing;
    this.#unsent = typeof framing === "number" ? framing : 0;
    this.#headWriter.write(output, { status, reason, framing, keepsAlive: this.#keepsAlive }, {
      fields,
      keptHead,
      own,
      nowMs,
    });
  }

  /** Whether the answer whose head was sent has content on the wire. RFC 9110 9.3.2: HEAD has none. */
  get sendsContent(): boolean {
    return this.#framing !== "none" && !this.#isHead;
  }

  /** What goes on the wire right before `count` (at least 1) bytes of content. Throws plain Error beyond Content-Length. */
  sendData(count: number): Uint8Array {
    this.#moveResponse("data");
    if (this.#framing === "chunked") return chunkStart(count);
    if (typeof this.#framing === "number") {
      this.#unsent -= count;
      if (this.#unsent < 0) throw new Error("The body is longer than its length");
    }
    return NOTHING;
  }

  /** What goes on the wire right after the bytes that `sendData` announced. */
  get dataEnd(): Uint8Array {
    return this.#framing === "chunked" ? CHUNK_END : NOTHING;
  }

  /** What ends the content on the wire. Throws plain Error for a body that was shorter than its Content-Length. */
  sendEnd(): Uint8Array {
    this.#moveResponse("end_of_message");
    if (!this.sendsContent) return NOTHING;
    if (this.#unsent > 0) throw new Error(`The body is ${this.#unsent} bytes shorter than its length`);
    return this.#framing === "chunked" ? LAST_CHUNK : NOTHING;
  }

  /**
   * After a whole response: true when the next request may be read, false when the connection must close (the request
   * was not read to its end, or either side wants it so). RFC 9112 9.3.
   */
  startNextCycle(): boolean {
    if (this.#keepsAlive && this.#requestState === "received" && this.#responseState === "sent") {
      this.#moveRequest("next_cycle");
      this.#moveResponse("next_cycle");
      this.#head = null;
      this.#isHead = false;
      this.#version = "1.1";
      return true;
    }
    this.#moveRequest("last_cycle");
    this.#moveResponse("last_cycle");
    return false;
  }

  /** Our side of the connection is shut. */
  close(): void {
    if (this.#responseState !== "closed") this.#moveResponse("we_closed");
  }

  #moveRequest(event: RequestTransition): void {
    this.#requestState = nextRequestState(this.#requestState, event);
  }

  #moveResponse(event: ResponseTransition): void {
    this.#responseState = nextResponseState(this.#responseState, event);
  }
}

const NOTHING = new Uint8Array(0);

function receivedRequest(head: ReadHead, { framing, expectsContinue, host }: FieldMeaning): ReceivedRequest {
  const target = parseTarget(head.method, head.target, "keep");
  // RFC 9112 3.2.2: the absolute form wins over the Host field.
  const named = target.authority === null ? host : parseAuthority(target.authority)?.host ?? "";
  return {
    head,
    target,
    host: named,
    hasContent: framing !== 0,
    contentLength: framing === "chunked" ? null : framing,
    expectsContinue,
    rejection: head.rejection,
  };
}
