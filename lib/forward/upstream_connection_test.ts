/** The room that connections read into, over sockets that say what the test wants. */
import { assert, assertEquals } from "@std/assert";
import { UpstreamConnection } from "./upstream_connection.ts";
import { parseUpstream } from "./upstream.ts";
import type { UpstreamSocket } from "./upstream_socket.ts";

/** Each read has that text. */
function open(text: string): UpstreamConnection {
  return openFor((into) => new TextEncoder().encodeInto(text, into).written);
}

function openFor(fill: (into: Uint8Array) => number): UpstreamConnection {
  const socket: UpstreamSocket = {
    ...{ isQuiet: false, watch: () => {}, close: () => {}, closeWrite: () => Promise.resolve() },
    read: (into) => Promise.resolve(fill(into)),
    write: (bytes) => Promise.resolve(bytes.length),
    writeAtOnce: (bytes) => bytes.length,
  };
  const upstream = parseUpstream("fastcgi:unix:/run/app.sock");
  if (upstream === null) throw new Error("No upstream");
  const connection = UpstreamConnection.open(upstream, { connectMs: 1, connect: () => socket, shutDown: () => {} }, 0);
  assert(!(connection instanceof Promise), "What is connected at once needs no promise");
  return connection;
}

async function read(connection: UpstreamConnection): Promise<Uint8Array> {
  const bytes = await connection.read();
  if (bytes === null) throw new Error("The end");
  return bytes;
}

const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

Deno.test("UpstreamConnection.giveRoom() leaves the room to the next connection, and nothing else does", async () => {
  const first = open("first");
  const given = await read(first);
  const held = await read(open("held"));
  assertEquals([textOf(given), textOf(held)], ["first", "held"]);
  first.giveRoom();
  first.close();
  const third = open("third");
  const taken = await read(third);
  assert(taken.buffer === given.buffer, "A room that was given is not used");
  third.close();
  const fourth = await read(open("fourth"));
  assertEquals([textOf(held), textOf(taken), textOf(fourth)], ["held", "third", "fourth"]);
});

Deno.test("UpstreamConnection.giveRoom() does not give what keepLast() keeps", async () => {
  const connection = open("kept");
  const kept = await read(connection);
  connection.keepLast();
  connection.giveRoom();
  await read(open("other"));
  assertEquals(textOf(kept), "kept");
});

Deno.test("UpstreamConnection.read() takes larger parts of what streams on, of sixteen connections at once", async () => {
  const readsOf = async (connection: UpstreamConnection) => {
    const lengths: number[] = [];
    for (let count = 0; count < 4; count++) lengths.push((await read(connection)).length);
    return lengths;
  };
  const openStream = () => openFor((into) => into.length);
  const first = openStream();
  assertEquals(await readsOf(first), [16_384, 65_536, 262_144, 262_144]);
  const others = Array.from({ length: 15 }, openStream);
  for (const other of others) await readsOf(other);
  const late = openStream();
  assertEquals(await readsOf(late), [16_384, 65_536, 65_536, 65_536]);
  first.close();
  first.close();
  assertEquals((await read(late)).length, 262_144);
  others[0].keepLast();
  assertEquals(await readsOf(others[0]), [65_536, 262_144, 262_144, 262_144]);
  for (const connection of [late, ...others]) connection.close();
  const last = openStream();
  assertEquals(await readsOf(last), [16_384, 65_536, 262_144, 262_144]);
  last.close();
});
