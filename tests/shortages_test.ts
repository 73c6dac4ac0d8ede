/**
 * What the machine has no more of while requests are served: room for spooled content, descriptors. Each is a status of its own
 * and one line in the log that names what was tried; afterwards all is as before. By the compiled binary, over HTTP.
 */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { guardsOf } from "./cgi/server.ts";
import { STEADY_COUNT } from "./descriptors.ts";
import { run, startServer, type TestServer, writeFiles } from "./harness.ts";
import { RawClient } from "./raw_client.ts";
import { fieldValue, type RawResponse, toText } from "./raw_http.ts";

const COUNT = "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\nwc -c\n";
const CHUNK_BYTES = 0x10000;
const CHUNK = `${CHUNK_BYTES.toString(16)}\r\n${"x".repeat(CHUNK_BYTES)}\r\n`;

interface Scene extends AsyncDisposable {
  readonly server: TestServer;
  readonly folder: string;
}

/** A server with a script that counts what it is sent, and whose spool is `folder`/spool. */
async function start(prepare: (spool: string) => void = () => {}): Promise<Scene> {
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "lisod-test-" }));
  await writeFiles(folder, { "bin/count": COUNT, "spool/.keep": "", "root/a.txt": "a", "root/d/b.txt": "b" });
  await Deno.chmod(join(folder, "bin/count"), 0o755);
  prepare(join(folder, "spool"));
  const spool = ["--cgi-spool", join(folder, "spool"), "--log-flush-ms", "1", "--listing", "--file-cache-ms", "0"];
  const server = await startServer({ root: join(folder, "root"), args: ["--cgi", join(folder, "bin"), ...spool] });
  return {
    server,
    folder,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      umount(join(folder, "spool"));
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** A disk of 1 MiB in memory in place of the folder. */
function mount(folder: string): void {
  const { success } = new Deno.Command("mount", { args: ["-t", "tmpfs", "-o", "size=1m", "none", folder] })
    .outputSync();
  assert(success, "Only root can mount a file system");
}

/** Nothing happens where nothing is mounted. */
function umount(folder: string): void {
  new Deno.Command("umount", { args: [folder], stderr: "null" }).outputSync();
}

/** Sends chunked content, a chunk of 64 KiB so many times, and returns the answer, which may come before its end. */
async function upload(client: RawClient, chunkCount: number): Promise<RawResponse> {
  const sending = (async () => {
    await client.send("POST /cgi/count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (let count = 0; count < chunkCount; count++) await client.send(CHUNK);
    await client.send("0\r\n\r\n");
  })();
  const [{ responses: [response] }] = await Promise.all([
    client.receive({ count: 1 }),
    // The server stops to read when it has answered, and closes.
    sending.catch((error) => assert(/reset|broken pipe/i.test(String(error)), String(error))),
  ]);
  return response;
}

/** Messages of the log but those of the start, without time. */
function complaints({ server, folder }: Scene): readonly string[] {
  return server.logText().split("\n").filter((line) => !/ "(?:GET|POST) |\] (?:INFO|DEBUG) |\] WARN main: /.test(line))
    .map((line) => line.replace(/^\[.*?\] /, "").replace(/ \(request \S+\)$/, "").replaceAll(folder, "HERE")).filter((
      line,
    ) => line !== "");
}

Deno.test({
  name: "a spool that is full is 507 and one line with its folder, and room again is used again",
  // Only root can mount a file system.
  ignore: Deno.uid() !== 0,
  async fn() {
    await using scene = await start(mount);
    const full = 'ERROR POST /cgi/count: Cannot keep the content of a request in "HERE/spool": no space left on device';
    for (let round = 1; round <= 2; round++) {
      using client = await RawClient.connect(scene.server.port());
      assertEquals((await upload(client, 320)).status, 507);
      await scene.server.waitForLog(() => complaints(scene).length >= round);
      assertEquals(complaints(scene), Array(round).fill(full));
    }
    umount(join(scene.folder, "spool"));
    using client = await RawClient.connect(scene.server.port());
    const { status, body } = await upload(client, 320);
    assertEquals([status, toText(body).trim()], [200, String(320 * CHUNK_BYTES)]);
  },
});

/** What is asked for while there is no descriptor left, and what the log says of it. */
const WITHOUT_DESCRIPTORS: readonly (readonly [target: string, complaint: RegExp])[] = [
  ["/a.txt", /^ERROR GET \/a\.txt: Cannot open "HERE\/root\/a\.txt": too many open files$/],
  ["/d/", /^ERROR GET \/d\/: Cannot open "HERE\/root\/d\/": too many open files$/],
  ["/cgi/count", /^ERROR GET \/cgi\/count: Cannot start "HERE\/bin\/count": .*too many open files$/],
];

Deno.test("want of descriptors is 503 with Retry-After and one line, for files, listings, programs and the spool", async () => {
  await using scene = await start();
  const { server } = scene;
  using client = await RawClient.connect(server.port());
  const get = async (target: string) => {
    await client.send(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
    const { responses: [response] } = await client.receive({ count: 1 });
    return response;
  };
  const own = programDescriptors(server.pid);
  // What is made for the first request of a kind is there from now on.
  for (const [target] of WITHOUT_DESCRIPTORS) assertEquals([target, (await get(target)).status], [target, 200]);
  await untilProgramsAreGone(server.pid, own);
  const before = await takeDescriptors(server.pid);
  for (const [at, [target, complaint]] of WITHOUT_DESCRIPTORS.entries()) {
    const response = await get(target);
    assertEquals([target, response.status, fieldValue(response, "Retry-After")], [target, 503, "1"]);
    await server.waitForLog(() => complaints(scene).length > at);
    const lines = complaints(scene).slice(at);
    assert(lines.length === 1 && complaint.test(lines[0]), lines.join("\n"));
  }
  const response = await upload(client, 20);
  assertEquals([response.status, fieldValue(response, "Retry-After")], [503, "1"]);
  await server.waitForLog(() => complaints(scene).length > WITHOUT_DESCRIPTORS.length);
  const spool = 'ERROR POST /cgi/count: Cannot keep the content of a request in "HERE/spool": too many open files';
  assertEquals(complaints(scene).slice(WITHOUT_DESCRIPTORS.length), [spool]);
  await setLimit(server.pid, before);
  using again = await RawClient.connect(server.port());
  assertEquals((await upload(again, 20)).status, 200);
});

/** What a descriptor leads to that was closed while its folder was read. */
const CLOSED = "";

/** What each descriptor of the process leads to, by number. */
function openDescriptors(pid: number): ReadonlyMap<number, string> {
  const folder = `/proc/${pid}/fd`;
  return new Map(Array.from(Deno.readDirSync(folder), ({ name }) => {
    try {
      return [Number(name), Deno.readLinkSync(join(folder, name))];
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [Number(name), CLOSED];
      throw error;
    }
  }));
}

/** What leads to a program that runs, its pipes, or to itself, but for the guard of programs, which stays. */
function programDescriptors(pid: number): readonly string[] {
  const found = [...openDescriptors(pid).values()].filter((to) => /^pipe:|pidfd/.test(to));
  for (const guard of guardsOf(pid)) {
    for (const own of [openDescriptors(guard).get(0), "anon_inode:[pidfd]"]) {
      const at = found.findIndex((to) => to === own);
      if (at !== -1) found.splice(at, 1);
    }
  }
  return found;
}

/** Resolves when the guard is there, and no other descriptor is left that was opened for a program since `before`. */
async function untilProgramsAreGone(pid: number, before: readonly string[]): Promise<void> {
  for (const giveUpMs = Date.now() + 10_000; Date.now() < giveUpMs;) {
    if (guardsOf(pid).length === 1 && programDescriptors(pid).every((to) => before.includes(to))) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`A program is still there: ${programDescriptors(pid)}`);
}

/** From now on the process can open nothing; returns the limit that it had. What is open for a moment alone leaves no room when it closes. */
async function takeDescriptors(pid: number): Promise<string> {
  const [, limit] = /^Max open files +(\d+)/m.exec(Deno.readTextFileSync(`/proc/${pid}/limits`)) ?? [];
  let taken = Infinity;
  for (let sameCount = 0; sameCount < STEADY_COUNT;) {
    const lowest = lowestFree(pid);
    sameCount = lowest === taken ? sameCount + 1 : 0;
    if (lowest !== taken) await setLimit(pid, String(lowest));
    taken = lowest;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return limit;
}

/** The least number that no descriptor has. A write of the log has a second one for a moment, and does without where there is none. */
function lowestFree(pid: number): number {
  const open = [...openDescriptors(pid)].sort(([one], [other]) => one - other);
  const taken = new Set(
    open.filter(([, to], at) => to !== CLOSED && !isLogAgain(to, open.slice(0, at))).map(([number]) => number),
  );
  let lowest = 0;
  while (taken.has(lowest)) lowest++;
  return lowest;
}

function isLogAgain(to: string, before: readonly (readonly [number, string])[]): boolean {
  return to.endsWith(".log") && before.some(([, other]) => other === to);
}

async function setLimit(pid: number, limit: string): Promise<void> {
  assertEquals((await run("prlimit", [`--pid=${pid}`, `--nofile=${limit}:`])).stderr, "");
}
