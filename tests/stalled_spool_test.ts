/**
 * A --cgi-spool whose file system is frozen: requests that use it end with 503 in their time and one line each, all others are
 * served, and the server stops.
 */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { canFreeze, FreezingDisk, hasExited, isClosed, until } from "./freezing_disk.ts";
import { startServer, type TestServer, type Way, writeFiles } from "./harness.ts";
import { RawClient } from "./raw_client.ts";
import { fieldValue, type RawResponse, toText } from "./raw_http.ts";

const WAYS: readonly Way[] = ["native", "runtime"];
const ignore = !await canFreeze();
/** More than the runtime has threads for what waits. */
const CLIENT_COUNT = 40;
const CONTENT_BYTES = 0x4000;
const DRAIN_MS = 1000;
const END_MS = 6000;
/** Too large to stay in memory, so it is read by those threads. */
const FILE_BYTES = 3 << 20;

async function startOn(disk: FreezingDisk, way: Way, spoolMs: string): Promise<TestServer> {
  const place = join(disk.folder, "..", "site");
  await writeFiles(place, {
    "bin/count": "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\nwc -c\n",
    "root/large": new Uint8Array(FILE_BYTES),
  });
  await Deno.chmod(join(place, "bin/count"), 0o755);
  const cgi = [
    "--cgi",
    join(place, "bin"),
    "--cgi-spool",
    disk.folder,
    "--cgi-queue",
    "100",
    "--script-share-percent",
    "100",
  ];
  const limits = ["--spool-ms", spoolMs, "--max-spool-memory-bytes", "100", "--drain-ms", `${DRAIN_MS}`];
  const more = way === "native" ? [] : ["--native", "off"];
  return startServer({ root: join(place, "root"), args: [...cgi, ...limits, ...more, "--log-flush-ms", "1"] });
}

/** The answer; undefined where the connection was closed without one. */
async function ask(server: TestServer, request: string): Promise<RawResponse | undefined> {
  using client = await RawClient.connect(server.port());
  await client.send(request);
  const { responses: [response] } = await client.receive({ count: 1, deadlineMs: 20_000 });
  return response;
}

const UPLOAD_HEAD = "POST /cgi/count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

function hasSpoolFile(pid: number): boolean {
  return openDescriptors(pid).some((name) => /\/lisod-content-\w+ \(deleted\)$/.test(name));
}

function openDescriptors(pid: number): readonly string[] {
  return Array.from(Deno.readDirSync(`/proc/${pid}/fd`), ({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/${pid}/fd/${name}`);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return "closed";
      throw error;
    }
  });
}

function upload(server: TestServer): Promise<RawResponse | undefined> {
  const chunk = `${CONTENT_BYTES.toString(16)}\r\n${"x".repeat(CONTENT_BYTES)}\r\n0\r\n\r\n`;
  return ask(server, `${UPLOAD_HEAD}${chunk}`);
}

function get(server: TestServer, target: string): Promise<RawResponse | undefined> {
  return ask(server, `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
}

for (const way of WAYS) {
  Deno.test({
    name: `${way}: a frozen spool is 503 in time for those who use it, and nobody else waits`,
    ignore,
    async fn() {
      await using disk = FreezingDisk.make();
      assert(disk !== null);
      await using server = await startOn(disk, way, "2s");
      assertEquals((await upload(server))?.status, 200);
      using begun = await RawClient.connect(server.port());
      await begun.send(`${UPLOAD_HEAD}c8\r\n${"x".repeat(200)}\r\n`);
      await until(() => hasSpoolFile(server.pid), "its content is in a file");
      await using _frozen = disk.freeze();
      const uploads = Promise.all(Array.from({ length: CLIENT_COUNT }, () => upload(server)));
      // The rest of one whose file is there: a write hangs, and later its close.
      await begun.send(`c8\r\n${"x".repeat(200)}\r\n0\r\n\r\n`);
      const ending = begun.receive({ count: 1, deadlineMs: 20_000 });
      let areOver = false;
      uploads.finally(() => areOver = true).catch(() => {});
      let servedCount = 0;
      while (!areOver) {
        assertEquals((await get(server, "/large"))?.body.length, FILE_BYTES);
        assertEquals((await get(server, "/cgi/count"))?.status, 200);
        servedCount++;
      }
      assert(servedCount > 3, `${servedCount}`);
      const answers = [...await uploads, (await ending).responses[0]].map((
        response,
      ) => [response?.status, response && fieldValue(response, "Retry-After")]);
      assertEquals(answers, Array(CLIENT_COUNT + 1).fill([503, "1"]));
      const complaint = `ERROR POST /cgi/count: Cannot keep the content of a request in "${disk.folder}": ` +
        "nothing has come of it for 2000 ms (request ";
      await server.waitForLog((log) => log.split(complaint).length === CLIENT_COUNT + 2);
      assertEquals(server.logText().match(/ERROR/g)?.length, CLIENT_COUNT + 1);
      await disk.thaw();
      await until(async () => (await upload(server))?.status === 200, "it is used again");
      const counted = await upload(server);
      assertEquals(counted && toText(counted.body).trim(), `${CONTENT_BYTES}`);
      await until(() => [...Deno.readDirSync(disk.folder)].every(({ name }) => name === "lost+found"), "it is empty");
    },
  });

  Deno.test({
    name: `${way}: SIGTERM ends a server whose spool is frozen`,
    ignore,
    async fn() {
      await using disk = FreezingDisk.make();
      assert(disk !== null);
      await using server = await startOn(disk, way, "60s");
      const port = server.port();
      await using _frozen = disk.freeze();
      const cut = upload(server).then((response) => response === undefined, () => true);
      assertEquals((await get(server, "/large"))?.body.length, FILE_BYTES);
      const startMs = performance.now();
      const stopped = server.stop();
      await until(() => isClosed(port), "the port is free");
      assert(await cut);
      await until(() => hasExited(server.pid), "it has exited");
      assert(performance.now() - startMs < DRAIN_MS + END_MS);
      await disk.thaw();
      assertEquals((await stopped).code, 0);
    },
  });
}
