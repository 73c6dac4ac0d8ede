import { assert, assertEquals, assertMatch, assertNotEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { runLisod, type StartOptions, startServer as startPromptServer, type TestServer } from "./harness.ts";
import { PrintedText } from "./printed_text.ts";
import { exchange, RawClient } from "./raw_client.ts";

/** Lines wait as they do by default. */
const startServer = (options: StartOptions = {}) => startPromptServer({ ...options, isLogPatient: true });

const LISOD = join(import.meta.dirname ?? ".", "..", "lisod");

/** `address - user [time] "request" status bytes "referer" "user agent"`: Combined Log Format. */
const ACCESS =
  /^\S+ - \S+ \[\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] ("(?:[^"\\]|\\.)*" \d{3} (?:\d+|-) "(?:[^"\\]|\\.)*" "(?:[^"\\]|\\.)*")$/;
const MESSAGE = /^\[\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] (?:DEBUG|INFO|WARN|ERROR) [^:]+: .+$/;

/** The access lines from the request on. */
function accessLines(log: string): string[] {
  return log.split("\n").flatMap((line) => ACCESS.exec(line)?.[1] ?? []);
}

/** Waits until there are so many access lines, and returns them. */
async function waitForAccess(server: TestServer, count: number): Promise<string[]> {
  await server.waitForLog((log) => accessLines(log).length >= count, 3000);
  return accessLines(server.logText());
}

/** Sends requests for the paths over one connection, one after the other, and returns how many were answered with 200. */
async function askAll(server: TestServer, paths: readonly string[]): Promise<number> {
  const input = paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join("");
  const { responses } = await exchange(server.port(), input, { count: paths.length });
  return responses.filter(({ status }) => status === 200).length;
}

/** How the streams are named; "HERE" is the folder of the test, which has links to them. */
const STREAMS: readonly (readonly [log: string, accessLog: string])[] = [
  ["-", "/dev/stdout"],
  ["/dev/stderr", "-"],
  ["HERE/app.log", "HERE/access.log"],
];

for (const [log, accessLog] of STREAMS) {
  Deno.test(`the log goes to open streams by --log ${log} --access-log ${accessLog}, for a user who could open neither`, () =>
    testStreams(log, accessLog));
}

/** The port that a server listens on, by what it says. */
function portIn(text: string): number {
  return Number(/listening on .*:(\d+)\//.exec(text)?.[1]);
}

async function testStreams(log: string, accessLog: string): Promise<void> {
  const isRoot = Deno.uid() === 0;
  const folder = await Deno.makeTempDir({ prefix: "lisod-test-" });
  try {
    await Deno.chmod(folder, 0o755);
    await Deno.symlink("/dev/stderr", `${folder}/app.log`);
    await Deno.symlink("/proc/self/fd/1", `${folder}/stdout`);
    await Deno.symlink("stdout", `${folder}/access.log`);
    const files = [log, accessLog].map((file) => file.replace("HERE", folder));
    const args = ["--http", "0", "--root", folder, "--log", files[0], "--access-log", files[1]];
    const child = new Deno.Command(LISOD, {
      args: [...args, ...(isRoot ? ["--user", "nobody"] : [])],
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const [errors, output] = [child.stderr, child.stdout].map((stream) => new PrintedText(stream));
    const port = portIn(await errors.until((text) => portIn(text) > 0));
    const { responses } = await exchange(port, "GET /none HTTP/1.1\r\nHost: a\r\n\r\n", { count: 1 });
    assertEquals(responses[0].status, 404);
    // A reload opens logs again, and these stay.
    child.kill("SIGHUP");
    await errors.until((text) => text.includes("reloaded"));
    child.kill("SIGTERM");
    const [messages, lines] = await Promise.all([errors.rest(), output.rest()]);
    assertEquals(accessLines(lines), ['"GET /none HTTP/1.1" 404 ' + /404 (\d+)/.exec(lines)?.[1] + ' "-" "-"']);
    assertEquals(accessLines(messages), []);
    assertEquals((await child.status).code, 0);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Two names for what is one stream, or two streams that are one pipe. */
const ONE_STREAM: readonly (readonly string[])[] = [
  ["--log", "-", "--access-log", "-"],
  ["--log", "/dev/stdout", "--access-log", "/dev/fd/1"],
  ["--access-log", "/dev/stderr"],
];

for (const names of ONE_STREAM) {
  Deno.test(`one stream by ${names.join(" ")} has whole lines in the order in which they were made`, async () => {
    const folder = await Deno.makeTempDir({ prefix: "lisod-test-" });
    try {
      const script = 'exec "$@" 2>&1';
      const args = ["--http", "0", "--root", folder, "--log-level", "debug", ...names];
      const child = new Deno.Command("sh", { args: ["-c", script, "sh", LISOD, ...args], stdout: "piped" }).spawn();
      const output = new PrintedText(child.stdout);
      const port = portIn(await output.until((text) => portIn(text) > 0));
      const paths = Array.from({ length: 100 }, (_, index) => `/none-${index}`);
      const input = paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join("");
      await exchange(port, input, { count: paths.length });
      child.kill("SIGTERM");
      const text = await output.rest();
      await child.status;
      const order = [...text.matchAll(/^(?:\[[^\]]+\] DEBUG GET|.*"GET) (\/none-\d+)[: ].*$/gm)].map(([, path]) =>
        path
      );
      assertEquals(order, paths.flatMap((path) => [path, path]));
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

Deno.test("a daemon is refused a log that is a link to a stream, and told why", async () => {
  const folder = await Deno.makeTempDir({ prefix: "lisod-test-" });
  try {
    await Deno.symlink("/dev/stdout", `${folder}/app.log`);
    const args = ["--http", "0", "--root", folder, "--log", `${folder}/app.log`];
    const want =
      `--log "${folder}/app.log": a link to a stream, which a daemon does not have: name a file, or --foreground`;
    for (const more of [["--daemon"], ["--daemon", "--check"]]) {
      const { code, stderr } = await runLisod(...args, ...more);
      assertEquals([code, stderr], [1, `lisod: ${want}\n`]);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the log begins with program, version, date and process", async () => {
  await using server = await startServer({ env: { TZ: "Asia/Kolkata" } });
  const [first] = server.logText().split("\n");
  assertMatch(first, /^\[\d\d\/\w{3}\/\d{4}:\d\d:\d\d:\d\d \+0530\] INFO log: lisod \d+\.\d+\.\d+ opened this log, /);
  assert(first.endsWith(`, process ${server.pid}`), first);
  const [, day, month, year, time] = first.match(/^\[(\d+)\/(\w+)\/(\d+):(\S+) /) ?? [];
  const ageMs = Date.now() - Date.parse(`${day} ${month} ${year} ${time} GMT+0530`);
  assert(ageMs > -1000 && ageMs < 60_000, `${first} is ${ageMs} ms old`);
});

Deno.test("the log is appended to and closed to others", async () => {
  await using server = await startServer({
    commandLine: ({ root, log }) => {
      Deno.writeTextFileSync(log, "a line from before\n", { mode: 0o640 });
      return ["--http", "0", "--root", root, "--log", log, "--access-log", `${log}.access`];
    },
  });
  assertMatch(server.logText(), /^a line from before\n\[.*\] INFO log: lisod /);
  assertEquals((await Deno.stat(`${server.place.log}.access`)).mode, 0o100640);
});

Deno.test("an access line tells each request in Combined Log Format, in order", async () => {
  await using server = await startServer({ files: { "index.html": "12345", "a b.txt": "123" } });
  await exchange(
    server.port(),
    "GET /?q=1%202 HTTP/1.1\r\nHost: a\r\nUser-Agent: test/1\r\nReferer: http://a/x\r\n\r\n" +
      "HEAD /a%20b.txt HTTP/1.1\r\nHost: a\r\n\r\n" +
      "GET / HTTP/1.1\r\nHost: a\r\nIf-None-Match: *\r\n\r\n" +
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab" +
      "GET /a%20b.txt HTTP/1.0\r\n\r\n",
    { methods: ["GET", "HEAD", "GET", "POST", "GET"] },
  );
  const lines = await waitForAccess(server, 5);
  assertEquals(lines.map((line) => line.replace(/ 405 \d+ /, " 405 N ")), [
    '"GET /?q=1%202 HTTP/1.1" 200 5 "http://a/x" "test/1"',
    '"HEAD /a%20b.txt HTTP/1.1" 200 - "-" "-"',
    '"GET / HTTP/1.1" 304 - "-" "-"',
    '"POST / HTTP/1.1" 405 N "-" "-"',
    '"GET /a%20b.txt HTTP/1.0" 200 3 "-" "-"',
  ]);
});

Deno.test("no request forges a line, ends a quote or reaches the log with a control byte", async () => {
  await using server = await startServer();
  const bytes = new TextEncoder().encode(
    'GET /"x HTTP/1.1\r\nHost: a\r\nReferer: "\t\\" 200 1 "-" "-\r\nUser-Agent: X forged\r\n\r\n',
  );
  // Bytes of Latin-1 and of UTF-8, which a terminal may take for control bytes.
  bytes[bytes.indexOf(0x58)] = 0x9b;
  await exchange(server.port(), bytes, { count: 1 });
  await exchange(server.port(), "GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: a\x1b[31m\r\n\r\n");
  await exchange(server.port(), "\x1b]0;forged\x07\r\n192.0.2.1 - - [x] forged\r\n\r\n");
  const lines = await waitForAccess(server, 3);
  assertEquals(
    lines[0].replace(/ 404 \d+ /, " 404 N "),
    '"GET /\\"x HTTP/1.1" 404 N "\\"\\x09\\\\\\" 200 1 \\"-\\" \\"-" "\\x9b forged"',
  );
  for (const line of server.logText().split("\n").slice(0, -1)) {
    assertMatch(line, /^[\x20-\x7e]+$/);
    assert(ACCESS.test(line) || MESSAGE.test(line), line);
  }
});

Deno.test("a line waits for about a second at most while the server is idle", async () => {
  await using server = await startServer();
  assertEquals(await askAll(server, ["/"]), 1);
  // Throws after three seconds, for a busy machine.
  assertEquals(await waitForAccess(server, 1), ['"GET / HTTP/1.1" 200 35 "-" "-"']);
});

Deno.test("every line is written when the server is told to stop", async () => {
  await using server = await startServer();
  assertEquals(await askAll(server, Array(50).fill("/")), 50);
  assertEquals((await server.stop()).code, 0);
  assertEquals(accessLines(server.logText()).length, 50);
  assertMatch(server.logText(), /INFO main: stopped\n$/);
});

Deno.test("SIGUSR1 opens the log anew after a rename and no line is lost or cut", async () => {
  await using server = await startServer({ files: { "index.html": "x" } });
  const { log } = server.place;
  const paths = Array.from({ length: 300 }, (_, index) => `/?${index}`);
  using client = await RawClient.connect(server.port());
  for (const [index, path] of paths.entries()) {
    await client.send(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    assertEquals((await client.receive({ count: 1 })).responses[0].status, 200);
    if (index === 99 || index === 199) {
      await Deno.rename(log, `${log}.${index}`);
      Deno.kill(server.pid, "SIGUSR1");
      await server.waitForLog((text) => text.includes("opened this log"));
    }
  }
  await server.stop();
  const parts = [`${log}.99`, `${log}.199`, log].map((path) => Deno.readTextFileSync(path));
  for (const text of parts) assertMatch(text, /^\[.*\] INFO log: lisod .* opened this log, process \d+\n[^]*\n$/);
  assertEquals(parts.flatMap(accessLines).map((line) => line.split(" ")[1]), paths);
  assertEquals(parts.map((text) => accessLines(text).length > 0), [true, true, true]);
});

Deno.test("SIGUSR1 keeps the open log when the new one cannot be made", async () => {
  await using server = await startServer({
    commandLine: ({ folder, root, log }) => {
      Deno.mkdirSync(join(folder, "a"));
      return ["--http", "0", "--root", root, "--log", log, "--access-log", join(folder, "a", "access.log")];
    },
  });
  const { folder } = server.place;
  await Deno.rename(join(folder, "a"), join(folder, "b"));
  Deno.kill(server.pid, "SIGUSR1");
  await server.waitForLog((log) => /ERROR log: The file that is open stays: --access-log ".*"/.test(log));
  assertEquals(await askAll(server, ["/"]), 1);
  await server.stop();
  assertEquals(accessLines(Deno.readTextFileSync(join(folder, "b", "access.log"))).length, 1);
});

Deno.test("--access-log keeps access lines apart, and off keeps none", async () => {
  const withAccessLog = (name: (folder: string) => string) =>
    startServer({
      commandLine: (
        { folder, root, log },
      ) => ["--http", "0", "--root", root, "--log", log, "--access-log", name(folder)],
    });
  await using split = await withAccessLog((folder) => join(folder, "access.log"));
  assertEquals(await askAll(split, ["/", "/"]), 2);
  await split.stop();
  const accesses = Deno.readTextFileSync(join(split.place.folder, "access.log"));
  assertEquals([accessLines(accesses).length, accesses.split("\n").length], [2, 3]);
  assertEquals(accessLines(split.logText()), []);
  await using off = await withAccessLog(() => "off");
  assertEquals(await askAll(off, ["/", "/"]), 2);
  await off.stop();
  assertEquals(accessLines(off.logText()), []);
  assertEquals([...Deno.readDirSync(off.place.folder)].map((entry) => entry.name).sort(), ["lisod.log", "www"]);
});

Deno.test({
  name: "a full disk costs lines and no request, and the loss is told when there is room again",
  ignore: !canMount(),
  fn: async () => {
    const disk = await Deno.makeTempDir({ prefix: "lisod-disk-" });
    assert(mount(disk));
    try {
      await using server = await startServer({
        // So small a buffer is written with each line.
        args: ["--access-log", join(disk, "access.log"), "--log-buffer-bytes", "1"],
      });
      assertEquals(await askAll(server, ["/?1"]), 1);
      fill(join(disk, "filler"));
      assertEquals(await askAll(server, Array(2000).fill("/?2")), 2000);
      await Deno.remove(join(disk, "filler"));
      assertEquals(await askAll(server, ["/?3"]), 1);
      const { stderr } = await server.stop();
      const complaint = `ERROR log: Cannot write "${join(disk, "access.log")}", no space left on device: `;
      assertEquals(stderr.split(complaint).length, 2, stderr);
      const lines = (await Deno.readTextFile(join(disk, "access.log"))).split("\n").slice(0, -1);
      const [count] = lines.flatMap((line) =>
        line.match(/ERROR log: (\d+) lines lost: no space left on device$/)?.[1] ?? []
      );
      // The rest of the last page still takes some lines, and the last of these may be cut.
      const written = accessLines(lines.join("\n")).filter((line) => line.includes("/?2"));
      assertEquals(written.length + Number(count), 2000);
      assertMatch(lines[lines.length - 1], /"GET \/\?3 HTTP/);
    } finally {
      new Deno.Command("umount", { args: [disk] }).outputSync();
      await Deno.remove(disk);
    }
  },
});

/** Whether this machine lets us have a disk of our own. */
function canMount(): boolean {
  if (Deno.uid() !== 0) return false;
  const folder = Deno.makeTempDirSync({ prefix: "lisod-disk-" });
  const isMounted = mount(folder);
  if (isMounted) new Deno.Command("umount", { args: [folder] }).outputSync();
  Deno.removeSync(folder);
  return isMounted;
}

/** Puts a disk of 64 KiB in memory there. */
function mount(folder: string): boolean {
  return new Deno.Command("mount", { args: ["-t", "tmpfs", "-o", "size=64k", "none", folder] }).outputSync().success;
}

/** Takes all the room that is left. */
function fill(path: string): void {
  using file = Deno.openSync(path, { write: true, create: true });
  assertThrows(
    () => {
      while (true) file.writeSync(new Uint8Array(1024));
    },
    Error,
    "No space left",
  );
}

Deno.test("--log-level debug tells why a request was refused, info does not", async () => {
  const logOf = async (level: string) => {
    await using server = await startServer({ args: ["--log-level", level] });
    await exchange(server.port(), "GET /none HTTP/1.1\r\nHost: a\r\n\r\n", { count: 1 });
    await server.stop();
    return server.logText();
  };
  assertNotEquals((await logOf("debug")).match(/ DEBUG .*\/none/), null);
  assertEquals((await logOf("info")).match(/ DEBUG /), null);
});

Deno.test("the log goes to standard error without --log", async () => {
  const root = await Deno.makeTempDir({ prefix: "lisod-test-" });
  const process = new Deno.Command(LISOD, {
    args: ["--http", "0", "--listen", "127.0.0.1", "--root", root],
    stdin: "null",
    stderr: "piped",
  }).spawn();
  let text = "";
  for await (const chunk of process.stderr.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (/listening on .*\n/.test(text) && !text.includes("stopping")) process.kill("SIGTERM");
  }
  assertEquals((await process.status).code, 0);
  await Deno.remove(root);
  assertMatch(text, /^\[.*\] INFO log: lisod .* opened this log, process \d+\n[^]*\[.*\] INFO main: stopped\n$/);
});
