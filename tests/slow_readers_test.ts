/** Scripts whose clients are slow: they end, and their places go to others; what they printed still comes whole. */
import { assertEquals, assertLessOrEqual, assertStringIncludes } from "@std/assert";
import { until } from "./cgi/running_scripts.ts";
import { countDescriptors } from "./descriptors.ts";
import { startServer, type TestServer } from "./harness.ts";
import { RawClient } from "./raw_client.ts";
import { toText } from "./raw_http.ts";

/** More than the buffers of two pipes and two sockets hold. */
const BYTES = 16_000_000;
const SCRIPT = `#!/bin/sh
printf 'Content-Type: text/plain\\n\\n'
case $QUERY_STRING in
big) yes 0123456789abcde | head -c ${BYTES} ;;
*) echo small ;;
esac
`;

/** A client that asks for the big answer and reads its head alone. */
async function askSlowly(server: TestServer): Promise<RawClient> {
  const client = await RawClient.connect(server.port());
  await client.send("GET /cgi/?big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  return client;
}

async function askSmall(server: TestServer): Promise<string> {
  using client = await RawClient.connect(server.port());
  await client.send("GET /cgi/ HTTP/1.1\r\nHost: a\r\n\r\n");
  const { responses: [{ status, body }] } = await client.receive({ count: 1 });
  return `${status} ${toText(body)}`;
}

/** How much memory the process has had at most. Linux, proc(5). */
function peakMiB(pid: number): number {
  const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`)) ?? [];
  return Number(kib) / 1024;
}

Deno.test("scripts end, and their places go to others, while their clients read nothing; all comes when they do", async () => {
  const script = await Deno.makeTempFile();
  await Deno.writeTextFile(script, SCRIPT);
  await Deno.chmod(script, 0o755);
  const args = ["--cgi", script, "--cgi-max", "4", "--max-output-memory-bytes", "1M"];
  await using server = await startServer({ args });
  assertEquals(await askSmall(server), "200 small\n");
  const before = countDescriptors(server.pid);
  const clients = await Promise.all(Array.from({ length: 8 }, () => askSlowly(server)));
  assertEquals(await askSmall(server), "200 small\n");
  // All eight have run, four at a time, though nobody has taken their answers.
  await until(() => countRunning(script) === 1, "none but the server itself, which has its path, is left");
  assertLessOrEqual(peakMiB(server.pid), 200);
  const counts = await Promise.all(clients.map((client) => client.countToEnd()));
  for (const count of counts) assertLessOrEqual(Math.abs(count - BYTES), 100_000);
  for (const client of clients) client.close();
  await until(() => countDescriptors(server.pid) <= before, "the files are closed");
  await Deno.remove(script);
});

/** Processes that run the script. */
function countRunning(script: string): number {
  return [...Deno.readDirSync("/proc")].filter(({ name }) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      return Deno.readTextFileSync(`/proc/${name}/cmdline`).includes(script);
    } catch {
      return false; // It has ended.
    }
  }).length;
}

Deno.test("scripts wait where the system gives few descriptors, and each client is answered", async () => {
  const script = await Deno.makeTempFile();
  await Deno.writeTextFile(script, "#!/bin/sh\nsleep 0.1\nprintf 'Content-Type: text/plain\\n\\nsmall\\n'\n");
  await Deno.chmod(script, 0o755);
  const args = ["--cgi", script, "--cgi-max", "64"];
  await using server = await startServer({ args, through: ["prlimit", "--nofile=128"] });
  const answers = await Promise.all(Array.from({ length: 48 }, () => askSmall(server)));
  assertEquals(new Set(answers), new Set(["200 small\n"]));
  assertStringIncludes(
    server.logText(),
    "WARN main: at most 4 scripts at once, others wait: the system gives 128 descriptors",
  );
  await Deno.remove(script);
});

Deno.test("lisod removes at its start what a killed one has left where contents are kept", async () => {
  const spool = await Deno.makeTempDir();
  const left = `${spool}/lisod-content-left`;
  await Deno.writeTextFile(left, "left");
  const old = new Date(Date.now() - 120_000);
  await Deno.utime(left, old, old);
  await using server = await startServer({ args: ["--cgi", "/bin/true", "--cgi-spool", spool] });
  await server.waitForLog((log) =>
    log.includes(`INFO main: removed 1 files that a killed server had left in "${spool}"`)
  );
  assertEquals([...Deno.readDirSync(spool)], []);
  await Deno.remove(spool);
});
