/**
 * A log whose writes hang, for nobody reads the pipe or the file system is frozen: clients are served all the while, lines
 * come again when that ends, with the count of lost ones, and the server stops in its time.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { BOUND_MS, canFreeze, FreezingDisk, hasExited, isClosed, until } from "./freezing_disk.ts";
import { startServer, type TestServer, type Way } from "./harness.ts";
import { PrintedText } from "./printed_text.ts";
import { exchange } from "./raw_client.ts";

const LISOD = join(import.meta.dirname ?? ".", "..", "lisod");
const WAYS: readonly Way[] = ["native", "runtime"];
const DRAIN_MS = 1000;
/** What the end takes beside the drain, on a busy machine. */
const END_MS = 6000;

/** Sends so many requests one after the other, each of which makes a long line; throws unless all are answered. */
async function ask(port: number, name: string, count: number): Promise<void> {
  const agent = "x".repeat(3000);
  const requests = Array.from(
    { length: count },
    (_, index) => `GET /?${name}${index} HTTP/1.1\r\nHost: a\r\nUser-Agent: ${agent}\r\n\r\n`,
  );
  for (let sent = 0; sent < count; sent += 50) {
    const part = requests.slice(sent, sent + 50);
    const { responses } = await exchange(port, part.join(""), { count: part.length });
    assertEquals(responses.map(({ status }) => status), part.map(() => 200));
  }
}

/** The requests of that name that have a line, by their numbers. */
function numbersOf(name: string, text: string): readonly number[] {
  return [...text.matchAll(new RegExp(`"GET /\\?${name}(\\d+) HTTP/1.1" 200 .*"\\n`, "g"))].map(([, n]) => Number(n));
}

function lossesIn(text: string): number {
  return [...text.matchAll(/ERROR log: (\d+) lines lost: more than 65536 bytes wait to be written\n/g)]
    .reduce((sum, [, count]) => sum + Number(count), 0);
}

/** A server one of whose streams is read when the test says so, and not otherwise. */
interface Streamed extends AsyncDisposable {
  readonly child: Deno.ChildProcess;
  /** Reads until that holds for all of the text so far. */
  readonly read: (isThere: (text: string) => boolean) => Promise<string>;
  readonly port: () => Promise<number>;
}

interface Stream {
  readonly name: string;
  readonly args: readonly string[];
  /** Which of the server's streams is not read. */
  readonly of: "stdout" | "stderr" | "fifo";
}

const STREAMS: readonly Stream[] = [
  { name: "standard error, a pipe", args: ["--log", "-", "--access-log", "/dev/stderr"], of: "stderr" },
  { name: "standard error, a FIFO", args: ["--log", "-", "--access-log", "/dev/stderr"], of: "fifo" },
  { name: "standard output for access lines alone", args: ["--log", "LOG", "--access-log", "-"], of: "stdout" },
];

async function startStreamed(
  stream: Stream,
  more: readonly string[],
  { drain = `${DRAIN_MS}`, held = "64k" } = {},
): Promise<Streamed> {
  const folder = await Deno.makeTempDir({ prefix: "lisod-test-" });
  const log = join(folder, "lisod.log");
  const fifo = join(folder, "fifo");
  await Deno.writeTextFile(join(folder, "index.html"), "x");
  assert((await new Deno.Command("mkfifo", { args: [fifo] }).output()).success);
  const given = stream.args.map((arg) => arg.replace("LOG", log));
  const limits = ["--max-log-held-bytes", held, "--log-flush-ms", "20", "--drain-ms", drain];
  const args = [LISOD, "--http", "0", "--listen", "127.0.0.1", "--root", folder, ...given, ...limits, ...more];
  // Open for reading too, so that no reader is no error but a wait.
  const script = stream.of === "fifo" ? 'exec "$@" 2<>"$0"' : 'exec "$@"';
  const child = new Deno.Command("sh", {
    args: ["-c", script, fifo, ...args],
    stdin: "null",
    stdout: stream.of === "stdout" ? "piped" : "null",
    stderr: stream.of === "stderr" ? "piped" : "null",
  }).spawn();
  const source = stream.of === "fifo" ? (await Deno.open(fifo)).readable : child[stream.of];
  const reader = new PrintedText(source);
  const read = (isThere: (text: string) => boolean) => reader.until(isThere);
  const port = async () => {
    const said = stream.of === "stdout" ? await untilListening(log) : await read(isListening);
    return Number(/listening on .*:(\d+)\//.exec(said)?.[1]);
  };
  const end = async () => {
    await endOf(child, 0);
    await reader.cancel();
    await Deno.remove(folder, { recursive: true });
  };
  return { child, read, port, [Symbol.asyncDispose]: end };
}

function isListening(text: string): boolean {
  return /listening on .*:\d+\/\n/.test(text);
}

async function untilListening(log: string): Promise<string> {
  const read = () => Deno.readTextFile(log).catch(() => "");
  await until(async () => isListening(await read()), "it listens");
  return await read();
}

/** Kills what has not ended by then. */
async function endOf(child: Deno.ChildProcess, limitMs: number): Promise<Deno.CommandStatus & { tookMs: number }> {
  const startMs = performance.now();
  const timer = setTimeout(() => child.kill("SIGKILL"), limitMs);
  const status = await child.status;
  clearTimeout(timer);
  return { ...status, tookMs: performance.now() - startMs };
}

async function testStream(stream: Stream, more: readonly string[]): Promise<void> {
  await using server = await startStreamed(stream, more);
  const { child, read } = server;
  const port = await server.port();
  await ask(port, "stalled", 500);
  const text = await read((text) => lossesIn(text) > 0);
  const numbers = numbersOf("stalled", text);
  assertEquals(numbers, numbers.toSorted((a, b) => a - b));
  assert(numbers.length > 20, `${numbers.length}`);
  await ask(port, "after", 1);
  const whole = await read((text) => numbersOf("after", text).length === 1);
  assertEquals(numbersOf("stalled", whole).length + lossesIn(whole), 500);
  await ask(port, "again", 300);
  child.kill("SIGTERM");
  const { code, tookMs } = await endOf(child, DRAIN_MS + END_MS);
  assertEquals(code, 0, `after ${tookMs} ms`);
  assert(await isClosed(port));
}

for (const way of WAYS) {
  for (const stream of STREAMS) {
    Deno.test(`${way}: nobody waits for ${stream.name}, that nobody reads`, async () => {
      await testStream(stream, way === "native" ? [] : ["--native", "off"]);
    });
  }
}

Deno.test("workers: nobody waits for a pipe that nobody reads", async () => {
  await using server = await startStreamed(STREAMS[0], ["--workers", "2"]);
  const port = await server.port();
  await ask(port, "stalled", 500);
  await server.read((text) => lossesIn(text) > 0);
  await ask(port, "again", 300);
  server.child.kill("SIGTERM");
  const { code, tookMs } = await endOf(server.child, DRAIN_MS + END_MS);
  assertEquals(code, 0, `after ${tookMs} ms`);
});

Deno.test("a second SIGTERM ends the server at once, though its log hangs", async () => {
  await using server = await startStreamed(STREAMS[0], [], { drain: "60s", held: "4M" });
  const port = await server.port();
  // Far more than the pipe and its reader take, and nothing of it is dropped: so a write hangs, whoever is slow.
  await ask(port, "stalled", 500);
  server.child.kill("SIGTERM");
  await until(() => isClosed(port), "it stops");
  server.child.kill("SIGTERM");
  const { code, tookMs } = await endOf(server.child, END_MS);
  assertEquals(code, 1, `after ${tookMs} ms`);
});

const ignore = !await canFreeze();

function startOn(disk: FreezingDisk, way: Way): Promise<TestServer> {
  const more = way === "native" ? [] : ["--native", "off"];
  const access = ["--access-log", join(disk.folder, "access.log"), "--lock", join(disk.folder, "lock")];
  return startServer({ args: [...access, "--log-flush-ms", "20", "--drain-ms", `${DRAIN_MS}`, ...more] });
}

for (const way of WAYS) {
  Deno.test({
    name: `${way}: nobody waits for a log on a frozen disk, rotation included, and no line is lost`,
    ignore,
    fn: async () => {
      await using disk = FreezingDisk.make();
      assert(disk !== null);
      const path = join(disk.folder, "access.log");
      await using server = await startOn(disk, way);
      await Deno.rename(path, `${path}.1`);
      await using _frozen = disk.freeze();
      await ask(server.port(), "old", 200);
      Deno.kill(server.pid, "SIGUSR1");
      await ask(server.port(), "new", 200);
      await disk.thaw();
      await until(() => Deno.stat(path).then(() => true, () => false), "there is a new log");
      await ask(server.port(), "later", 1);
      await server.stop();
      const [old, young] = [`${path}.1`, path].map((name) => Deno.readTextFileSync(name));
      const numbers = Array.from({ length: 200 }, (_, index) => index);
      assertEquals(numbersOf("old", old), numbers);
      assertEquals([...numbersOf("new", old), ...numbersOf("new", young)], numbers);
      assertEquals(numbersOf("later", young), [0]);
    },
  });

  Deno.test({
    name: `${way}: SIGTERM ends the service though the log and the lock are on a frozen disk`,
    ignore,
    fn: async () => {
      await using disk = FreezingDisk.make();
      assert(disk !== null);
      await using server = await startOn(disk, way);
      const port = server.port();
      await using _frozen = disk.freeze();
      await ask(port, "lost", 100);
      const startMs = performance.now();
      const stopped = server.stop();
      await until(() => isClosed(port), "the port is free");
      await server.waitForLog((log) => log.includes("INFO main: stopped\n"), BOUND_MS);
      assert(performance.now() - startMs < DRAIN_MS + END_MS);
      // Its process is gone only when the system call has ended that waits for the disk.
      await until(() => hasExited(server.pid), "it has exited");
      await disk.thaw();
      const { code, stderr } = await stopped;
      assertEquals(code, 0);
      assertMatch(stderr, /ERROR log: Cannot write ".*access.log", a write did not end: \d+ lines lost at the end\n/);
    },
  });
}
