/** Clients that many use speak HTTP/2 with ./lisod: they judge by themselves what comes. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { freePort, startFront } from "./front.ts";
import { curl, run } from "./harness.ts";
import { Http2Server } from "./http2_client.ts";

const HERE = import.meta.dirname ?? ".";
const BIG_BYTES = 3_000_000;
const FILES = {
  "index.html": "<!doctype html><title>Index</title>\n",
  "a.txt": "0123456789\n",
  "big.bin": new Uint8Array(BIG_BYTES),
};
const PROGRAMS = {
  count: "#!/bin/sh\ncount=$(wc -c)\nprintf 'Content-Type: text/plain\\n\\n%s\\n' \"$count\"\n",
};
/** What clients ask for, the first time with content. */
const PATHS = ["/cgi/count", "/a.txt", "/big.bin", "/none", "/a.txt?again"];

function start(): Promise<Http2Server> {
  return Http2Server.start({ files: FILES, programs: PROGRAMS });
}

Deno.test("curl speaks HTTP/2 with lisod: files, ranges, uploads, many at once", async () => {
  await using server = await start();
  const { https } = server;
  const ways = [
    [https.server.url, ["--http2-prior-knowledge"]],
    [https.url, ["--http2", "--cacert", https.certificates.root]],
  ] as const;
  const upload = await Deno.makeTempFile();
  await Deno.writeFile(upload, new Uint8Array(20_000_000));
  for (const [url, args] of ways) {
    const told = ["--write-out", " %{http_version} %{response_code} %{size_download}"];
    assertEquals((await curl(...args, `${url}/a.txt`, ...told)).text, "0123456789\n 2 200 11");
    assertEquals((await curl(...args, `${url}/a.txt`, "--range", "3-5", ...told)).text, "345 2 206 3");
    const sent = await curl(...args, `${url}/cgi/count`, "--data-binary", `@${upload}`, ...told);
    assertEquals(sent.text, "20000000\n 2 200 9");
    const chunked = await curl(
      ...args,
      `${url}/cgi/count`,
      "--upload-file",
      "/proc/version",
      "--request",
      "POST",
      ...told,
    );
    assertMatch(chunked.text, /^\d+\n 2 200 /);
    const many = Array.from({ length: 30 }, (_, index) => `${url}/big.bin?${index}`);
    const outputs = many.flatMap((one) => [one, "--output", "/dev/null"]);
    // Content that nobody wants: the answer comes all the same.
    const unwanted = await curl(
      ...args,
      `${url}/a.txt`,
      "--data-binary",
      `@${upload}`,
      "--output",
      "/dev/null",
      ...told,
    );
    assertMatch(unwanted.text, /^ 2 405 /, unwanted.stderr);
    // This curl begins each of several at once with a preface of its own where it need not negotiate; nginx is not asked better.
    if (!url.startsWith("https:")) continue;
    const parallel = await curl(...args, "--parallel", ...outputs, "--write-out", "%{size_download}\n");
    assertEquals(parallel.text.trim().split("\n"), many.map(() => String(BIG_BYTES)));
  }
  await Deno.remove(upload);
});

Deno.test("nghttp and h2load speak HTTP/2 with lisod", async () => {
  await using server = await start();
  for (const { url } of await server.targets()) {
    const verbose = await run("nghttp", ["--no-verify-peer", "-nv", `${url}/a.txt`, `${url}/big.bin`]);
    assertEquals(verbose.code, 0, verbose.stderr);
    assertEquals(verbose.text.match(/recv \(stream_id=\d+\) :status: 200/g)?.length, 2, verbose.text);
    const load = await run("h2load", ["-n", "5000", "-c", "8", "-m", "32", `${url}/a.txt`]);
    assertStringIncludes(load.text, "5000 succeeded, 0 failed, 0 errored, 0 timeout");
    assertStringIncludes(load.text, "status codes: 5000 2xx");
    const large = await run("h2load", ["-n", "100", "-c", "2", "-m", "10", `${url}/big.bin`]);
    assertStringIncludes(large.text, "100 succeeded, 0 failed, 0 errored, 0 timeout");
  }
});

Deno.test("Python's h2 and Node's http2 speak HTTP/2 with lisod", async () => {
  await using server = await start();
  const { certificates } = server.https;
  for (const { port, url, name } of await server.targets()) {
    const authority = name === "TLS" ? certificates.root : "-";
    const host = name === "TLS" ? "localhost" : "127.0.0.1";
    const python = await run("/usr/bin/python3", [join(HERE, "http2_h2.py"), host, String(port), authority, ...PATHS]);
    assertEquals(python.stderr, "");
    const statuses = ["200", "200", "200", "404", "200"];
    const answers: { readonly status: string; readonly bytes: number }[] = JSON.parse(python.text);
    assertEquals(answers.map(({ status }) => status), statuses);
    assertEquals([answers[1].bytes, answers[2].bytes], [11, BIG_BYTES]);
    const node = await run("node", [join(HERE, "http2_node.js"), url, authority, ...PATHS]);
    assertEquals(node.stderr, "");
    const told: { readonly status: number; readonly bytes: number }[] = JSON.parse(node.text);
    assertEquals(told.map(({ status }) => String(status)), statuses);
    assertEquals([told[0].bytes, told[2].bytes], ["1000000\n".length, BIG_BYTES]);
  }
});

Deno.test("HAProxy speaks HTTP/2 with lisod's HTTP port, for clients of both kinds", async () => {
  await using server = await start();
  const folder = await Deno.makeTempDir();
  const port = freePort();
  const config = join(folder, "haproxy.cfg");
  await Deno.writeTextFile(
    config,
    `defaults
  mode http
  timeout client 10s
  timeout server 10s
  timeout connect 5s
frontend front
  bind 127.0.0.1:${port}
  default_backend lisod
backend lisod
  server one 127.0.0.1:${server.https.server.port()} proto h2
`,
  );
  const front = await startFront(["haproxy", "-f", config, "-db"], port);
  try {
    for (const args of [["--http1.1"], ["--http2-prior-knowledge"]]) {
      const { text } = await curl(...args, `http://127.0.0.1:${port}/a.txt`);
      assertEquals(text, "0123456789\n");
      const sent = await curl(...args, `http://127.0.0.1:${port}/cgi/count`, "--data-binary", "x".repeat(100_000));
      assertEquals(sent.text, "100000\n");
    }
    await server.https.server.waitForLog((log) => log.includes('"GET /a.txt HTTP/2.0" 200'));
    assert(!server.https.server.logText().includes("HTTP/1.1"));
  } finally {
    await front.stop();
    await Deno.remove(folder, { recursive: true });
  }
});
