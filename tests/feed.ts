/**
 * Feeds bytes to the HTTP core the way a socket would, in any pieces, and tells in short words what the core made of
 * them. For the unit tests of lib/http and the fuzz, which must see the same events however the bytes were split. Pure.
 */
import { Connection, type RequestEvent } from "../lib/http/connection.ts";
import { latin1Bytes, latin1Text } from "../lib/http/grammar.ts";
import { HeaderFields } from "../lib/http/header_fields.ts";
import { KnownSections } from "../lib/http/known_sections.ts";
import { HttpError } from "../lib/http/message.ts";
import { ReceiveBuffer } from "../lib/http/receive_buffer.ts";
import { OutputBuffer } from "../lib/http/output_buffer.ts";
import { HeadWriter } from "../lib/http/writers.ts";
import { DEFAULT_LIMITS, type Limits } from "../lib/limits.ts";
import { RULES, type Rules } from "../lib/rules.ts";

/** A way to split bytes into what single reads give. */
export type Split = (bytes: Uint8Array) => readonly Uint8Array[];

export const whole: Split = (bytes) => bytes.length === 0 ? [] : [bytes];

export const byteByByte: Split = (bytes) => Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));

/** Every way in which a table test feeds its input. */
export const SPLITS: readonly { readonly name: string; readonly split: Split }[] = [
  { name: "whole", split: whole },
  { name: "byte by byte", split: byteByByte },
];

/** `text` as bytes, one a character (Latin-1). */
export const bytesOf = latin1Bytes;

/** The bytes as text, one character a byte (Latin-1). */
export function textOf(bytes: Uint8Array): string {
  return latin1Text(bytes, 0, bytes.length);
}

/** Puts bytes, or a text one byte a character, into a buffer as reads of a socket would. */
export function fill(buffer: ReceiveBuffer, input: Uint8Array | string): void {
  const bytes = typeof input === "string" ? latin1Bytes(input) : input;
  for (let at = 0; at < bytes.length;) {
    const space = buffer.space();
    const count = Math.min(space.length, bytes.length - at);
    space.set(bytes.subarray(at, at + count));
    buffer.receive(count);
    at += count;
  }
}

export interface ReadOptions {
  readonly split?: Split;
  readonly limits?: Partial<Limits>;
  readonly rules?: Rules;
  /** The peer ends its side after the bytes. */
  readonly closes?: boolean;
}

/**
 * What a connection makes of the bytes, each request answered with 204 as soon as it is whole:
 * `GET /path 1.1` for a head, then `content TEXT` for all of its content where it may have some; `rejected 431` in
 * place of the head for one that is over a limit; `last` where the connection ends in order after an answer; `error 400`
 * where it ends by an error; `partial TEXT` before that for content that was told of.
 */
export function readEvents(input: Uint8Array | string, options: ReadOptions = {}): string[] {
  const bytes = typeof input === "string" ? latin1Bytes(input) : input;
  const recorder = new Recorder(options);
  for (const piece of (options.split ?? whole)(bytes)) {
    if (!recorder.feed(piece)) return recorder.events;
  }
  if (options.closes) recorder.feed(null);
  return recorder.events;
}

const HEAD_WRITER = new HeadWriter();
const OUTPUT = new OutputBuffer();

class Recorder {
  readonly events: string[] = [];
  readonly #buffer = new ReceiveBuffer();
  readonly #connection: Connection;
  #content = "";

  constructor({ limits, rules = RULES.standard }: ReadOptions) {
    this.#connection = new Connection({
      limits: { ...DEFAULT_LIMITS, ...limits },
      rules,
      headWriter: HEAD_WRITER,
      sections: new KnownSections(),
    }, this.#buffer);
  }

  /** False when the connection has ended. */
  feed(piece: Uint8Array | null): boolean {
    if (piece === null) this.#buffer.receive(null);
    else fill(this.#buffer, piece);
    for (;;) {
      let event: RequestEvent;
      try {
        event = this.#connection.nextEvent();
      } catch (error) {
        if (!(error instanceof HttpError)) throw error;
        if (this.#content !== "") this.events.push(`partial ${this.#content}`);
        this.events.push(`error ${error.status}`);
        return false;
      }
      if (event.type === "need_data") return true;
      if (!this.#record(event)) return false;
    }
  }

  #record(event: RequestEvent): boolean {
    switch (event.type) {
      case "request_head": {
        const { head, rejection, hasContent } = event.request;
        const { method, target, version } = head;
        this.events.push(rejection === null ? `${method} ${target} ${version}` : `rejected ${rejection.status}`);
        return hasContent ? true : this.#answer();
      }
      case "data":
        this.#content += textOf(event.bytes);
        return true;
      case "end_of_message":
        this.events.push(`content ${this.#content}`);
        this.#content = "";
        return this.#answer();
      default:
        this.events.push(event.type);
        return false;
    }
  }

  #answer(): boolean {
    this.#connection.sendHead(OUTPUT, { status: 204, fields: HeaderFields.EMPTY, length: 0 }, 0);
    this.#connection.sendEnd();
    OUTPUT.takeAll();
    if (this.#connection.startNextCycle()) return true;
    this.events.push("last");
    return false;
  }
}
