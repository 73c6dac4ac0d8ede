/**
 * A connection of HTTP/2 as a machine over bytes, without a socket: `nextEvent` takes what the client sent from a buffer, and
 * the other methods put what is sent to it into an output. The states of a stream stand in stream.ts, what is sent in sender.ts.
 * RFC 9113 3.4 to 6.
 */
import { latin1Text } from "../http/grammar.ts";
import type { OutputBuffer } from "../http/output_buffer.ts";
import type { ReceiveBuffer } from "../http/receive_buffer.ts";
import type { Limits } from "../limits.ts";
import { checkLength, ContentWindows, type WindowOptions } from "./content_windows.ts";
import { ConnectionError, ErrorCode, StreamError } from "./error_codes.ts";
import { FrameReader } from "./frame_reader.ts";
import {
  appendGoAway,
  appendPingAck,
  appendReset,
  appendSettings,
  appendSettingsAck,
  Flag,
  FrameType,
  MOST_WINDOW,
  readUint31,
  readUint32,
  SMALL_FRAME_BYTES,
} from "./frames.ts";
import { HeaderBlocks } from "./header_blocks.ts";
import { Misuse } from "./misuse.ts";
import { parsePriority, type Priority } from "./priority.ts";
import type { PrioritizedRequest, SectionOptions } from "./request_section.ts";
import type { ResponseHeads } from "./response_heads.ts";
import { type FrameOutput, Sender } from "./sender.ts";
import { ownSettings, readSettings } from "./settings.ts";
import { Stream } from "./stream.ts";
import { StreamTable } from "./stream_table.ts";
import type { ReceivedRequest } from "../http/received_request.ts";

export type Http2Event =
  | { readonly type: "request"; readonly stream: Stream; readonly request: ReceivedRequest }
  /** Content has come, or its end. */
  | { readonly type: "content"; readonly stream: Stream }
  /** Nothing more can be sent or received: the client has reset the stream, or was at fault (`error`). */
  | { readonly type: "reset"; readonly stream: Stream; readonly error: StreamError | null }
  /** The connection cannot go on; GOAWAY is in the output. */
  | { readonly type: "failed"; readonly error: ConnectionError }
  | { readonly type: "peer_closed" }
  | { readonly type: "need_data" };

const NEED_DATA = { type: "need_data" } as const;
const PEER_CLOSED = { type: "peer_closed" } as const;

export interface ConnectionOptions extends SectionOptions, WindowOptions {
  readonly limits:
    & SectionOptions["limits"]
    & WindowOptions["limits"]
    & Pick<Limits, "maxStreamCount" | "maxResetCount" | "maxControlFrameCount">;
  readonly responseHeads: ResponseHeads;
}

/** Settings of a frame that take as long as a frame of its own. */
const SETTINGS_BYTES_A_FRAME = 192;

export class Connection {
  /** What sends heads and content; nothing is sent on a stream that is not writable. */
  readonly sender: Sender;
  readonly #options: ConnectionOptions;
  readonly #buffer: ReceiveBuffer;
  readonly #output: FrameOutput;
  readonly #frame = new FrameReader();
  readonly #blocks: HeaderBlocks;
  readonly #streams = new StreamTable();
  readonly #misuse: Misuse;
  readonly #windows: ContentWindows;
  /** Of streams that the client will open. */
  #priorities: Map<number, Priority> | null = null;
  /** Streams above it are not served; Infinity: all are. */
  #lastServedId = Infinity;
  #hasFailed = false;
  /** By the clock of `nextEvent`. */
  #nowMs: number;

  /** Reads what arrives in `buffer`. The first frames to the client are in the output already. */
  constructor(
    options: ConnectionOptions,
    { buffer, output, nowMs }: {
      readonly buffer: ReceiveBuffer;
      readonly output: FrameOutput;
      readonly nowMs: number;
    },
  ) {
    const { limits, responseHeads } = options;
    this.#options = options;
    this.#buffer = buffer;
    this.#output = output;
    this.#nowMs = nowMs;
    this.#blocks = new HeaderBlocks(options);
    this.#misuse = new Misuse(limits, nowMs);
    this.#windows = new ContentWindows(options, output);
    this.sender = new Sender(output, responseHeads, this.#misuse);
    appendSettings(this.#room(), ownSettings(limits));
    this.#windows.open();
  }

  /** Streams that are open, or being answered. */
  get streamCount(): number {
    return this.#streams.count;
  }

  /** The client has begun to send something that is not whole. */
  get hasBegunFrame(): boolean {
    return this.#frame.isInBlock || this.#buffer.length > 0;
  }

  /** The client has begun to send a head that is not whole. */
  get isInBlock(): boolean {
    return this.#frame.isInBlock;
  }

  /** Memory of content that nobody has taken. */
  get heldBytes(): number {
    let bytes = 0;
    for (const stream of this.#streams.open) bytes += stream.heldBytes;
    return bytes;
  }

  /** The next event; `nowMs` is by a clock that only goes on. Nothing comes after "failed". */
  nextEvent(nowMs: number): Http2Event {
    this.#nowMs = nowMs;
    for (;;) {
      const event = this.#tryNext();
      if (event !== null) return event;
    }
  }

  #tryNext(): Http2Event | null {
    try {
      if (this.#hasFailed) return PEER_CLOSED;
      if (!this.#frame.read(this.#buffer)) return this.#buffer.hasEnded ? PEER_CLOSED : NEED_DATA;
      return this.#handleFrame();
    } catch (error) {
      if (error instanceof ConnectionError) return this.#fail(error);
      if (!(error instanceof StreamError)) throw error;
      try {
        return this.#endFaulty(error);
      } catch (misuse) {
        if (misuse instanceof ConnectionError) return this.#fail(misuse);
        throw misuse;
      }
    }
  }

  /** RFC 9113 5.4.1. */
  #fail(error: ConnectionError): Http2Event {
    this.#hasFailed = true;
    appendGoAway(this.#room(), Math.min(this.#streams.lastId, this.#lastServedId), error.code);
    return { type: "failed", error };
  }

  /** RFC 9113 5.4.2: the client is at fault, and may do it again and again. */
  #endFaulty(error: StreamError): Http2Event | null {
    this.#misuse.countReset(this.#nowMs);
    const stream = this.#streams.find(error.streamId);
    if (stream === undefined || stream.isReset) {
      appendReset(this.#room(), error.streamId, error.code);
      this.#streams.rememberReset(error.streamId);
      return null;
    }
    this.reset(stream, error.code);
    return { type: "reset", stream, error };
  }

  #handleFrame(): Http2Event | null {
    switch (this.#frame.type) {
      case FrameType.DATA:
        return this.#onData();
      case FrameType.HEADERS:
      case FrameType.CONTINUATION:
        return this.#onBlock();
      case FrameType.PRIORITY:
        return this.#onPriority();
      case FrameType.RST_STREAM:
        return this.#onReset();
      case FrameType.SETTINGS:
        return this.#onSettings();
      case FrameType.PUSH_PROMISE:
        throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "Only servers may push");
      case FrameType.PING:
        return this.#onPing();
      case FrameType.GOAWAY:
        this.#countFrames(1);
        return null;
      case FrameType.WINDOW_UPDATE:
        return this.#onWindowUpdate();
      case FrameType.PRIORITY_UPDATE:
        return this.#onPriorityUpdate();
      default:
        // RFC 9113 5.5: of an extension; ignored.
        this.#countFrames(1);
        return null;
    }
  }

  /** The stream of the frame, which it must not be where it is idle (RFC 9113 5.1); undefined for one that has been. */
  #usedStream(): Stream | undefined {
    const { streamId, type } = this.#frame;
    const stream = this.#streams.find(streamId);
    if (stream === undefined && this.#streams.standingOf(streamId) === "idle") {
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, `A frame of type ${type} on an idle stream`);
    }
    return stream;
  }

  /** RFC 9113 6.1 and 6.9.1. */
  #onData(): Http2Event | null {
    const frame = this.#frame;
    const { bytes } = this.#buffer;
    const length = frame.end - frame.start;
    const stream = this.#usedStream();
    this.#windows.receive(length);
    frame.unwrap(bytes);
    const count = frame.end - frame.start;
    const isLast = (frame.flags & Flag.END_STREAM) !== 0;
    if (count === 0 && !isLast) this.#countFrames(1);
    if (stream === undefined || stream.isReset) {
      this.#refuseLate(stream);
      return null;
    }
    if (stream.hasPeerEnded) throw new StreamError(stream.id, ErrorCode.STREAM_CLOSED, "Content after its end");
    if (isLast) stream.hasPeerEnded = true;
    this.#windows.receiveFor(stream, bytes.subarray(frame.start, frame.end), length - count);
    return count > 0 || isLast ? { type: "content", stream } : null;
  }

  /** RFC 9113 5.1: frames for a stream that was reset here are ignored, for they may have been under way. */
  #refuseLate(stream: Stream | undefined): void {
    const isExpected = stream === undefined
      ? this.#streams.standingOf(this.#frame.streamId) === "reset"
      : stream.isResetHere;
    if (!isExpected) throw new ConnectionError(ErrorCode.STREAM_CLOSED, "A frame on a closed stream");
  }

  /** RFC 9113 6.2 and 6.10. */
  #onBlock(): Http2Event | null {
    const frame = this.#frame;
    const { bytes } = this.#buffer;
    const { streamId } = frame;
    const isFirst = frame.type === FrameType.HEADERS;
    if (isFirst) {
      this.#checkOpening(streamId);
      const dependency = frame.unwrap(bytes);
      this.#blocks.begin({
        endsStream: (frame.flags & Flag.END_STREAM) !== 0,
        dependsOnItself: dependency === streamId,
      });
    }
    const isWhole = (frame.flags & Flag.END_HEADERS) !== 0;
    if (!this.#blocks.add(bytes, frame, isWhole)) return null;
    return this.#onWholeBlock(streamId);
  }

  /** RFC 9113 5.1 and 5.1.1: what may be said of the stream before its block is known. */
  #checkOpening(streamId: number): void {
    if (this.#streams.find(streamId) !== undefined) return;
    const standing = this.#streams.standingOf(streamId);
    if (standing === "idle" && streamId % 2 === 1) return;
    if (standing === "reset") return;
    const code = standing === "closed" ? ErrorCode.STREAM_CLOSED : ErrorCode.PROTOCOL_ERROR;
    throw new ConnectionError(code, `HEADERS on stream ${streamId}, which is ${standing}`);
  }

  #onWholeBlock(streamId: number): Http2Event | null {
    const blocks = this.#blocks;
    const stream = this.#streams.find(streamId);
    if (stream !== undefined) return this.#onTrailers(stream);
    const { limits } = this.#options;
    if (this.#streams.standingOf(streamId) !== "idle") {
      blocks.skip();
      return null;
    }
    this.#streams.use(streamId);
    if (streamId > this.#lastServedId) {
      blocks.skip();
      return null;
    }
    if (this.#streams.count >= limits.maxStreamCount) {
      blocks.skip();
      throw new StreamError(streamId, ErrorCode.REFUSED_STREAM, "Too many streams at once");
    }
    return this.#open(streamId, blocks.readRequest(streamId));
  }

  #open(id: number, { request, priority }: PrioritizedRequest): Http2Event {
    const updated = this.#priorities?.get(id);
    if (updated !== undefined) this.#priorities?.delete(id);
    const stream = new Stream(id, {
      hasPeerEnded: !request.hasContent,
      expectedBytes: request.contentLength,
      sendWindow: this.sender.settings.initialWindow,
      priority: updated ?? priority,
    });
    this.#streams.add(stream);
    return { type: "request", stream, request };
  }

  /** RFC 9113 8.1. */
  #onTrailers(stream: Stream): Http2Event | null {
    const blocks = this.#blocks;
    if (stream.isReset || stream.hasPeerEnded) {
      blocks.skip();
      if (!stream.isReset) throw new StreamError(stream.id, ErrorCode.STREAM_CLOSED, "Fields after the end");
      this.#refuseLate(stream);
      return null;
    }
    blocks.readTrailers(stream.id);
    stream.hasPeerEnded = true;
    checkLength(stream);
    return { type: "content", stream };
  }

  /** RFC 9113 5.3.2: what RFC 7540 meant by it is ignored; 6.3. */
  #onPriority(): null {
    const { start, end, streamId } = this.#frame;
    this.#countFrames(1);
    const isWrong = end - start !== 5;
    if (!isWrong && readUint31(this.#buffer.bytes, start) !== streamId) return null;
    const code = isWrong ? ErrorCode.FRAME_SIZE_ERROR : ErrorCode.PROTOCOL_ERROR;
    const message = isWrong ? `PRIORITY with ${end - start} bytes` : "A stream that depends on itself";
    // RFC 9113 6.4: RST_STREAM is not sent for an idle stream.
    if (this.#streams.find(streamId) === undefined) throw new ConnectionError(code, message);
    throw new StreamError(streamId, code, message);
  }

  /** RFC 9113 6.4. */
  #onReset(): Http2Event | null {
    const stream = this.#usedStream();
    this.#misuse.countReset(this.#nowMs);
    if (stream === undefined || stream.isReset) return null;
    stream.resetCode = readUint32(this.#buffer.bytes, this.#frame.start);
    this.#endBothWays(stream);
    return { type: "reset", stream, error: null };
  }

  /** RFC 9113 6.5. */
  #onSettings(): null {
    const { start, end, flags } = this.#frame;
    this.#countFrames(1 + (end - start) / SETTINGS_BYTES_A_FRAME);
    if ((flags & Flag.ACK) !== 0) {
      if (end > start) throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, "An acknowledgement with settings");
      return null;
    }
    const before = this.sender.settings;
    const settings = readSettings(before, this.#buffer.bytes, { start, end });
    this.sender.applySettings(settings);
    const change = settings.initialWindow - before.initialWindow;
    if (change !== 0) this.#changeWindows(change);
    appendSettingsAck(this.#room());
    return null;
  }

  /** RFC 9113 6.9.2. */
  #changeWindows(change: number): void {
    for (const stream of this.#streams.open) {
      if (stream.sendWindow + change > MOST_WINDOW) {
        throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, "A window beyond 2^31 - 1");
      }
      stream.sendWindow += change;
      this.sender.onWindow(stream);
    }
  }

  /** RFC 9113 6.7. */
  #onPing(): null {
    const { start, end, flags } = this.#frame;
    this.#countFrames(1);
    if ((flags & Flag.ACK) === 0) appendPingAck(this.#room(), this.#buffer.bytes.subarray(start, end));
    return null;
  }

  /** RFC 9113 6.9. */
  #onWindowUpdate(): null {
    const { streamId, start } = this.#frame;
    this.#countFrames(1);
    const increment = readUint31(this.#buffer.bytes, start);
    if (streamId === 0) {
      if (increment === 0) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "A window by 0 larger");
      if (this.sender.window + increment > MOST_WINDOW) {
        throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, "A window beyond 2^31 - 1");
      }
      this.sender.window += increment;
      return null;
    }
    const stream = this.#usedStream();
    if (stream === undefined || stream.isReset) return null;
    if (increment === 0) throw new StreamError(streamId, ErrorCode.PROTOCOL_ERROR, "A window by 0 larger");
    if (stream.sendWindow + increment > MOST_WINDOW) {
      throw new StreamError(streamId, ErrorCode.FLOW_CONTROL_ERROR, "A window beyond 2^31 - 1");
    }
    stream.sendWindow += increment;
    this.sender.onWindow(stream);
    return null;
  }

  /** RFC 9218 7.1. */
  #onPriorityUpdate(): null {
    this.#countFrames(1);
    const { bytes } = this.#buffer;
    const { start, end } = this.#frame;
    const id = readUint31(bytes, start);
    if (id % 2 === 0) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "The priority of no stream of a client");
    const priority = parsePriority(latin1Text(bytes, start + 4, end));
    const stream = this.#streams.find(id);
    if (stream !== undefined) {
      this.sender.reprioritize(stream, priority);
    } else if (this.#streams.standingOf(id) === "idle") {
      const priorities = this.#priorities ??= new Map();
      if (priorities.size < this.#options.limits.maxStreamCount || priorities.has(id)) priorities.set(id, priority);
    }
    return null;
  }

  /** The next content of the stream, valid until the next call; null where none waits. */
  takeContent(stream: Stream): Uint8Array | null {
    return this.#windows.take(stream);
  }

  /** Ends the stream both ways before its end; idempotent. */
  reset(stream: Stream, code: ErrorCode): void {
    if (stream.isReset) return;
    stream.resetCode = code;
    stream.isResetHere = true;
    appendReset(this.#room(), stream.id, code);
    this.#endBothWays(stream);
  }

  #endBothWays(stream: Stream): void {
    this.sender.drop(stream);
    this.#windows.drop(stream);
  }

  /** Nobody answers the stream any more: it counts no longer. What is not at its end is reset with the code. */
  release(stream: Stream, code: ErrorCode): void {
    if (!stream.hasEnded) this.reset(stream, code);
    // RFC 9113 8.1: the answer is whole, and the rest of the request is not wanted.
    else if (!stream.hasPeerEnded) this.reset(stream, ErrorCode.NO_ERROR);
    else if (!stream.isReset) this.#endBothWays(stream);
    this.#streams.remove(stream);
  }

  /**
   * RFC 9113 6.8: tells the client that it should open no more streams; with `isLast`, that those above the last one of now are
   * not served.
   */
  leave(isLast: boolean, code: ErrorCode = ErrorCode.NO_ERROR): void {
    if (this.#hasFailed) return;
    if (isLast) this.#lastServedId = Math.min(this.#lastServedId, this.#streams.lastId);
    appendGoAway(this.#room(), isLast ? this.#lastServedId : MOST_WINDOW, code);
  }

  #countFrames(count: number): void {
    this.#misuse.countFrames(count, this.#nowMs);
  }

  #room(): OutputBuffer {
    return this.#output.bufferFor(SMALL_FRAME_BYTES);
  }
}
