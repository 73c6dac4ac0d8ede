/** What is known of upstreams, and the way of a request to one of several, over sockets that say what the test wants. */
import { assertEquals, assertRejects } from "@std/assert";
import { until } from "../../tests/cgi/running_scripts.ts";
import { HeaderFields } from "../http/header_fields.ts";
import { EMPTY_BODY, HttpError, type HttpRequest, type HttpResponse } from "../http/message.ts";
import { DEFAULT_LIMITS } from "../limits.ts";
import { MemoryBudget } from "../memory_budget.ts";
import { Forwarder } from "./forwarder.ts";
import type { ForwardCall } from "./start_peer.ts";
import { parseUpstreamGroup } from "./upstream_group.ts";
import type { UpstreamAddress } from "./upstream.ts";
import type { UpstreamSocket } from "./upstream_socket.ts";

const ANSWER = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

const PAGE = "Content-Type: text/plain\r\n\r\nok";
/** FastCGI 1.0 3.3, 5.3 and 5.5: a record of FCGI_STDOUT, and FCGI_END_REQUEST. */
const RECORDS = `\x01\x06\0\x01\0${String.fromCharCode(PAGE.length)}\0\0${PAGE}\x01\x03\0\x01\0\x08\0\0${
  "\0".repeat(8)
}`;

/** Gives each request the answer, in one piece; "": it ends. */
class ScriptedSocket implements UpstreamSocket {
  readonly isQuiet = true;
  isClosed = false;
  readonly #answer: string;
  readonly #holding: Promise<void>;
  readonly #closing = Promise.withResolvers<void>();

  /** It is given once `holding` has resolved. */
  constructor(answer: string, holding: Promise<void>) {
    this.#answer = answer;
    this.#holding = holding;
  }

  watch(): void {}

  writeAtOnce(bytes: Uint8Array): number {
    return bytes.length;
  }

  async read(into: Uint8Array): Promise<number | null> {
    await Promise.race([this.#holding, this.#closing.promise]);
    if (this.isClosed) return null;
    const bytes = new TextEncoder().encode(this.#answer);
    into.set(bytes);
    return bytes.length === 0 ? null : bytes.length;
  }

  write(bytes: Uint8Array): Promise<number> {
    return Promise.resolve(bytes.length);
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    this.isClosed = true;
    this.#closing.resolve();
  }
}

interface Scene {
  readonly forwarder: Forwarder;
  readonly lines: readonly string[];
  readonly clock: { nowMs: number };
  readonly sockets: readonly ScriptedSocket[];
  ask(method?: string): Promise<HttpResponse>;
  /** What is asked on connections that are opened from now on waits until what it returns is called. */
  hold(): () => void;
  /** A line for each upstream: state, connections open and used, requests, failures. */
  views(): readonly string[];
}

/** `answers`: of each port, null where nobody listens. */
async function withForwarder(
  text: string,
  answers: Readonly<Record<number, string | null>>,
  test: (scene: Scene) => Promise<void>,
): Promise<void> {
  const lines: string[] = [];
  const sockets: ScriptedSocket[] = [];
  const say = (level: string) => (source: string, message: string) => void lines.push(`${level} ${source} ${message}`);
  const log = { debug: () => {}, info: say("INFO"), warn: say("WARN"), error: say("ERROR") };
  const clock = { nowMs: 0, update: () => {} };
  let holding = Promise.resolve();
  const connect = (address: UpstreamAddress) => {
    const answer = address.transport === "tcp" ? answers[address.port] : null;
    if (answer === null) return Promise.reject(new Deno.errors.ConnectionRefused("Connection refused (os error 111)"));
    const socket = new ScriptedSocket(answer, holding);
    sockets.push(socket);
    return Promise.resolve(socket);
  };
  const room = { memoryBytes: 0, fileBytes: 0 };
  const forwarder = new Forwarder({
    ...{ limits: DEFAULT_LIMITS, spoolFolder: "/nowhere", log, clock, budget: new MemoryBudget(), room, connect },
    shutDown: () => {},
  });
  const group = parseUpstreamGroup(text);
  if (group === null) throw new Error(`No upstreams: "${text}"`);
  const call: ForwardCall = {
    ...{ group, script: { file: "/www/app", interpreter: null, scriptName: "/app", pathInfo: "/" } },
    settings: {
      documentRoot: "/www",
      rules: { requestUriHasQuery: true },
      passesAuthorization: false,
      environment: {},
    },
  };
  const request = (method: string): HttpRequest => ({
    ...{
      method,
      target: "/app/",
      version: "1.1",
      fields: HeaderFields.of(["Host", "a.example"]),
      path: "/app/",
      query: "",
    },
    ...{ host: "a.example", body: EMPTY_BODY, signal: new AbortController().signal },
    connection: { id: 1, remoteAddress: "192.0.2.1", remotePort: 1, localAddress: "", localPort: 80, secure: false },
  });
  try {
    await test({
      ...{ forwarder, lines, clock, sockets },
      ask: async (method = "GET") => {
        const answer = await forwarder.answer(request(method), call);
        if ("localRedirect" in answer) throw new Error("A local redirect");
        return answer;
      },
      hold: () => {
        const { promise, resolve } = Promise.withResolvers<void>();
        holding = promise;
        return resolve;
      },
      views: () =>
        forwarder.views.map((view) =>
          `${view.state} ${view.openCount} ${view.usedCount} ${view.requestCount} ${view.failureCount}`
        ),
    });
  } finally {
    await forwarder.stop();
  }
}

Deno.test("Forwarder.views tell of connections that are open and used, and of requests", () =>
  withForwarder("http://a:1/,http://a:2/", { 1: ANSWER, 2: ANSWER }, async ({ ask, views, sockets, forwarder }) => {
    const first = await ask();
    assertEquals(views(), ["up 1 1 1 0", "up 0 0 0 0"]);
    // Whoever has fewer requests under way is next.
    const second = await ask();
    assertEquals(views(), ["up 1 1 1 0", "up 1 1 1 0"]);
    await first.body.close();
    await second.body.close();
    assertEquals(views(), ["up 1 0 1 0", "up 1 0 1 0"]);
    assertEquals(forwarder.views.map(({ text, isBackup }) => `${text} ${isBackup}`), [
      "http://a:1/ false",
      "http://a:2/ false",
    ]);
    for (let asked = 0; asked < 4; asked++) await (await ask()).body.close();
    assertEquals([views(), sockets.length], [["up 1 0 3 0", "up 1 0 3 0"], 2]);
  }));

Deno.test("Forwarder puts an upstream aside that refuses, tries it again when its time is over, and says both", async () => {
  const answers: Record<number, string | null> = { 1: null, 2: ANSWER };
  await withForwarder("http://a:1/,http://a:2/ balance=round", answers, async ({ ask, views, lines, clock }) => {
    for (let asked = 0; asked < 6; asked++) await (await ask("POST")).body.close();
    assertEquals(views()[0], "aside 0 0 3 3");
    assertEquals(lines, [
      "WARN http://a:1/ Is put aside for 10000 ms or more: Cannot connect to http://a:1/: connection refused",
    ]);
    answers[1] = ANSWER;
    for (let asked = 0; asked < 4; asked++) await (await ask()).body.close();
    assertEquals(views()[0], "aside 0 0 3 3");
    clock.nowMs += 10_000;
    for (let asked = 0; asked < 2; asked++) await (await ask()).body.close();
    assertEquals(views()[0], "up 1 0 4 3");
    assertEquals(lines.at(-1), "INFO http://a:1/ Is back, and asked as before");
  });
});

Deno.test("Forwarder says what one upstream failed with, and of several that none is left", async () => {
  const statusOf = async (text: string, answers: Readonly<Record<number, string | null>>) => {
    let told = "";
    await withForwarder(text, answers, async ({ ask }) => {
      const error = await assertRejects(() => ask(), HttpError);
      told = `${error.status} ${error.fields.get("Retry-After")} ${error.message}`;
    });
    return told;
  };
  assertEquals(
    await statusOf("http://a:1/", { 1: null }),
    "502 null Cannot connect to http://a:1/: connection refused",
  );
  assertEquals(
    await statusOf("http://a:1/,http://a:2/", { 1: null, 2: "" }),
    '503 1 No upstream of "http://a:1/,http://a:2/" is left: http://a:1/ up, http://a:2/ up; the last said: ' +
      "http://a:2/ closed the connection before the end of its answer",
  );
  assertEquals(
    await statusOf("http://a:1/,http://a:2/", { 1: "HTTP/1.1 200 OK\nA: b\n\n", 2: ANSWER }),
    "502 null http://a:1/: not an answer of HTTP/1.1: a line that ends without CR",
  );
});

Deno.test("Forwarder.use() gives up what is not named any more: what is idle at once, what is under way at its end", () =>
  withForwarder("http://a:1/", { 1: ANSWER }, async ({ ask, forwarder, sockets }) => {
    const [first, second] = [await ask(), await ask()];
    await first.body.close();
    forwarder.use([]);
    assertEquals([forwarder.views, sockets.map(({ isClosed }) => isClosed)], [[], [true, false]]);
    await second.body.close();
    assertEquals(sockets.map(({ isClosed }) => isClosed), [true, true]);
  }));

Deno.test("Forwarder keeps a connection to a FastCGI application, unless another request has waited for more than 5 ms", () =>
  withForwarder("fastcgi:a:1", { 1: RECORDS }, async ({ ask, hold, views, sockets, clock, forwarder }) => {
    const first = await ask();
    const release = hold();
    const waiting = ask();
    waiting.catch(() => {});
    await until(() => views()[0] === "up 2 2 2 0", "another connection");
    clock.nowMs = 5;
    await first.body.close();
    assertEquals(views(), ["up 2 1 2 0"]);
    const third = await ask();
    assertEquals(sockets.length, 2);
    clock.nowMs = 6;
    await third.body.close();
    assertEquals([views(), sockets.map(({ isClosed }) => isClosed)], [["up 1 1 3 0"], [true, false]]);
    release();
    await (await waiting).body.close();
    assertEquals(views(), ["up 1 0 3 0"]);
    // For a second nobody is made to wait again.
    for (const { startMs, isClosed } of [{ startMs: 1000, isClosed: true }, { startMs: 1007, isClosed: false }]) {
      clock.nowMs = startMs;
      const free = await ask("POST");
      const own = sockets.at(-1);
      const releaseNext = hold();
      const next = ask("POST");
      next.catch(() => {});
      await until(() => forwarder.views[0].usedCount === 2, "it waits");
      await free.body.close();
      assertEquals(own?.isClosed, isClosed);
      releaseNext();
      await (await next).body.close();
    }
  }));

Deno.test("Forwarder closes connections that are idle where a request that cannot have one may wait for their processes", () =>
  withForwarder("fastcgi:a:1", { 1: RECORDS }, async ({ ask, hold, views, sockets, clock }) => {
    await (await ask()).body.close();
    const release = hold();
    const waiting = ask("POST");
    waiting.catch(() => {});
    await until(() => views()[0] === "up 2 1 2 0", "another connection");
    assertEquals(sockets[0].isClosed, false);
    clock.nowMs = 6;
    await until(() => sockets[0].isClosed, "the first is closed");
    release();
    await (await waiting).body.close();
  }));
