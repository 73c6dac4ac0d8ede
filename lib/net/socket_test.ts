/** Connections and their listener against clients of the runtime, on 127.0.0.1 and ::1. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { countDescriptors } from "../../tests/descriptors.ts";
import { bytesOf } from "../../tests/feed.ts";
import { socketCalls, withSockets } from "../../tests/sockets.ts";
import { countUntilTimer } from "../../tests/turns.ts";
import type { SocketCalls } from "../system/socket_calls.ts";
import type { Socket } from "./socket.ts";

const MSG_MORE = 0x8000;

/** What one read brings, null at the end. */
async function readText(connection: Pick<Socket, "read">, room = 100): Promise<string | null> {
  const space = new Uint8Array(room);
  const count = await connection.read(space);
  return count === null ? null : new TextDecoder().decode(space.subarray(0, count));
}

const FAMILIES: readonly (readonly [listens: string, client: string])[] = [
  ["127.0.0.1", "127.0.0.1"],
  ["::1", "::1"],
  // IPv4 clients of a dual-stack listener.
  ["::", "127.0.0.1"],
];

for (const [hostname, address] of FAMILIES) {
  Deno.test(`Socket knows both of its ends, of a listener on ${hostname}`, () =>
    withSockets({ hostname }, async ({ pair }) => {
      const { client, socket } = await pair();
      const { localAddr, remoteAddr } = client;
      assertEquals(socket.remoteAddr, { transport: "tcp", hostname: address, port: localAddr.port });
      assertEquals(socket.localAddr, { transport: "tcp", hostname: address, port: remoteAddr.port });
    }));
}

Deno.test("Socket.read() gives what has come, waits for what comes, and gives null at the end", () =>
  withSockets({}, async ({ pair }) => {
    const { client, socket } = await pair();
    await client.write(bytesOf("here"));
    assertEquals(await readText(socket), "here");
    const waiting = readText(socket);
    await client.write(bytesOf("later"));
    assertEquals(await waiting, "later");
    // More than there is room for, and an end that comes with it.
    await client.write(bytesOf("one two"));
    await client.closeWrite();
    assertEquals(await readText(socket, 4), "one ");
    assertEquals(await readText(socket), "two");
    assertEquals(await readText(socket), null);
    assertEquals(await readText(socket), null);
  }));

Deno.test("Socket.read() sees an end that came with the last bytes, while it waited for them", () =>
  withSockets({}, async ({ pair }) => {
    const { client, socket } = await pair();
    const waiting = readText(socket);
    // Both are there before the next turn, in which one event tells of both.
    client.write(bytesOf("last"));
    client.closeWrite();
    assertEquals(await waiting, "last");
    assertEquals(await readText(socket), null);
  }));

Deno.test("Socket.write() rejects with BrokenPipe and closeWrite() with NotConnected when the peer has reset", () =>
  withSockets({}, async ({ pair }) => {
    const { client, socket } = await pair();
    const waiting = readText(socket);
    // A peer that closes with unread bytes resets the connection; the runtime ends its side before.
    await socket.write(bytesOf("unread"));
    client.close();
    assertEquals(await waiting, null);
    await assertRejects(() => socket.write(bytesOf("more")), Deno.errors.BrokenPipe);
    await assertRejects(() => socket.closeWrite(), Deno.errors.NotConnected);
  }));

/** Connects to the port, sends a byte, and resets the connection once a byte has come; Deno ends its side before it closes. */
const RESETTING_CLIENT = `import socket, struct, sys
client = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
client.sendall(b"a")
client.recv(1)
client.close()`;

Deno.test("Socket.read() rejects with ConnectionReset when the peer resets without an end", () =>
  withSockets({}, async ({ listener, port }) => {
    const client = new Deno.Command("python3", { args: ["-c", RESETTING_CLIENT, String(port)] }).spawn();
    const socket = await listener.accept();
    assertEquals(await readText(socket), "a");
    const waiting = assertRejects(() => readText(socket), Deno.errors.ConnectionReset);
    await socket.write(bytesOf("b"));
    await waiting;
    await assertRejects(() => readText(socket), Deno.errors.ConnectionReset);
    socket.close();
    await client.status;
  }));

Deno.test("Socket.write() waits for a client that reads slowly, and loses nothing", () =>
  withSockets({}, async ({ pair }) => {
    const { client, socket } = await pair();
    const sent = Uint8Array.from({ length: 20_000_000 }, (_, index) => index * 7 + (index >> 12));
    const writing = (async () => {
      let writes = 0;
      for (let rest = sent; rest.length > 0; writes++) rest = rest.subarray(await socket.write(rest));
      socket.close();
      return writes;
    })();
    const received = new Uint8Array(await new Response(client.readable).arrayBuffer());
    assertEquals(received.length, sent.length);
    assert(received.every((byte, at) => byte === sent[at]));
    assert(await writing > 1);
  }));

Deno.test("Socket.write() rejects with BrokenPipe when the client goes while it waits for room", () =>
  withSockets({}, async ({ pair }) => {
    const { client, socket } = await pair();
    const block = new Uint8Array(1_000_000);
    let writing = socket.write(block);
    // The first of them that waits is the last.
    for (let isDone = true; isDone;) {
      isDone = await Promise.race([writing.then(() => true), Promise.resolve().then(() => Promise.resolve(false))]);
      if (isDone) writing = socket.write(block);
    }
    client.close();
    await assertRejects(() => writing, Deno.errors.BrokenPipe);
  }));

Deno.test("Socket.write() lets the last bytes leave with the end of the connection, and only those", () => {
  const called: string[] = [];
  const calls: Partial<SocketCalls> = {
    send: (descriptor, bytes, length, flags) => {
      called.push((flags & MSG_MORE) === 0 ? "send" : "send more");
      return socketCalls.send(descriptor, bytes, length, flags);
    },
    // A program that is being started may have a copy of the descriptor, which close(2) leaves open.
    shutdown: (descriptor, how) => {
      called.push("shutdown");
      return socketCalls.shutdown(descriptor, how);
    },
  };
  return withSockets({ calls }, async ({ pair }) => {
    const { client, socket } = await pair();
    await socket.write(bytesOf("first "));
    await socket.write(bytesOf("last"), true);
    socket.close();
    assertEquals(await new Response(client.readable).text(), "first last");
    assertEquals(called, ["send", "send more", "shutdown"]);
    called.length = 0;
    const other = await pair();
    await other.socket.write(bytesOf("all"));
    other.socket.close();
    assertEquals(await new Response(other.client.readable).text(), "all");
    assertEquals(called, ["send"]);
  });
});

Deno.test("Socket.close() ends what is under way, once, and nothing reaches the descriptor afterwards", () => {
  const before = countDescriptors();
  let callCount = 0;
  const counted = Object.fromEntries(
    Object.entries(socketCalls).map(([name, call]) => [name, (...values: never[]) => {
      callCount++;
      return (call as (...values: never[]) => number)(...values);
    }]),
  );
  return withSockets({ calls: counted }, async ({ pair }) => {
    const { socket } = await pair();
    const open = countDescriptors();
    const reading = readText(socket);
    const writing = (async () => {
      for (;;) await socket.write(new Uint8Array(1_000_000));
    })();
    const ends = Promise.all([
      assertRejects(() => reading, Deno.errors.Interrupted),
      assertRejects(() => writing, Deno.errors.Interrupted),
    ]);
    // Until the client's buffers are full.
    await new Promise((resolve) => setTimeout(resolve));
    socket.close();
    await ends;
    assertEquals(countDescriptors(), open - 1);
    callCount = 0;
    socket.close();
    socket.setNoDelay(true);
    await assertRejects(() => readText(socket), Deno.errors.BadResource);
    await assertRejects(() => socket.write(new Uint8Array(1)), Deno.errors.BadResource);
    await assertRejects(() => socket.closeWrite(), Deno.errors.NotConnected);
    assertThrows(() => socket.localAddr, Deno.errors.BadResource);
    assertEquals(callCount, 0);
  }).then(() => assertEquals(countDescriptors(), before));
});

Deno.test("Socket.read() lets others have their turn while a client sends without a pause", () =>
  withSockets({ calls: { recv: () => 1 } }, async ({ pair }) => {
    const { socket } = await pair();
    const space = new Uint8Array(1);
    assert(await countUntilTimer(() => socket.read(space)) < 100_000);
  }));

Deno.test("SocketListener.accept() lets others have their turn while clients come without a pause", () => {
  // No descriptor has this number.
  return withSockets({ calls: { accept4: () => 1_000_000 } }, async ({ listener }) => {
    assert(await countUntilTimer(() => listener.accept()) < 100_000);
  });
});

Deno.test("SocketListener.accept() rejects when a client cannot be accepted, and goes on when one can", () => {
  let hasRoom = false;
  const calls = {
    accept4: (descriptor: number, address: BufferSource | null, size: BufferSource | null, flags: number) =>
      hasRoom ? socketCalls.accept4(descriptor, address, size, flags) : -1,
  };
  return withSockets({ calls }, async ({ listener, connect }) => {
    const refused = assertRejects(() => listener.accept(), Error, "No descriptor is left");
    await connect();
    await refused;
    await assertRejects(() => listener.accept(), Error, "No descriptor is left");
    hasRoom = true;
    const socket = await listener.accept();
    socket.close();
  });
});

Deno.test("SocketListener.accept() waits for the next one when somebody else was quicker, but not for want of room", () => {
  let [missed, hasRoom] = [0, true];
  const calls = {
    accept4: (descriptor: number, address: BufferSource | null, size: BufferSource | null, flags: number) =>
      missed++ < 5 || !hasRoom ? -1 : socketCalls.accept4(descriptor, address, size, flags),
    fcntl: (...args: Parameters<typeof socketCalls.fcntl>) => hasRoom ? socketCalls.fcntl(...args) : -1,
  };
  return withSockets({ calls, isShared: true }, async ({ listener, connect }) => {
    const accepting = listener.accept();
    await connect();
    (await accepting).close();
    assert(missed > 5);
    hasRoom = false;
    const refused = assertRejects(() => listener.accept(), Error, "No descriptor is left");
    await connect();
    await refused;
    [hasRoom, missed] = [true, -200];
    await assertRejects(() => listener.accept(), Error, "No descriptor is left");
  });
});

Deno.test("SocketListener.accept() gives everybody who is queued, each once", () =>
  withSockets({}, async ({ listener, connect }) => {
    const clients = await Promise.all(Array.from({ length: 100 }, connect));
    const sockets = await Promise.all(clients.map(() => listener.accept()));
    const ports = (list: readonly number[]) => list.toSorted((a, b) => a - b);
    assertEquals(
      ports(sockets.map(({ remoteAddr }) => remoteAddr.port)),
      ports(clients.map(({ localAddr }) => localAddr.port)),
    );
    for (const socket of sockets) socket.close();
  }));

Deno.test("SocketListener.close() ends an accept that waits, and refuses clients from then on", () =>
  withSockets({}, async ({ listener, connect }) => {
    const waiting = listener.accept();
    listener.close();
    await assertRejects(() => waiting, Deno.errors.BadResource);
    await assertRejects(() => listener.accept(), Deno.errors.BadResource);
    await assertRejects(connect, Deno.errors.ConnectionRefused);
  }));
