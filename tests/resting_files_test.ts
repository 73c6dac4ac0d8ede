/**
 * Files that have not changed for a while, which the system itself sends to plain connections, against the compiled binary. Tests
 * cannot make such a file, for the system notes the time of each change: so the one that runs them is served.
 */
import { assert, assertEquals } from "@std/assert";
import { basename, dirname } from "@std/path";
import { Buffer } from "node:buffer";
import { startServer } from "./harness.ts";

const FILE = Deno.execPath();
const TARGET = `/at-rest/${basename(FILE)}`;
const MIB = 1 << 20;
const { size } = Deno.statSync(FILE);

interface Case {
  readonly name: string;
  /** What is asked for, and comes; none: all. */
  readonly ranges: readonly (readonly [first: number, last: number])[];
}

const CASES: readonly Case[] = [
  { name: "the whole of one", ranges: [] },
  { name: "one to its end", ranges: [[1000, size - 1]] },
  { name: "a part of one", ranges: [[MIB + 7, 9 * MIB]] },
  { name: "several parts of one", ranges: [[5, 8 * MIB], [10 * MIB, 16 * MIB], [0, 1]] },
];

Deno.test("lisod sends a large file that is at rest as it is", async (t) => {
  await using server = await startServer({ args: ["--alias", `/at-rest=${dirname(FILE)}`] });
  const want = await Deno.readFile(FILE);
  const url = `http://127.0.0.1:${server.port()}${TARGET}`;
  for (const { name, ranges } of CASES) {
    await t.step(name, async () => {
      const range = ranges.map((range) => range.join("-")).join();
      const response = await fetch(url, { headers: range === "" ? {} : { Range: `bytes=${range}` } });
      assertEquals(response.status, range === "" ? 200 : 206);
      const content = await response.bytes();
      assertEquals(content.length, Number(response.headers.get("Content-Length")));
      let at = 0;
      for (const [first, last] of ranges.length === 0 ? [[0, size - 1]] : ranges) {
        if (ranges.length > 1) at = Buffer.from(content.buffer).indexOf("\r\n\r\n", at + 4) + 4;
        const part = want.subarray(first, last + 1);
        assert(isSame(content.subarray(at, at + part.length), part), `${first}-${last}`);
        at += part.length;
      }
      if (ranges.length < 2) assertEquals(at, content.length);
    });
  }
  await t.step("one to a client that takes it in its time, while others are answered", async () => {
    using slow = await ask(server.port());
    assertEquals(await firstBytes(url), want.slice(0, 10));
    const all = new Uint8Array(await new Response(slow.readable).arrayBuffer());
    assert(isSame(all.subarray(all.length - size), want));
  });
  await t.step("one to clients that go away in the middle, and others afterwards", async () => {
    for (let count = 0; count < 3; count++) {
      using gone = await ask(server.port());
      await gone.read(new Uint8Array(100));
    }
    assertEquals(await firstBytes(url), want.slice(0, 10));
  });
});

async function ask(port: number): Promise<Deno.TcpConn> {
  const client = await Deno.connect({ hostname: "127.0.0.1", port });
  await client.write(new TextEncoder().encode(`GET ${TARGET} HTTP/1.0\r\n\r\n`));
  return client;
}

async function firstBytes(url: string): Promise<Uint8Array> {
  return await (await fetch(url, { headers: { Range: "bytes=0-9" } })).bytes();
}

/** assertEquals() takes seconds for so many bytes. */
function isSame(some: Uint8Array, other: Uint8Array): boolean {
  return Buffer.from(some.buffer, some.byteOffset, some.length).equals(other);
}
