/**
 * The pump of a connection over a scripted socket: content that nobody reads, limits of time, clients that leave, and how
 * a connection ends. The clock stands still but for `advance()`.
 */
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
import { HttpError } from "../http/message.ts";
import { RULES } from "../rules.ts";
import { isPeerGone } from "./serve_connection.ts";
import type { ServedRequest } from "./served_request.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

function post(fieldLines: readonly string[], content: string): string {
  return ["POST / HTTP/1.1", "Host: a", ...fieldLines, "", content].join("\r\n");
}

const EXPECTING = post(["Expect: 100-continue", "Content-Length: 5"], "");

Deno.test("run() sends 100 when the content is first pulled", async () => {
  const wanted = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const conversation = new Conversation(async (request) => {
    begun.resolve();
    await wanted.promise;
    return ok(await contentOf(request));
  });
  conversation.transport.send(EXPECTING);
  await begun.promise;
  assertEquals(conversation.transport.output, "");
  wanted.resolve();
  await conversation.transport.untilReading();
  assertEquals(conversation.transport.output, "HTTP/1.1 100 Continue\r\n\r\n");
  conversation.transport.send(`hello${GET}`);
  conversation.transport.end();
  await conversation.done;
  assertEquals(conversation.contents(), ["100", "hello", ""]);
});

Deno.test("run() sends 100 after the answers before it", async () => {
  const conversation = new Conversation((request) => request.method === "POST" ? echoContent(request) : ok("first"));
  conversation.transport.send(GET + EXPECTING);
  await conversation.transport.untilReading();
  assertEquals(conversation.contents(), ["first", "100"]);
  conversation.transport.send("hello");
  conversation.transport.end();
  await conversation.done;
  assertEquals(conversation.contents(), ["first", "100", "hello"]);
});

const WITHOUT_100 = [
  { name: "the content is there already", input: `${EXPECTING}hello`, want: ["hello"] },
  { name: "a part of the content is there", input: `${EXPECTING}he`, rest: "llo", want: ["hello"] },
  { name: "there is no content", input: GET.replace("Host", "Expect: 100-continue\r\nHost"), want: [""] },
  {
    name: "the client speaks HTTP/1.0",
    input: "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
    rest: "hello",
    want: ["hello"],
  },
];

for (const { name, input, rest = "", want } of WITHOUT_100) {
  Deno.test(`run() sends no 100 when ${name}`, async () => {
    const conversation = new Conversation(echoContent);
    conversation.transport.send(input);
    await conversation.transport.untilReading();
    conversation.transport.send(rest);
    conversation.transport.end();
    await conversation.done;
    assertEquals(conversation.contents(), want);
  });
}

Deno.test("run() sends no 100 and closes when the handler does not want the content", async () => {
  const conversation = await converse(EXPECTING, () => Promise.reject(new HttpError(405, "No")));
  assertEquals(conversation.contents(), ["error 405"]);
  assertEquals(fieldValue(conversation.responses()[0], "Connection"), "close");
});

Deno.test("run() reads content away that the handler does not want, and goes on", async () => {
  for (const content of [["Content-Length: 5", "hello"], ["Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n"]]) {
    const conversation = new Conversation(echoPath);
    conversation.transport.send(post([content[0]], ""));
    await conversation.transport.untilReading();
    assertEquals(conversation.contents(), ["/"]);
    conversation.transport.send(content[1] + GET);
    conversation.transport.end();
    await conversation.done;
    assertEquals(conversation.contents(), ["/", "/"]);
    assertEquals(fieldValue(conversation.responses()[0], "Connection"), "keep-alive");
  }
});

Deno.test("run() closes when unwanted content is longer than it is worth", async () => {
  const long = "x".repeat(11);
  const known = await converse(post(["Content-Length: 11"], long) + GET, echoPath, { limits: { drainBytes: 10 } });
  assertEquals(known.contents(), ["/"]);
  assertEquals(fieldValue(known.responses()[0], "Connection"), "close");
  const chunks = post(["Transfer-Encoding: chunked"], `b\r\n${long}\r\n0\r\n\r\n`);
  const unknown = await converse(chunks + GET, echoPath, { limits: { drainBytes: 10 } });
  assertEquals(unknown.contents(), ["/"]);
  for (const { transport } of [known, unknown]) assertEquals(transport.calls, ["closeWrite", "close"]);
});

Deno.test("run() closes when unwanted content is malformed", async () => {
  const conversation = await converse(post(["Transfer-Encoding: chunked"], "x\r\n") + GET, echoPath);
  assertEquals(conversation.contents(), ["/"]);
  assertEquals(conversation.tellingLog, ["access POST / 200 1"]);
});

Deno.test("run() answers 400 and closes when the content that a handler reads is malformed", async () => {
  const conversation = await converse(post(["Transfer-Encoding: chunked"], "1\r\nax") + GET, echoContent);
  assertEquals(conversation.contents(), ["error 400"]);
  assertEquals(fieldValue(conversation.responses()[0], "Connection"), "close");
  assertEquals(conversation.transport.calls, ["closeWrite", "close"]);
});

Deno.test("run() cuts the answer when the content that it is made of is malformed", async () => {
  const conversation = await converse(
    post(["Transfer-Encoding: chunked"], "1\r\na\r\nx\r\n") + GET,
    (request) => respond(request.body),
  );
  assert(conversation.transport.output.endsWith("\r\n\r\n1\r\na\r\n"));
  assertEquals(conversation.tellingLog, ["access POST / 200 0"]);
});

Deno.test("run() answers 400 when the client ends its side within the content", async () => {
  const conversation = await converse(post(["Content-Length: 5"], "hell"), echoContent);
  assertEquals(conversation.contents(), ["error 400"]);
});

Deno.test("run() answers each kind of refused request once, closes and lingers", async () => {
  const cases: readonly (readonly [input: string, want: number])[] = [
    ["GET / HTTP/1.1\nHost: a\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\n\r\n", 400],
    ["GET / HTTP/2.0\r\n\r\n", 505],
    [`GET /${"a".repeat(70_000)}`, 414],
    [post(["Content-Length: 2000000000"], ""), 413],
    [post(["Transfer-Encoding: gzip"], ""), 501],
    ["GET / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n", 417],
    ["GET / HT", 400],
  ];
  for (const [input, want] of cases) {
    const conversation = await converse(input, echoPath);
    assertEquals(conversation.contents(), [`error ${want}`], input.slice(0, 60));
    assertEquals(fieldValue(conversation.responses()[0], "Connection"), "close");
    assertEquals(conversation.transport.calls, ["closeWrite", "close"]);
    assertEquals(conversation.tellingLog.length, 1);
  }
  const course = await converse(post([], ""), echoPath, { rules: RULES.course });
  assertEquals(course.contents(), ["error 411"]);
});

Deno.test("run() logs the request that it refuses where its head can be read", async () => {
  const { tellingLog } = await converse(GET + "GET /%2f HTTP/1.1\r\nHost: a\r\n\r\n", echoPath);
  assertEquals(tellingLog, ["access GET / 200 1", "access GET /%2f 404 9"]);
  const other = await converse(`${GET}GET  /\r\n`, echoPath);
  assertEquals(other.tellingLog, ["access GET / 200 1", "access   400 9"]);
});

Deno.test("run() answers the requests before a refused one", async () => {
  const conversation = await converse(`${GET}GET  / HTTP/1.1\r\n\r\n${GET}`, echoPath);
  assertEquals(conversation.contents(), ["/", "error 400"]);
});

Deno.test("run() refuses a request over a limit and answers the next one", async () => {
  const conversation = await converse(`GET /${"a".repeat(9000)} HTTP/1.1\r\nHost: a\r\n\r\n${GET}`, echoPath);
  assertEquals(conversation.contents(), ["error 414", "/"]);
});

Deno.test("run() sends no content when it refuses a HEAD", async () => {
  const conversation = await converse("HEAD / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n", echoPath);
  const [response] = conversation.responses("HEAD");
  assertEquals(response.status, 417);
  assertEquals(fieldValue(response, "Content-Length"), "9");
});

Deno.test("run() lingers until the client ends its side", async () => {
  const conversation = new Conversation(echoPath);
  conversation.transport.send("x\r\n");
  await conversation.transport.untilReading();
  assertEquals(conversation.contents(), ["error 400"]);
  assertEquals(conversation.transport.calls, ["closeWrite"]);
  for (let round = 0; round < 3; round++) {
    conversation.transport.send("more".repeat(10_000));
    await conversation.transport.untilReading();
  }
  assertEquals(conversation.transport.calls, ["closeWrite"]);
  conversation.transport.end();
  await conversation.done;
  assertEquals(conversation.transport.calls, ["closeWrite", "close"]);
});

Deno.test("run() lingers for lingerMs at most, however much the client sends", async () => {
  const conversation = new Conversation(echoPath, { limits: { lingerMs: 2000 } });
  conversation.transport.send("x\r\n");
  for (let round = 0; round < 3; round++) {
    await conversation.transport.untilReading();
    conversation.advance(1000);
    conversation.transport.send("more");
  }
  await conversation.done;
  assertEquals(conversation.transport.calls, ["closeWrite", "close"]);
});

Deno.test("run() lingers when the last request's content was not read", async () => {
  const conversation = new Conversation(echoPath);
  conversation.transport.send(post(["Connection: close", "Content-Length: 5"], "he"));
  await conversation.transport.untilReading();
  assertEquals(conversation.transport.calls, ["closeWrite"]);
  conversation.transport.end();
  await conversation.done;
});

Deno.test("run() closes at once after what the client said is its last request", async () => {
  const conversation = new Conversation(echoPath);
  conversation.transport.send(GET.replace("Host", "Connection: close\r\nHost"));
  await conversation.done;
  assertEquals(conversation.contents(), ["/"]);
  assertEquals(conversation.transport.calls, ["close"]);
});

Deno.test("sweep() closes a connection on which no request begins, without a word", async () => {
  const first = new Conversation(echoPath, { limits: { headMs: 1000 } });
  await first.transport.untilReading();
  first.advance(1000);
  assert(!first.transport.isClosed);
  first.advance(1);
  await first.done;
  assertEquals(first.transport.output, "");
  const second = new Conversation(echoPath, { limits: { keepAliveMs: 5000 } });
  second.transport.send(GET);
  await second.transport.until(() => second.transport.output !== "");
  await second.transport.untilReading();
  second.advance(5000);
  assert(!second.transport.isClosed);
  second.advance(1);
  await second.done;
  assertEquals(second.contents(), ["/"]);
  for (const { log, transport } of [first, second]) {
    assertEquals(transport.calls, ["close"]);
    assertEquals(log.filter((line) => line.startsWith("error")), []);
  }
});

Deno.test("sweep() has a head answered with 408 that takes longer than headMs in all", async () => {
  const conversation = new Conversation(echoPath, { limits: { headMs: 3000, keepAliveMs: 60_000 } });
  conversation.transport.send(GET);
  await conversation.transport.until(() => conversation.transport.output !== "");
  conversation.clock.nowMs += 30_000;
  for (const byte of "GET ") {
    await conversation.transport.untilReading();
    conversation.advance(1000);
    conversation.transport.send(byte);
  }
  await conversation.transport.untilReading();
  conversation.advance(1);
  await conversation.transport.until(() => conversation.transport.calls.includes("closeWrite"));
  assertEquals(conversation.contents(), ["/", "error 408"]);
  assertEquals(fieldValue(conversation.responses()[1], "Connection"), "close");
  conversation.transport.end();
  await conversation.done;
  assertEquals(conversation.tellingLog, ["access GET / 200 1", "access   408 9"]);
});

Deno.test("sweep() has content answered with 408 that pauses longer than bodyIdleMs", async () => {
  const conversation = new Conversation(echoContent, { limits: { bodyIdleMs: 2000 } });
  conversation.transport.send(post(["Content-Length: 50"], ""));
  for (let round = 0; round < 5; round++) {
    await conversation.transport.untilReading();
    conversation.advance(2000);
    conversation.transport.send("x");
  }
  await conversation.transport.untilReading();
  conversation.advance(2001);
  await conversation.transport.until(() => conversation.transport.calls.includes("closeWrite"));
  assertEquals(conversation.contents(), ["error 408"]);
  assertEquals(fieldValue(conversation.responses()[0], "Connection"), "close");
  await conversation.transport.untilReading();
  conversation.advance(2001);
  await conversation.done;
});

Deno.test("sweep() ends the reading away of content that does not come", async () => {
  const conversation = new Conversation(echoPath, { limits: { bodyIdleMs: 2000, lingerMs: 1000 } });
  conversation.transport.send(post(["Content-Length: 50"], ""));
  await conversation.transport.untilReading();
  conversation.advance(2001);
  await conversation.transport.until(() => conversation.transport.calls.includes("closeWrite"));
  conversation.advance(1001);
  await conversation.done;
  assertEquals(conversation.contents(), ["/"]);
});

Deno.test("sweep() really ends a socket on which a write makes no progress", async () => {
  const conversation = new Conversation(() => ok("x".repeat(100)), {
    limits: { writeIdleMs: 2000 },
    maxWriteBytes: 50,
  });
  conversation.transport.block();
  conversation.transport.send(GET);
  await conversation.transport.untilBlocked();
  conversation.advance(2000);
  // A part of it goes out, and the time starts anew.
  conversation.transport.unblock();
  conversation.transport.block();
  await conversation.transport.until(() => conversation.transport.writes.length > 0);
  await conversation.transport.untilBlocked();
  conversation.advance(2000);
  assertEquals(conversation.shutdownCount, 0);
  conversation.advance(1);
  await conversation.done;
  assertEquals(conversation.shutdownCount, 1);
  assertEquals(conversation.transport.calls, ["close"]);
});

Deno.test("sweep() really ends a socket whose handshake does not end", async () => {
  const handshake = Promise.withResolvers<never>();
  const conversation = new Conversation(echoPath, {
    handshake: () => handshake.promise,
    limits: { handshakeMs: 1000 },
  });
  conversation.advance(1001);
  assertEquals(conversation.shutdownCount, 1);
  handshake.reject(new Deno.errors.UnexpectedEof());
  await conversation.done;
  assertEquals(conversation.transport.calls, ["close"]);
  assertEquals(conversation.tellingLog, []);
});

Deno.test("sweep() does not end a handler that takes its time", async () => {
  const slow = Promise.withResolvers<void>();
  const conversation = new Conversation(async () => {
    await slow.promise;
    return ok("late");
  });
  conversation.transport.send(GET);
  await conversation.settle();
  conversation.advance(1_000_000);
  slow.resolve();
  conversation.transport.end();
  await conversation.done;
  assertEquals(conversation.contents(), ["late"]);
});

/** Answers when its signal is aborted, and never else. */
function untilAborted(request: ServedRequest): Promise<never> {
  return new Promise((_, reject) => {
    request.signal.addEventListener("abort", () => reject(new Error("Aborted")));
  });
}

Deno.test("signal is aborted when the client resets while the handler works", async () => {
  const conversation = new Conversation(untilAborted);
  conversation.transport.send(GET);
  await conversation.transport.untilReading();
  conversation.transport.fail(new Deno.errors.ConnectionReset());
  await conversation.done;
  assertEquals(conversation.transport.calls, ["close"]);
});

Deno.test("signal is aborted halfClosedMs after the client ended its side", async () => {
  const conversation = new Conversation(untilAborted, { limits: { halfClosedMs: 2000 } });
  conversation.transport.send(GET);
  conversation.transport.end();
  await conversation.settle();
  conversation.advance(2000);
  await conversation.settle();
  assertEquals(conversation.transport.output, "");
  conversation.advance(1);
  await conversation.done;
  assertEquals(conversation.contents(), ["error 500"]);
});

Deno.test("signal is aborted when the client resets after its content was read", async () => {
  const conversation = new Conversation(async (request) => {
    await contentOf(request);
    return await untilAborted(request);
  });
  conversation.transport.send(post(["Content-Length: 5"], "hello"));
  await conversation.transport.untilReading();
  conversation.transport.fail(new Deno.errors.ConnectionReset());
  await conversation.done;
});

Deno.test("signal is aborted when the answer cannot be sent", async () => {
  let isAborted = false;
  const conversation = new Conversation((request) => {
    request.signal.addEventListener("abort", () => isAborted = true);
    return ok("hello");
  });
  conversation.transport.block();
  conversation.transport.send(GET);
  await conversation.transport.untilBlocked();
  conversation.transport.fail(new Deno.errors.BrokenPipe());
  await conversation.done;
  assert(isAborted || conversation.tellingLog.length === 1);
});

Deno.test("signal is not aborted when the answer was sent, and no timer is left", async () => {
  let signal: AbortSignal | null = null;
  const conversation = await converse(GET, (request) => {
    signal = request.signal;
    return ok("hello");
  });
  assertEquals(conversation.contents(), ["hello"]);
  assert(signal !== null && !(signal as AbortSignal).aborted);
});

Deno.test("signal does not take the next request from the connection", async () => {
  const conversation = new Conversation(async (request) => {
    void request.signal;
    await conversation.transport.untilReading();
    conversation.transport.send(request.path === "/" ? GET.replace("/", "/2") : "");
    if (request.path === "/2") conversation.transport.end();
    return ok(request.path);
  });
  conversation.transport.send(GET);
  await conversation.done;
  assertEquals(conversation.contents(), ["/", "/2"]);
});

Deno.test("drain() closes a connection that waits for a request", async () => {
  const fresh = new Conversation(echoPath);
  await fresh.transport.untilReading();
  fresh.connection.drain();
  await fresh.done;
  const idle = new Conversation(echoPath);
  idle.transport.send(GET);
  await idle.transport.until(() => idle.transport.output !== "");
  await idle.transport.untilReading();
  idle.connection.drain();
  await idle.done;
  assertEquals(idle.contents(), ["/"]);
  for (const { tellingLog } of [fresh, idle]) assertEquals(tellingLog.filter((line) => !line.startsWith("access")), []);
});

Deno.test("drain() lets the request under way end, and says close", async () => {
  const answer = Promise.withResolvers<void>();
  const conversation = new Conversation(async (request) => {
    await answer.promise;
    return echoPath(request);
  });
  conversation.transport.send(GET + GET);
  await conversation.settle();
  conversation.connection.drain();
  answer.resolve();
  conversation.transport.end();
  await conversation.done;
  assertEquals(conversation.contents(), ["/"]);
  assertEquals(fieldValue(conversation.responses()[0], "Connection"), "close");
});

Deno.test("drain() lets a request whose head has begun end, and says close", async () => {
  const conversation = new Conversation(echoPath);
  conversation.transport.send(GET.slice(0, 10));
  await conversation.transport.untilReading();
  conversation.connection.drain();
  conversation.transport.send(GET.slice(10));
  conversation.transport.end();
  await conversation.done;
  assertEquals(conversation.contents(), ["/"]);
  assertEquals(fieldValue(conversation.responses()[0], "Connection"), "close");
});

Deno.test("drain() lets an answer that is being written go out whole", async () => {
  const conversation = new Conversation(() => ok("x".repeat(100)), { maxWriteBytes: 50 });
  conversation.transport.block();
  conversation.transport.send(GET);
  await conversation.transport.untilBlocked();
  conversation.connection.drain();
  conversation.transport.unblock();
  conversation.transport.end();
  await conversation.done;
  assertEquals(conversation.contents(), ["x".repeat(100)]);
});

Deno.test("abort() cuts whatever is under way", async () => {
  const conversation = new Conversation(untilAborted);
  conversation.transport.send(GET);
  await conversation.transport.untilReading();
  conversation.connection.abort();
  await conversation.done;
  assertEquals(conversation.transport.calls, ["close"]);
});

Deno.test("run() closes the body of an answer that nobody waits for any more", async () => {
  const slow = Promise.withResolvers<void>();
  const body = new PartsBody(["late"], 4);
  const conversation = new Conversation(async (request) => {
    if (request.method === "GET") return ok("first");
    await slow.promise;
    return respond(body);
  });
  conversation.transport.block();
  conversation.transport.send(GET + post(["Content-Length: 0"], ""));
  await conversation.transport.untilBlocked();
  conversation.transport.fail(new Deno.errors.BrokenPipe());
  slow.resolve();
  await conversation.done;
  assertEquals(body.closeCount, 1);
});

Deno.test("isPeerGone() is true for every way in which a client leaves, and for nothing else", () => {
  const { BrokenPipe, ConnectionReset, ConnectionAborted, NotConnected, Interrupted, BadResource } = Deno.errors;
  for (const kind of [BrokenPipe, ConnectionReset, ConnectionAborted, NotConnected, Interrupted, BadResource]) {
    assert(isPeerGone(new kind()), kind.name);
  }
  for (const error of [new Error(), new HttpError(400, ""), new Deno.errors.NotFound(), null, "BrokenPipe"]) {
    assert(!isPeerGone(error));
  }
});
