import { assert, assertEquals } from "@std/assert";
import { readinessCalls, systemCalls } from "../../tests/cgi/system_calls.ts";
import { MESSAGE_CALLS, MessageSocket } from "./message_socket.ts";
import { Readiness } from "./readiness.ts";

const calls = Deno.dlopen("libc.so.6", MESSAGE_CALLS).symbols;
const text = (bytes: Uint8Array | null) => bytes === null ? null : new TextDecoder().decode(bytes);
const bytesOf = (text: string) => new TextEncoder().encode(text);

async function withPair(test: (own: MessageSocket, other: MessageSocket, number: number) => Promise<void>) {
  const readiness = new Readiness(readinessCalls);
  const pair = MessageSocket.openPair({ calls, watcher: readiness });
  assert(pair !== null);
  const other = new MessageSocket(pair.other, { calls, watcher: readiness });
  try {
    await test(pair.own, other, pair.other);
  } finally {
    pair.own.close();
    other.close();
    await readiness.close();
  }
}

Deno.test("MessageSocket keeps messages apart, and tells the end when the other one is closed", () =>
  withPair(async (own, other) => {
    const waiting = own.read().then(text);
    assertEquals(other.send(bytesOf("one")), true);
    assertEquals(await waiting, "one");
    other.send(bytesOf("two"));
    other.send(bytesOf("three"));
    assertEquals(text(await own.read()), "two");
    assertEquals(text(await own.read()), "three");
    other.close();
    assertEquals(await own.read(), null);
    assertEquals(own.send(bytesOf("lost")), false);
  }));

Deno.test("MessageSocket.close() ends a read that waits", () =>
  withPair(async (own) => {
    const waiting = own.read();
    own.close();
    assertEquals(await waiting, null);
  }));

Deno.test("MessageSocket.send() says so when there is no room, and nothing of that message comes", () =>
  withPair(async (own, other) => {
    const part = new Uint8Array(30_000);
    let count = 0;
    while (own.send(part)) count++;
    assert(count > 1 && count < 100, `${count} were sent`);
    assertEquals(own.send(new Uint8Array(10_000_000)), false);
    for (let left = count; left > 0; left--) assertEquals((await other.read())?.length, part.length);
    assertEquals(own.send(bytesOf("again")), true);
    assertEquals(text(await other.read()), "again");
  }));

for (const count of [1, 2, 3, 4]) {
  Deno.test(`MessageSocket.send() passes ${count} descriptors, which another process can use`, () =>
    withPair(async (own, _, number) => {
      const pipes = Array.from({ length: count }, () => {
        const pair = new Int32Array(2);
        assertEquals(systemCalls.pipe2(pair, 0), 0);
        return pair;
      });
      assertEquals(own.send(bytesOf("with"), pipes.map(([, writable]) => writable)), true);
      for (const [, writable] of pipes) systemCalls.close(writable);
      // Python has the other end by its number, and writes to what it is given.
      const program = `import os, socket, sys
s = socket.socket(fileno=os.dup(int(sys.argv[1])))
data, ancillary, flags, _ = s.recvmsg(100, 100)
given = [int.from_bytes(ancillary[0][2][i:i + 4], sys.byteorder) for i in range(0, len(ancillary[0][2]), 4)]
for n, each in enumerate(given):
    os.write(each, b"%s %d of %d" % (data, n, len(given)))`;
      const path = `/proc/${Deno.pid}/fd/${number}`;
      assertEquals(Deno.readLinkSync(path).startsWith("socket:"), true);
      systemCalls.fcntl(number, 2, 0); // F_SETFD: it may be inherited
      const ended = await new Deno.Command("/bin/sh", {
        args: ["-c", 'exec /usr/bin/python3 -c "$1" "$2"', "sh", program, String(number)],
        stdin: "null",
      }).output();
      if (!ended.success) throw new Error(new TextDecoder().decode(ended.stderr));
      for (const [index, [readable]] of pipes.entries()) {
        const buffer = new Uint8Array(100);
        const length = Number(systemCalls.read(readable, buffer, 100n));
        assertEquals(text(buffer.subarray(0, length)), `with ${index} of ${count}`);
        systemCalls.close(readable);
      }
    }));
}
