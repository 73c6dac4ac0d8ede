/** Accepting and ending connections, with a listener and sockets that the test plays. */
import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { type ConversationOptions, echoContent, echoPath, makeServices, ok } from "../../tests/conversation.ts";
import { ScriptedTransport } from "../../tests/scripted_transport.ts";
import type { ServedRequest } from "./served_request.ts";
import { Server } from "./server.ts";

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
  /** How long each accept takes. */
  pauseMs = 0;

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
    if (this.pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, this.pauseMs));
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
  const services = makeServices(handler, { ...options, log });
  const server = Server.open(services);
  const listener = new ScriptedListener();
  const serving = server.serve(listener as unknown as Deno.Listener, { secure: false });
  const stop = async () => {
    await server.drain();
    await serving;
  };
  return { server, listener, clock: services.clock, budget: services.budget, log, stop };
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
  const told = infos.map(({ id, remoteAddress, remotePort, localAddress, localPort, secure }) => {
    return { id, remoteAddress, remotePort, localAddress, localPort, secure };
  });
  assertEquals(told, [
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

Deno.test("serve() accepts no more than maxConnectionCount on several listeners together", async () => {
  const { server, listener, stop } = startServer(echoPath, { limits: { maxConnectionCount: 1 } });
  const others = [1, 2].map(() => new ScriptedListener());
  for (const other of others) server.serve(other as unknown as Deno.Listener, { secure: false });
  const busy = new ScriptedSocket();
  listener.put(busy);
  await busy.untilReading();
  busy.send("GET / HT");
  const waiting = [1, 2, 3].map(() => new ScriptedSocket());
  for (const [index, each] of [listener, ...others].entries()) each.put(waiting[index]);
  await settle();
  // The one place is free now, and all three wait for it.
  busy.fail(new Deno.errors.ConnectionReset());
  await settle();
  assertEquals(server.connectionCount, 1);
  for (const socket of waiting) {
    assert(await isAnswered(socket));
    await settle();
    assert(server.connectionCount <= 1);
  }
  await stop();
});

/** What each socket was answered: its status, "" where it was closed without a word. */
function statuses(sockets: readonly ScriptedSocket[]): string[] {
  return sockets.map((socket) => socket.output.slice("HTTP/1.1 ".length, "HTTP/1.1 200".length));
}

Deno.test("serve() refuses more than maxPerAddress connections of one address, or one IPv6 /64, but of no proxy", async () => {
  const limits = { maxPerAddress: 1 };
  const { listener, server, stop } = startServer(echoPath, { limits, proxies: ["192.0.2.9"] });
  const addresses = ["192.0.2.1", "192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"];
  const sockets = [...addresses, "192.0.2.9", "192.0.2.9"].map((address) => new ScriptedSocket(address));
  listener.put(...sockets);
  await sockets[7].untilReading();
  assertEquals(statuses(sockets), ["", "503", "", "", "503", "", "", ""]);
  assertEquals(server.connectionCount, 6);
  // A refused connection frees no place, one that ends does.
  sockets[1].end();
  assert(await isAnswered(sockets[0]));
  const next = [1, 2].map(() => new ScriptedSocket("192.0.2.1"));
  listener.put(...next);
  await next[1].until(() => next[1].calls.includes("closeWrite"));
  assertEquals(statuses(next), ["", "503"]);
  await stop();
});

Deno.test("serve() lets the slowest connection of an address at its limit give way, and no young or working one", async () => {
  const { listener, clock, log, stop } = startServer(echoPath, { limits: { maxPerAddress: 3 } });
  const [slow, slower, idle, ...next] = Array.from({ length: 8 }, () => new ScriptedSocket());
  const ask = async (socket: ScriptedSocket) => {
    listener.put(socket);
    socket.send(GET);
    await socket.until(() => socket.output !== "");
    await settle();
    return [...statuses([socket]), [slow, slower, idle].map(({ isClosed }) => isClosed)];
  };
  listener.put(slow, slower, idle);
  await idle.untilReading();
  slow.send("GET /slow HTTP/1.1\r\nHost: a\r\n");
  slower.send("GET /");
  await settle();
  assertEquals(await ask(next[0]), ["503", [false, false, false]]);
  next[0].end();
  clock.nowMs += 1000;
  assertEquals(await ask(next[1]), ["200", [false, false, true]]);
  assertEquals(await ask(next[2]), ["200", [false, true, true]]);
  assertEquals(await ask(next[3]), ["200", [true, true, true]]);
  // All that are left are young.
  assertEquals(await ask(next[4]), ["503", [true, true, true]]);
  assertEquals(log.filter((line) => line.startsWith("info")), [
    "info 3 connections are open from 192.0.2.1: the slowest gives way to a new one",
  ]);
  for (const socket of next) socket.end();
  await stop();
});

Deno.test("serve() cuts who holds most and moves least once too much waits for clients, and says so once a second", async () => {
  const { listener, budget, clock, log, stop } = startServer(echoPath, { limits: { maxWaitingBytes: 90_000 } });
  const sockets = Array.from({ length: 5 }, () => new ScriptedSocket());
  listener.put(...sockets);
  for (const socket of sockets) await socket.untilReading();
  clock.nowMs += 1000;
  const field = `A: ${"x".repeat(8000)}\r\n`;
  for (const [index, socket] of sockets.entries()) {
    for (let part = 0; part < index; part++) {
      socket.send(`${part === 0 ? "GET / HTTP/1.1\r\n" : ""}${field}`);
      await settle();
    }
  }
  // 1, 8, 16, 32 and 64 KiB, as heads grow.
  await sockets[4].until(() => sockets[4].isClosed);
  await sockets[3].until(() => sockets[3].isClosed);
  assertEquals(sockets.map(({ isClosed }) => isClosed), [false, false, false, true, true]);
  assertLessOrEqual(budget.heldBytes, 81_000);
  assertEquals(log.filter((line) => line.startsWith("warn")).length, 1);
  for (const socket of sockets) socket.end();
  await stop();
  assertEquals(budget.heldBytes, 0);
});

Deno.test("serve() looks for somebody to cut once in a while where all are too young for it, however often more is held", async () => {
  const { listener, budget, clock, stop } = startServer(echoPath, { limits: { maxWaitingBytes: 90_000 } });
  const sockets = Array.from({ length: 3 }, () => new ScriptedSocket());
  listener.put(...sockets);
  for (const socket of sockets) await socket.untilReading();
  let lookCount = 0;
  clock.update = () => void lookCount++;
  const takeMore = async (count: number) => {
    for (let index = 0; index < count; index++) {
      budget.take(1000);
      await Promise.resolve();
    }
  };
  await takeMore(100);
  assertEquals([lookCount, sockets.some(({ isClosed }) => isClosed)], [1, false]);
  clock.nowMs += 1000;
  for (const socket of sockets) socket.send("GET / HTTP/1.1\r\n");
  await settle();
  lookCount = 0;
  await takeMore(100);
  assertEquals([lookCount, sockets.some(({ isClosed }) => isClosed)], [1, false]);
  for (const socket of sockets) socket.end();
  await stop();
});

Deno.test("serve() cuts nobody else for memory that comes back when those who were cut have ended", async () => {
  const { listener, budget, clock, stop } = startServer(echoPath, { limits: { maxWaitingBytes: 400_000 } });
  const sockets = Array.from({ length: 8 }, () => new ScriptedSocket());
  listener.put(...sockets);
  for (const socket of sockets) await socket.untilReading();
  clock.nowMs += 1000;
  for (const socket of sockets) {
    for (let part = 0; part < 2; part++) {
      socket.send(`${part === 0 ? "GET / HTTP/1.1\r\n" : ""}A: ${"x".repeat(8000)}\r\n`);
      await settle();
    }
  }
  const countClosed = () => sockets.filter(({ isClosed }) => isClosed).length;
  const [room, least] = [budget.maxBytes - budget.heldBytes, budget.maxBytes / 10];
  budget.take(room + 1);
  await Promise.resolve();
  const cut = countClosed();
  assert(cut > 0);
  // Too much is held until they have ended, but not by others.
  budget.take(least - 1);
  await Promise.resolve();
  assertEquals(countClosed(), cut);
  await settle();
  assertEquals(countClosed(), cut);
  for (const socket of sockets) socket.end();
  await stop();
});

Deno.test("serve() just closes what is too much even to be refused", async () => {
  const { listener, stop } = startServer(echoPath, { limits: { maxPerAddress: 1 } });
  const sockets = Array.from({ length: 20 }, () => new ScriptedSocket());
  listener.put(...sockets);
  await sockets[19].until(() => sockets[19].isClosed);
  assertEquals(statuses(sockets), ["", ...new Array(16).fill("503"), "", "", ""]);
  assertEquals(sockets.map((socket) => socket.isClosed).indexOf(true), 17);
  await stop();
});

Deno.test("serve() closes idle connections to make room", async () => {
  const { listener, clock, log, stop } = startServer(echoPath, { limits: { maxConnectionCount: 2 } });
  const [idle, busy, late] = [1, 2, 3].map(() => new ScriptedSocket());
  listener.put(idle, busy);
  await busy.untilReading();
  busy.send("GET / HT");
  await settle();
  // Nothing is read meanwhile, and the sweeps that come by, at most two, are not enough: the server must look itself.
  clock.update = () => void (clock.nowMs += 400);
  listener.put(late);
  assert(await isAnswered(late));
  assertEquals([idle.isClosed, busy.isClosed], [true, false]);
  busy.fail(new Deno.errors.ConnectionReset());
  assertEquals(log.filter((line) => line.startsWith("warn")), []);
  await stop();
});

Deno.test("serve() refuses when all are busy, after a moment, and serves again as soon as one has ended", async () => {
  const { listener, log, stop } = startServer(echoPath, { limits: { maxConnectionCount: 1 } });
  const [busy, ...refused] = [1, 2, 3].map(() => new ScriptedSocket());
  listener.put(busy);
  await busy.untilReading();
  busy.send("GET / HT");
  listener.put(...refused);
  for (const socket of refused) {
    await socket.until(() => socket.calls.includes("closeWrite"));
    socket.end();
  }
  assertEquals(statuses(refused), ["503", "503"]);
  assert(refused.every((socket) => socket.output.includes("\r\nRetry-After: 1\r\n")));
  const warnings = log.filter((line) => line.startsWith("warn"));
  assertEquals(warnings, ["warn 1 connections are busy, others are refused"]);
  busy.fail(new Deno.errors.ConnectionReset());
  await settle();
  const next = new ScriptedSocket();
  listener.put(next);
  assert(await isAnswered(next));
  await stop();
});

Deno.test("serve() really ends TLS connections that are refused before their handshake", async () => {
  const ended: number[] = [];
  const log: string[] = [];
  const clock = { nowMs: 0, unixMs: 0, update: () => clock.nowMs += 1 };
  const services = {
    ...makeServices(echoPath, { limits: { maxPerAddress: 1 }, log }),
    clock,
    shutdownSockets: (infos: readonly { readonly id: number }[]) => {
      ended.push(...infos.map(({ id }) => id));
      for (const { id } of infos) sockets[id - 1].fail(new Deno.errors.BrokenPipe());
    },
  };
  const server = Server.open(services);
  const listener = new ScriptedListener();
  const serving = server.serve(listener as unknown as Deno.Listener, { secure: true });
  const sockets = Array.from({ length: 40 }, () => new ScriptedSocket());
  const handshakes = sockets.map((socket) => {
    const { promise, reject } = Promise.withResolvers<unknown>();
    socket.handshake = () => promise;
    const fail = socket.fail.bind(socket);
    socket.fail = (error) => {
      fail(error);
      reject(error);
    };
    return promise.catch(() => {});
  });
  listener.put(...sockets);
  // The first is served, 16 are refused politely (the sweep ends them), 16 of the rest are ended at once, 7 by the sweep.
  await Promise.all(handshakes.slice(1));
  const inOrder = Array.from({ length: 39 }, (_, at) => at + 2);
  assertEquals(ended.slice(0, 16), inOrder.slice(16, 32));
  assertEquals(ended.toSorted((a, b) => a - b), inOrder);
  sockets[0].fail(new Deno.errors.ConnectionReset());
  await server.drain();
  await serving;
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
  const { server, listener, clock, log } = startServer(
    (request) =>
      new Promise((_, reject) => request.signal.addEventListener("abort", () => reject(new Error("Aborted")))),
    { limits: { drainMs: 1 } },
  );
  clock.update = () => void clock.nowMs++;
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
  const clock = { nowMs: 0, unixMs: 0, update: () => clock.nowMs += 1000 };
  const stuck = new ScriptedSocket();
  const services = {
    ...makeServices(echoPath, { limits: { writeIdleMs: 500 }, log }),
    clock,
    shutdownSockets: (infos: readonly { readonly id: number }[]) => {
      ended.push(...infos.map(({ id }) => id));
      stuck.fail(new Deno.errors.BrokenPipe());
    },
  };
  const server = Server.open(services);
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

Deno.test("open() sweeps, and close() ends that", () => {
  const server = Server.open(makeServices(echoPath, { log: [] }));
  server.close();
  server.close();
});

Deno.test("Server takes what has arrived before it judges who is late", async () => {
  const { listener, clock, stop } = startServer(echoContent, {
    limits: { headMs: 2000, bodyIdleMs: 2000, keepAliveMs: 2000 },
  });
  const head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
  const rows: readonly [socket: ScriptedSocket, before: string, meanwhile: string, want: string][] = [
    [new ScriptedSocket(), "GET / HT", "TP/1.1\r\nHost: a\r\n\r\n", "200"],
    [new ScriptedSocket(), `${head}he`, "llo", "200"],
    [new ScriptedSocket(), "", GET, "200"],
    [new ScriptedSocket(), "GET / HT", "", "408"],
  ];
  for (const [socket, before] of rows) {
    listener.put(socket);
    await socket.untilReading();
    if (before !== "") socket.send(before);
  }
  await settle();
  // The sweep comes late, before the reads of what has come meanwhile have been told.
  clock.update = () => {
    clock.update = () => {};
    clock.nowMs += 35_000;
    for (const [socket, _before, meanwhile] of rows) if (meanwhile !== "") socket.send(meanwhile);
  };
  for (const [socket] of rows) await socket.until(() => socket.output !== "" || socket.isClosed);
  assertEquals(statuses(rows.map(([socket]) => socket)), rows.map(([, , , want]) => want));
  for (const [socket] of rows) socket.end();
  await stop();
});

Deno.test("drain() goes on to accept while somebody is still queued", async () => {
  const { server, listener, stop } = startServer(echoPath);
  const sockets = Array.from({ length: 5 }, () => new ScriptedSocket());
  // A busy thread comes to each of them only after a while.
  listener.pauseMs = 15;
  listener.put(...sockets);
  const stopped = stop();
  for (const socket of sockets) assert(await isAnswered(socket));
  await stopped;
  assertEquals(server.connectionCount, 0);
});

Deno.test("drain() counts no pause of the process among the time for requests under way", async () => {
  const answer = Promise.withResolvers<void>();
  const { server, listener, clock, log } = startServer(async (request) => {
    await answer.promise;
    return echoPath(request);
  }, { limits: { drainMs: 1 } });
  const socket = new ScriptedSocket();
  listener.put(socket);
  socket.send(GET);
  socket.end();
  await settle();
  // The timer has come, and the clock has not gone on: the process was stopped all the while.
  clock.update = () => answer.resolve();
  await server.drain();
  assert(socket.output.startsWith("HTTP/1.1 200 OK\r\n"));
  assertEquals(log.filter((line) => line.startsWith("warn")), []);
});
