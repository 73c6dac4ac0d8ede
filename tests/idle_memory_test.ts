/**
 * What a connection costs the compiled binary while nothing happens on it, in resident memory of the process; the kernel's
 * own buffers are not in it. `deno task bench --only "idle-memory,tls-idle-memory"` measures 5,000 of them, beside others.
 */
import { assert } from "@std/assert";
import { until } from "./cgi/running_scripts.ts";
import { memoryOf } from "./cgi/server.ts";
import { startServer } from "./harness.ts";
import { Http2Client, type Http2Target } from "./http2_client.ts";
import { get } from "./http2_frames.ts";
import { HttpsServer } from "./https.ts";
import { RawClient } from "./raw_client.ts";

const ROOM = ["--max-per-address", "20000", "--keep-alive-ms", "10m"];
const GET = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
const AT_ONCE = 16;

/** A client that has a connection. */
interface Client {
  /** Is answered once, or once more. */
  ask(): Promise<void>;
  close(): void;
}

/** Of HTTP/1.1. */
async function connectHttp1(connect: () => Promise<Deno.Conn>): Promise<Client> {
  const client = new RawClient(await connect());
  return {
    ask: async () => {
      await client.send(GET);
      await client.receive({ count: 1, deadlineMs: 60_000 });
    },
    close: () => client.close(),
  };
}

async function connectHttp2(target: Http2Target): Promise<Client> {
  const client = await Http2Client.connect(target);
  let streamId = 1;
  return {
    ask: async () => {
      await client.send(get(streamId, "/", BROWSER));
      await client.whenEnded(streamId);
      streamId += 2;
    },
    close: () => client[Symbol.dispose](),
  };
}

const BROWSER = [
  [
    "user-agent",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36",
  ],
  ["accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"],
  ["accept-encoding", "gzip, deflate, br, zstd"],
  ["accept-language", "en-GB,en;q=0.9,de;q=0.8"],
] as const;

/** Opens so many connections that are answered once and then wait. */
async function openIdle(count: number, connect: () => Promise<Client>): Promise<Client[]> {
  const clients: Client[] = [];
  let started = 0;
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (started++ < count) {
      const client = await connect();
      clients.push(client);
      await client.ask();
    }
  }));
  return clients;
}

/** The memory of each of `count` connections, in KiB, the others apart that come first and warm up the server. */
async function measureIdle(pid: number, count: number, connect: () => Promise<Client>): Promise<number> {
  const first = await openIdle(count / 5, connect);
  const before = memoryOf(pid, "VmRSS");
  const clients = await openIdle(count, connect);
  const kibibytes = (memoryOf(pid, "VmRSS") - before) / count / 1024;
  // They are open still: the oldest of them is answered.
  await first[0].ask();
  for (const client of [...first, ...clients]) client.close();
  return kibibytes;
}

Deno.test("an idle connection takes lisod at most 12 KiB", async () => {
  await using server = await startServer({ args: ROOM });
  const port = server.port();
  const kibibytes = await measureIdle(
    server.pid,
    5000,
    () => connectHttp1(() => Deno.connect({ hostname: "127.0.0.1", port })),
  );
  assert(kibibytes > 1 && kibibytes <= 12, `${kibibytes} KiB`);
});

Deno.test("an idle connection takes lisod at most 4 KiB once nobody has asked for some seconds, and is answered afterwards", async () => {
  await using server = await startServer({ args: ROOM });
  const port = server.port();
  const connect = () => connectHttp1(() => Deno.connect({ hostname: "127.0.0.1", port }));
  const [first] = await openIdle(1, connect);
  const before = memoryOf(server.pid, "VmRSS");
  const clients = await openIdle(5000, connect);
  const kibibytes = () => (memoryOf(server.pid, "VmRSS") - before) / clients.length / 1024;
  await until(() => kibibytes() <= 4, "memory that came back");
  await Promise.all(clients.map((client) => client.ask()));
  for (const client of [first, ...clients]) client.close();
});

Deno.test("an idle TLS connection takes lisod at most 60 KiB", async () => {
  await using https = await HttpsServer.start({ args: ROOM });
  const kibibytes = await measureIdle(https.server.pid, 1000, () => connectHttp1(() => https.connect()));
  assert(kibibytes > 1 && kibibytes <= 60, `${kibibytes} KiB`);
});

Deno.test("an idle HTTP/2 connection takes lisod at most 24 KiB", async () => {
  await using server = await startServer({ args: ROOM });
  const target = { port: server.port() };
  const kibibytes = await measureIdle(server.pid, 2000, () => connectHttp2(target));
  assert(kibibytes > 1 && kibibytes <= 24, `${kibibytes} KiB`);
});

Deno.test("an idle HTTP/2 connection over TLS takes lisod at most 40 KiB", async () => {
  await using https = await HttpsServer.start({ args: ROOM });
  const target = { port: https.port, caCerts: [await Deno.readTextFile(https.certificates.root)] };
  const kibibytes = await measureIdle(https.server.pid, 1000, () => connectHttp2(target));
  assert(kibibytes > 1 && kibibytes <= 40, `${kibibytes} KiB`);
});
