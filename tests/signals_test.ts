/** What the signals do to a server that is at work: nobody who was accepted is left without an answer. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { kill, waitUntil } from "./daemon.ts";
import { run, startServer, type TestServer } from "./harness.ts";
import { RawClient } from "./raw_client.ts";
import { toText } from "./raw_http.ts";

const GET = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
const GET_BIG = "GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n";
/** More than the buffers of a loopback connection hold, so that a client that does not read keeps it active. */
const BIG_BYTES = 32 << 20;
/** Takes several writes, so that some of many requests are always under way. */
const MIDDLE_BYTES = 4 << 20;
const FILES = { "index.html": "front page", "big": new Uint8Array(BIG_BYTES), middle: new Uint8Array(MIDDLE_BYTES) };
/** Messages at once, so that a test need not wait for them. */
const PROMPT_LOG = ["--log-flush-ms=1ms"];

/** A client that has begun to receive the big file and stopped reading. */
async function startDownload(server: TestServer): Promise<Deno.TcpConn> {
  const connection = await Deno.connect({ port: server.port(), hostname: "127.0.0.1" });
  await connection.write(new TextEncoder().encode(GET_BIG));
  await connection.read(new Uint8Array(1));
  return connection;
}

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(`drain() closes idle connections at once when ${signal} comes`, async () => {
    await using server = await startServer({ files: FILES, args: PROMPT_LOG });
    using idle = await RawClient.connect(server.port());
    using silent = await RawClient.connect(server.port());
    await idle.send(GET);
    assertEquals((await idle.receive({ count: 1 })).responses[0].status, 200);
    // Long before --drain-ms and --keep-alive-ms are over, or stop() would be late.
    const [ended, first, second] = await Promise.all([server.stop(signal), idle.receive(), silent.receive()]);
    assertEquals([ended.code, first.end, second.end], [0, "closed", "closed"]);
    assertMatch(server.logText(), / INFO main: stopping, 2 connections are open\n.* INFO main: stopped\n$/);
  });

  Deno.test(`drain() lets a download end when ${signal} comes`, async () => {
    await using server = await startServer({ files: FILES, args: PROMPT_LOG });
    using connection = await startDownload(server);
    kill(server.pid, signal);
    await server.waitForLog((log) => log.includes("stopping"));
    // The port is free for the next instance while the last answers leave.
    await waitUntil(() => !isListening(server.port()), "the server no longer listens");
    const rest = await new Response(connection.readable).bytes();
    const headLength = toText(rest.subarray(0, 1000)).indexOf("\r\n\r\n") + 4;
    assertEquals(rest.length - headLength, BIG_BYTES);
    assertEquals((await server.stop("SIGCONT")).code, 0);
  });
}

/** Whether some process listens on the port, by the system's table (state 0A is LISTEN). */
function isListening(port: number): boolean {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  return new RegExp(`:${hex} 0{8}:0000 0A `).test(Deno.readTextFileSync("/proc/net/tcp"));
}

Deno.test("drain() cuts what is under way when drainMs is over", async () => {
  await using server = await startServer({ files: FILES, args: ["--drain-ms=50ms", ...PROMPT_LOG] });
  using _download = await startDownload(server);
  assertEquals((await server.stop()).code, 0);
  assertStringIncludes(server.logText(), "WARN server: 1 connections are cut");
});

Deno.test("drain() serves what the kernel has queued when the server was busy", async () => {
  await using server = await startServer({ files: FILES });
  using known = await RawClient.connect(server.port());
  await known.send(GET);
  await known.receive({ count: 1 });
  kill(server.pid, "SIGSTOP");
  const clients = await Promise.all(Array.from({ length: 50 }, () => RawClient.connect(server.port())));
  for (const client of [known, ...clients]) await client.send(GET);
  kill(server.pid, "SIGTERM");
  const answers = Promise.all([known, ...clients].map((client) => client.receive()));
  kill(server.pid, "SIGCONT");
  const statuses = (await answers).map(({ responses, end }) => [responses[0]?.status, end].join(" "));
  for (const client of clients) client[Symbol.dispose]();
  assertEquals(statuses, Array(51).fill("200 closed"));
  assertEquals((await server.stop("SIGCONT")).code, 0);
});

Deno.test("handleSignals() ends the server at once when a second signal comes", async () => {
  for (const [first, second] of [["SIGTERM", "SIGTERM"], ["SIGINT", "SIGTERM"], ["SIGTERM", "SIGINT"]] as const) {
    await using server = await startServer({ files: FILES, args: PROMPT_LOG });
    using _download = await startDownload(server);
    kill(server.pid, first);
    await server.waitForLog((log) => log.includes("stopping"));
    const { code, stderr } = await server.stop(second);
    assertEquals([code, stderr], [1, ""]);
    assertStringIncludes(server.logText(), "WARN main: stopped at once by a second signal");
  }
});

Deno.test("lisod goes on as before when SIGPIPE or SIGCHLD comes", async () => {
  await using server = await startServer({ files: FILES, args: PROMPT_LOG });
  using client = await RawClient.connect(server.port());
  for (const signal of ["SIGPIPE", "SIGCHLD"] as const) {
    kill(server.pid, signal);
    await client.send(GET);
    assertEquals((await client.receive({ count: 1 })).responses[0].status, 200, signal);
  }
  assertEquals(server.logText().match(/ (?:WARN|ERROR) (?!main: running as root)/g), null);
});

Deno.test("handleSignals() reopens the log when SIGUSR1 or SIGHUP comes after a rename", async () => {
  for (const signal of ["SIGUSR1", "SIGHUP"] as const) {
    await using server = await startServer({ files: FILES, args: PROMPT_LOG });
    const old = join(server.place.folder, "old.log");
    await Deno.rename(server.place.log, old);
    kill(server.pid, signal);
    await server.waitForLog((log) => log.includes("opened this log"));
    const before = await Deno.readTextFile(old);
    using client = await RawClient.connect(Number(/listening on http:\S+:(\d+)/.exec(before)?.[1]));
    await client.send(GET);
    await client.receive({ count: 1 });
    await server.waitForLog((log) => log.includes('"GET / HTTP/1.1" 200'));
    assertEquals(await Deno.readTextFile(old), before);
  }
});

Deno.test("handleSignals() reads error pages again and keeps connections when SIGHUP comes", async () => {
  await using server = await startServer({
    files: FILES,
    commandLine: ({ root, log, folder }) => {
      Deno.mkdirSync(join(folder, "pages"));
      Deno.writeTextFileSync(join(folder, "pages", "404.html"), "first page");
      return ["--http=0", `--root=${root}`, `--log=${log}`, `--error-pages=${join(folder, "pages")}`, ...PROMPT_LOG];
    },
  });
  const page = join(server.place.folder, "pages", "404.html");
  using client = await RawClient.connect(server.port());
  const ask = async () => {
    await client.send("GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n");
    return toText((await client.receive({ count: 1 })).responses[0].body);
  };
  const signalAndWait = async (signal: Deno.Signal, isDone: (log: string) => boolean) => {
    kill(server.pid, signal);
    await server.waitForLog(isDone);
  };
  assertEquals(await ask(), "first page");
  await Deno.writeTextFile(page, "second page");
  await signalAndWait("SIGUSR1", (log) => log.match(/opened this log/g)?.length === 2);
  assertEquals(await ask(), "first page");
  await signalAndWait("SIGHUP", (log) => log.includes("INFO main: reloaded"));
  assertEquals(await ask(), "second page");
  await Deno.remove(page);
  await Deno.mkdir(page);
  await signalAndWait(
    "SIGHUP",
    (log) => log.includes("ERROR main: Not read again, this alone stays as it was: "),
  );
  assertEquals(await ask(), "second page");
});

/** How often the server has read everything again, by that log; 0 where it has not been made yet. */
function countReloads(log: string): number {
  try {
    return Deno.readTextFileSync(log).split(" INFO main: reloaded\n").length - 1;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}

for (const workers of ["1", "2"]) {
  Deno.test(`lisod loses no request when 50 SIGHUPs come under load and --workers is ${workers}`, async () => {
    await using server = await startServer({ files: FILES, args: ["--workers", workers] });
    const load = run("wrk", ["-t1", "-c16", "-d4s", server.url + "/"]);
    const logs = [server.place.log];
    let reloads = 0;
    for (let count = 1; count <= 50; count++) {
      if (count % 10 === 0) {
        // As logrotate does it: the lines that are under way belong to the old file.
        const old = `${server.place.log}.${count}`;
        await Deno.rename(server.place.log, old);
        logs.push(old);
        reloads = 0;
      }
      kill(server.pid, "SIGHUP");
      reloads++;
      // Of two signals that come before the first is seen there is only one.
      await waitUntil(() => countReloads(server.place.log) === reloads, `reload ${count} is done`);
    }
    const { text } = await load;
    assertEquals((await server.stop()).code, 0);
    assertEquals([/Socket errors:.*/.exec(text), /Non-2xx.*/.exec(text)], [null, null], text);
    const lines = (await Promise.all(logs.map((path) => Deno.readTextFile(path)))).join("").split("\n");
    const answered = Number(/(\d+) requests in/.exec(text)?.[1]);
    assertEquals(lines.filter((line) => line.endsWith(" INFO main: reloaded")).length, 50);
    const accessLines = lines.filter((line) => line.includes('"GET / HTTP/1.1" 200')).length;
    // wrk leaves some requests unanswered when its time is over: at most one a connection.
    assert(answered > 0 && accessLines >= answered && accessLines <= answered + 16, `${accessLines} of ${answered}`);
  });

  Deno.test(`lisod answers every request that was sent before SIGTERM under load when --workers is ${workers}`, async () => {
    await using server = await startServer({ files: FILES, args: ["--workers", workers] });
    const load = run("wrk", ["-t1", "-c16", "-d2s", server.url + "/"]);
    let isSignalled = false;
    let answered = 0;
    /** Requests that had left before the signal and got no whole answer. */
    let lost = 0;
    const askOn = async () => {
      using connection = await Deno.connect({ port: server.port(), hostname: "127.0.0.1" });
      for (let isOpen = true; isOpen;) {
        const request = new TextEncoder().encode("GET /middle HTTP/1.1\r\nHost: localhost\r\n\r\n");
        const isSent = await connection.write(request).then(() => true, () => false);
        const isBefore = isSent && !isSignalled;
        const isAnswered = isSent && await receiveMiddle(connection);
        if (isAnswered) answered++;
        else if (isBefore) lost++;
        isOpen = isAnswered;
      }
    };
    const asking = Promise.all(Array.from({ length: 32 }, askOn));
    await waitUntil(() => answered > 100, "the clients are at work");
    isSignalled = true;
    kill(server.pid, "SIGTERM");
    await asking;
    assertEquals((await server.stop("SIGCONT")).code, 0);
    await load;
    assertEquals(lost, 0);
  });
}

/** Whether a whole answer with the middle file came. */
async function receiveMiddle(connection: Deno.TcpConn): Promise<boolean> {
  const chunk = new Uint8Array(256 << 10);
  let missing = MIDDLE_BYTES;
  for (let isHead = true; missing > 0; isHead = false) {
    // A connection that was reset has not brought the answer either.
    const count = await connection.read(chunk).catch(() => null);
    if (count === null) return false;
    missing -= isHead ? count - (toText(chunk.subarray(0, count)).indexOf("\r\n\r\n") + 4) : count;
  }
  return missing === 0;
}
