/** What becomes of a request whatever protocol brought it, over an exchange that notes what is asked of it. */
import { assert, assertEquals } from "@std/assert";
import { contentOf, echoContent, echoPath, makeServices, ok, PartsBody, respond } from "../../tests/conversation.ts";
import { bytesOf, textOf } from "../../tests/feed.ts";
import { HeaderFields } from "../http/header_fields.ts";
import { EMPTY_BODY, type FileRange, type FileSource, HttpError, type HttpResponse } from "../http/message.ts";
import type { ReceivedRequest } from "../http/received_request.ts";
import type { Exchange } from "./exchange.ts";
import { serveExchange } from "./serve_exchange.ts";
import type { ServedRequest } from "./served_request.ts";

const CLIENT = { id: 1, remoteAddress: "192.0.2.1", remotePort: 1, localAddress: "", localPort: 0, secure: true };

interface NotedOptions {
  readonly content?: readonly string[];
  readonly rejection?: HttpError;
  readonly hasOutput?: boolean;
  /** The call that fails. */
  readonly failing?: string;
  /** Files are taken from their ranges, of each at most so many bytes. */
  readonly rangeBytes?: number;
}

/** A request that came by HTTP/2, as far as can be seen. */
class NotedExchange implements Exchange {
  readonly received: ReceivedRequest;
  readonly client = CLIENT;
  readonly hasOutput: boolean;
  /** What was called and logged, in order; `part TEXT` for content. */
  readonly calls: string[] = [];
  watcher: AbortController | null = null;
  readonly #content: string[];
  readonly #failing: string | null;
  readonly #rangeBytes: number | null;

  constructor({ content, rejection = undefined, hasOutput = false, failing, rangeBytes }: NotedOptions = {}) {
    this.#rangeBytes = rangeBytes ?? null;
    this.received = {
      head: { method: "POST", target: "/a", version: "2.0", fields: HeaderFields.of(["Host", "h"]) },
      target: { form: "origin", path: "/a", query: "", authority: null },
      host: "h",
      hasContent: content !== undefined,
      contentLength: content === undefined ? 0 : null,
      expectsContinue: false,
      rejection: rejection ?? null,
    };
    this.hasOutput = hasOutput;
    this.#content = [...content ?? []];
    this.#failing = failing ?? null;
  }

  #note(call: string): void {
    this.calls.push(call);
    if (call.split(" ")[0] === this.#failing) throw new Deno.errors.BrokenPipe(call);
  }

  async pull(): Promise<Uint8Array | null> {
    await undefined;
    this.#note("pull");
    const part = this.#content.shift();
    return part === undefined ? null : bytesOf(part);
  }

  watch(controller: AbortController): void {
    this.watcher = controller;
    this.#note("watch");
  }

  async flush(): Promise<void> {
    await undefined;
    this.#note("flush");
  }

  get takesFiles(): boolean {
    return this.#rangeBytes !== null;
  }

  async sendRange({ first, length }: FileRange): Promise<number> {
    await undefined;
    const count = Math.min(length, this.#rangeBytes ?? 0);
    this.#note(`range ${first}+${count}`);
    return count;
  }

  sendAtOnce({ status, body }: HttpResponse): number | null {
    this.#note(`head ${status}`);
    if (body.length === 0) return 0;
    if (body.bytes === undefined || body.bytes.length > 10) return null;
    this.#note(`part ${textOf(body.bytes)}`);
    return body.bytes.length;
  }

  async sendPart(bytes: Uint8Array): Promise<void> {
    await undefined;
    this.#note(`part ${textOf(bytes)}`);
  }

  sendEnd(): void {
    this.#note("end");
  }

  async settleContent(): Promise<void> {
    await undefined;
    this.#note("settle");
  }

  cut(error: unknown): void {
    this.calls.push(`cut ${error instanceof Error ? error.message : error}`);
  }
}

/** Content of which some stands in a file. */
class FileAnswer extends PartsBody implements FileSource {
  #parts: (FileRange | string)[];

  constructor(parts: readonly (FileRange | string)[]) {
    const texts = parts.filter((part) => typeof part === "string");
    super(texts, parts.reduce((sum, { length }) => sum + length, 0));
    this.#parts = [...parts];
  }

  fromFile(): FileSource {
    return this;
  }

  next(): FileRange | null {
    const [part] = this.#parts;
    return typeof part === "object" ? part : null;
  }

  sent(count: number): void {
    const [part] = this.#parts;
    if (typeof part !== "object") throw new Error("No range was given");
    const rest = { ...part, first: part.first + count, length: part.length - count };
    this.#parts.splice(0, 1, ...rest.length > 0 ? [rest] : []);
  }

  read(): Promise<Uint8Array | null> {
    const part = this.#parts.shift();
    return Promise.resolve(typeof part === "string" ? bytesOf(part) : null);
  }
}

type Handler = (request: ServedRequest) => HttpResponse | Promise<HttpResponse>;

/** Serves an exchange; resolves to whether that was done without a promise. The log is appended to what was called. */
async function serve(exchange: NotedExchange, handler: Handler): Promise<boolean> {
  const serving = serveExchange(exchange, { ...makeServices(() => ok(""), { log: exchange.calls }), handler });
  await serving;
  return serving === null;
}

const LONG = "longer than ten";

/** An answer that is there when others have waited long enough for it. */
function late<Answer>(answer: Answer): Promise<Answer> {
  return new Promise((resolve) => setTimeout(resolve, 20, answer));
}

interface Case {
  readonly name: string;
  readonly options?: NotedOptions;
  readonly handler: Handler;
  readonly want: readonly string[];
  readonly isAtOnce?: boolean;
}

const CASES: readonly Case[] = [
  {
    name: "sends what is in memory without a promise",
    handler: echoPath,
    want: ["head 200", "part /a", "end", "access POST /a 200 2"],
    isAtOnce: true,
  },
  {
    name: "sends what is in memory and does not fit in parts",
    handler: () => ok(LONG),
    want: ["head 200", `part ${LONG}`, "end", `access POST /a 200 ${LONG.length}`, "settle"],
  },
  {
    name: "sends the error page of a request that is over a limit and asks no handler",
    options: { rejection: new HttpError(431, "Too long") },
    handler: echoPath,
    want: ["debug Too long", "head 431", "part error 431", "end", "access POST /a 431 9"],
    isAtOnce: true,
  },
  {
    name: "sends content part by part, but no empty one",
    handler: () => respond(new PartsBody(["one", "", "two"], 6)),
    want: ["head 200", "part one", "part two", "end", "access POST /a 200 6", "settle"],
  },
  {
    name: "reads and sends content part by part where files are not taken, though it is one",
    handler: () => respond(new FileAnswer(["ab", "cd"])),
    want: ["head 200", "part ab", "part cd", "end", "access POST /a 200 4", "settle"],
  },
  {
    name: "sends content from its file where files are taken, and reads what is not sent so",
    options: { rangeBytes: 3 },
    handler: () =>
      respond(new FileAnswer([{ descriptor: 1, first: 5, length: 3 }, "cd", { descriptor: 1, first: 9, length: 2 }])),
    want: ["head 200", "range 5+3", "part cd", "range 9+2", "end", "access POST /a 200 7", "settle"],
  },
  {
    name: "tells the content how much of a range has left",
    options: { rangeBytes: 3 },
    handler: () => respond(new FileAnswer([{ descriptor: 1, first: 5, length: 8 }, "rest"])),
    want: ["head 200", "range 5+3", "range 8+3", "range 11+2", "part rest", "end", "access POST /a 200 12", "settle"],
  },
  {
    name: "cuts an answer that cannot be sent from its file",
    options: { rangeBytes: 3, failing: "range" },
    handler: () => respond(new FileAnswer([{ descriptor: 1, first: 5, length: 3 }])),
    want: ["head 200", "range 5+3", "access POST /a 200 0", "cut range 5+3"],
  },
  {
    name: "sends the head of late content alone",
    handler: () => respond(new PartsBody([late("late")])),
    want: ["head 200", "flush", "part late", "end", "access POST /a 200 4", "settle"],
  },
  {
    name: "lets answers go that wait while a handler takes its time",
    options: { hasOutput: true },
    handler: () => late(ok("late")),
    want: ["flush", "head 200", "part late", "end", "access POST /a 200 4", "settle"],
  },
  {
    name: "flushes nothing when nothing waits",
    handler: () => late(ok("late")),
    want: ["head 200", "part late", "end", "access POST /a 200 4", "settle"],
  },
  {
    name: "gives the handler the content of the request as it pulls it",
    options: { content: ["one", "two"] },
    handler: echoContent,
    want: ["pull", "pull", "pull", "head 200", "part onetwo", "end", "access POST /a 200 6", "settle"],
  },
  {
    name: "cuts when content that nobody wanted cannot be read away",
    options: { content: ["one"], failing: "settle" },
    handler: echoPath,
    want: ["head 200", "part /a", "end", "access POST /a 200 2", "settle", "cut settle"],
  },
  {
    name: "cuts an answer whose head cannot be sent",
    options: { failing: "head" },
    handler: echoPath,
    want: ["head 200", "cut head 200"],
    isAtOnce: true,
  },
  {
    name: "cuts an answer whose content cannot be sent, and logs it",
    options: { failing: "part" },
    handler: () => respond(new PartsBody(["one", "two"])),
    want: ["head 200", "part one", "access POST /a 200 0", "cut part one"],
  },
  {
    name: "cuts an answer when a handler finds at once that the client is gone",
    handler: () => {
      throw new Deno.errors.BrokenPipe("gone");
    },
    want: ["cut gone", "access POST /a 499 0"],
    isAtOnce: true,
  },
  {
    name: "cuts an answer when a handler finds later that the client is gone",
    handler: () => Promise.reject(new Deno.errors.BrokenPipe("gone")),
    want: ["cut gone", "access POST /a 499 0"],
  },
];

for (const { name, options, handler, want, isAtOnce = false } of CASES) {
  Deno.test(`serveExchange() ${name}`, async () => {
    const exchange = new NotedExchange(options);
    assertEquals([await serve(exchange, handler), exchange.calls], [isAtOnce, want]);
  });
}

Deno.test("serveExchange() closes the content of the answer once, whatever fails", async () => {
  for (const failing of ["none", "head", "part", "end", "flush", "settle"]) {
    const body = new PartsBody([late("one"), "two"]);
    const exchange = new NotedExchange({ failing, content: ["x"], hasOutput: true });
    await serve(exchange, () => late(respond(body)));
    assertEquals([failing, body.closeCount], [failing, 1]);
    assertEquals(exchange.calls.filter((call) => call.startsWith("cut")).length, failing === "none" ? 0 : 1, failing);
  }
});

Deno.test("serveExchange() gives the handler no content any more when the answer has been sent", async () => {
  const exchange = new NotedExchange({ content: ["one"] });
  let request: ServedRequest | null = null;
  await serve(exchange, (given) => {
    request = given;
    return ok("");
  });
  assert(request !== null);
  assertEquals(await contentOf(request), "");
});

Deno.test("serveExchange() has the signal aborted when the answer cannot be sent, and not once it has been sent", async () => {
  for (const failing of ["part", "settle"]) {
    const exchange = new NotedExchange({ failing });
    let signal: AbortSignal | null = null;
    await serve(exchange, (request) => {
      signal = request.signal;
      return respond(new PartsBody(["one"]));
    });
    assert(signal !== null && exchange.watcher !== null);
    assertEquals([failing, (signal as AbortSignal).aborted], [failing, failing === "part"]);
  }
});

Deno.test("serveExchange() lets nobody watch the client for a request that has been answered", async () => {
  for (const handler of [echoPath, (request: ServedRequest) => Promise.resolve(echoPath(request))]) {
    const exchange = new NotedExchange();
    let request: ServedRequest | null = null;
    await serve(exchange, (given) => handler(request = given));
    assert(request !== null);
    assertEquals((request as ServedRequest).signal.aborted, false);
    assertEquals(exchange.watcher, null);
  }
});

/** What is logged of a request to a handler that moves the time on, where more than 100 ms are slow. */
async function slowLines(handler: Handler | ((request: ServedRequest, pass: (ms: number) => void) => HttpResponse)) {
  const exchange = new NotedExchange();
  let nowMs = 5000;
  const services = makeServices(() => ok(""), { log: exchange.calls });
  await serveExchange(exchange, {
    ...services,
    notes: { nowMs: () => nowMs, slowMs: 100 },
    handler: (request) => handler(request, (ms) => void (nowMs += ms)),
  });
  return exchange.calls.filter((call) => call.startsWith("warn"));
}

Deno.test("serveExchange() warns of a request that took longer than it may, with where its time went and who answered", async () => {
  assertEquals(await slowLines((_, pass) => (pass(100), ok(""))), []);
  assertEquals(await slowLines((_, pass) => (pass(101), ok(""))), [
    "warn Slow, 101 ms: first byte 101, rest 0; status 200 (request ID)",
  ]);
  const withParts = (request: ServedRequest, pass: (ms: number) => void) => {
    request.notes?.mark("queue");
    if (request.notes) request.notes.answerer = "/srv/x[7]";
    pass(20);
    return respond(
      new PartsBody((async function* () {
        pass(300);
        yield await Promise.resolve("one");
      })()),
    );
  };
  assertEquals(await slowLines(withParts), [
    "warn Slow, 320 ms: queue 0, first byte 20, rest 300; status 200 by /srv/x[7] (request ID)",
  ]);
  const gone = (_: ServedRequest, pass: (ms: number) => void) => {
    pass(500);
    return Promise.reject(new Deno.errors.Interrupted("gone")) as unknown as HttpResponse;
  };
  assertEquals(await slowLines(gone), ["warn Slow, 500 ms: rest 500; no answer (request ID)"]);
});

Deno.test("serveExchange() takes notes of a request where somebody asks for them, and not else", async () => {
  const noted: boolean[] = [];
  const handler = (request: ServedRequest) => {
    noted.push(request.notes !== null);
    return ok("");
  };
  await serve(new NotedExchange(), handler);
  await slowLines(handler);
  assertEquals(noted, [false, true]);
});

Deno.test("serveExchange() cuts an answer of 101 to what cannot be upgraded, and closes it", async () => {
  const exchange = new NotedExchange();
  const body = { ...EMPTY_BODY, length: 0, close: () => Promise.resolve(void exchange.calls.push("close")) };
  const upgrade = { run: () => Promise.reject(new Error("Unreachable")) };
  await serve(exchange, () => ({ status: 101, fields: HeaderFields.EMPTY, body, upgrade }));
  assertEquals(exchange.calls, ["close", "access POST /a 101 0", "cut 101 for a request that cannot be upgraded"]);
});
