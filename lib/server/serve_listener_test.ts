/** Accepting and ending connections, with a listener and sockets that the test plays. */
import { assert, assertEquals } from "@std/assert";
import { type ConversationOptions, echoPath, makeServices, ok } from "../../tests/conversation.ts";
import { ScriptedTransport } from "../../tests/scripted_transport.ts";
import type { ServedRequest } from "./served_request.ts";
import { Server } from "./serve_listener.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/** A socket as a listener gives it. */
class ScriptedSocket extends ScriptedTransport {
  readonly remoteAddr: Deno.Addr;
  readonly localAddr: Deno.Addr = { transport: "tcp", hostname: "::ffff:192.0.2.2", port: 80 };

  constructor(hostname = "192.0.2.1") {
    super();
    this.remoteAddr = { transport: "tcp", hostname, port: 50_000 };
  }
}

/** Gives each accept what the test has put in, and waits for more. */
class ScriptedListener {
  readonly #queue: (ScriptedSocket | Error)[] = [];
  #wake: (() => void) | null = null;
  #isClosed = false;
  acceptCount = 0;

  put(...items: readonly (ScriptedSocket | Error)[]): void {
    this.#queue.push(...items);
    this.#wake?.();
  }

  close(): void {
    this.#isClosed = true;
    this.#wake?.();
  }

  async accept(): Promise<ScriptedSocket> {
    this.acceptCount++;
    while (this.#queue.length === 0 && !this.#isClosed) await new Promise<void>((resolve) => this.#wake = resolve);
    const next = this.#isClosed ? new Deno.errors.BadResource("Listener has been closed") : this.#queue.shift();
    if (!(next instanceof ScriptedSocket)) throw next;
    return next;
  }
}

type Handler = Parameters<typeof makeServices>[0];

/** A server that listens; `stop` drains it. */
function startServer(handler: Handler, options: ConversationOptions = {}) {
  const log: string[] = [];
  const server = new Server(makeServices(handler, { ...options, log }));
  const listener = new ScriptedListener();
  const serving = server.serve(listener as unknown as Deno.Listener, { secure: false });
  const stop = async () => {
    await server.drain();
    await serving;
  };
  return { server, listener, log, stop };
}

/** Resolves when all has happened that needs neither client nor time. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve));
}

/** Sends a request and ends the client's side; resolves to whether it was answered with 200. */
async function isAnswered(socket: ScriptedSocket): Promise<boolean> {
  socket.send(GET);
  socket.end();
  await socket.until(() => socket.isClosed);
  return socket.output.startsWith("HTTP/1.1 200 OK\r\n");
}

Deno.test("serve() serves each connection and tells both ends of it", async () => {
  const infos: ServedRequest["connection"][] = [];
  const { listener, server, stop } = startServer((request) => {
    infos.push(request.connection);
    return echoPath(request);
  });
  const sockets = [new ScriptedSocket(), new ScriptedSocket("::ffff:198.51.100.7"), new ScriptedSocket("2001:db8::1")];
  listener.put(...sockets);
  for (const socket of sockets) assert(await isAnswered(socket));
  const local = { localAddress: "192.0.2.2", localPort: 80, secure: false, remotePort: 50_000 };
  assertEquals(infos, [
    { ...local, id: 1, remoteAddress: "192.0.2.1" },
    { ...local, id: 2, remoteAddress: "198.51.100.7" },
    { ...local, id: 3, remoteAddress: "2001:db8::1" },
  ]);
  await settle();
  assertEquals(server.connectionCount, 0);
  await stop();
});

Deno.test("serve() goes on without a word when a client has gone before it was accepted", async () => {
  const { listener, log, stop } = startServer(echoPath);
  const socket = new ScriptedSocket();
  listener.put(new Deno.errors.NotConnected(), new Deno.errors.ConnectionAborted(), socket);
  assert(await isAnswered(socket));
  assertEquals(log, ["access GET / 200 1"]);
  await stop();
});

Deno.test("serve() goes on when there are no descriptors, pauses, and says it once", async () => {
  const { listener, log, stop } = startServer(echoPath);
  const socket = new ScriptedSocket();
  listener.put(new Error("EMFILE"), new Error("EMFILE"), socket);
  await settle();
  assertEquals(listener.acceptCount, 1);
  assert(await isAnswered(socket));
  assertEquals(log, ["error Cannot accept connections, trying on", "access GET / 200 1"]);
  await stop();
});

Deno.test("serve() accepts no more than maxConnectionCount", async () => {
  const { server, listener, stop } = startServer(echoPath, { limits: { maxConnectionCount: 2 } });
  const sockets = [1, 2, 3, 4].map(() => new ScriptedSocket());
  listener.put(...sockets);
  for (const socket of sockets) {
    await settle();
    assertEquals(server.connectionCount, Math.min(2, sockets.length - sockets.indexOf(socket)));
    assert(await isAnswered(socket));
  }
  await stop();
});

Deno.test("serve() goes on with every listener when there is room again", async () => {
  const { server, listener, stop } = startServer(echoPath, { limits: { maxConnectionCount: 1 } });
  const other = new ScriptedListener();
  const serving = server.serve(other as unknown as Deno.Listener, { secure: true });
  const sockets = [1, 2, 3, 4, 5, 6].map(() => new ScriptedSocket());
  listener.put(sockets[0], sockets[2], sockets[4]);
  other.put(sockets[1], sockets[3], sockets[5]);
  for (const socket of sockets) assert(await isAnswered(socket));
  await stop();
  await serving;
});

Deno.test("serve() answers by the listener's own handler", async () => {
  const { server, stop } = startServer(() => ok("common"));
  const listener = new ScriptedListener();
  const serving = server.serve(listener as unknown as Deno.Listener, {
    secure: false,
    own: { handler: () => Promise.resolve(ok("own")) },
  });
  const socket = new ScriptedSocket();
  listener.put(socket);
  assert(await isAnswered(socket));
  assert(socket.output.endsWith("\r\n\r\nown"));
  await stop();
  await serving;
});

Deno.test("drain() takes what is queued, ends idle connections and waits for requests under way", async () => {
  const answer = Promise.withResolvers<void>();
  const { server, listener, log } = startServer(async (request) => {
    await answer.promise;
    return echoPath(request);
  });
  const [idle, busy, queued] = [1, 2, 3].map(() => new ScriptedSocket());
  listener.put(idle, busy);
  busy.send(GET);
  await settle();
  let isDrained = false;
  const drained = server.drain().then(() => isDrained = true);
  queued.send(GET);
  listener.put(queued);
  await idle.until(() => idle.isClosed);
  await settle();
  assertEquals([isDrained, server.connectionCount], [false, 2]);
  answer.resolve();
  for (const socket of [busy, queued]) {
    await socket.until(() => socket.calls.includes("closeWrite"));
    assert(socket.output.includes("\r\nConnection: close\r\n"));
    socket.end();
  }
  await drained;
  assertEquals(server.connectionCount, 0);
  assertEquals(log.filter((line) => line.startsWith("warn")), []);
});

Deno.test("drain() cuts what has not ended after drainMs", async () => {
  const { server, listener, log } = startServer(
    (request) =>
      new Promise((_, reject) => request.signal.addEventListener("abort", () => reject(new Error("Aborted")))),
    { limits: { drainMs: 1 } },
  );
  const socket = new ScriptedSocket();
  listener.put(socket);
  socket.send(GET);
  await settle();
  await server.drain();
  assert(socket.isClosed);
  assertEquals(server.connectionCount, 0);
  assertEquals(log.filter((line) => line.startsWith("warn")).length, 1);
});

Deno.test("Server sweeps its connections once a second and really ends those that hang", async () => {
  const ended: number[] = [];
  const log: string[] = [];
  const clock = { nowMs: 0, update: () => clock.nowMs += 1000 };
  const stuck = new ScriptedSocket();
  const services = {
    ...makeServices(echoPath, { limits: { writeIdleMs: 500 }, log }),
    clock,
    shutdownSockets: (infos: readonly { readonly id: number }[]) => {
      ended.push(...infos.map(({ id }) => id));
      stuck.fail(new Deno.errors.BrokenPipe());
    },
  };
  const server = new Server(services);
  const listener = new ScriptedListener();
  const serving = server.serve(listener as unknown as Deno.Listener, { secure: false });
  stuck.block();
  stuck.send(GET);
  listener.put(new ScriptedSocket(), stuck);
  await stuck.until(() => stuck.isClosed);
  assertEquals(ended, [2]);
  await server.drain();
  await serving;
});
