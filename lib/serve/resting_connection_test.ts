/** Connections that rest between two requests, by a server with real sockets and a clock that the test moves. */
import { assert, assertEquals } from "@std/assert";
import { type ConversationOptions, echoContent, makeServices, ok } from "../../tests/conversation.ts";
import { bytesOf, textOf } from "../../tests/feed.ts";
import { type SocketsUnderTest, withSockets } from "../../tests/sockets.ts";
import { nextTurn } from "../system/readiness.ts";
import type { ConnectionServices } from "./connection_services.ts";
import { RestingConnection } from "./resting_connection.ts";
import { Server } from "./server.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const KEEP_ALIVE_MS = 75_000;

interface Served extends Pick<SocketsUnderTest, "connect"> {
  readonly server: Server;
  readonly services: ConnectionServices;
  readonly clock: { nowMs: number };
  readonly log: readonly string[];
}

/** A server whose answers say the id and the address of the client. */
async function withServer(options: ConversationOptions, test: (served: Served) => Promise<void>): Promise<void> {
  await withSockets({}, async ({ listener, connect }) => {
    const log: string[] = [];
    const clock = { nowMs: 0, unixMs: 0, update: () => {} };
    const services: ConnectionServices = {
      ...makeServices(({ connection: { id, remoteAddress } }) => ok(`${id} ${remoteAddress}`), {
        ...options,
        limits: { keepAliveMs: KEEP_ALIVE_MS, ...options.limits },
        log,
      }),
      clock,
    };
    const server = Server.open(services);
    const serving = server.serve(listener, { secure: false });
    try {
      await test({ connect, server, services, clock, log });
    } finally {
      await server.drain();
      await serving;
    }
  });
}

/** Sends, and resolves to the content of the answer, which is the first that has a whole line of it. */
async function ask(client: Deno.TcpConn, request = GET): Promise<string> {
  await client.write(bytesOf(request));
  const answer = await read(client);
  return answer.slice(answer.indexOf("\r\n\r\n") + 4);
}

async function read(client: Deno.TcpConn): Promise<string> {
  const space = new Uint8Array(1000);
  return textOf(space.subarray(0, await client.read(space) ?? 0));
}

/** Resolves when the only connection rests, which waits for its answer to have left. */
async function untilResting(server: Server, idleMs = 0): Promise<RestingConnection> {
  for (;;) {
    await server.rest(idleMs);
    await nextTurn();
    const [connection] = server.connections;
    if (connection instanceof RestingConnection) return connection;
  }
}

for (const isHttp2 of [false, true]) {
  Deno.test(`a connection that rests is served as before${isHttp2 ? ", where HTTP/2 is spoken" : ""}, again and again`, () =>
    withServer({ isHttp2 }, async ({ connect, server, services }) => {
      const client = await connect();
      for (let count = 0; count < 3; count++) {
        assertEquals(await ask(client), "1 127.0.0.1");
        const { heldBytes } = services.budget;
        const { info, protocol, isIdle } = await untilResting(server);
        assertEquals([info.id, info.remoteAddress, protocol, isIdle], [1, "127.0.0.1", "http/1.1", true]);
        assert(services.budget.heldBytes < heldBytes / 4);
        assertEquals([server.connectionCount, services.counters.restedCount], [1, count + 1]);
      }
      // What comes in pieces is one request, and what comes together is two.
      await client.write(bytesOf(GET.slice(0, 3)));
      await nextTurn();
      assertEquals(await ask(client, GET.slice(3)), "1 127.0.0.1");
      await untilResting(server);
      await client.write(bytesOf(GET + GET));
      let answers = "";
      while (answers.split("1 127.0.0.1").length < 3) answers += await read(client);
      client.close();
      while (server.connectionCount > 0) await nextTurn();
      assertEquals(services.budget.heldBytes, 0);
    }));
}

Deno.test("a connection that rests still speaks for whom its proxy has named", () =>
  withServer({ proxies: ["127.0.0.1"] }, async ({ connect, server }) => {
    const client = await connect();
    assertEquals(await ask(client, `PROXY TCP4 198.51.100.7 192.0.2.2 4711 80\r\n${GET}`), "1 198.51.100.7");
    await untilResting(server);
    assertEquals(await ask(client), "1 198.51.100.7");
  }));

Deno.test("rest() leaves alone who has asked within the time, is served, or has not asked", () => {
  const answer = Promise.withResolvers<void>();
  return withSockets({}, async ({ listener, connect }) => {
    const log: string[] = [];
    const clock = { nowMs: 0, unixMs: 0, update: () => {} };
    const handler = async (request: Parameters<typeof echoContent>[0]) => {
      if (request.path === "/wait") await answer.promise;
      return await echoContent(request);
    };
    const services = { ...makeServices(handler, { log }), clock };
    const server = Server.open(services);
    const serving = server.serve(listener, { secure: false });
    const clients = await Promise.all([connect(), connect(), connect(), connect()]);
    const [silent, waiting, sending, quick] = clients;
    await waiting.write(bytesOf(GET.replace("/", "/wait")));
    await sending.write(bytesOf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na"));
    assertEquals(await ask(quick), "");
    while (server.connectionCount < 4) await nextTurn();
    clock.nowMs += 999;
    await server.rest(1000);
    await nextTurn();
    assertEquals(services.counters.restedCount, 0);
    clock.nowMs++;
    while (services.counters.restedCount === 0) {
      await server.rest(1000);
      await nextTurn();
    }
    await server.rest(0);
    await nextTurn();
    assertEquals(services.counters.restedCount, 1);
    answer.resolve();
    assertEquals(await ask(waiting, ""), "");
    assertEquals(await ask(sending, "bc"), "abc");
    assertEquals(await ask(silent), "");
    await server.drain();
    await serving;
  });
});

Deno.test("a connection that rests ends with its client's end, by its time, for want of room, and when the server stops", () =>
  withServer({}, async ({ connect, server, clock, log }) => {
    const end = async (act: (resting: RestingConnection, client: Deno.TcpConn) => void) => {
      const client = await connect();
      await ask(client);
      act(await untilResting(server), client);
      while (server.connectionCount > 0) await nextTurn();
      return log.filter((line) => line.startsWith("debug")).at(-1) ?? "";
    };
    assertEquals(await end((_resting, client) => client.closeWrite()), "");
    const closed = (reason: string) => `debug Closed: ${reason}`;
    const passes = (ms: number) => (resting: RestingConnection) => {
      assertEquals([resting.isLate(clock.nowMs), resting.closeIfIdle("early", 1)], [false, false]);
      clock.nowMs += ms;
      assertEquals([resting.isLate(clock.nowMs), resting.slowness], [ms > KEEP_ALIVE_MS, -ms]);
      assertEquals(resting.sweep(clock.nowMs), false);
    };
    assertEquals(await end(passes(KEEP_ALIVE_MS + 1)), closed("timed out: keep_alive"));
    const gives = (resting: RestingConnection) => {
      passes(KEEP_ALIVE_MS)(resting);
      assertEquals(resting.giveWay("no room"), false);
    };
    assertEquals(await end(gives), closed("no room"));
    assertEquals(await end((resting) => assert(resting.closeIfIdle("idle", 0))), closed("idle"));
    assertEquals(await end((resting) => resting.abort()), closed("the server stops"));
    assertEquals(await end(() => server.drain()), closed("the server stops"));
  }));

Deno.test("a request that has come to a connection that rests is answered, late as it is", () =>
  withServer({}, async ({ connect, server, clock }) => {
    const client = await connect();
    await ask(client);
    const resting = await untilResting(server);
    client.write(bytesOf(GET));
    clock.nowMs += KEEP_ALIVE_MS + 1;
    // No turn of the runtime has been since, and the server may look just now.
    assertEquals([resting.isLate(clock.nowMs), resting.closeIfIdle("idle", 0)], [false, false]);
    resting.sweep(clock.nowMs);
    assertEquals(await ask(client, ""), "1 127.0.0.1");
  }));

Deno.test("a connection that is cut between its wake and its next request is closed", () =>
  withServer({}, async ({ connect, server }) => {
    const client = await connect();
    await ask(client);
    const resting = await untilResting(server);
    resting.wake();
    resting.giveWay("no room");
    assertEquals(await read(client), "");
    while (server.connectionCount > 0) await nextTurn();
  }));
