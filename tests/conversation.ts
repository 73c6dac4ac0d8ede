/**
 * One connection of the server, played: an OpenConnection over a scripted transport with a handler of the test, a clock
 * that stands still, and a log that is kept.
 */
import { TrustedProxies } from "../lib/access/forwarded.ts";
import { AddressRange } from "../lib/ip_address.ts";
import { HeaderFields } from "../lib/http/header_fields.ts";
import { KnownSections } from "../lib/http/known_sections.ts";
import { type Body, BytesBody, EMPTY_BODY, type HttpError, type HttpResponse } from "../lib/http/message.ts";
import { OutputPool } from "../lib/http/output_buffer.ts";
import { OwnFields } from "../lib/http/own_fields.ts";
import { HeadWriter } from "../lib/http/writers.ts";
import { ResponseHeads } from "../lib/http2/response_heads.ts";
import { MemoryBudget } from "../lib/memory_budget.ts";
import { DEFAULT_LIMITS, type Limits } from "../lib/limits.ts";
import { RULES, type Rules } from "../lib/rules.ts";
import { beginConnection } from "../lib/serve/begin_connection.ts";
import type { ConnectionServices } from "../lib/serve/connection_services.ts";
import type { OpenConnection } from "../lib/serve/open_connection.ts";
import { Counters } from "../lib/status/counters.ts";
import type { ServedRequest } from "../lib/serve/served_request.ts";
import { bytesOf, textOf } from "./feed.ts";
import { parseResponses, type RawResponse, toText } from "./raw_http.ts";
import { ScriptedTransport, type ScriptOptions } from "./scripted_transport.ts";

type TestHandler = (request: ServedRequest) => Promise<HttpResponse> | HttpResponse;

export interface ConversationOptions extends ScriptOptions {
  readonly limits?: Partial<Limits>;
  readonly rules?: Rules;
  /** Address ranges that are believed. */
  readonly proxies?: readonly string[];
  /** Given to the transport, which has a handshake then. */
  readonly handshake?: () => Promise<unknown>;
  /** HTTP/2 is spoken with who begins with its preface. */
  readonly isHttp2?: boolean;
  /** What the connection is refused with. */
  readonly refusal?: HttpError;
}

export class Conversation {
  readonly transport: ScriptedTransport;
  readonly connection: OpenConnection;
  /** Settles with the connection. */
  readonly done: Promise<unknown>;
  /** What was logged: `LEVEL TEXT`, and `access METHOD TARGET STATUS BYTES` for a request. */
  readonly log: string[] = [];
  readonly clock = { nowMs: 0, unixMs: 0, update: () => {} };
  readonly outputPool = new CountingPool();
  /** How often a hanging socket was really ended. */
  shutdownCount = 0;

  constructor(handler: TestHandler, options: ConversationOptions = {}) {
    this.transport = new ScriptedTransport(options);
    if (options.handshake !== undefined) this.transport.handshake = options.handshake;
    this.connection = beginConnection(this.transport, CONNECTION_INFO, {
      ...makeServices(handler, { ...options, log: this.log }),
      outputPool: this.outputPool,
      clock: this.clock,
    });
    this.done = this.connection.run(options.refusal);
  }

  /** The log without the lines of level DEBUG. */
  get tellingLog(): string[] {
    return this.log.filter((line) => !line.startsWith("debug "));
  }

  /** The responses so far; throws when something stands after the last of them, or is half there. */
  responses(...methods: readonly string[]): readonly RawResponse[] {
    const { responses, rest } = parseResponses(this.transport.outputBytes, {
      methods,
      isClosed: this.transport.isClosed,
    });
    if (rest.length > 0) throw new Error(`After the last response: ${JSON.stringify(toText(rest))}`);
    return responses;
  }

  /** The content of each response, interim ones as `STATUS`. */
  contents(...methods: readonly string[]): string[] {
    return this.responses(...methods).map(({ status, body }) => status < 200 ? `${status}` : toText(body));
  }

  /** Resolves when all has happened that needs neither the client nor time. */
  async settle(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve));
  }

  /** Moves the clock and sweeps, as the server does once a second. */
  advance(ms: number): void {
    this.clock.nowMs += ms;
    if (this.connection.sweep(this.clock.nowMs)) this.shutDown();
  }

  /** What the server does with a socket that hangs. */
  shutDown(): void {
    this.shutdownCount++;
    this.transport.fail(new Deno.errors.BrokenPipe("Shut down"));
  }
}

/** What connections share, with error pages of one line; the log is appended to `log`, as it stands in a Conversation. */
export function makeServices(
  handler: TestHandler,
  { limits, rules = RULES.standard, proxies = [], isHttp2 = false, log }: ConversationOptions & {
    readonly log: string[];
  },
): ConnectionServices {
  const note = (level: string) => (_source: string, text: string) => void log.push(`${level} ${withoutId(text)}`);
  return {
    handler: async (request) => await handler(request),
    errorResponse: ({ status, fields }) => ({ status, fields, body: new BytesBody(bytesOf(`error ${status}`)) }),
    log: {
      isAccessOn: true,
      asksDetails: false,
      access: ({ method, target, status, bodyBytes }) => {
        log.push(`access ${method} ${target} ${status} ${bodyBytes}`);
      },
      debug: note("debug"),
      info: note("info"),
      warn: note("warn"),
      error: note("error"),
    },
    limits: { ...DEFAULT_LIMITS, ...limits },
    rules,
    counters: new Counters(),
    reached: () => {},
    proxies: new TrustedProxies(proxies.flatMap((range) => AddressRange.parse(range) ?? [])),
    headWriter: new HeadWriter(),
    responseHeads: isHttp2 ? new ResponseHeads(new OwnFields()) : null,
    sections: new KnownSections(),
    outputPool: new OutputPool(),
    budget: new MemoryBudget(limits?.maxWaitingBytes),
    clock: { nowMs: 0, unixMs: 0, update: () => {} },
    shutdownSockets: () => {},
  };
}

/** Ids of requests are chance. */
function withoutId(text: string): string {
  return text.replace(/\(request [0-9a-f-]{36}\)$/, "(request ID)");
}

/** Knows how many buffers are out. */
export class CountingPool extends OutputPool {
  lentCount = 0;

  override acquire() {
    this.lentCount++;
    return super.acquire();
  }

  override release(buffer: Parameters<OutputPool["release"]>[0]) {
    this.lentCount--;
    super.release(buffer);
  }
}

/** Plays a whole connection: the client sends the text and ends its side; resolves when the server is done with it. */
export async function converse(
  input: string,
  handler: TestHandler,
  options: ConversationOptions = {},
): Promise<Conversation> {
  const conversation = new Conversation(handler, options);
  conversation.transport.send(input);
  conversation.transport.end();
  await conversation.done;
  return conversation;
}

export const CONNECTION_INFO = {
  id: 1,
  remoteAddress: "192.0.2.1",
  remotePort: 50_000,
  localAddress: "192.0.2.2",
  localPort: 80,
  secure: false,
};

/** A 200 with this content, in memory. */
export function ok(content: string): HttpResponse {
  return {
    status: 200,
    fields: HeaderFields.EMPTY,
    body: content === "" ? EMPTY_BODY : new BytesBody(bytesOf(content)),
  };
}

/** A 200 with the path of the request as content. */
export function echoPath(request: ServedRequest): HttpResponse {
  return ok(request.path);
}

/** A 200 with the content of the request as content. */
export async function echoContent(request: ServedRequest): Promise<HttpResponse> {
  return ok(await contentOf(request));
}

/** All content of a request. */
export async function contentOf(request: ServedRequest): Promise<string> {
  let text = "";
  for await (const bytes of request.body) text += textOf(bytes);
  return text;
}

/** Content that comes in parts, each when it is asked for; counts how often it was closed. */
export class PartsBody implements Body {
  closeCount = 0;
  readonly length: number | null;
  readonly #parts: Iterable<string | Promise<string>> | AsyncIterable<string>;

  constructor(parts: Iterable<string | Promise<string>> | AsyncIterable<string>, length: number | null = null) {
    this.#parts = parts;
    this.length = length;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for await (const part of this.#parts) yield bytesOf(part);
  }

  close(): Promise<void> {
    this.closeCount++;
    return Promise.resolve();
  }
}

/** A 200 with that body. */
export function respond(body: Body, status = 200): HttpResponse {
  return { status, fields: HeaderFields.EMPTY, body };
}
