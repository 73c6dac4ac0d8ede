/** A connection over a scripted socket that is another protocol's from 101 on. */
import { assertEquals, assertRejects } from "@std/assert";
import { CONNECTION_INFO, Conversation, converse, echoPath, makeServices } from "../../tests/conversation.ts";
import { ScriptedTransport } from "../../tests/scripted_transport.ts";
import { bytesOf, textOf } from "../../tests/feed.ts";
import { HeaderFields } from "../http/header_fields.ts";
import { EMPTY_BODY, type HttpResponse, type UpgradedStream } from "../http/message.ts";
import { ConnectionSocket } from "./connection_socket.ts";
import { UpgradedConnection } from "./upgraded_connection.ts";

const ASK = "GET /a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n";
const SWITCHED = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\nX-A: 1\r\n\r\n";

function upgradeTo(run: (stream: UpgradedStream) => Promise<void>, calls: string[] = []): () => HttpResponse {
  return () => ({
    status: 101,
    fields: HeaderFields.of(["Upgrade", "x"], ["X-A", "1"]),
    body: { ...EMPTY_BODY, length: 0, close: () => Promise.resolve(void calls.push("close")) },
    upgrade: { run },
  });
}

/** Says in capitals what it is told, until the end. */
async function shout(stream: UpgradedStream): Promise<void> {
  for (let bytes; (bytes = await stream.read()) !== null;) {
    await stream.write(bytesOf(textOf(bytes).toUpperCase()));
  }
  await stream.write(bytesOf("."));
}

Deno.test("a connection that is upgraded sends 101 alone, and gives what came behind the request to what is spoken then", async () => {
  const calls: string[] = [];
  const { transport, log } = await converse(`${ASK}early GET / HTTP/1.1\r\n\r\n`, upgradeTo(shout, calls));
  assertEquals(transport.output, `${SWITCHED}EARLY GET / HTTP/1.1\r\n\r\n.`);
  assertEquals([calls, transport.calls], [["close"], ["closeWrite", "close"]]);
  assertEquals(log.filter((line) => line.startsWith("access")), ["access GET /a 101 25"]);
});

Deno.test("a connection that is upgraded reads and writes as long as it likes, and gives its buffers back", async () => {
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const conversation = new Conversation(upgradeTo(async (stream) => {
    await shout(stream);
    resolve();
  }));
  const { transport } = conversation;
  transport.send(ASK);
  await transport.untilReading();
  assertEquals([transport.output, conversation.outputPool.lentCount], [SWITCHED, 0]);
  for (const text of ["one ", "two ", "three"]) {
    transport.send(text);
    await conversation.settle();
    conversation.advance(10_000_000);
  }
  transport.end();
  await over;
  await conversation.done;
  assertEquals(transport.output, `${SWITCHED}ONE TWO THREE.`);
  assertEquals(conversation.outputPool.lentCount, 0);
});

Deno.test("answers before and after another request do not change what is upgraded; an answer may decline", async () => {
  const upgrade = upgradeTo(shout);
  const { transport } = await converse(
    `GET /first HTTP/1.1\r\nHost: a\r\n\r\n${ASK}x`,
    (request) => request.path === "/first" ? echoPath(request) : upgrade(),
  );
  const [first, rest] = [transport.output.slice(0, 15), transport.output.slice(transport.output.indexOf("/first") + 6)];
  assertEquals([first, rest], ["HTTP/1.1 200 OK", `${SWITCHED}X.`]);
});

for (
  const { name, silence, end, want } of [
    { name: "limitSilence() cuts one that is silent both ways", silence: 1000, end: null, want: [false, false, true] },
    { name: "limitSilence(Infinity) lets it be silent", silence: Infinity, end: null, want: [false, false, false] },
    { name: "endWithin() cuts it whatever passes", silence: Infinity, end: 1500, want: [false, true, true] },
  ]
) {
  Deno.test(name, async () => {
    const conversation = new Conversation(upgradeTo(async (stream) => {
      stream.limitSilence(silence);
      if (end !== null) stream.endWithin(end);
      await shout(stream);
    }));
    const { transport } = conversation;
    transport.send(ASK);
    await conversation.settle();
    const cut: boolean[] = [];
    for (const text of ["a", "b", ""]) {
      conversation.advance(text === "" ? 1001 : 900);
      cut.push(transport.isClosed);
      if (transport.isClosed) continue;
      transport.send(text);
      await conversation.settle();
    }
    assertEquals(cut, want);
    if (!transport.isClosed) transport.end();
    await conversation.done;
    assertEquals(conversation.tellingLog.filter((line) => !line.startsWith("access")), []);
  });
}

Deno.test("the silence of one side is none while the other one is sent something", async () => {
  let stream: UpgradedStream | null = null;
  const conversation = new Conversation(upgradeTo(async (given) => {
    stream = given;
    given.limitSilence(1000);
    await shout(given);
  }));
  conversation.transport.send(ASK);
  await conversation.settle();
  for (let count = 0; count < 5; count++) {
    conversation.advance(900);
    await (stream as UpgradedStream | null)?.write(bytesOf("tick "));
  }
  assertEquals([conversation.transport.output, conversation.transport.isClosed], [
    `${SWITCHED}${"tick ".repeat(5)}`,
    false,
  ]);
  conversation.advance(1001);
  await conversation.done;
});

Deno.test("a peer that takes nothing of what it is sent is cut, and what is spoken is told", async () => {
  const failed = Promise.withResolvers<void>();
  const conversation = new Conversation(
    upgradeTo(async (stream) => {
      await stream.read();
      await assertRejects(async () => await stream.write(bytesOf("nobody takes it")), Deno.errors.BrokenPipe);
      failed.resolve();
    }),
    { limits: { writeIdleMs: 2000 } },
  );
  conversation.transport.send(ASK);
  await conversation.settle();
  conversation.transport.block();
  conversation.transport.send("x");
  await conversation.transport.untilBlocked();
  conversation.advance(1900);
  assertEquals([conversation.shutdownCount, conversation.connection.slowness !== null], [0, true]);
  conversation.advance(200);
  assertEquals(conversation.shutdownCount, 1);
  await failed.promise;
  await conversation.done;
});

Deno.test("drain() tells what is spoken, also before 101; abort() cuts it", async () => {
  for (const isEarly of [false, true]) {
    const answer = Promise.withResolvers<void>();
    const conversation = new Conversation(async () => {
      await answer.promise;
      return upgradeTo(async (stream) => {
        await stream.draining;
        await stream.write(bytesOf("bye"));
      })();
    });
    conversation.transport.send(ASK);
    await conversation.settle();
    if (isEarly) conversation.connection.drain();
    answer.resolve();
    await conversation.settle();
    if (!isEarly) {
      assertEquals(conversation.transport.output, SWITCHED);
      conversation.connection.drain();
    }
    await conversation.transport.until(() => conversation.transport.output.endsWith("bye"));
    conversation.transport.end();
    await conversation.done;
  }
  const conversation = new Conversation(upgradeTo(shout));
  conversation.transport.send(ASK);
  await conversation.settle();
  conversation.connection.abort();
  await conversation.done;
  assertEquals(conversation.transport.output, SWITCHED);
});

Deno.test("a connection that is upgraded is in use: it gives way to nobody while it is silent, but while it holds memory", async () => {
  let stream: UpgradedStream | null = null;
  const conversation = new Conversation(upgradeTo(async (given) => {
    stream = given;
    given.limitSilence(1_000_000);
    await shout(given);
  }));
  conversation.transport.send(ASK);
  await conversation.settle();
  conversation.clock.nowMs += 10_000;
  const { connection } = conversation;
  assertEquals([connection.isIdle, connection.slowness, connection.closeIfIdle("", 0)], [false, null, false]);
  const before = connection.heldBytes;
  (stream as UpgradedStream | null)?.hold(50_000);
  assertEquals([connection.heldBytes - before, connection.slowness !== null], [50_000, true]);
  (stream as UpgradedStream | null)?.hold(0);
  assertEquals([connection.heldBytes - before, connection.slowness], [0, null]);
  conversation.transport.end();
  await conversation.done;
});

Deno.test("a failure of what is spoken ends the connection, and its answer is closed", async () => {
  const calls: string[] = [];
  const { transport, log } = await converse(`${ASK}x`, upgradeTo(() => Promise.reject(new Error("broken")), calls));
  assertEquals([transport.output, calls, transport.isClosed], [SWITCHED, ["close"], true]);
  assertEquals(log.filter((line) => line.startsWith("error")), ["error The connection failed"]);
});

Deno.test("a connection that is upgraded reads nothing that was not asked for, also where its request was watched", async () => {
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const upgrade = upgradeTo(async (stream) => {
    assertEquals(textOf(await stream.read() ?? new Uint8Array()), "first");
    await over;
    await shout(stream);
  });
  const conversation = new Conversation(async ({ signal }) => {
    assertEquals(signal.aborted, false);
    await conversation.transport.untilReading();
    return upgrade();
  });
  conversation.transport.send(ASK);
  await conversation.settle();
  conversation.transport.send("first");
  await conversation.settle();
  assertEquals(conversation.transport.isReading, false);
  conversation.transport.send("then");
  conversation.transport.end();
  resolve();
  await conversation.done;
  assertEquals(conversation.transport.output, `${SWITCHED}THEN.`);
});

Deno.test("hold() counts memory that waits for the peer", () => {
  const services = makeServices(echoPath, { log: [] });
  const { budget } = services;
  const socket = new ConnectionSocket(new ScriptedTransport(), CONNECTION_INFO, services);
  const upgraded = new UpgradedConnection(socket, services);
  const before = budget.heldBytes;
  const counted = [500, 2000, 0].map((bytes) => {
    upgraded.hold(bytes);
    return budget.heldBytes - before;
  });
  assertEquals(counted, [500, 2000, 0]);
});
