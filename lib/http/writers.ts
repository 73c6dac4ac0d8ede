/**
 * From messages to bytes: the head of a response and the framing of its content. Apart from the states, which decide
 * what may be written when. RFC 9112 4, 6 and 7.1.
 */
import type { OutputBuffer } from "./output_buffer.ts";
import { latin1Bytes } from "./grammar.ts";
import type { Field, HeaderFields } from "./header_fields.ts";
import type { KeptHead } from "./kept_head.ts";
import { reasonPhrase } from "./message.ts";
import { OwnFields } from "./own_fields.ts";

/** How the client finds the end of the content; "none" where there is none by rule (1xx, 204, 304). */
export type ResponseFraming = number | "chunked" | "close" | "none";

/** What a response head says besides its fields. */
export interface ResponseLine {
  readonly status: number;
  /** As HttpResponse has it. */
  readonly reason?: string | null;
  readonly framing: ResponseFraming;
  readonly keepsAlive: boolean;
}

const CRLF = latin1Bytes("\r\n");
const CONTENT_LENGTH = latin1Bytes("Content-Length: ");
const CHUNKED = latin1Bytes("Transfer-Encoding: chunked\r\n");

/** RFC 9112 7.1: the last chunk, with an empty trailer section. */
export const LAST_CHUNK = latin1Bytes("0\r\n\r\n");
/** RFC 9112 7.1: what follows the data of each chunk. */
export const CHUNK_END = CRLF;

export interface HeadOptions {
  readonly fields: HeaderFields;
  /** Of an answer that is given again and again, always with the same status and fields. */
  readonly keptHead?: KeptHead;
  /** In place of the writer's own. */
  readonly own?: OwnFields;
  /** Unix time. */
  readonly nowMs: number;
}

/**
 * Writes heads: `HTTP/1.1 status reason`, Date, Server, Connection, the operator's fields, framing, then the fields of the
 * response. What precedes the framing is the same for each status within a second and is kept. The status line says HTTP/1.1
 * to HTTP/1.0 clients too: RFC 9110 2.5 asks for the highest version that the server conforms to.
 */
export class HeadWriter {
  readonly #own: OwnFields;
  /** Of those whose own fields are others. */
  #others: Map<OwnFields, HeadWriter> | null = null;
  #second = -1;
  #prefixes: (Uint8Array | undefined)[] = [];

  constructor(own: OwnFields = new OwnFields()) {
    this.#own = own;
  }

  /** Appends the head; `nowMs` is Unix time. The fields must not hold any that this function writes. */
  write(output: OutputBuffer, line: ResponseLine, options: HeadOptions): void {
    const { fields, keptHead, own, nowMs } = options;
    if (own !== undefined && own !== this.#own) return this.#writerOf(own).write(output, line, options);
    const second = Math.floor(nowMs / 1000);
    const headCase = { writer: this, framing: line.framing, keepsAlive: line.keepsAlive, second };
    const bytes = keptHead?.find(headCase) ?? null;
    if (bytes !== null) return output.append(bytes);
    const start = output.length;
    const isMet = fields.meets(this.#own.all);
    output.append(
      isMet
        ? headPrefix(line, this.#own.general(second), this.#own.beside(fields, line.status))
        : this.#prefix(line, second),
    );
    if (line.framing === "chunked") {
      output.append(CHUNKED);
    } else if (typeof line.framing === "number") {
      output.append(CONTENT_LENGTH);
      appendDecimal(output, line.framing);
      output.append(CRLF);
    }
    output.append((isMet ? this.#own.kept(fields) : fields).toBytes());
    output.append(CRLF);
    keptHead?.keep(headCase, output.copyFrom(start));
  }

  #writerOf(own: OwnFields): HeadWriter {
    const others = this.#others ??= new Map();
    let writer = others.get(own);
    if (writer === undefined) others.set(own, writer = new HeadWriter(own));
    return writer;
  }

  #prefix(line: ResponseLine, second: number): Uint8Array {
    // Of words of their own there may be any number.
    if ((line.reason ?? reasonPhrase(line.status)) !== reasonPhrase(line.status)) {
      return headPrefix(line, this.#own.general(second), this.#own.of(line.status));
    }
    if (second !== this.#second) {
      this.#second = second;
      this.#prefixes = [];
    }
    const index = 2 * line.status + (line.keepsAlive ? 1 : 0);
    return this.#prefixes[index] ??= headPrefix(line, this.#own.general(second), this.#own.of(line.status));
  }
}

function headPrefix(
  { status, reason, keepsAlive }: ResponseLine,
  general: readonly Field[],
  own: HeaderFields,
): Uint8Array {
  return latin1Bytes(
    `HTTP/1.1 ${status} ${reason ?? reasonPhrase(status)}\r\n` +
      fieldLines(general) +
      `Connection: ${keepsAlive ? "keep-alive" : "close"}\r\n` +
      fieldLines(own),
  );
}

function fieldLines(fields: Iterable<Field>): string {
  return Array.from(fields, ([name, value]) => `${name}: ${value}\r\n`).join("");
}

/** RFC 9110 15.2: an interim response has no content, and none of ours has fields. */
export function interimHead(status: number): Uint8Array {
  return latin1Bytes(`HTTP/1.1 ${status} ${reasonPhrase(status)}\r\n\r\n`);
}

/** 101; `fields` have no Connection. RFC 9110 7.8: who sends Upgrade MUST say so there. */
export function switchingHead(fields: HeaderFields): Uint8Array {
  const start = `HTTP/1.1 101 ${reasonPhrase(101)}\r\nConnection: Upgrade\r\n`;
  return latin1Bytes(`${start}${fieldLines(fields)}\r\n`);
}

/** RFC 9112 7.1: chunk-size CRLF. */
export function chunkStart(size: number): Uint8Array {
  return latin1Bytes(`${size.toString(16)}\r\n`);
}

function appendDecimal(output: OutputBuffer, value: number): void {
  let divisor = 1;
  while (value / divisor >= 10) divisor *= 10;
  for (; divisor >= 1; divisor /= 10) output.appendByte(0x30 + Math.floor(value / divisor) % 10);
}
