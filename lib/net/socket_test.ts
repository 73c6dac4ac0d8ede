/** Connections and their listener against clients of the runtime, on 127.0.0.1 and ::1. */
import { Buffer } from "node:buffer";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { countDescriptors } from "../../tests/descriptors.ts";
import { bytesOf } from "../../tests/feed.ts";
import { socketCalls, withSockets } from "../../tests/sockets.ts";
import { countUntilTimer } from "../../tests/turns.ts";
import { FileRanges, RANGE_CALLS } from "../system/file_ranges.ts";
import { nextTurn } from "../system/readiness.ts";
import type { SocketCalls } from "../system/socket_calls.ts";
import type { Socket } from "./socket.ts";

const MSG_MORE = 0x8000;
const rangeCalls = Deno.dlopen("libc.so.6", RANGE_CALLS).symbols;

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
      const want = { transport: "tcp", hostname: address, port: remoteAddr.port } as const;
      assertEquals(socket.localAddr, want);
      socket.close();
      // What was asked for is known.
      assertEquals(socket.localAddr, want);
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

Deno.test("Socket.hasUnread() sees what has come without a turn of the runtime, and leaves it there; an end is nothing to read", () =>
  withSockets({}, async ({ pair }) => {
    const { client, socket } = await pair();
    const waiting = readText(socket);
    await nextTurn();
    assertEquals(socket.hasUnread(), false);
    // On its way at once, while whoever waits for it hears of it in a turn of the runtime.
    client.write(bytesOf("next"));
    assertEquals([socket.hasUnread(), socket.hasUnread()], [true, true]);
    assertEquals([await waiting, socket.hasUnread()], ["next", false]);
    await client.closeWrite();
    assertEquals(socket.hasUnread(), false);
    socket.close();
    assertEquals(socket.hasUnread(), false);
  }));

Deno.test("Socket.rest() ends a read that waits, and tells once when there is something to be read, were it the end, or it is closed; not while it writes", () =>
  withSockets({}, async ({ pair }) => {
    for (const isEnd of [false, true]) {
      const { client, socket } = await pair();
      let count = 0;
      const woken = Promise.withResolvers<void>();
      const waking = {
        wake: () => {
          count++;
          woken.resolve();
        },
      };
      assertEquals(socket.rest(waking), false);
      const waiting = readText(socket);
      assertEquals([socket.rest(waking), socket.rest(waking), await waiting], [true, false, ""]);
      await nextTurn();
      assertEquals(count, 0);
      if (isEnd) await client.closeWrite();
      else await client.write(bytesOf("one"));
      await woken.promise;
      assertEquals(await readText(socket), isEnd ? null : "one");
      if (!isEnd) {
        const next = readText(socket);
        await client.write(bytesOf("two"));
        assertEquals(await next, "two");
      }
      assertEquals(count, 1);
    }
    const closing = (await pair()).socket;
    const ended = readText(closing);
    let isWoken = false;
    closing.rest({ wake: () => isWoken = true });
    closing.close();
    assertEquals([isWoken, await ended], [true, ""]);
    const { socket } = await pair();
    const waiting = readText(socket);
    const writing = assertRejects(async () => {
      for (;;) await socket.write(new Uint8Array(1 << 20));
    }, Deno.errors.Interrupted);
    while (socket.writeAtOnce(new Uint8Array(1 << 20)) > 0) await nextTurn();
    assertEquals(socket.rest({ wake: () => {} }), false);
    socket.close();
    await assertRejects(() => waiting, Deno.errors.Interrupted);
    await writing;
  }));

Deno.test("Socket.readInto() asks for room once there is something to read, and not before", () =>
  withSockets({}, async ({ pair }) => {
    const { client, socket } = await pair();
    const room = new Uint8Array(100);
    let spaceCount = 0;
    const space = () => {
      spaceCount++;
      return room;
    };
    // Nothing is tried as long as nothing can have come.
    socket.expectNothing();
    const waiting = socket.readInto(space);
    await nextTurn();
    assertEquals(spaceCount, 0);
    await client.write(bytesOf("asked"));
    assertEquals([await waiting, spaceCount], [5, 1]);
    assertEquals(new TextDecoder().decode(room.subarray(0, 5)), "asked");
    const last = socket.readInto(space);
    await client.closeWrite();
    assertEquals(await last, null);
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

Deno.test("Socket.flow() gives what comes to who takes it, nothing while that waits, and resolves at the end", () =>
  withSockets({}, async ({ pair }) => {
    const { client, socket } = await pair();
    const taken: string[] = [];
    const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const slow = Promise.withResolvers<boolean>();
    await client.write(bytesOf("before"));
    const flowing = socket.flow((bytes) => {
      taken.push(new TextDecoder().decode(bytes));
      if (taken.length === 1) first.resolve();
      if (taken.length !== 2) return true;
      second.resolve();
      return slow.promise;
    });
    await first.promise;
    await client.write(bytesOf("one"));
    await second.promise;
    await client.write(bytesOf("two"));
    await client.closeWrite();
    for (let count = 0; count < 5; count++) await nextTurn();
    assertEquals(taken, ["before", "one"]);
    slow.resolve(true);
    await flowing;
    assertEquals(taken, ["before", "one", "two"]);
  }));

Deno.test("Socket.flow() is ended by who takes, by a read, and rejects when the socket is closed or reset", () =>
  withSockets({}, async ({ pair }) => {
    const told = await pair();
    await told.client.write(bytesOf("enough"));
    await told.socket.flow(() => false);
    await told.client.write(bytesOf("more"));
    assertEquals(await readText(told.socket), "more");

    const read = await pair();
    const ended = read.socket.flow(() => true);
    const waiting = readText(read.socket);
    await ended;
    await read.client.write(bytesOf("read"));
    assertEquals(await waiting, "read");

    const closed = await pair();
    const flowing = closed.socket.flow(() => true);
    closed.socket.close();
    await assertRejects(() => flowing, Deno.errors.Interrupted);
    await assertRejects(() => closed.socket.flow(() => true), Deno.errors.BadResource);

    const failing = await pair();
    await failing.client.write(bytesOf("y"));
    const thrown = () => {
      throw new Error("cannot look at it");
    };
    await assertRejects(() => failing.socket.flow(thrown), Error, "cannot look at it");
    await failing.client.write(bytesOf("x"));
    await assertRejects(
      () => failing.socket.flow(() => Promise.reject(new Error("cannot take it"))),
      Error,
      "cannot take it",
    );
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
  let areStarting = false;
  return withSockets({ calls, areProgramsStarting: () => areStarting }, async ({ pair }) => {
    for (areStarting of [false, true]) {
      const { client, socket } = await pair();
      await socket.write(bytesOf("first "));
      await socket.write(bytesOf("last"), true);
      socket.close();
      assertEquals(await new Response(client.readable).text(), "first last");
      assertEquals(called.splice(0), ["send", "send more", ...areStarting ? ["shutdown"] : []]);
    }
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
    assertEquals(socket.localAddr, { transport: "tcp", hostname: "", port: 0 });
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

/** Runs with a file of so many bytes, each its own place in it modulo 251, that is open as descriptors are. */
async function withOpenFile(length: number, test: (descriptor: number, bytes: Uint8Array) => Promise<void>) {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at++) bytes[at] = at % 251;
  const range = new FileRanges(rangeCalls).createMemory(2 * length + 65_536).keep(bytes);
  assert(range !== null);
  try {
    await test(range.descriptor, bytes);
  } finally {
    rangeCalls.close(range.descriptor);
  }
}

Deno.test("Socket.sendFile() sends what is asked for of the file, after what was written, and waits for room", () =>
  withOpenFile(16_000_000, (descriptor, bytes) =>
    withSockets({}, async ({ pair }) => {
      const { client, socket } = await pair();
      await socket.write(bytesOf("head"), true);
      const [first, length] = [1000, 15_000_000];
      const sending = (async () => {
        let sent = 0;
        let count = 0;
        for (; sent < length; count++) {
          sent += await socket.sendFile({ descriptor, first: first + sent, length: length - sent });
        }
        socket.close();
        return count;
      })();
      const received = new Uint8Array(await new Response(client.readable).arrayBuffer());
      assertEquals(new TextDecoder().decode(received.subarray(0, 4)), "head");
      // As Buffer: assertEquals() takes seconds for so many.
      assert(Buffer.from(received.subarray(4)).equals(bytes.subarray(first, first + length)));
      // More than once: more than the system takes at a time.
      assert(await sending > 1);
    })));

Deno.test("Socket.sendFile() sends nothing beyond the end of the file, or of what is none", () =>
  withOpenFile(10, (descriptor) =>
    withSockets({}, async ({ pair }) => {
      const { socket } = await pair();
      assertEquals(await socket.sendFile({ descriptor, first: 10, length: 5 }), 0);
      assertEquals(await socket.sendFile({ descriptor: -1, first: 0, length: 5 }), 0);
      // Once more, for what is asked for once of the readiness is told once.
      assertEquals(await socket.sendFile({ descriptor: -1, first: 0, length: 5 }), 0);
    })));

Deno.test("Socket.sendFileAtOnce() sends what there is room for, and nothing while a write waits or when it is closed", () =>
  withOpenFile(16_000_000, (descriptor, bytes) =>
    withSockets({}, async ({ pair }) => {
      const { client, socket } = await pair();
      assertEquals(socket.writeAtOnce(bytesOf("head"), true), 4);
      let sent = 0;
      const sendOn = () => {
        const count = socket.sendFileAtOnce({ descriptor, first: sent, length: bytes.length - sent });
        sent += count;
        return count > 0;
      };
      while (sendOn());
      assert(0 < sent && sent < bytes.length, `${sent}`);
      const waiting = socket.write(bytesOf("more"));
      assert(!sendOn());
      const reading = new Response(client.readable).arrayBuffer();
      assertEquals(await waiting, 4);
      socket.close();
      assert(!sendOn());
      const received = Buffer.from(await reading);
      assert(received.equals(Buffer.concat([Buffer.from("head"), bytes.subarray(0, sent), Buffer.from("more")])));
    })));

Deno.test("Socket.sendFile() rejects when the peer has reset, and when it is closed, also while it waits", () =>
  withOpenFile(8_000_000, (descriptor) =>
    withSockets({}, async ({ pair }) => {
      const { client, socket } = await pair();
      const waiting = readText(socket);
      await socket.write(bytesOf("unread"));
      client.close();
      assertEquals(await waiting, null);
      const range = { descriptor, first: 0, length: 8_000_000 };
      await assertRejects(() => socket.sendFile(range), Deno.errors.BrokenPipe);
      const { socket: other } = await pair();
      let sent = await other.sendFile(range);
      const sendOn = async () => {
        for (;;) sent += await other.sendFile({ ...range, first: sent, length: 8_000_000 - sent });
      };
      const sending = assertRejects(sendOn, Deno.errors.Interrupted);
      await nextTurn();
      other.close();
      await sending;
      await assertRejects(() => other.sendFile(range), Deno.errors.BadResource);
    })));
