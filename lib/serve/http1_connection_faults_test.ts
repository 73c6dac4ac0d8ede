/**
 * What fails at each await of the pump: the socket's operations, the handler, the content both ways. An error that nobody
 * foresaw, put into one of these places after the other, costs that connection and nothing else.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { CountingPool, echoContent, makeServices, ok, respond } from "../../tests/conversation.ts";
import { parseResponses, toText } from "../../tests/raw_http.ts";
import { ScriptedTransport } from "../../tests/scripted_transport.ts";
import type { Body, HttpResponse } from "../http/message.ts";
import { beginConnection } from "./begin_connection.ts";
import type { ConnectionServices } from "./connection_services.ts";
import type { ServedRequest } from "./served_request.ts";
import type { Transport } from "../net/transport.ts";

/** Counts the places that were reached, and throws at one of them. */
class Faults {
  readonly #at: number;
  readonly #error: Error;
  /** What was reached, in order. */
  readonly reached: string[] = [];

  constructor(at: number, error: Error) {
    this.#at = at;
    this.#error = error;
  }

  pass(place: string): void {
    this.reached.push(place);
    if (this.reached.length - 1 === this.#at) throw this.#error;
  }

  get hasStruck(): boolean {
    return this.reached.length > this.#at;
  }
}

/** A socket that fails where the test says. */
class FaultyTransport implements Transport {
  readonly inner = new ScriptedTransport({ maxWriteBytes: 60 });
  readonly #faults: Faults;
  readonly setNoDelay: () => void;

  constructor(faults: Faults) {
    this.#faults = faults;
    this.setNoDelay = () => faults.pass("setNoDelay");
  }

  async handshake(): Promise<void> {
    await Promise.resolve();
    this.#faults.pass("handshake");
  }

  async read(into: Uint8Array): Promise<number | null> {
    const count = await this.inner.read(into);
    this.#faults.pass("read");
    return count;
  }

  async write(bytes: Uint8Array): Promise<number> {
    const count = await this.inner.write(bytes);
    this.#faults.pass("write");
    return count;
  }

  async closeWrite(): Promise<void> {
    await this.inner.closeWrite();
    this.#faults.pass("closeWrite");
  }

  close(): void {
    this.inner.close();
  }
}

/** Content that fails where the test says, and knows whether it was closed. */
class FaultyBody implements Body {
  static readonly open = new Set<FaultyBody>();
  readonly length: number | null;
  readonly #parts: readonly string[];
  readonly #faults: Faults;

  constructor(faults: Faults, parts: readonly string[], length: number | null) {
    this.length = length;
    this.#parts = parts;
    this.#faults = faults;
    FaultyBody.open.add(this);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (const part of this.#parts) {
      await Promise.resolve();
      this.#faults.pass("part");
      yield new TextEncoder().encode(part);
    }
    this.#faults.pass("end of content");
  }

  async close(): Promise<void> {
    FaultyBody.open.delete(this);
    await Promise.resolve();
    this.#faults.pass("close of content");
  }
}

/** Answers in each way that there is. */
async function answer(request: ServedRequest, faults: Faults): Promise<HttpResponse> {
  await Promise.resolve();
  faults.pass("handler");
  switch (request.path) {
    case "/echo": {
      const response = await echoContent(request);
      faults.pass("content read");
      return response;
    }
    case "/length":
      return respond(new FaultyBody(faults, ["hello ", "world"], 11));
    case "/stream":
      return respond(new FaultyBody(faults, ["hello ", "world"], null));
    default:
      return ok("hello");
  }
}

const REQUESTS = [
  "GET /memory HTTP/1.1\r\nHost: a\r\n\r\n",
  "GET /length HTTP/1.1\r\nHost: a\r\n\r\n",
  "HEAD /length HTTP/1.1\r\nHost: a\r\n\r\n",
  "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
  "12345",
  "POST /unread HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
  "0\r\n\r\n",
  "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n",
  "GET  refused\r\n\r\n",
];

const INFO = {
  id: 1,
  remoteAddress: "192.0.2.1",
  remotePort: 1,
  localAddress: "192.0.2.2",
  localPort: 80,
  secure: false,
};

/** Plays all requests on one connection; each part is sent when the server waits for it. */
async function play(services: ConnectionServices, faults: Faults): Promise<FaultyTransport> {
  const transport = new FaultyTransport(faults);
  const handler = (request: ServedRequest) => answer(request, faults);
  const done = beginConnection(transport, INFO, { ...services, handler }).run();
  let isDone = false;
  done.then(() => isDone = true);
  for (const part of REQUESTS) {
    await Promise.race([transport.inner.untilReading(), done]);
    if (isDone) return transport;
    transport.inner.send(part);
  }
  await Promise.race([transport.inner.until(() => transport.inner.calls.includes("closeWrite")), done]);
  transport.inner.end();
  await done;
  return transport;
}

const NEVER = new Faults(Infinity, new Error());

Deno.test("run() ends in good order, with everything given back, whatever fails at whichever await", async () => {
  const errors = [new Error("Injected"), new Deno.errors.ConnectionReset("Injected"), new Deno.errors.InvalidData("I")];
  const log: string[] = [];
  const outputPool = new CountingPool();
  const services = { ...makeServices(() => ok(""), { log }), outputPool };
  await play(services, NEVER);
  const places = [...NEVER.reached];
  assertEquals(new Set(places).size, 10, places.join());
  for (const error of errors) {
    for (let at = 0; at < places.length; at++) {
      const faults = new Faults(at, error);
      const name = `${error.name} at ${places[at]}, place ${at}`;
      log.length = 0;
      const { inner } = await play(services, faults);
      assert(faults.hasStruck, name);
      assertEquals(inner.calls.filter((call) => call === "close").length, 1, name);
      assertEquals([outputPool.lentCount, FaultyBody.open.size], [0, 0], name);
      const { rest } = parseResponses(inner.outputBytes, { methods: ["GET", "GET", "HEAD"], isClosed: true });
      // Whatever a client gets is whole answers, and of the last one at most a part.
      assertMatch(toText(rest), /^($|HTTP\/1\.1 \d{3} [A-Z])/, name);
      const told = log.filter((line) => line.startsWith("error"));
      assertEquals(told.length, error === errors[0] ? 1 : told.length, `${name}: ${told}`);
    }
  }
  // And the next connection is served as ever.
  const calm = await play(services, new Faults(Infinity, errors[0]));
  assertEquals(
    toText(calm.inner.outputBytes),
    toText((await play(services, new Faults(Infinity, errors[0]))).inner.outputBytes),
  );
});
