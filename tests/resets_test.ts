/** Clients that reset at any moment, end one side, or send a byte a second: nobody else notices, and nothing stays open. */
import { assertEquals, assertGreaterOrEqual } from "@std/assert";
import { join } from "@std/path";
import { countDescriptors, steadyDescriptors } from "./descriptors.ts";
import { curl, run, startServer, type TestServer } from "./harness.ts";
import { HttpsServer } from "./https.ts";
import { RawClient } from "./raw_client.ts";

const CLIENT = join(import.meta.dirname ?? ".", "reset_client.py");
const FILES = { "a": "x".repeat(1000) };

async function untilDescriptors(server: TestServer, count: number): Promise<void> {
  for (let round = 0; round < 100 && countDescriptors(server.pid) > count; round++) {
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
  assertEquals(countDescriptors(server.pid), count);
}

/** Plays the exchange with a reset after every `step`-th byte; how many bytes it has. */
async function resetEverywhere(port: number, step: number, ...certificate: readonly string[]): Promise<number> {
  const { code, text, stderr } = await run("python3", [CLIENT, `${port}`, `${step}`, ...certificate]);
  assertEquals([code, stderr], [0, ""]);
  return Number(text);
}

Deno.test("lisod lives on when a client resets after any byte of an exchange of 2 KiB", async () => {
  await using server = await startServer({ args: ["--rules", "course"], files: FILES });
  const before = await steadyDescriptors(server.pid);
  assertGreaterOrEqual(await resetEverywhere(server.port(), 1), 2048);
  await untilDescriptors(server, before);
  assertEquals((await curl(`${server.url}/a`)).text, FILES.a);
  assertEquals(server.logText().includes("ERROR"), false);
});

Deno.test("lisod lives on when a client resets after any byte of a TLS connection, its handshake included", async () => {
  await using https = await HttpsServer.start({ args: ["--rules", "course"], files: FILES });
  const before = await steadyDescriptors(https.server.pid);
  // Every third byte: a full handshake each takes its time.
  assertGreaterOrEqual(await resetEverywhere(https.port, 3, https.certificates.root), 3000);
  await untilDescriptors(https.server, before);
  assertEquals((await curl("--cacert", https.certificates.root, `${https.url}/a`)).text, FILES.a);
  assertEquals(https.server.logText().includes("ERROR"), false);
});

Deno.test("lisod answers a client that has ended its side, and forgets one that ends it too early", async () => {
  await using server = await startServer({ files: FILES });
  const before = await steadyDescriptors(server.pid);
  const head = "GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n";
  for (const [sent, want] of [[head.repeat(3), [200, 200, 200]], [head.slice(0, -2), [400]], ["", []]] as const) {
    using client = await RawClient.connect(server.port());
    await client.send(sent);
    await client.closeWrite();
    const { responses, end } = await client.receive();
    assertEquals([responses.map(({ status }) => status), end], [[...want], "closed"]);
  }
  await untilDescriptors(server, before);
});

Deno.test("lisod ends clients that send a byte now and then for longer than the limits, in head and content", async () => {
  const limits = ["--head-ms", "1s", "--body-idle-ms", "1s", "--min-rate-bytes", "100", "--linger-ms", "200ms"];
  await using server = await startServer({ args: ["--rules", "course", ...limits], files: FILES });
  const before = await steadyDescriptors(server.pid);
  const post = "POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\n";
  const statuses = await Promise.all(["", post].map(async (start) => {
    using client = await RawClient.connect(server.port());
    await client.send(start);
    const drip = setInterval(() => client.send("x"), 100);
    const { responses } = await client.receive();
    clearInterval(drip);
    return responses.map(({ status }) => status);
  }));
  assertEquals(statuses, [[408], [408]]);
  await untilDescriptors(server, before);
});
