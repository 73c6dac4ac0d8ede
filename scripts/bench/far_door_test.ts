import { assertEquals } from "@std/assert";
import { FarDoor, SlowStart } from "./far_door.ts";

Deno.test("SlowStart sends ten segments, and twice as much each time when all has arrived", () => {
  const slowStart = new SlowStart();
  const sent: number[] = [];
  for (let round = 0; round < 4; round += 1) {
    const bytes = slowStart.roomBytes;
    sent.push(bytes);
    slowStart.send(bytes);
    assertEquals(slowStart.roomBytes, 0);
    slowStart.acknowledge(bytes);
  }
  assertEquals(sent, [14_600, 29_200, 58_400, 116_800]);
});

/** All that comes until the other side ends. */
async function readAll(connection: Deno.Conn): Promise<readonly number[]> {
  const all: number[] = [];
  const room = new Uint8Array(65_536);
  for (let count = await connection.read(room); count !== null; count = await connection.read(room)) {
    for (const byte of room.subarray(0, count)) all.push(byte);
  }
  return all;
}

async function writeAndEnd(connection: Deno.TcpConn, bytes: readonly number[]): Promise<void> {
  const all = Uint8Array.from(bytes);
  for (let sent = 0; sent < all.length;) sent += await connection.write(all.subarray(sent));
  await connection.closeWrite();
}

const BYTES = Array.from({ length: 200_000 }, (_, index) => index * 7 % 251);

Deno.test("FarDoor carries all bytes and the end of each way when more comes than fits at first", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using door = new FarDoor({ port: listener.addr.port, roundTripMs: 4 });
  using client = await Deno.connect({ hostname: "127.0.0.1", port: door.port });
  using server = await listener.accept();
  await writeAndEnd(client, BYTES);
  assertEquals(await readAll(server), BYTES);
  await writeAndEnd(server, BYTES.toReversed());
  assertEquals(await readAll(client), BYTES.toReversed());
});

Deno.test("FarDoor ends its connections when it is disposed of, and is not disturbed by one that a client cuts", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const door = new FarDoor({ port: listener.addr.port, roundTripMs: 4 });
  const cut = await Deno.connect({ hostname: "127.0.0.1", port: door.port });
  using first = await listener.accept();
  cut.close();
  assertEquals(await readAll(first), []);
  using client = await Deno.connect({ hostname: "127.0.0.1", port: door.port });
  using second = await listener.accept();
  await client.write(Uint8Array.of(7));
  assertEquals(await second.read(new Uint8Array(9)), 1);
  await door[Symbol.asyncDispose]();
  assertEquals([await readAll(client), await readAll(second)], [[], []]);
});
