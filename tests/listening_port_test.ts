/** lib/net/listening_port.ts against real sockets; what it sets is read back with getsockopt(2). */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { NO_LIBC, openLibc } from "../lib/system/libc.ts";
import { ListeningPort } from "../lib/net/listening_port.ts";

/** Opened before the FFI permission is given up. */
const { symbols: inspector } = Deno.dlopen(`/lib/${Deno.build.arch}-linux-gnu/libc.so.6`, {
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
});
const libc = openLibc();

/** Linux, netinet/tcp.h. */
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;

Deno.test("setNoDelay() makes accepted connections send at once, on IPv4 and IPv6, and others not", async () => {
  for (const hostname of ["127.0.0.1", "::1"]) {
    const [set, unset] = [Deno.listen({ hostname, port: 0 }), Deno.listen({ hostname, port: 0 })];
    assert(new ListeningPort(libc, set.addr.port).setNoDelay());
    for (const [listener, want] of [[set, 1], [unset, 0]] as const) {
      const [client, server] = await Promise.all([
        Deno.connect({ hostname, port: listener.addr.port }),
        listener.accept(),
      ]);
      assertEquals(noDelayOf((client.localAddr as Deno.NetAddr).port), want);
      client.close();
      server.close();
    }
    for (const listener of [set, unset]) listener.close();
  }
});

Deno.test("share() lets a second socket listen where there was one that did not ask for it", () => {
  const hostname = "127.0.0.1";
  const first = Deno.listen({ hostname, port: 0 });
  const { port } = first.addr;
  const socket = new ListeningPort(libc, port);
  assertThrows(() => Deno.listen({ hostname, port, reusePort: true }), Deno.errors.AddrInUse);
  assert(socket.share());
  assertEquals(socket.socketCount, 1);
  const second = Deno.listen({ hostname, port, reusePort: true });
  assertEquals(socket.socketCount, 2);
  for (const listener of [first, second]) listener.close();
});

for (const count of [1, 2, 3]) {
  Deno.test(`passOn() gives the last socket the connections of any one of ${count}, and the others keep theirs`, async () => {
    const hostname = "127.0.0.1";
    const { listeners, port } = listenTogether(hostname, count);
    const socket = new ListeningPort(libc, port);
    const counts = new Map<Deno.Listener, number>();
    for (const listener of listeners) countAccepted(listener, counts);
    for (let index = 0; index < count; index++) {
      const [old, renewed] = [listeners[index], Deno.listen({ hostname, port, reusePort: true })];
      countAccepted(renewed, counts);
      assert(socket.passOn({ index, count }));
      listeners[index] = renewed;
      await connectOften(port, counts);
      assertEquals(counts.get(old), 0);
      assertEquals(listeners.map((listener) => (counts.get(listener) ?? 0) > 0), listeners.map(() => true));
      old.close();
      while (socket.socketCount > count) await new Promise((resolve) => setTimeout(resolve));
      await connectOften(port, counts);
    }
    for (const listener of listeners) listener.close();
  });
}

Deno.test("ListeningPort does nothing and says so when nothing listens or there is no libc", () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  for (const socket of [new ListeningPort(NO_LIBC, port), new ListeningPort(libc, port ^ 1)]) {
    const part = { index: 0, count: 1 };
    assertEquals([socket.setNoDelay(), socket.share(), socket.passOn(part), socket.socketCount], [
      false,
      false,
      false,
      0,
    ]);
  }
  listener.close();
});

/** Sockets that share a port, in the order in which they began to listen. */
function listenTogether(
  hostname: string,
  count: number,
): { readonly listeners: Deno.TcpListener[]; readonly port: number } {
  const first = Deno.listen({ hostname, port: 0, reusePort: true });
  const { port } = first.addr;
  const others = Array.from({ length: count - 1 }, () => Deno.listen({ hostname, port, reusePort: true }));
  return { listeners: [first, ...others], port };
}

/** Accepts until the listener is closed. */
async function countAccepted(listener: Deno.TcpListener, counts: Map<Deno.Listener, number>): Promise<void> {
  counts.set(listener, 0);
  for await (const connection of listener) {
    connection.close();
    counts.set(listener, (counts.get(listener) ?? 0) + 1);
  }
}

/** Connects 64 times and waits until all have been accepted; the counts begin anew. */
async function connectOften(port: number, counts: Map<Deno.Listener, number>): Promise<void> {
  for (const listener of counts.keys()) counts.set(listener, 0);
  for (let count = 1; count <= 64; count++) {
    using _client = await Deno.connect({ hostname: "127.0.0.1", port });
    while (counts.values().reduce((sum, each) => sum + each, 0) < count) {
      await new Promise((resolve) => setTimeout(resolve));
    }
  }
}

/** TCP_NODELAY of the socket of this process whose peer has that port; null where there is none. */
function noDelayOf(peerPort: number): number | null {
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    const address = new Uint8Array(28);
    if (inspector.getpeername(Number(name), address, Uint32Array.of(28)) !== 0) continue;
    if ((address[2] << 8 | address[3]) !== peerPort) continue;
    const value = new Int32Array(1);
    assertEquals(inspector.getsockopt(Number(name), IPPROTO_TCP, TCP_NODELAY, value, Uint32Array.of(4)), 0);
    return value[0];
  }
  return null;
}
