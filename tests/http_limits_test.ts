/**
 * The compiled binary at its limits: slow clients, more clients than descriptors, clients that are gone before they are
 * accepted, and the end of the server.
 */
import { assert, assertEquals, assertLessOrEqual, assertMatch } from "@std/assert";
import { countDescriptors, steadyDescriptors } from "./descriptors.ts";
import { run, startServer, type TestServer } from "./harness.ts";
import { HttpsServer } from "./https.ts";
import { exchange, RawClient } from "./raw_client.ts";
import { fieldValue, toText } from "./raw_http.ts";

const GET = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
const LAST_GET = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
const POST = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n";
const BIG_BYTES = 32 << 20;

/** A site with /big, which fits into no buffer of a socket. */
async function startWithBigFile(...args: readonly string[]): Promise<TestServer> {
  const server = await startServer({ args: ["--rules", "course", "--log-level", "debug", ...args] });
  await Deno.writeFile(`${server.place.root}/big`, new Uint8Array());
  await Deno.truncate(`${server.place.root}/big`, BIG_BYTES);
  return server;
}

/** Resolves when the server has so many descriptors; rejects when it has not after two seconds. */
async function untilDescriptors(server: TestServer, count: number): Promise<void> {
  for (let round = 0; round < 50 && countDescriptors(server.pid) > count; round++) {
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
  assertEquals(countDescriptors(server.pid), count);
}

Deno.test("lisod ends slow clients, with 408 where a request has begun", async () => {
  const limits = ["head", "keep-alive", "body-idle", "write-idle", "linger"].flatMap((name) => [`--${name}-ms`, "200"]);
  await using server = await startWithBigFile(...limits);
  const before = await steadyDescriptors(server.pid);
  const deaf = await RawClient.connect(server.port());
  await deaf.send("GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const outcomes = await Promise.all(
    ["", GET, GET.slice(0, 20), GET + GET.slice(0, 5), `${POST}hel`].map(async (input) => {
      const { responses, end } = await exchange(server.port(), input);
      return [...responses.map(({ status }) => status), end];
    }),
  );
  assertEquals(outcomes, [["closed"], [200, "closed"], [408, "closed"], [200, 408, "closed"], [408, "closed"]]);
  await server.waitForLog((log) => log.includes("a write made no progress"));
  await untilDescriptors(server, before);
  deaf.close();
});

Deno.test("lisod lives on when clients reset before they are accepted", async () => {
  await using server = await startServer();
  Deno.kill(server.pid, "SIGSTOP");
  // SO_LINGER of 0 makes the close a reset.
  const script = `use Socket; for (1 .. $ARGV[1]) { socket(my $client, PF_INET, SOCK_STREAM, 0);
    connect($client, sockaddr_in($ARGV[0], INADDR_LOOPBACK)) or die "connect: $!";
    setsockopt($client, SOL_SOCKET, SO_LINGER, pack("ii", 1, 0)) or die "setsockopt: $!"; close($client) }`;
  const { code, stderr } = await run("perl", ["-e", script, `${server.port()}`, "200"]);
  Deno.kill(server.pid, "SIGCONT");
  assertEquals([code, stderr], [0, ""]);
  const { responses } = await exchange(server.port(), LAST_GET);
  assertEquals(responses.map(({ status }) => status), [200]);
  assert(!server.logText().includes("ERROR"), server.logText());
});

Deno.test("lisod has the system queue as many connections as --backlog says, on both ports", async () => {
  await using https = await HttpsServer.start({ args: ["--backlog", "77"] });
  const { text } = await run("ss", ["--no-header", "--listening", "--tcp", "--numeric", "--processes"]);
  const own = text.split("\n").filter((line) => line.includes(`pid=${https.server.pid},`));
  assertEquals(own.map((line) => line.split(/ +/)[2]), ["77", "77"]);
});

/** Processor time that the server has taken so far. Linux, proc(5): utime and stime in hundredths of a second. */
async function processorMs(server: TestServer): Promise<number> {
  const fields = (await Deno.readTextFile(`/proc/${server.pid}/stat`)).replace(/^.*\) /, "").split(" ");
  return 10 * (Number(fields[11]) + Number(fields[12]));
}

Deno.test("lisod refuses 503 when more clients are busy than there are descriptors, and waits without spinning", async () => {
  const args = ["--max-per-address", "10000"];
  await using server = await startServer({ through: ["prlimit", "--nofile=256"], args });
  await server.waitForLog((log) => log.includes("at most 160 connections: the system gives 256 descriptors"));
  const ask = async () => {
    const client = await RawClient.connect(server.port());
    await client.send(GET.slice(0, 20));
    // Whoever is served hears nothing until its request is whole.
    const refused = client.receive({ deadlineMs: 15_000 }).then(({ responses }) => {
      client.close();
      return responses.map(({ status }) => status).join();
    });
    return { client, refused };
  };
  const asked = await Promise.all(Array.from({ length: 1000 }, ask));
  const statuses: string[] = [];
  const isQuiet = Promise.withResolvers<void>();
  for (const { refused } of asked) {
    refused.then((status) => statuses.push(status) === 840 && isQuiet.resolve()).catch(isQuiet.reject);
  }
  await isQuiet.promise;
  assertEquals(new Set(statuses), new Set(["503"]));
  const before = await processorMs(server);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  assertLessOrEqual(await processorMs(server) - before, 100);
  // The first who is done makes room.
  await asked[0].client.send(LAST_GET.slice(20));
  assertEquals(await asked[0].refused, "200");
  assertEquals((await exchange(server.port(), LAST_GET)).responses.map(({ status }) => status), [200]);
  for (const { client } of asked) client.close();
});

Deno.test("lisod closes idle connections for new ones when the descriptors have run out", async () => {
  const args = ["--max-per-address", "10000"];
  await using server = await startServer({ through: ["prlimit", "--nofile=64"], args });
  const clients = await Promise.all(Array.from({ length: 200 }, () => RawClient.connect(server.port())));
  assertEquals((await exchange(server.port(), LAST_GET)).responses.map(({ status }) => status), [200]);
  assert(!server.logText().includes("ERROR"), server.logText());
  for (const client of clients) client.close();
});

Deno.test("lisod lets clients beyond --max-connection-count wait", async () => {
  await using server = await startServer({ args: ["--max-connection-count", "2"] });
  const clients = await Promise.all(Array.from({ length: 4 }, () => RawClient.connect(server.port())));
  for (const client of clients) await client.send(GET);
  // Two are served; each that leaves makes room for one more.
  for (const client of clients) {
    assertEquals((await client.receive({ count: 1 })).responses.map(({ status }) => status), [200]);
    client.close();
  }
});

Deno.test("lisod completes the answers under way and exits with 0 when it gets SIGTERM", async () => {
  await using server = await startWithBigFile();
  using slow = await RawClient.connect(server.port());
  using half = await RawClient.connect(server.port());
  using idle = await RawClient.connect(server.port());
  await slow.send("GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n");
  assertMatch(await slow.receiveThrough("\r\n\r\n"), /^HTTP\/1.1 200 OK\r\n/);
  await half.send(GET + GET.slice(0, 20));
  await idle.send(GET);
  for (const client of [half, idle]) await client.receive({ count: 1 });
  const ended = server.stop("SIGTERM");
  await server.waitForLog((log) => log.includes("stopping"));
  assertEquals((await idle.receive()).end, "closed");
  await half.send(GET.slice(20));
  const { responses, end } = await half.receive();
  assertEquals([...responses.map((response) => fieldValue(response, "Connection")), end], ["close", "closed"]);
  half.close();
  assertEquals(await slow.countToEnd(), BIG_BYTES);
  slow.close();
  assertEquals((await ended).code, 0);
  assertMatch(server.logText(), /INFO main: stopped\n$/);
});

Deno.test("lisod cuts what does not end within --drain-ms", async () => {
  await using server = await startWithBigFile("--drain-ms", "100");
  using deaf = await RawClient.connect(server.port());
  await deaf.send("GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await deaf.receiveThrough("\r\n\r\n");
  assertEquals((await server.stop("SIGTERM")).code, 0);
});

Deno.test("lisod answers 1,024 clients of one machine at once by the course's rules", async () => {
  await using server = await startServer({ files: { "index.html": "Index\n" }, args: ["--rules", "course"] });
  const clients = await Promise.all(Array.from({ length: 1024 }, () => RawClient.connect(server.port())));
  // Half of each request first, so that all of them are open at the same time.
  await Promise.all(clients.map((client) => client.send(LAST_GET.slice(0, 30))));
  await Promise.all(clients.map((client) => client.send(LAST_GET.slice(30))));
  const received = await Promise.all(clients.map((client) => client.receive({ deadlineMs: 20_000 })));
  const texts = received.map(({ responses, end }) => `${responses.map(({ body }) => toText(body))} ${end}`);
  assertEquals(new Set(texts), new Set(["Index\n closed"]));
  for (const client of clients) client.close();
});
