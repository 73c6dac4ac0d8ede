/**
 * The pump of a connection over a scripted socket: refused requests, lingering, and limits of time.
 * The clock stands still but for `advance()`.
 */
import { assert, assertEquals } from "@std/assert";
import { Conversation, converse, echoContent, echoPath, ok } from "../../tests/conversation.ts";
import { fieldValue } from "../../tests/raw_http.ts";
import { RULES } from "../rules.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

function post(fieldLines: readonly string[], content: string): string {
  return ["POST / HTTP/1.1", "Host: a", ...fieldLines, "", content].join("\r\n");
}

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
  const { tellingLog } = await converse(GET + "GET /%5c HTTP/1.1\r\nHost: a\r\n\r\n", echoPath);
  assertEquals(tellingLog, ["access GET / 200 1", "access GET /%5c 404 9"]);
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

Deno.test("run() sends content when it refuses what comes after a HEAD", async () => {
  const conversation = await converse(`HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET  /\r\n`, echoPath);
  assertEquals(conversation.contents("HEAD"), ["", "error 400"]);
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
  const conversation = new Conversation(echoContent, { limits: { bodyIdleMs: 2000, minRateBytes: 0 } });
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
    limits: { writeIdleMs: 2000, minRateBytes: 0 },
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
