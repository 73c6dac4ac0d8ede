/**
 * Several workers in the compiled binary: what is theirs alone is tested here; signals, certificates and users are tested for
 * one and for more beside the tests of those (signals_test.ts, tls_reload_test.ts, privileges_test.ts).
 */
import { OwnChildren } from "../lib/child/own_children.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { type Config, parseCommandLine } from "../lib/config/config.ts";
import { DEFAULT_LIMITS } from "../lib/limits.ts";
import { Log } from "../lib/log/log.ts";
import { WorkerPool } from "../lib/worker/worker_pool.ts";
import { isRunning, waitUntil } from "./daemon.ts";
import { run, runLisod, startServer, type TestServer } from "./harness.ts";
import { HttpsServer } from "./https.ts";
import { RawClient } from "./raw_client.ts";
import { NO_FILES } from "./config_texts.ts";

const GET = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
const WORKERS = ["--workers", "2"];

/** How many connections each worker had when it was told to stop, in no order. */
function connectionCounts(server: TestServer): readonly number[] {
  const lines = server.logText().matchAll(/INFO worker-\d: stopping, (\d+) connections are open$/gm);
  return Array.from(lines, ([, count]) => Number(count));
}

/** Opens connections and asks on each; gives the statuses of the answers, 0 where there was none. */
async function connectAll(server: TestServer, count: number) {
  const clients = await Promise.all(Array.from({ length: count }, () => RawClient.connect(server.port())));
  const statuses = await Promise.all(clients.map(async (client) => {
    await client.send(GET);
    return (await client.receive({ count: 1 })).responses[0]?.status ?? 0;
  }));
  return { statuses, close: () => clients.forEach((client) => client[Symbol.dispose]()) };
}

/** "" when there is no such file. */
function readIfThere(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

Deno.test("each worker answers a part of the clients, and all lines come whole into one log", async () => {
  await using server = await startServer({ args: WORKERS });
  const { statuses, close } = await connectAll(server, 64);
  assertEquals(statuses, Array(64).fill(200));
  const { text } = await run("wrk", ["-t1", "-c16", "-d1s", `${server.url}/`]);
  assertEquals((await server.stop()).code, 0);
  close();
  const counts = connectionCounts(server);
  assertEquals([counts.length, counts.every((count) => count > 0)], [2, true], server.logText());
  // Some of wrk's may not be closed yet.
  assert(counts.reduce((sum, count) => sum + count) >= 64, `${counts}`);
  const lines = server.logText().trimEnd().split("\n");
  const accesses = lines.filter((line) =>
    /^127\.0\.0\.1 - - \[[^\]]+\] "GET \/ HTTP\/1\.1" 200 35 "-" "-"$/.test(line)
  );
  const messages = lines.filter((line) => /^\[[^\]]+\] (?:INFO|WARN) [\w-]+: .+$/.test(line));
  assertEquals(accesses.length + messages.length, lines.length, "every line is whole");
  assert(accesses.length - 64 >= Number(/(\d+) requests in/.exec(text)?.[1]), `${accesses.length} lines\n${text}`);
  assertEquals(lines.filter((line) => line.includes("opened this log")).length, 1);
});

Deno.test("workers log whole lines to standard error and to a log of accesses of their own", async () => {
  const commandLine = ({ folder, root }: TestServer["place"]) => [
    ...["--http", "0", "--root", root, "--log", join(folder, "lisod.log"), "--access-log", join(folder, "access.log")],
    ...WORKERS,
  ];
  await using server = await startServer({ commandLine });
  await run("wrk", ["-t1", "-c16", "-d1s", `${server.url}/`]);
  const process = new Deno.Command("./lisod", {
    args: ["--http", "0", "--root", server.place.root, "--log-flush-ms", "5ms", ...WORKERS],
    cwd: join(import.meta.dirname ?? ".", ".."),
    stderr: "piped",
  }).spawn();
  const { promise: port, resolve } = Promise.withResolvers<string>();
  let text = "";
  const reading = process.stderr.pipeThrough(new TextDecoderStream()).pipeTo(
    new WritableStream({
      write(part) {
        text += part;
        const found = /listening on http:\S+:(\d+)/.exec(text)?.[1];
        if (found !== undefined) resolve(found);
      },
    }),
  );
  await run("wrk", ["-t1", "-c16", "-d1s", `http://127.0.0.1:${await port}/`]);
  process.kill();
  assertEquals((await process.status).code, 0);
  await reading;
  await server.stop();
  for (const log of [text, await Deno.readTextFile(join(server.place.folder, "access.log"))]) {
    const lines = log.trimEnd().split("\n").filter((line) => !/^\[[^\]]+\] (?:INFO|WARN) [\w-]+: .+$/.test(line));
    assert(lines.length > 100, `${lines.length} lines`);
    for (const line of lines) {
      assertMatch(line, /^(?:127\.0\.0\.1|::1) - - \[[^\]]+\] "GET \/ HTTP\/1\.1" 200 35 "-" "-"$/);
    }
  }
});

Deno.test("workers together keep the limits of connections and of one address", async () => {
  const [most, count] = [8, 24];
  for (const limit of ["--max-per-address", "--max-connection-count"]) {
    await using server = await startServer({ args: [...WORKERS, limit, `${most}`] });
    const clients = await Promise.all(Array.from({ length: count }, () => RawClient.connect(server.port())));
    const enough = Promise.withResolvers<void>();
    /** Also closed without an answer: one that the server has not heard of yet gives way to a newer one. */
    const refused = new Set<RawClient>();
    const statuses = Promise.all(clients.map(async (client) => {
      // Who has begun a request does not give way to others.
      await client.send(GET.slice(0, -2));
      const status = (await client.receive({ count: 1 })).responses[0]?.status ?? 0;
      if (status !== 200 && refused.add(client).size === count - most) enough.resolve();
      return status;
    }));
    await Promise.race([enough.promise, statuses]);
    for (const client of clients) if (!refused.has(client)) await client.send(GET.slice(-2));
    const answered = (await statuses).filter((status) => status === 200);
    assert(answered.length > 0 && answered.length <= most, `${await statuses}`);
    await server.stop();
    clients.forEach((client) => client[Symbol.dispose]());
    const open = connectionCounts(server).reduce((sum, connections) => sum + connections);
    assert(open > 0 && open <= most, `${open} connections with ${limit}`);
  }
});

Deno.test("workers together run no more scripts than --cgi-max, and each runs some", async () => {
  const folder = await Deno.makeTempDir({ prefix: "lisod-workers-" });
  try {
    const script = join(folder, "script.sh");
    const count = `ls ${folder}/running | wc -l`;
    const lines = [
      "#!/bin/sh",
      `cd ${folder}/running; touch $$; ${count} >>../counts; sleep 0.2; rm $$; echo Status: 204; echo`,
    ];
    await Deno.mkdir(join(folder, "running"));
    await Deno.writeTextFile(script, lines.join("\n"), { mode: 0o755 });
    await using server = await startServer({ args: [...WORKERS, "--cgi", script, "--cgi-max", "4"] });
    const ask = async () => (await fetch(`${server.url}/cgi/`, { headers: { connection: "close" } })).status;
    assertEquals(await Promise.all(Array.from({ length: 24 }, ask)), Array(24).fill(204));
    const counts = (await Deno.readTextFile(join(folder, "counts"))).trim().split("\n").map(Number);
    assertEquals([counts.length, Math.max(...counts)], [24, 4]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("workers serve HTTPS, redirect to it and end a connection that is told to stop", async () => {
  await using server = await HttpsServer.start({ args: [...WORKERS, "--https-redirect", "--hsts", "60"] });
  for (let count = 0; count < 8; count++) {
    using client = new RawClient(await server.connect());
    await client.send(GET);
    const { responses: [response] } = await client.receive({ count: 1 });
    assertEquals(response.status, 200);
    const { status, headers, body } = await fetch(`http://localhost:${server.server.port()}/`, { redirect: "manual" });
    await body?.cancel();
    assertEquals([status, headers.get("location")], [308, `https://localhost:${server.port}/`]);
  }
  assertEquals((await server.server.stop()).code, 0);
});

Deno.test("a port that anybody listens on keeps workers from starting, and a broken key tells why", async () => {
  await using server = await startServer({ args: WORKERS });
  const named = ["--root", server.place.root, "--listen", "127.0.0.1", "--http"];
  for (const workers of ["1", "2"]) {
    const { code, stderr } = await runLisod(...named, `${server.port()}`, "--workers", workers);
    assertEquals(code, 1);
    assertMatch(stderr, /lisod: --http "\d+ on 127\.0\.0\.1": already in use: stop what uses it [^\n]*\n$/);
  }
  const { code, stderr } = await runLisod(...named, "0", "--workers", "2", "--error-pages", server.place.root);
  assertEquals([code, /lisod: --error-pages "[^"]+": holds no page: [^\n]*\n$/.test(stderr)], [1, true], stderr);
});

Deno.test("a second SIGTERM ends workers and their scripts at once", async () => {
  const folder = await Deno.makeTempDir({ prefix: "lisod-workers-" });
  try {
    const script = join(folder, "script.sh");
    await Deno.writeTextFile(script, `#!/bin/sh\necho $$ >>${folder}/pids\nsleep 60\n`, { mode: 0o755 });
    await using server = await startServer({ args: [...WORKERS, "--cgi", script] });
    const clients = await Promise.all(Array.from({ length: 8 }, () => RawClient.connect(server.port())));
    for (const client of clients) await client.send("GET /cgi/ HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const pids = () => readIfThere(join(folder, "pids")).split("\n").filter((line) => line !== "").map(Number);
    await waitUntil(() => pids().length === 8, "the scripts run");
    Deno.kill(server.pid, "SIGTERM");
    await server.waitForLog((log) => log.match(/INFO worker-\d: stopping/g)?.length === 2);
    assertEquals((await server.stop()).code, 1);
    for (const client of clients) client[Symbol.dispose]();
    await waitUntil(() => !pids().some(isRunning), "no script is left");
    assertMatch(server.logText(), / WARN main: stopped at once by a second signal\n/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** A pool whose workers run `script(name)` in place of serving. */
function openPool(
  script: (name: string) => string,
  { args = [], hangMs }: { readonly args?: readonly string[]; readonly hangMs?: number } = {},
): { readonly pool: WorkerPool; close(): Promise<void> } {
  const source = {
    args: ["--root", "/", "--http", "0", "--workers", "2", ...args],
    cwd: "/",
    environment: {},
    record: { texts: {}, found: {} },
  };
  const config: Config | null = (() => {
    const command = parseCommandLine(source.args, { ...source, configFiles: NO_FILES });
    return command.kind === "serve" ? command.config : null;
  })();
  assert(config !== null);
  const log = Log.open({ ...config, logLevel: "warn" }, { program: "test" });
  const startWorker = (name: string) =>
    new Worker(`data:text/javascript,${encodeURIComponent(script(name))}`, { type: "module" });
  const pool = new WorkerPool({ ...config, limits: DEFAULT_LIMITS }, {
    source,
    log,
    own: new OwnChildren(),
    shared: null,
    startWorker,
    ...hangMs === undefined ? {} : { hangMs },
  });
  const close = async () => {
    await pool.kill();
    await log.close();
  };
  return { pool, close };
}

Deno.test("WorkerPool says that it cannot go on when a worker fails, and still ends", async () => {
  const { pool, close } = openPool((name) => name === "worker-2" ? FAILING : ANSWERING);
  await pool.listen();
  await assertRejects(() => pool.stop(), Error, "worker-2 has failed: Uncaught Error: at last");
  assertMatch((await pool.failed).message, /^worker-2 has failed: /);
  await close();
});

Deno.test("WorkerPool.answers() resolves when all workers have answered, and says which one hangs and that it has come back", async () => {
  const file = Deno.makeTempFileSync();
  try {
    const { pool, close } = openPool((name) => name === "worker-2" ? HANGING : ANSWERING, {
      args: ["--log", file],
      hangMs: 10,
    });
    await pool.listen();
    const answering = pool.answers();
    const read = () => Deno.readTextFileSync(file);
    await waitUntil(() => read().includes("hangs"), "the log says that it hangs");
    await Promise.all([pool.reload(null), answering]);
    await close();
    assertMatch(read(), /ERROR main: worker-2 has not answered for 0 s: it hangs, and its clients wait\n/);
    assertMatch(read(), /WARN main: worker-2 answers again, and did not for 0 s\n/);
    assertEquals(read().includes("worker-1"), false);
  } finally {
    Deno.removeSync(file);
  }
});

Deno.test("WorkerPool changes the user while all its workers stand still, and only then", async () => {
  const file = Deno.makeTempFileSync();
  const { pool, close } = openPool(() => standingWorker(file));
  await pool.listen();
  await pool.changeUser(() => Deno.writeTextFileSync(file, "change ", { append: true }));
  assertEquals(Deno.readTextFileSync(file), "stand stand change free free ");
  await close();
  Deno.removeSync(file);
});

/** A worker that listens where root alone may, and adds to `file` what it does while the user is changed. */
function standingWorker(file: string): string {
  return `const tell = (word) => Deno.writeTextFileSync("${file}", word + " ", { append: true });
onmessage = ({ data: { id, order } }) => {
  if (order.kind === "keep_rights") {
    const state = new Int32Array(order.standstill);
    tell("stand");
    Atomics.add(state, 0, 1);
    Atomics.notify(state, 0);
    if (Atomics.wait(state, 1, 0, 10_000) === "timed-out") throw new Error("not let go");
    tell("free");
  }
  postMessage({ kind: "done", id, result: { addresses: [{ scheme: "https", port: 443 }], isDone: true } });
  if (order.kind === "kill") close();
}`;
}

const ANSWERING = `onmessage = ({ data: { id, order } }) => {
  postMessage({ kind: "done", id, result: { addresses: [], isDone: true } });
  if (order.kind === "kill") close();
}`;
/** Answers that it serves when it is ordered something else. */
const HANGING = `let asked = null;
onmessage = ({ data: { id, order } }) => {
  const done = (id) => postMessage({ kind: "done", id, result: { addresses: [], isDone: true } });
  if (order.kind === "answer") return asked = id;
  if (asked !== null) done(asked);
  done(id);
  if (order.kind === "kill") close();
}`;
const FAILING = `onmessage = ({ data: { id, order } }) => {
  if (order.kind === "stop") throw new Error("at last");
  postMessage({ kind: "done", id, result: { addresses: [], isDone: true } });
}`;
