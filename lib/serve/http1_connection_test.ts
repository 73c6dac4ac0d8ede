/** The pump of a connection over a scripted socket: what is answered, in which order, and what is left behind. */
import { assert, assertEquals } from "@std/assert";
import {
  contentOf,
  Conversation,
  converse,
  echoContent,
  echoPath,
  ok,
  PartsBody,
  respond,
} from "../../tests/conversation.ts";
import { fieldValue } from "../../tests/raw_http.ts";
import { HeaderFields } from "../http/header_fields.ts";
import { BrokenAnswer, HttpError } from "../http/message.ts";
import type { ServedRequest } from "./served_request.ts";

function get(path: string, ...fieldLines: readonly string[]): string {
  return [`GET ${path} HTTP/1.1`, "Host: a", ...fieldLines, "", ""].join("\r\n");
}

function post(path: string, fieldLines: readonly string[], content: string): string {
  return [`POST ${path} HTTP/1.1`, "Host: a", ...fieldLines, "", content].join("\r\n");
}

Deno.test("run() answers pipelined requests in order and in one write", async () => {
  const { transport, ...played } = await converse(get("/1") + get("/2") + get("/3"), echoPath);
  assertEquals(transport.writes.length, 1);
  const conversation = await converse(get("/1") + get("/2") + get("/3"), echoPath);
  assertEquals(conversation.contents(), ["/1", "/2", "/3"]);
  assertEquals(played.log, ["access GET /1 200 2", "access GET /2 200 2", "access GET /3 200 2"]);
});

Deno.test("run() answers a request that arrives byte by byte", async () => {
  const conversation = new Conversation(echoContent);
  for (const byte of post("/", ["Content-Length: 5"], "hello")) {
    await conversation.transport.untilReading();
    conversation.transport.send(byte);
  }
  await conversation.transport.untilReading();
  assertEquals(conversation.contents(), ["hello"]);
  conversation.transport.end();
  await conversation.done;
});

Deno.test("run() sends the same bytes when each write takes only a part", async () => {
  const handler = (request: ServedRequest) =>
    request.path === "/parts" ? respond(new PartsBody(["one", "two"])) : echoPath(request);
  const input = get("/1") + get("/parts") + get("/2");
  const { transport } = await converse(input, handler);
  for (const maxWriteBytes of [1, 7, 100]) {
    const other = await converse(input, handler, { maxWriteBytes });
    assertEquals(other.transport.output, transport.output);
  }
});

Deno.test("run() sends content in memory that is larger than the output buffer", async () => {
  const content = "0123456789abcdef".repeat(20_000);
  const conversation = await converse(get("/") + get("/"), () => ok(content), { maxWriteBytes: 65_536 });
  assertEquals(conversation.contents(), [content, content]);
});

Deno.test("run() gives HEAD byte for byte the head of GET", async () => {
  const answers = {
    "/memory": () => ok("hello"),
    "/empty": () => ok(""),
    "/length": () => respond(new PartsBody(["hello"], 5)),
    "/stream": () => respond(new PartsBody(["hello"])),
    "/304": () => respond(new PartsBody(["hello"], 5), 304),
    "/404": () => Promise.reject(new HttpError(404, "Not there")),
    "/500": () => Promise.reject(new Error("Broken")),
  };
  for (const [path, handler] of Object.entries(answers)) {
    for (const version of ["1.0", "1.1"]) {
      const request = `${path} HTTP/${version}\r\nHost: a\r\n\r\n`;
      const [got] = (await converse(`GET ${request}`, handler)).responses();
      const conversation = await converse(`HEAD ${request}`, handler);
      assertEquals(conversation.transport.output, got.head, `${path} ${version}`);
      assertEquals(conversation.log.at(-1), `access HEAD ${path} ${got.status} 0`);
    }
  }
});

Deno.test("run() sends no content with 204 and 304", async () => {
  for (const status of [204, 304]) {
    const conversation = await converse(get("/1") + get("/2"), () => respond(new PartsBody(["hello"], 5), status));
    const responses = conversation.responses();
    assertEquals(responses.map((response) => response.status), [status, status]);
    assertEquals(responses.map((response) => fieldValue(response, "Content-Length")), [null, null]);
  }
});

const THROWN = [
  { name: "an HttpError", error: new HttpError(404, "Secret"), status: 404, log: [] },
  { name: "an HttpError of 5xx", error: new HttpError(503, "Secret"), status: 503, log: ["error Secret (request ID)"] },
  { name: "a plain Error", error: new Error("Secret"), status: 500, log: ["error The handler failed (request ID)"] },
  { name: "no Error at all", error: "Secret", status: 500, log: ["error The handler failed (request ID)"] },
  {
    name: "Deno.errors",
    error: new Deno.errors.NotFound("Secret"),
    status: 500,
    log: ["error The handler failed (request ID)"],
  },
];

for (const { name, error, status, log } of THROWN) {
  Deno.test(`run() answers and goes on when a handler throws ${name}`, async () => {
    const conversation = await converse(get("/1") + get("/2"), (request) => {
      if (request.path === "/1") throw error;
      return echoPath(request);
    });
    assertEquals(conversation.contents(), [`error ${status}`, "/2"]);
    assert(!conversation.transport.output.includes("Secret"));
    const bytes = `error ${status}`.length;
    assertEquals(conversation.tellingLog, [...log, `access GET /1 ${status} ${bytes}`, "access GET /2 200 2"]);
  });
}

Deno.test("run() sends the fields of an HttpError", async () => {
  const fields = HeaderFields.of(["Allow", "GET"]);
  const conversation = await converse(get("/"), () => Promise.reject(new HttpError(405, "No", { fields })));
  assertEquals(fieldValue(conversation.responses()[0], "Allow"), "GET");
});

Deno.test("run() answers nothing more when a handler fails because the client is gone", async () => {
  const conversation = await converse(get("/"), () => Promise.reject(new Deno.errors.BrokenPipe()));
  assertEquals(conversation.transport.output, "");
  assertEquals(conversation.tellingLog, ["access GET / 499 0"]);
  assert(conversation.transport.isClosed);
});

async function* brokenParts(): AsyncGenerator<string> {
  yield "one";
  await Promise.reject(new Error("Disk on fire"));
}

Deno.test("run() cuts the connection when a body throws after the head", async () => {
  const body = new PartsBody(brokenParts());
  const conversation = await converse(get("/1") + get("/2"), () => respond(body));
  assert(conversation.transport.output.endsWith("\r\n\r\n3\r\none\r\n"), conversation.transport.output);
  assertEquals(conversation.tellingLog, ["access GET /1 200 3", "error The connection failed"]);
  assertEquals(body.closeCount, 1);
});

Deno.test("run() logs in one line which answer was broken off, and why", async () => {
  const body = new PartsBody([Promise.reject(new BrokenAnswer("x[7] printed 3 bytes and promised 5"))], 5);
  const conversation = await converse(get(`/a?${"b".repeat(300)}`), () => respond(body));
  const target = `/a?${"b".repeat(197)}...`;
  assertEquals(
    conversation.tellingLog.at(-1),
    `error The answer to GET "${target}" is broken off: x[7] printed 3 bytes and promised 5 (request ID)`,
  );
});

Deno.test("run() logs a body that fails by the fault of its program", async () => {
  const body = new PartsBody([Promise.reject(new HttpError(504, "Too late"))], 5);
  const conversation = await converse(get("/"), () => respond(body));
  assertEquals(conversation.tellingLog, ["access GET / 200 0", "error The connection failed"]);
});

Deno.test("run() sends the answers before the one whose body throws", async () => {
  const conversation = await converse(get("/1") + get("/2"), (request) => {
    return request.path === "/1" ? echoPath(request) : respond(new PartsBody([Promise.reject(new Error())], 5));
  });
  assert(conversation.transport.output.includes("\r\n\r\n/1HTTP/1.1 200 OK\r\n"), conversation.transport.output);
});

for (const [name, length] of [["longer", 4], ["shorter", 6]] as const) {
  Deno.test(`run() cuts the connection when a body is ${name} than its length`, async () => {
    const body = new PartsBody(["hello"], length);
    const conversation = await converse(get("/1") + get("/2"), () => respond(body));
    assertEquals(conversation.tellingLog.at(-1), "error The connection failed");
    assert(!conversation.transport.output.slice(1).includes("HTTP/1.1"));
    assertEquals(body.closeCount, 1);
  });
}

Deno.test("run() closes each body once, whether it is sent, not wanted or never begun", async () => {
  const bodies: PartsBody[] = [];
  const handler = (request: ServedRequest) => {
    const body = new PartsBody(["hello"], 5);
    bodies.push(body);
    return respond(body, request.path === "/304" ? 304 : 200);
  };
  await converse(get("/") + get("/304") + "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", handler);
  const gone = new Conversation(handler);
  gone.transport.block();
  gone.transport.send(get("/"));
  await gone.transport.untilBlocked();
  gone.transport.fail(new Deno.errors.ConnectionReset());
  await gone.done;
  assertEquals(bodies.map((body) => body.closeCount), [1, 1, 1, 1]);
});

Deno.test("run() sends the head with the first part, and each further part at once", async () => {
  const later = Promise.withResolvers<string>();
  const conversation = new Conversation(() => respond(new PartsBody(["one", later.promise])));
  conversation.transport.send(get("/"));
  await conversation.transport.until(() => conversation.transport.output.includes("one"));
  assertEquals(conversation.transport.writes.length, 1);
  later.resolve("two");
  await conversation.transport.untilReading();
  assertEquals(conversation.contents(), ["onetwo"]);
  conversation.transport.end();
  await conversation.done;
});

Deno.test("run() sends the head alone when the first part is late", async () => {
  const later = Promise.withResolvers<string>();
  const conversation = new Conversation(() => respond(new PartsBody([later.promise])));
  conversation.transport.send(get("/"));
  await conversation.transport.until(() => conversation.transport.output.endsWith("\r\n\r\n"));
  later.resolve("one");
  await conversation.transport.untilReading();
  assertEquals(conversation.contents(), ["one"]);
  conversation.transport.end();
  await conversation.done;
});

Deno.test("run() does not hold an answer back while the next handler takes its time", async () => {
  const slow = Promise.withResolvers<void>();
  const conversation = new Conversation(async (request) => {
    if (request.path === "/slow") await slow.promise;
    return echoPath(request);
  });
  conversation.transport.send(get("/1") + get("/slow"));
  await conversation.transport.until(() => conversation.transport.output.includes("/1"));
  slow.resolve();
  await conversation.transport.untilReading();
  assertEquals(conversation.contents(), ["/1", "/slow"]);
  conversation.transport.end();
  await conversation.done;
});

Deno.test("run() does not hold an answer back while the next request's content is on its way", async () => {
  const conversation = new Conversation((request) =>
    request.method === "POST" ? echoContent(request) : echoPath(request)
  );
  conversation.transport.send(get("/1") + post("/2", ["Content-Length: 5"], ""));
  await conversation.transport.untilReading();
  assertEquals(conversation.contents(), ["/1"]);
  conversation.transport.send("hello");
  await conversation.transport.untilReading();
  assertEquals(conversation.contents(), ["/1", "hello"]);
  conversation.transport.end();
  await conversation.done;
});

Deno.test("run() answers a client that has ended its side", async () => {
  const conversation = await converse(post("/", ["Content-Length: 5"], "hello"), echoContent);
  assertEquals(conversation.contents(), ["hello"]);
  assertEquals(conversation.transport.calls, ["close"]);
});

Deno.test("run() takes part of an answer for a request that is still being read", async () => {
  const conversation = await converse(
    post("/", ["Transfer-Encoding: chunked"], "3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n") + get("/2"),
    (request) => request.method === "POST" ? respond(request.body) : echoPath(request),
  );
  assertEquals(conversation.contents(), ["onetwo", "/2"]);
});

Deno.test("run() says what became of the connection in every response", async () => {
  const cases = [
    { input: get("/"), want: "keep-alive" },
    { input: get("/", "Connection: close"), want: "close" },
    { input: get("/", "Connection:Keep-Alive"), want: "keep-alive" },
    { input: "GET / HTTP/1.0\r\n\r\n", want: "close" },
    { input: "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", want: "keep-alive" },
    { input: "GET / HTTP/1.1\r\n\r\n", want: "close" },
  ];
  for (const { input, want } of cases) {
    const [response] = (await converse(input, echoPath)).responses();
    assertEquals(fieldValue(response, "Connection"), want, input);
    assertEquals(fieldValue(response, "Server"), "Liso/1.0");
    assertEquals(fieldValue(response, "Date"), "Thu, 01 Jan 1970 00:00:00 GMT");
  }
});

Deno.test("run() ends content of unknown length by closing for HTTP/1.0", async () => {
  const request = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
  const conversation = await converse(request + request, () => respond(new PartsBody(["one", "two"])));
  const [response, ...others] = conversation.responses();
  assertEquals(fieldValue(response, "Connection"), "close");
  assertEquals(conversation.contents(), ["onetwo"]);
  assertEquals(others, []);
});

Deno.test("run() gives the output buffer back when it waits and when it ends", async () => {
  const conversation = new Conversation(echoPath);
  conversation.transport.send(get("/"));
  await conversation.transport.until(() => conversation.transport.writes.length > 0);
  await conversation.transport.untilReading();
  assertEquals(conversation.outputPool.lentCount, 0);
  conversation.transport.block();
  conversation.transport.send(get("/"));
  await conversation.transport.untilBlocked();
  assertEquals(conversation.outputPool.lentCount, 1);
  conversation.transport.fail(new Deno.errors.ConnectionReset());
  await conversation.done;
  assertEquals(conversation.outputPool.lentCount, 0);
});

Deno.test("run() closes the socket and logs nothing above DEBUG when the client resets at any moment", async () => {
  const input = get("/1") + post("/2", ["Content-Length: 5"], "hello") + get("/3");
  for (let length = 0; length <= input.length; length++) {
    const conversation = new Conversation(async (request) => ok(`${request.path} ${await contentOf(request)}`));
    conversation.transport.send(input.slice(0, length));
    await conversation.transport.untilReading();
    conversation.transport.fail(new Deno.errors.ConnectionReset());
    await conversation.done;
    assertEquals(conversation.transport.calls, ["close"]);
    assertEquals(conversation.tellingLog.filter((line) => !line.startsWith("access")), []);
    assertEquals(conversation.outputPool.lentCount, 0);
  }
});

/** The client and its scheme as a handler sees them, when the peer of the socket is 192.0.2.1. */
function echoClient({ connection }: { connection: ServedRequest["connection"] }) {
  return ok(`${connection.remoteAddress} ${connection.remotePort} ${connection.secure ? "https" : "http"}`);
}

const FORWARDED = "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 198.51.100.1\r\nX-Forwarded-Proto: https\r\n\r\n";

Deno.test("run() believes of each request what a known proxy says", async () => {
  const plain = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  const believed = await converse(FORWARDED + plain, echoClient, { proxies: ["192.0.2.1"] });
  assertEquals(believed.contents(), ["198.51.100.1 0 https", "192.0.2.1 50000 http"]);
  assertEquals((await converse(FORWARDED, echoClient)).contents(), ["192.0.2.1 50000 http"]);
});

const PROXY = "PROXY TCP4 198.51.100.7 192.0.2.2 4711 80\r\n";

Deno.test("run() takes a PROXY header from a known proxy, and no address after it that the client has told", async () => {
  const proxies = ["192.0.2.1"];
  assertEquals((await converse(PROXY + FORWARDED, echoClient, { proxies })).contents(), ["198.51.100.7 4711 https"]);
  assertEquals((await converse(FORWARDED, echoClient, { proxies })).contents(), ["198.51.100.1 0 https"]);
  // A proxy before the proxy.
  const both = await converse(PROXY + FORWARDED, echoClient, { proxies: ["192.0.2.1", "198.51.100.7"] });
  assertEquals(both.contents(), ["198.51.100.1 0 https"]);
});

Deno.test("run() answers 400 to a PROXY header of somebody else, one that is damaged, and one that ends early", async () => {
  const table: readonly [string, readonly string[], readonly string[]][] = [
    [PROXY + FORWARDED, [], ["400"]],
    [`${PROXY.replace("4711", "99999")}${FORWARDED}`, ["192.0.2.1"], ["400"]],
    [PROXY + PROXY + FORWARDED, ["192.0.2.1"], ["400"]],
    ["PROXY TCP4 198", ["192.0.2.1"], ["400"]],
    ["", ["192.0.2.1"], []],
  ];
  for (const [input, proxies, want] of table) {
    const conversation = await converse(input, echoClient, { proxies });
    assertEquals(conversation.responses().map(({ status }) => `${status}`), want, input);
  }
});

Deno.test("run() ends the wait for the rest of a PROXY header with that for the head", async () => {
  const conversation = new Conversation(echoClient, { proxies: ["192.0.2.1"], limits: { headMs: 1000 } });
  conversation.transport.send("PROXY TCP4 ");
  await conversation.transport.untilReading();
  conversation.advance(1001);
  await conversation.done;
  assert(conversation.transport.isClosed);
});

Deno.test("run() answers a refusal without reading", async () => {
  const conversation = new Conversation(echoClient, { refusal: new HttpError(503, "Full") });
  await conversation.transport.until(() => conversation.transport.calls.includes("closeWrite"));
  conversation.transport.end();
  await conversation.done;
  assertEquals(conversation.contents(), ["error 503"]);
  assertEquals(conversation.tellingLog, ["access   503 9"]);
});

Deno.test("closeIfIdle() closes a connection alone on which no request has begun for so long", async () => {
  const table: readonly [name: string, sent: string, waitMs: number, idleMs: number, want: boolean][] = [
    ["new and silent", "", 1000, 1000, true],
    ["new, too short a time", "", 999, 1000, false],
    ["between requests", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 1000, 1000, true],
    ["between requests, too short", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 999, 1000, false],
    [
      "after content with an empty line",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n1\r\n",
      1000,
      1000,
      true,
    ],
    ["within a head", "GET / HTTP/1.1\r\n", 1000, 0, false],
    ["within content", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n1", 1000, 0, false],
  ];
  for (const [name, sent, waitMs, idleMs, want] of table) {
    const conversation = new Conversation(echoContent);
    await conversation.transport.untilReading();
    if (sent !== "") conversation.transport.send(sent);
    await conversation.settle();
    conversation.clock.nowMs += waitMs;
    assertEquals(conversation.connection.closeIfIdle("no room", idleMs), want, name);
    assertEquals(conversation.transport.isClosed, want, name);
    conversation.transport.fail(new Deno.errors.ConnectionReset());
    await conversation.done;
  }
});

Deno.test("run() answers 408 to content that comes slower than the least rate, byte by byte", async () => {
  for (const [minRateBytes, want] of [[100, "error 408"], [0, "1234567890"]] as const) {
    const conversation = new Conversation(echoContent, { limits: { bodyIdleMs: 5000, minRateBytes } });
    const { transport } = conversation;
    await transport.untilReading();
    transport.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n");
    for (const byte of "1234567890") {
      await conversation.settle();
      conversation.advance(900);
      transport.send(byte);
    }
    transport.end();
    await conversation.done;
    assertEquals(conversation.contents(), [want]);
  }
});
