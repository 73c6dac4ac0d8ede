/** The compiled binary under load and with files that are larger than its memory may become. */
import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { curl, run, startServer, type TestServer } from "./harness.ts";

const MIB = 1 << 20;

/** Makes a file of that many bytes that takes no space: all but the given text is zero bytes that are not on the disk. */
async function writeSparse(path: string, bytes: number, at = 0, text = ""): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true });
  await file.truncate(bytes);
  await file.seek(at, Deno.SeekMode.Start);
  await file.write(new TextEncoder().encode(text));
}

/** Lets the kernel forget the most memory that the server has had. */
async function resetPeak(server: TestServer): Promise<void> {
  await Deno.writeTextFile(`/proc/${server.pid}/clear_refs`, "5");
}

/** A line of /proc/PID/status in bytes. */
async function memory(server: TestServer, name: "VmRSS" | "VmHWM"): Promise<number> {
  const line = new RegExp(`^${name}:\\s*(\\d+) kB$`, "m").exec(await Deno.readTextFile(`/proc/${server.pid}/status`));
  return Number(line?.[1]) * 1024;
}

Deno.test("lisod sends 100 MiB to 20 clients at once in constant memory", async () => {
  await using server = await startServer();
  await writeSparse(`${server.place.root}/large`, 100 * MIB);
  const download = (count: number) => {
    const targets = Array.from({ length: count }, () => ["--output", "/dev/null", `${server.url}/large`]).flat();
    return curl("--parallel", "--parallel-max", "20", "--write-out", "%{http_code} %{size_download}\n", ...targets);
  };
  // What the first download takes for good, such as compiled code, is no growth.
  await download(1);
  await resetPeak(server);
  const before = await memory(server, "VmRSS");
  const { text } = await download(20);
  assertEquals(text, `200 ${100 * MIB}\n`.repeat(20));
  assertLessOrEqual(await memory(server, "VmHWM") - before, 32 * MIB - 1);
});

Deno.test("lisod sends a range of a file above 4 GiB", async () => {
  await using server = await startServer();
  const at = 2 ** 32 + 1000;
  await writeSparse(`${server.place.root}/huge`, 5 * 2 ** 30, at, "beyond");
  const { text } = await curl("--range", `${at}-${at + 5}`, "--write-out", " %{http_code}", `${server.url}/huge`);
  assertEquals(text, "beyond 206");
  const head = await curl("--head", `${server.url}/huge`);
  assert(head.text.includes(`Content-Length: ${5 * 2 ** 30}\r\n`), head.text);
});

Deno.test("lisod fails no request of ab with keep-alive", async () => {
  await using server = await startServer({ args: ["--rules", "course"] });
  const { code, text, stderr } = await run("ab", ["-q", "-k", "-n", "20000", "-c", "100", `${server.url}/`]);
  assertEquals(code, 0, stderr);
  for (const [name, want] of [["Complete requests", 20_000], ["Failed requests", 0], ["Keep-Alive requests", 20_000]]) {
    assertEquals(Number(new RegExp(`^${name}:\\s+(\\d+)$`, "m").exec(text)?.[1]), want, `${name}\n${text}`);
  }
  assert(!text.includes("Non-2xx"), text);
});

Deno.test("lisod grows by at most 56 MiB when 30,000 connections come and go", async () => {
  await using server = await startServer();
  const before = await memory(server, "VmRSS");
  const { code, text, stderr } = await run("ab", ["-q", "-n", "30000", "-c", "16", `${server.url}/`]);
  assertEquals(code, 0, stderr);
  assert(/^Complete requests:\s+30000$/m.test(text), text);
  // What connections leave behind in the old space of V8's heap, until its next collection there: scripts/build.
  assertLessOrEqual(await memory(server, "VmRSS") - before, 56 * MIB);
});
