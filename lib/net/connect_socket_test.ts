/** Connections to listeners of the runtime, on addresses of this machine and on a socket file. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { countDescriptors } from "../../tests/descriptors.ts";
import { readinessCalls } from "../../tests/cgi/system_calls.ts";
import { bytesOf } from "../../tests/feed.ts";
import { socketCalls } from "../../tests/sockets.ts";
import { Readiness } from "../system/readiness.ts";
import { connectSocket } from "./connect_socket.ts";
import type { SocketServices } from "./socket.ts";
import type { PeerAddress } from "./socket_address.ts";

async function withServices(work: (services: SocketServices) => Promise<void>): Promise<void> {
  const readiness = new Readiness(readinessCalls);
  try {
    await work({ calls: socketCalls, readiness, areProgramsStarting: () => false });
  } finally {
    await readiness.close();
  }
}

/** Answers "hello", and what it was sent. */
async function echo(listener: Deno.Listener): Promise<void> {
  const peer = await listener.accept();
  const space = new Uint8Array(10);
  const count = await peer.read(space) ?? 0;
  await peer.write(bytesOf("hello "));
  await peer.write(space.subarray(0, count));
  peer.close();
}

async function talk(address: PeerAddress, listener: Deno.Listener): Promise<void> {
  await withServices(async (services) => {
    const echoing = echo(listener);
    const socket = await connectSocket(address, { services, limitMs: 5000 });
    assertEquals(socket?.isQuiet, true);
    assertEquals(socket?.writeAtOnce(bytesOf("world")), 5);
    let text = "";
    const space = new Uint8Array(100);
    for (let count; (count = await socket?.read(space)) !== null;) {
      text += new TextDecoder().decode(space.subarray(0, count));
    }
    assertEquals(text, "hello world");
    socket?.close();
    assertEquals([socket?.writeAtOnce(bytesOf("x")), socket?.isQuiet], [0, false]);
    await echoing;
  });
}

for (const hostname of ["127.0.0.1", "::1"]) {
  Deno.test(`connectSocket() connects to ${hostname}`, async () => {
    const listener = Deno.listen({ hostname, port: 0 });
    await talk({ transport: "tcp", hostname, port: listener.addr.port }, listener);
    listener.close();
  });
}

Deno.test("connectSocket() connects to a socket file", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/x.sock`;
  const listener = Deno.listen({ transport: "unix", path });
  await talk({ transport: "unix", path }, listener);
  listener.close();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("connectSocket() needs no promise for what is known at once", () =>
  withServices(async (services) => {
    const folder = await Deno.makeTempDir();
    const path = `${folder}/x.sock`;
    const listener = Deno.listen({ transport: "unix", path });
    const connected = connectSocket({ transport: "unix", path }, { services, limitMs: 5000 });
    assert(connected !== null && !(connected instanceof Promise));
    connected.close();
    listener.close();
    assertEquals(connectSocket({ transport: "unix", path: `${path}x` }, { services, limitMs: 5000 }), null);
    await Deno.remove(folder, { recursive: true });
  }));

for (const isEarly of [false, true]) {
  Deno.test(`connectSocket() gives what reads once, also what ${isEarly ? "came before" : "comes later"}`, () =>
    withServices(async ({ calls, ...services }) => {
      let readCount = 0;
      const recv: typeof calls.recv = (...asked) => {
        readCount++;
        return calls.recv(...asked);
      };
      const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const address = { transport: "tcp", hostname: "127.0.0.1", port: listener.addr.port } as const;
      const counted = { ...services, calls: { ...calls, recv } };
      const socket = await connectSocket(address, { services: counted, limitMs: 5000 });
      const peer = await listener.accept();
      const space = new Uint8Array(10);
      const early = isEarly ? null : socket?.read(space);
      await peer.write(bytesOf("hello"));
      assertEquals([await (early ?? socket?.read(space)), readCount], [5, 1]);
      for (const each of [peer, socket, listener]) each?.close();
    }));
}

Deno.test("connectSocket() gives null, and no descriptor away, where nobody listens, and for a name", () =>
  withServices(async (services) => {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    listener.close();
    const before = countDescriptors();
    const addresses: readonly PeerAddress[] = [
      { transport: "tcp", hostname: "127.0.0.1", port },
      { transport: "tcp", hostname: "app.example.org", port },
      { transport: "unix", path: "/nowhere/x.sock" },
      { transport: "unix", path: `/${"x".repeat(200)}` },
    ];
    for (const address of addresses) assertEquals(await connectSocket(address, { services, limitMs: 5000 }), null);
    assertEquals(countDescriptors(), before);
  }));

Deno.test("connectSocket() gives up after its time", () =>
  withServices(async (services) => {
    // The queue of a listener that accepts nobody takes two, and drops what else would connect.
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 });
    const address = { transport: "tcp", hostname: "127.0.0.1", port: listener.addr.port } as const;
    const queued = [await connectSocket(address, { services, limitMs: 5000 })];
    queued.push(await connectSocket(address, { services, limitMs: 5000 }));
    const before = countDescriptors();
    await assertRejects(
      async () => await connectSocket(address, { services, limitMs: 20 }),
      Deno.errors.TimedOut,
      "within 20 ms",
    );
    assertEquals(countDescriptors(), before);
    for (const socket of queued) socket?.close();
    listener.close();
  }));

Deno.test("Socket.isQuiet tells whether anything has come since it was watched, and that it was ended", () =>
  withServices(async (services) => {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const address = { transport: "tcp", hostname: "127.0.0.1", port: listener.addr.port } as const;
    for (const isEnded of [true, false]) {
      const socket = await connectSocket(address, { services, limitMs: 5000 });
      const peer = await listener.accept();
      await peer.write(bytesOf("x"));
      assertEquals(await socket?.read(new Uint8Array(10)), 1);
      socket?.watch();
      assertEquals(socket?.isQuiet, true);
      if (isEnded) peer.close();
      else await peer.write(bytesOf("y"));
      while (socket?.isQuiet) await new Promise((resolve) => setTimeout(resolve, 1));
      assertEquals(await socket?.read(new Uint8Array(10)), isEnded ? null : 1);
      socket?.close();
      if (!isEnded) peer.close();
    }
    listener.close();
  }));
