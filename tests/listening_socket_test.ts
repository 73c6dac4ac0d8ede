/** lib/server/listening_socket.ts against real sockets; what it sets is read back with getsockopt(2). */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { openLibc } from "../lib/server/libc.ts";
import { ListeningSocket } from "../lib/server/listening_socket.ts";

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
    assert(new ListeningSocket(libc, set.addr.port).setNoDelay());
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

Deno.test("share() lets a second socket listen and preferSecond() gives it all connections until the first is closed", async () => {
  const hostname = "127.0.0.1";
  const first = Deno.listen({ hostname, port: 0 });
  const { port } = first.addr;
  const socket = new ListeningSocket(libc, port);
  assertThrows(() => Deno.listen({ hostname, port, reusePort: true }), Deno.errors.AddrInUse);
  assert(socket.share());
  assertEquals(socket.isShared(), false);
  const second = Deno.listen({ hostname, port, reusePort: true });
  assertEquals(socket.isShared(), true);
  assert(socket.preferSecond());
  const stray = first.accept().then(() => "first", () => "closed");
  for (let count = 0; count < 50; count++) {
    const client = await Deno.connect({ hostname, port });
    assertEquals(await Promise.race([acceptFrom(second), stray]), "second");
    client.close();
  }
  first.close();
  const client = await Deno.connect({ hostname, port });
  assertEquals(await acceptFrom(second), "second");
  client.close();
  second.close();
  assertEquals(await stray, "closed");
});

Deno.test("ListeningSocket does nothing and says so when nothing listens or there is no libc", () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  for (const socket of [new ListeningSocket(null, port), new ListeningSocket(libc, port ^ 1)]) {
    assertEquals([socket.setNoDelay(), socket.share(), socket.preferSecond(), socket.isShared()], Array(4).fill(false));
  }
  listener.close();
});

async function acceptFrom(listener: Deno.TcpListener): Promise<"second"> {
  (await listener.accept()).close();
  return "second";
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
