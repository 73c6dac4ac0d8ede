/**
 * What a connection costs the compiled binary while nothing happens on it, in resident memory of the process; the kernel's
 * own buffers are not in it. `deno task bench --only "idle-memory,tls-idle-memory"` measures 5,000 of them, beside others.
 */
import { assert } from "@std/assert";
import { memoryOf } from "./cgi/server.ts";
import { startServer } from "./harness.ts";
import { HttpsServer } from "./https.ts";
import { RawClient } from "./raw_client.ts";

const ROOM = ["--max-per-address", "20000", "--keep-alive-ms", "10m"];
const GET = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
const AT_ONCE = 16;

/** Opens so many connections that are answered once and then wait. */
async function openIdle(count: number, connect: () => Promise<Deno.Conn>): Promise<RawClient[]> {
  const clients: RawClient[] = [];
  let started = 0;
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (started++ < count) {
      const client = new RawClient(await connect());
      clients.push(client);
      await client.send(GET);
      await client.receive({ count: 1, deadlineMs: 60_000 });
    }
  }));
  return clients;
}

/** The memory of each of `count` connections, in KiB, the others apart that come first and warm up the server. */
async function measureIdle(pid: number, count: number, connect: () => Promise<Deno.Conn>): Promise<number> {
  const first = await openIdle(count / 5, connect);
  const before = memoryOf(pid, "VmRSS");
  const clients = await openIdle(count, connect);
  const kibibytes = (memoryOf(pid, "VmRSS") - before) / count / 1024;
  // They are open still: the oldest of them is answered.
  await first[0].send(GET);
  await first[0].receive({ count: 1 });
  for (const client of [...first, ...clients]) client.close();
  return kibibytes;
}

Deno.test("an idle connection takes lisod at most 12 KiB", async () => {
  await using server = await startServer({ args: ROOM });
  const port = server.port();
  const kibibytes = await measureIdle(server.pid, 5000, () => Deno.connect({ hostname: "127.0.0.1", port }));
  assert(kibibytes > 1 && kibibytes <= 12, `${kibibytes} KiB`);
});

Deno.test("an idle TLS connection takes lisod at most 60 KiB", async () => {
  await using https = await HttpsServer.start({ args: ROOM });
  const kibibytes = await measureIdle(https.server.pid, 1000, () => https.connect());
  assert(kibibytes > 1 && kibibytes <= 60, `${kibibytes} KiB`);
});
