/** What the compiled binary gives back of its memory when nobody asks for anything. */
import { assert, assertEquals } from "@std/assert";
import { memoryOf } from "./cgi/server.ts";
import { waitUntil } from "./daemon.ts";
import { startServer } from "./harness.ts";
import { RawClient } from "./raw_client.ts";

const GET = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

Deno.test("lisod at rest gives back the pages of the program that its start alone needed, and serves as before", async () => {
  await using server = await startServer();
  const atStart = memoryOf(server.pid, "RssFile");
  const inMemory = () => memoryOf(server.pid, "RssFile");
  using client = await RawClient.connect(server.port());
  const ask = async () => {
    await client.send(GET);
    assertEquals((await client.receive({ count: 1 })).responses[0].status, 200);
  };
  // It stays connected, and asks for nothing.
  await ask();
  await waitUntil(() => inMemory() < atStart / 2, `less than half of ${atStart} bytes of files are in memory`, 60_000);
  for (let count = 0; count < 3; count++) await ask();
  assert(memoryOf(server.pid, "VmRSS") < 64 * 1024 * 1024);
});
