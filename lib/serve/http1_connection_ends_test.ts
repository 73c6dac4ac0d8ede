/**
 * The pump of a connection over a scripted socket: clients that leave while a handler works, and the server's end.
 */
import { assert, assertEquals } from "@std/assert";
import {
  contentOf,
  Conversation,
  type ConversationOptions,
  converse,
  echoPath,
  ok,
  PartsBody,
  respond,
} from "../../tests/conversation.ts";
import { join, PREFACE, settings } from "../../tests/http2_frames.ts";
import { fieldValue, toText } from "../../tests/raw_http.ts";
import { HttpError } from "../http/message.ts";
import { isPeerGone } from "../net/is_peer_gone.ts";
import type { ServedRequest } from "./served_request.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

function post(fieldLines: readonly string[], content: string): string {
  return ["POST / HTTP/1.1", "Host: a", ...fieldLines, "", content].join("\r\n");
}

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
    const aborted = untilAborted(request);
    await contentOf(request);
    return await aborted;
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
    return respond(new PartsBody(["hello"]));
  });
  conversation.transport.block();
  conversation.transport.send(GET);
  await conversation.transport.untilBlocked();
  conversation.transport.failWrites(new Deno.errors.BrokenPipe());
  await conversation.done;
  assert(isAborted);
});

Deno.test("signal reads no more than one piece of the next requests while the handler works", async () => {
  const answer = Promise.withResolvers<void>();
  const conversation = new Conversation(async (request) => {
    void request.signal;
    await answer.promise;
    return ok("");
  });
  conversation.transport.send(GET);
  await conversation.transport.untilReading();
  conversation.transport.send(GET);
  await conversation.settle();
  assert(!conversation.transport.isReading);
  answer.resolve();
  conversation.transport.end();
  await conversation.done;
  assertEquals(conversation.contents(), ["", ""]);
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

Deno.test("closeIfIdle() closes a connection that waits for a request", async () => {
  const fresh = new Conversation(echoPath);
  await fresh.transport.untilReading();
  assertEquals([fresh.connection.isIdle, fresh.connection.closeIfIdle("the server stops", 0)], [true, true]);
  await fresh.done;
  const idle = new Conversation(echoPath);
  idle.transport.send(GET);
  await idle.transport.until(() => idle.transport.output !== "");
  await idle.transport.untilReading();
  assertEquals(idle.connection.closeIfIdle("the server stops", 0), true);
  await idle.done;
  assertEquals(idle.contents(), ["/"]);
  for (const { tellingLog } of [fresh, idle]) assertEquals(tellingLog.filter((line) => !line.startsWith("access")), []);
});

Deno.test("a connection whose next request has come and was not read is neither closed as idle nor as late", async () => {
  const table: readonly [name: string, sent: string, options: ConversationOptions][] = [
    ["HTTP/1.1", GET, {}],
    ["before the header of a proxy", "", { proxies: ["192.0.2.1"] }],
    ["HTTP/2", toText(join(PREFACE, settings())), { isHttp2: true }],
  ];
  for (const [name, sent, options] of table) {
    const conversation = new Conversation(echoPath, { limits: { keepAliveMs: 5000 }, ...options });
    const { connection, transport } = conversation;
    if (sent !== "") transport.send(sent);
    await conversation.settle();
    await transport.untilReading();
    transport.hasUnread = () => true;
    assertEquals([connection.isIdle, connection.closeIfIdle("the server stops", 0)], [true, false], name);
    // What waits for a first request has another limit.
    if (sent !== "") conversation.advance(5001);
    await conversation.settle();
    assertEquals(transport.isClosed, false, name);
    transport.hasUnread = () => false;
    if (sent !== "") conversation.advance(1);
    else assertEquals(connection.closeIfIdle("the server stops", 0), true, name);
    await conversation.settle();
    assertEquals(transport.isClosed, true, name);
    transport.fail(new Deno.errors.ConnectionReset());
    await conversation.done;
  }
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
  assertEquals(conversation.connection.closeIfIdle("the server stops", 0), false);
  conversation.transport.unblock();
  conversation.transport.end();
  await conversation.done;
  assertEquals(conversation.contents(), ["x".repeat(100)]);
});

Deno.test("drain() lets one more request be answered, which says close, when the answer before it could not", async () => {
  const conversation = new Conversation(() => ok("x".repeat(100)), { maxWriteBytes: 50 });
  conversation.transport.block();
  conversation.transport.send(GET);
  await conversation.transport.untilBlocked();
  conversation.connection.drain();
  conversation.transport.send(GET + GET);
  conversation.transport.unblock();
  conversation.transport.end();
  await conversation.done;
  assertEquals(
    conversation.responses().map((response) => fieldValue(response, "Connection")),
    ["keep-alive", "close"],
  );
});

Deno.test("abort() cuts whatever is under way", async () => {
  const conversation = new Conversation(untilAborted);
  conversation.transport.send(GET);
  await conversation.transport.untilReading();
  conversation.connection.abort();
  await conversation.done;
  assertEquals(conversation.transport.calls, ["close"]);
});

Deno.test("sweep() closes what hangs where that ends it, and else leaves the socket to its caller", async () => {
  for (const closesAtOnce of [true, false]) {
    const conversation = new Conversation(() => respond(new PartsBody(["hello"])));
    const { transport } = conversation;
    Object.assign(transport, { closesAtOnce });
    transport.block();
    transport.send(GET);
    await transport.untilBlocked();
    assertEquals([conversation.connection.sweep(Number.MAX_VALUE), transport.isClosed], [!closesAtOnce, closesAtOnce]);
    if (!closesAtOnce) transport.fail(new Deno.errors.BrokenPipe());
    await conversation.done;
    assertEquals(transport.calls, ["close"]);
  }
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
