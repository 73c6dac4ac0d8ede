import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { curl, run, runLisod, startServer } from "./harness.ts";
import { exchange } from "./raw_client.ts";
import { fieldValue, toText } from "./raw_http.ts";

Deno.test("startServer() serves the given files when it returns", async () => {
  await using server = await startServer({ files: { "a.txt": "alpha\n", "sub/b.bin": Uint8Array.of(0, 255, 10) } });
  const { responses, end } = await exchange(
    server.port(),
    "GET /a.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
  );
  assertEquals(responses.map(({ status, body }) => [status, toText(body)]), [[200, "alpha\n"]]);
  assertEquals([fieldValue(responses[0], "Content-Length"), end], ["6", "closed"]);
  assertEquals((await curl(`${server.url}/sub/b.bin`)).stdout, Uint8Array.of(0, 255, 10));
});

Deno.test("startServer() runs the compiled binary when it starts", async () => {
  await using server = await startServer();
  assertEquals(await Deno.readTextFile(`/proc/${server.pid}/comm`), "lisod\n");
  assertMatch(await Deno.realPath(`/proc/${server.pid}/exe`), /\/lisod$/);
});

Deno.test("startServer() rejects with the reason when the server does not start", async () => {
  await using server = await startServer();
  const port = String(server.port());
  const error = await assertRejects(
    () => startServer({ commandLine: ({ root, log }) => ["--http", port, "--root", root, "--log", log] }),
    Error,
  );
  assertStringIncludes(error.message, "exit status 1");
  assertStringIncludes(error.message, port);
});

Deno.test("TestServer.stop() returns how the process ended when it has ended", async () => {
  const server = await startServer();
  const { code, signal, stderr } = await server.stop();
  await server[Symbol.asyncDispose]();
  assertEquals({ code, signal, stderr }, { code: 0, signal: null, stderr: "" });
  await assertRejects(() => Deno.stat(`/proc/${server.pid}`), Deno.errors.NotFound);
  await assertRejects(() => Deno.stat(server.place.folder), Deno.errors.NotFound);
});

Deno.test("TestServer disposal throws when the server had ended by itself", async () => {
  const server = await startServer();
  Deno.kill(server.pid, "SIGKILL");
  await assertRejects(() => server.waitForLog(() => false), Error, "exit status 137");
  await assertRejects(() => server[Symbol.asyncDispose](), Error, "exit status 137");
});

Deno.test("TestServer.waitForLog() rejects with the log when the deadline passes", async () => {
  await using server = await startServer();
  const error = await assertRejects(() => server.waitForLog((log) => log.includes("never"), 20), Error, "within 20 ms");
  assertStringIncludes(error.message, "listening on ");
});

Deno.test("runLisod() returns what the binary printed when it has ended", async () => {
  const { code, text } = await runLisod("--version");
  assertEquals(code, 0);
  assertMatch(text, /^lisod \d+\.\d+\.\d+ /);
  const refused = await runLisod("--no-such-option");
  assertEquals(refused.code, 2);
  assertEquals(refused.text, "");
  assert(refused.stderr.includes("--no-such-option"), refused.stderr);
});

Deno.test("run() returns exit status and both outputs when a program ends", async () => {
  const { code, text, stderr } = await run("sh", ["-c", "echo out; echo err >&2; exit 3"]);
  assertEquals({ code, text, stderr }, { code: 3, text: "out\n", stderr: "err\n" });
});
