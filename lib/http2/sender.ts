/**
 * The sending half of a connection: heads, content within both windows and in the order that clients ask for, and what of it
 * is said again and again. Apart from what is received. RFC 9113 5.2, 6.1, 6.2 and 6.9; RFC 9218 10.
 */
import type { KeptHead } from "../http/kept_head.ts";
import type { OutputBuffer } from "../http/output_buffer.ts";
import { appendFrameHeader, FIRST_WINDOW, Flag, FRAME_BYTES, FRAME_HEADER_BYTES, FrameType } from "./frames.ts";
import { HeaderEncoder } from "./header_encoder.ts";
import type { Misuse } from "./misuse.ts";
import { prepareField } from "./prepared_field.ts";
import { hasLength, type ResponseHead, type ResponseHeads } from "./response_heads.ts";
import { SendScheduler } from "./send_scheduler.ts";
import { DEFAULT_SETTINGS, type PeerSettings } from "./settings.ts";
import type { Stream } from "./stream.ts";

/**
 * A frame of content with its header is what a record of TLS takes (RFC 8446 5.1): with frames of `FRAME_BYTES` each write ended
 * in a record of a few bytes, which fill the peer's memory as large ones do, and 100 MiB took ten times as long.
 */
const DATA_BYTES = FRAME_BYTES - FRAME_HEADER_BYTES;

/** Content of so many bytes in a frame is worth the frames by which the client answers: */
const WORTHY_BYTES = 1024;
/** windows for the stream and for the connection, and something to spare. */
const ANSWERS_A_FRAME = 3;

/** Where frames are put, one after the other. */
export interface FrameOutput {
  /** A buffer with room for so many bytes, which are appended at once. */
  bufferFor(bytes: number): OutputBuffer;
}

/** The head of an answer that is given again and again. */
interface KeptBlock extends Pick<ResponseHead, "status" | "length" | "own"> {
  readonly block: Uint8Array;
}

const MOST_KEPT = 32;

/** Heads that are kept hold as long as the table of the encoder and the second do. */
interface KeptBlocks {
  readonly second: number;
  readonly changeCount: number;
  readonly byHead: Map<KeptHead, KeptBlock>;
}

export class Sender {
  readonly #output: FrameOutput;
  readonly #heads: ResponseHeads;
  readonly #misuse: Pick<Misuse, "allowFrames">;
  readonly #encoder = new HeaderEncoder();
  readonly #scheduler = new SendScheduler();
  #kept: KeptBlocks | null = null;
  /** Bytes of DATA that may be sent on the connection. */
  window = FIRST_WINDOW;
  settings: PeerSettings = DEFAULT_SETTINGS;

  constructor(output: FrameOutput, heads: ResponseHeads, misuse: Pick<Misuse, "allowFrames">) {
    this.#output = output;
    this.#heads = heads;
    this.#misuse = misuse;
  }

  /** Whether a stream has something that its windows let through, as far as they were looked at. */
  get hasQueued(): boolean {
    return this.#scheduler.count > 0 && this.window > 0;
  }

  /** The client's settings have changed, other than windows. */
  applySettings(settings: PeerSettings): void {
    this.settings = settings;
    this.#encoder.resize(settings.headerTableBytes);
  }

  /**
   * Sends the head of an answer; the stream ends with it where it has no content: `isBodyless` says that the request wants
   * none. `nowMs` is Unix time.
   */
  sendHead(
    stream: Stream,
    head: ResponseHead & { readonly keptHead?: KeptHead },
    { isBodyless, nowMs }: { readonly isBodyless: boolean; readonly nowMs: number },
  ): void {
    const isLast = isBodyless || head.length === 0 || !hasLength(head.status);
    stream.unsentBytes = isLast ? 0 : head.length;
    stream.hasHead = true;
    this.#sendBlock(stream, this.#block(head, Math.floor(nowMs / 1000)), isLast);
  }

  /** RFC 9113 8.1: an interim response, without fields. */
  sendInterim(stream: Stream, status: number): void {
    this.#encoder.begin();
    this.#encoder.append(prepareField(":status", String(status)));
    this.#sendBlock(stream, this.#encoder.block, false);
  }

  #block(head: ResponseHead & { readonly keptHead?: KeptHead }, second: number): Uint8Array {
    const { keptHead, status, length, own } = head;
    let kept = this.#kept;
    if (keptHead !== undefined && kept !== null && kept.second === second) {
      const found = kept.changeCount === this.#encoder.changeCount ? kept.byHead.get(keptHead) : undefined;
      const isSame = found?.status === status && found.length === length && found.own === own;
      if (found !== undefined && isSame) return found.block;
    }
    const { changeCount } = this.#encoder;
    this.#heads.encode(this.#encoder, head, second);
    const { block } = this.#encoder;
    // A block that changes the table means something else the next time.
    if (keptHead === undefined || changeCount !== this.#encoder.changeCount) return block;
    if (kept === null || kept.second !== second || kept.changeCount !== changeCount || kept.byHead.size >= MOST_KEPT) {
      kept = this.#kept = { second, changeCount, byHead: new Map() };
    }
    kept.byHead.set(keptHead, { status, length, own, block: block.slice() });
    return block;
  }

  /** RFC 9113 6.2 and 6.10: what does not fit into a frame goes on in others, with nothing between them. */
  #sendBlock(stream: Stream, block: Uint8Array, isLast: boolean): void {
    const { id: streamId } = stream;
    const endStream = isLast ? Flag.END_STREAM : 0;
    if (isLast) stream.hasEnded = true;
    let type: number = FrameType.HEADERS;
    if (isLast) this.#misuse.allowFrames(ANSWERS_A_FRAME);
    let at = 0;
    do {
      const length = Math.min(block.length - at, FRAME_BYTES);
      const isWhole = at + length === block.length;
      const flags = (type === FrameType.HEADERS ? endStream : 0) | (isWhole ? Flag.END_HEADERS : 0);
      const buffer = this.#output.bufferFor(FRAME_HEADER_BYTES + length);
      appendFrameHeader(buffer, { length, type, flags, streamId });
      buffer.append(at === 0 && isWhole ? block : block.subarray(at, at + length));
      type = FrameType.CONTINUATION;
      at += length;
    } while (at < block.length);
  }

  /** Whether so much content may leave now: windows let it through, and nothing that is more urgent waits. */
  canSend(stream: Stream, bytes: number): boolean {
    return bytes <= stream.sendWindow && bytes <= this.window && !this.#scheduler.hasMoreUrgent(stream);
  }

  /** Sends content that `canSend`, with which the stream ends. */
  sendAll(stream: Stream, bytes: Uint8Array): void {
    stream.waiting = bytes;
    stream.waitingAt = 0;
    stream.isLastWaiting = true;
    while (stream.waiting !== null) this.#sendFrame(stream);
  }

  /**
   * Puts a part of the content where it waits for its turn: `fill` sends it, and `bytes` must not change before
   * `stream.waiting` is null again. Throws plain Error beyond the length that the head has told.
   */
  queue(stream: Stream, bytes: Uint8Array): void {
    if (stream.unsentBytes !== null && bytes.length > stream.unsentBytes) {
      throw new Error("The body is longer than its length");
    }
    stream.waiting = bytes;
    stream.waitingAt = 0;
    stream.isLastWaiting = stream.unsentBytes === bytes.length;
    if (stream.sendWindow > 0) this.#scheduler.add(stream);
  }

  /** Ends the content of an answer, where its last part has not. Throws plain Error where it is shorter than its length. */
  sendEnd(stream: Stream): void {
    if (stream.hasEnded) return;
    if ((stream.unsentBytes ?? 0) > 0) {
      throw new Error(`The body is ${stream.unsentBytes} bytes shorter than its length`);
    }
    stream.hasEnded = true;
    const buffer = this.#output.bufferFor(FRAME_HEADER_BYTES);
    const flags = Flag.END_STREAM;
    appendFrameHeader(buffer, { length: 0, type: FrameType.DATA, flags, streamId: stream.id });
  }

  /** Sends what waits, about `mostBytes` of it; returns the streams of which nothing waits any more. */
  fill(mostBytes: number): readonly Stream[] {
    const done: Stream[] = [];
    for (let left = mostBytes; left > 0 && this.window > 0;) {
      const stream = this.#scheduler.next();
      if (stream === null) break;
      left -= this.#sendFrame(stream);
      if (stream.waiting === null || stream.sendWindow <= 0) this.#scheduler.remove(stream);
      if (stream.waiting === null) done.push(stream);
    }
    return done;
  }

  /** Sends as much of what waits as one frame takes, at least a byte, and returns how much. */
  #sendFrame(stream: Stream): number {
    const { waiting, waitingAt, id: streamId } = stream;
    if (waiting === null) return 0;
    const length = Math.min(waiting.length - waitingAt, DATA_BYTES, stream.sendWindow, this.window);
    const end = waitingAt + length;
    const isLast = stream.isLastWaiting && end === waiting.length;
    const buffer = this.#output.bufferFor(FRAME_HEADER_BYTES + length);
    appendFrameHeader(buffer, { length, type: FrameType.DATA, flags: isLast ? Flag.END_STREAM : 0, streamId });
    buffer.append(length === waiting.length ? waiting : waiting.subarray(waitingAt, end));
    if (stream.unsentBytes !== null) stream.unsentBytes -= length;
    stream.sentBytes += length;
    stream.sendWindow -= length;
    this.window -= length;
    if (length >= WORTHY_BYTES || isLast) this.#misuse.allowFrames(ANSWERS_A_FRAME);
    stream.waitingAt = end;
    stream.waiting = end === waiting.length ? null : waiting;
    if (isLast) stream.hasEnded = true;
    return length;
  }

  /** The stream may send more than before. */
  onWindow(stream: Stream): void {
    if (stream.waiting !== null && stream.sendWindow > 0) this.#scheduler.add(stream);
  }

  /** Nothing of the stream is to be sent any more. */
  drop(stream: Stream): void {
    this.#scheduler.remove(stream);
    stream.waiting = null;
  }

  reprioritize(stream: Stream, priority: Pick<Stream, "urgency" | "isIncremental">): void {
    this.#scheduler.reprioritize(stream, priority);
  }
}
