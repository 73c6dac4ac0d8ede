/** The machine of HTTP/2 with somebody who answers, in memory: what a test sends is answered at once, or when it was read. */
import { HeaderFields } from "../lib/http/header_fields.ts";
import { OutputBuffer } from "../lib/http/output_buffer.ts";
import { OwnFields } from "../lib/http/own_fields.ts";
import { ReceiveBuffer } from "../lib/http/receive_buffer.ts";
import type { ReceivedRequest } from "../lib/http/received_request.ts";
import { Connection } from "../lib/http2/connection.ts";
import { ErrorCode } from "../lib/http2/error_codes.ts";
import type { FieldEntry } from "../lib/http2/field_entry.ts";
import { HeaderDecoder } from "../lib/http2/header_decoder.ts";
import { ResponseHeads } from "../lib/http2/response_heads.ts";
import type { Stream } from "../lib/http2/stream.ts";
import { DEFAULT_LIMITS } from "../lib/limits.ts";
import { MemoryBudget } from "../lib/memory_budget.ts";
import { RULES } from "../lib/rules.ts";
import { F, HOLD_PATH, type ReadFrame, readFrames, T } from "./http2_frames.ts";

export interface TestServerOptions {
  /** Of every answer. */
  readonly content?: Uint8Array;
  /** Whether the content of requests is taken as it comes. */
  readonly isReading?: boolean;
}

const UNIX_MS = Date.UTC(2026, 0, 1);

export class TestServer {
  readonly connection: Connection;
  /** All that was sent. */
  readonly frames: ReadFrame[] = [];
  readonly requests: ReceivedRequest[] = [];
  readonly #buffer = new ReceiveBuffer();
  readonly #output = new OutputBuffer();
  readonly #budget = new MemoryBudget();
  readonly #content: Uint8Array;
  readonly #isReading: boolean;
  readonly #streams = new Map<number, { readonly stream: Stream; readonly request: ReceivedRequest }>();
  readonly #decoder = new HeaderDecoder();
  readonly #statuses = new Map<number, string>();
  readonly #sections: { readonly streamId: number; readonly fields: readonly string[] }[] = [];
  nowMs = 0;
  hasFailed = false;
  error: string | null = null;

  constructor({ content = new TextEncoder().encode("hello"), isReading = true }: TestServerOptions = {}) {
    this.#content = content;
    this.#isReading = isReading;
    this.connection = new Connection(
      {
        limits: DEFAULT_LIMITS,
        rules: RULES.standard,
        responseHeads: new ResponseHeads(new OwnFields()),
        budget: this.#budget,
      },
      { buffer: this.#buffer, output: { bufferFor: () => this.#output }, nowMs: 0 },
    );
  }

  /** Memory of content that nobody has taken. */
  get heldBytes(): number {
    return this.#budget.heldBytes;
  }

  /** The events of what was received, in short. */
  readonly events: string[] = [];

  /** Lets the bytes arrive, so many at a time, the sizes again and again; then what was answered is sent. */
  receive(bytes: Uint8Array, ...sizes: readonly number[]): void {
    for (let at = 0, turn = 0; at < bytes.length && !this.hasFailed; turn++) {
      const size = sizes.length === 0 ? bytes.length : sizes[turn % sizes.length];
      this.#arrive(bytes.subarray(at, Math.min(bytes.length, at + size)));
      at += size;
    }
    this.flush();
  }

  #arrive(part: Uint8Array): void {
    for (let from = 0; from < part.length && !this.hasFailed;) {
      const space = this.#buffer.space(65_536);
      const count = Math.min(space.length, part.length - from);
      space.set(part.subarray(from, from + count));
      this.#buffer.commit(count);
      from += count;
      this.#handleEvents();
    }
  }

  #handleEvents(): void {
    for (;;) {
      const event = this.connection.nextEvent(this.nowMs);
      if (event.type === "need_data" || event.type === "peer_closed") break;
      this.events.push("stream" in event ? `${event.type} ${event.stream.id}` : event.type);
      if (event.type === "failed") {
        this.hasFailed = true;
        this.error = event.error.message;
        break;
      }
      if (event.type === "request") {
        this.requests.push(event.request);
        this.#streams.set(event.stream.id, event);
      }
      if (event.type === "reset") this.#release(event.stream);
      else this.#serve(event.stream);
    }
  }

  #serve(stream: Stream): void {
    const served = this.#streams.get(stream.id);
    if (served === undefined) return;
    if (this.#isReading) this.readAll(stream.id);
    if (!stream.hasPeerEnded && served.request.rejection === null) return;
    const { rejection, head: { method, target } } = served.request;
    const isFound = target === "/" || target === HOLD_PATH || target === "*" || !target.startsWith("/none");
    const status = rejection?.status ?? (isFound ? 200 : 404);
    const { sender } = this.connection;
    const isBodyless = method === "HEAD";
    const head = { status, fields: HeaderFields.of(["X-Test", "value"]), length: this.#content.length };
    sender.sendHead(stream, head, { isBodyless, nowMs: UNIX_MS });
    if (stream.hasEnded) return this.#release(stream);
    sender.queue(stream, this.#content);
  }

  /** Takes all content of the stream that has come, and returns its bytes. */
  readAll(streamId: number): number {
    const stream = this.#streams.get(streamId)?.stream;
    if (stream === undefined) return 0;
    let count = 0;
    for (let part = this.connection.takeContent(stream); part !== null; part = this.connection.takeContent(stream)) {
      count += part.length;
    }
    return count;
  }

  #release(stream: Stream): void {
    if (this.#streams.delete(stream.id)) this.connection.release(stream, ErrorCode.INTERNAL_ERROR);
  }

  /** Sends what windows let through, and reads it. */
  flush(): void {
    for (let done = this.connection.sender.fill(1_000_000); done.length > 0;) {
      for (const stream of done) this.#release(stream);
      done = this.connection.sender.fill(1_000_000);
    }
    const { frames } = readFrames(this.#output.takeAll().slice());
    for (const frame of frames) {
      this.frames.push(frame);
      if (frame.type === T.headers) this.#decode(frame);
    }
  }

  #decode({ streamId, payload }: ReadFrame): void {
    const fields: string[] = [];
    this.#decoder.decode(payload, { start: 0, end: payload.length }, {
      add: (entry: FieldEntry) => fields.push(entry.value),
    });
    this.#sections.push({ streamId, fields });
    if (!this.#statuses.has(streamId)) this.#statuses.set(streamId, fields[0]);
  }

  statusOf(streamId: number): number {
    return Number(this.#statuses.get(streamId));
  }

  hasEnded(streamId: number): boolean {
    return this.frames.some((frame) =>
      frame.streamId === streamId && (frame.type === T.data || frame.type === T.headers) &&
      (frame.flags & F.endStream) !== 0
    );
  }

  /** Content that was sent on the stream. */
  bytesOf(streamId: number): number {
    return this.frames.filter((frame) => frame.streamId === streamId && frame.type === T.data)
      .reduce((sum, { payload }) => sum + payload.length, 0);
  }
}
