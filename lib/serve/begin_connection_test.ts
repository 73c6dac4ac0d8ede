/** What a connection does before HTTP begins on it; what a proxy's header says is in http1_connection_test.ts. */
import { assert, assertEquals } from "@std/assert";
import { Conversation, converse, echoPath } from "../../tests/conversation.ts";
import { fieldValue } from "../../tests/raw_http.ts";
import { HttpError } from "../http/message.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const PROXY = "PROXY TCP4 198.51.100.7 192.0.2.2 4711 80\r\n";
const PROXIES = { proxies: ["192.0.2.1"] };

/** A connection whose handshake the test ends. */
function startHandshake({ refusal, handler = echoPath }: {
  readonly refusal?: HttpError;
  readonly handler?: ConstructorParameters<typeof Conversation>[0];
} = {}) {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const conversation = new Conversation(handler, { refusal, handshake: () => promise });
  return { conversation, resolve, reject };
}

Deno.test("run() reads and writes nothing before the handshake has ended", async () => {
  for (const refusal of [undefined, new HttpError(503, "Full")]) {
    const { conversation, resolve } = startHandshake({ refusal });
    const { transport, connection } = conversation;
    transport.send(GET);
    await conversation.settle();
    assertEquals([transport.isReading, transport.output], [false, ""]);
    assertEquals([connection.isIdle, connection.closeIfIdle("no room", 0)], [false, false]);
    resolve();
    transport.end();
    await conversation.done;
    assertEquals(conversation.contents(), [refusal === undefined ? "/" : "error 503"]);
  }
});

Deno.test("run() closes without a word when the handshake fails", async () => {
  const { conversation, reject } = startHandshake();
  reject(new Deno.errors.InvalidData("received corrupt message"));
  await conversation.done;
  assertEquals([conversation.transport.calls, conversation.transport.output], [["close"], ""]);
  assertEquals(conversation.tellingLog, []);
});

Deno.test("drain() gives a handshake up, which the caller has to end", async () => {
  const { conversation, reject } = startHandshake();
  assertEquals(conversation.connection.drain(), true);
  reject(new Deno.errors.UnexpectedEof());
  await conversation.done;
  assertEquals(conversation.log, ["debug Closed: the server stops"]);
});

Deno.test("abort() closes a connection on which HTTP has not begun", async () => {
  const { conversation, reject } = startHandshake();
  conversation.connection.abort();
  assert(conversation.transport.isClosed);
  reject(new Deno.errors.UnexpectedEof());
  await conversation.done;
  const behindProxy = new Conversation(echoPath, PROXIES);
  await behindProxy.transport.untilReading();
  behindProxy.connection.abort();
  await behindProxy.done;
  assertEquals(behindProxy.transport.calls, ["close"]);
});

Deno.test("drain() before the header of a proxy holds for the first answer", async () => {
  const conversation = new Conversation(echoPath, PROXIES);
  await conversation.transport.untilReading();
  assertEquals(conversation.connection.drain(), false);
  conversation.transport.send(PROXY + GET + GET);
  conversation.transport.end();
  await conversation.done;
  assertEquals(conversation.contents(), ["/"]);
  assertEquals(fieldValue(conversation.responses()[0], "Connection"), "close");
});

Deno.test("closeIfIdle() closes a proxy's connection that is silent, not one whose header or request has begun", async () => {
  const table: readonly [sent: string, want: boolean][] = [
    ["", true],
    ["PROXY TCP4 ", false],
    [PROXY, true],
    [`${PROXY}GET `, false],
    [PROXY + GET, true],
  ];
  for (const [sent, want] of table) {
    const conversation = new Conversation(echoPath, PROXIES);
    await conversation.transport.untilReading();
    if (sent !== "") conversation.transport.send(sent);
    await conversation.settle();
    conversation.clock.nowMs += 1000;
    assertEquals(conversation.connection.closeIfIdle("no room", 1001), false, sent);
    assertEquals(conversation.connection.closeIfIdle("no room", 1000), want, sent);
    assertEquals(conversation.transport.isClosed, want, sent);
    if (!want) conversation.connection.abort();
    await conversation.done;
  }
});

Deno.test("sweep() holds what has begun after the handshake to the limits of HTTP", async () => {
  const { conversation, resolve } = startHandshake();
  const { transport } = conversation;
  resolve();
  transport.send("GET ");
  await transport.untilReading();
  conversation.advance(20_001);
  await transport.until(() => transport.calls.includes("closeWrite"));
  assertEquals(conversation.contents(), ["error 408"]);
  transport.end();
  await conversation.done;
});

Deno.test("run() says what is wrong with the header of a proxy", async () => {
  const conversation = await converse(PROXY.replace("4711", "99999") + GET, echoPath, PROXIES);
  assertEquals(conversation.contents(), ["error 400"]);
  assertEquals(conversation.log, ["debug Header of the PROXY protocol: not a port", "access   400 9"]);
});

Deno.test("drain() and abort() reach the request that is served after the handshake", async () => {
  for (const method of ["drain", "abort"] as const) {
    const answer = Promise.withResolvers<void>();
    let signal: AbortSignal | null = null;
    const { conversation, resolve } = startHandshake({
      handler: async (request) => {
        signal = request.signal;
        await answer.promise;
        return echoPath(request);
      },
    });
    resolve();
    conversation.transport.send(GET);
    await conversation.transport.untilReading();
    conversation.connection[method]();
    assert(signal !== null);
    assertEquals((signal as AbortSignal).aborted, method === "abort");
    answer.resolve();
    if (method === "drain") conversation.transport.end();
    await conversation.done;
    const connections = conversation.responses().map((response) => fieldValue(response, "Connection"));
    assertEquals(connections, method === "drain" ? ["close"] : []);
  }
});
