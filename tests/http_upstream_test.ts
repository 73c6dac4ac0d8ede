/** Requests that ./lisod hands on over HTTP/1.1: to Node, to gunicorn, to itself, and to an upstream whose every byte the test decides. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { createHash } from "node:crypto";
import { steadyDescriptors } from "./descriptors.ts";
import { curl, startServer, type TestServer } from "./harness.ts";
import { PrintedText } from "./printed_text.ts";
import { RawUpstream } from "./raw_upstream.ts";

const NODE_SERVER = `
const http = require("node:http"), crypto = require("node:crypto");
const server = http.createServer((request, response) => {
  const { pathname } = new URL(request.url, "http://x");
  if (pathname === "/base/hash") {
    const hash = crypto.createHash("sha256");
    let count = 0;
    request.on("data", (part) => { hash.update(part); count += part.length; });
    request.on("end", () => response.end(count + " " + hash.digest("hex")));
  } else if (pathname === "/base/events") {
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    response.write("data: 1\\n\\n");
    request.on("close", () => console.log("closed"));
  } else if (pathname === "/base/big") {
    for (let i = 0; i < 300; i++) response.write(Buffer.alloc(100000, 66));
    response.end();
  } else if (pathname === "/base/304") {
    response.writeHead(304, { ETag: '"x"' });
    response.end();
  } else if (pathname === "/base/hints") {
    response.writeEarlyHints({ link: "</a>; rel=preload" });
    response.end("after hints");
  } else {
    response.setHeader("Content-Type", "application/json");
    response.setHeader("Connection", "keep-alive, X-Hop");
    response.setHeader("X-Hop", "1");
    response.end(JSON.stringify({ url: request.url, method: request.method, headers: request.headers, port: request.socket.remotePort }));
  }
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
`;

interface NodeUpstream extends AsyncDisposable {
  readonly port: number;
  readonly printed: PrintedText;
}

async function startNode(): Promise<NodeUpstream> {
  const process = new Deno.Command("node", {
    args: ["-e", NODE_SERVER],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const printed = new PrintedText(process.stdout);
  return {
    ...{ port: Number(await printed.line()), printed },
    async [Symbol.asyncDispose]() {
      process.kill("SIGTERM");
      await process.status;
      await printed.cancel();
    },
  };
}

Deno.test("--forward PREFIX=http://... passes on to Node what was asked, and what is known about the client", async () => {
  await using node = await startNode();
  await using server = await startServer({ args: [`--forward=/app=http://127.0.0.1:${node.port}/base/`] });
  const { url } = server;
  const fields = ["-H", "X-Forwarded-For: 1.2.3.4", "-H", "Forwarded: for=evil", "-H", "X-A: 1", "-H", "Upgrade: x"];
  const answer = await curl(`${url}/app/a%20b/../%C3%BC?x=%20y`, "--path-as-is", ...fields, "--include");
  const [head, json] = answer.text.split("\r\n\r\n");
  const { url: asked, method, headers } = JSON.parse(json);
  assertEquals([asked, method], ["/base/%C3%BC?x=%20y", "GET"]);
  const port = server.port();
  assertEquals(
    ["host", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "x-a", "upgrade", "via"]
      .map((name) => headers[name]),
    [`127.0.0.1:${port}`, "127.0.0.1", "http", `127.0.0.1:${port}`, `${port}`, "1", undefined, "1.1 lisod"],
  );
  assertEquals(headers.forwarded, `for=127.0.0.1;host="127.0.0.1:${port}";proto=http`);
  assert(!/x-hop/i.test(head), head);
  assertEquals((await curl(`${url}/app/hints`)).text, "after hints");
  assertMatch((await curl("--head", `${url}/app/x`)).text, /^HTTP\/1\.1 200 /);
  assertMatch((await curl(`${url}/app/304`, "--include")).text, /^HTTP\/1\.1 304 [^]*ETag: "x"[^]*\r\n\r\n$/);
});

Deno.test("--forward PREFIX=http://... streams content both ways, with and without a length, and keeps connections", async () => {
  await using node = await startNode();
  await using server = await startServer({ args: [`--forward=/app=http://127.0.0.1:${node.port}/base/`] });
  const { url, place: { folder } } = server;
  const bytes = new Uint8Array(30_000_000).map((_, at) => (at * 2_654_435_761) >>> 11);
  await Deno.writeFile(`${folder}/upload`, bytes);
  const want = `${bytes.length} ${createHash("sha256").update(bytes).digest("hex")}`;
  const post = ["--data-binary", `@${folder}/upload`];
  assertEquals((await curl(`${url}/app/hash`, ...post)).text, want);
  assertEquals((await curl(`${url}/app/hash`, ...post, "-H", "Transfer-Encoding: chunked")).text, want);
  assertEquals((await curl(`${url}/app/big`)).text.length, 30_000_000);
  const ports = [];
  for (let count = 0; count < 3; count++) ports.push(JSON.parse((await curl(`${url}/app/x`)).text).port);
  assertEquals(new Set(ports).size, 1);
});

Deno.test("--forward PREFIX=http://... passes events on as they come, and tells the upstream of a client that goes", async () => {
  await using node = await startNode();
  await using server = await startServer({
    args: [`--forward=/app=http://127.0.0.1:${node.port}/base/`, "--half-closed-ms=100ms"],
  });
  const client = new Deno.Command("curl", {
    args: ["--silent", "--no-buffer", `${server.url}/app/events`],
    stdout: "piped",
  }).spawn();
  const reader = new PrintedText(client.stdout);
  await reader.expect("data: 1\n\n");
  client.kill("SIGKILL");
  await client.status;
  await reader.cancel();
  assertEquals(await node.printed.line(), "closed");
});

Deno.test("--forward PREFIX=http://... reaches gunicorn on a socket, and lisod through lisod", async () => {
  const folder = await Deno.makeTempDir({ prefix: "lisod-gunicorn-" });
  await Deno.writeTextFile(
    `${folder}/application.py`,
    `def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Set-Cookie", "a=b"), ("Set-Cookie", "c=d")])
    return [environ["PATH_INFO"].encode(), b" ", environ["wsgi.input"].read(), b" ", environ["REMOTE_ADDR"].encode()]
`,
  );
  const socket = `${folder}/gunicorn.sock`;
  using watcher = Deno.watchFs(folder);
  const gunicorn = new Deno.Command("gunicorn", {
    args: ["--bind", `unix:${socket}`, "--workers", "2", "--worker-tmp-dir", folder, "application:application"],
    ...{ cwd: folder, stdin: "null", stdout: "null", stderr: "null" },
  }).spawn();
  for await (const { paths } of watcher) if (paths.includes(socket)) break;
  {
    await using inner = await startServer({ args: [`--forward=/app=http:unix:${socket}`] });
    await using outer = await startServer({ args: [`--forward=/out=http://127.0.0.1:${inner.port()}/app`] });
    const answer = await curl(`${outer.url}/out/x`, "--data", "content", "--include");
    assertMatch(answer.text, /^HTTP\/1\.1 200 [^]*Set-Cookie: a=b\r\nSet-Cookie: c=d\r\n\r\n\/x content $/);
  }
  gunicorn.kill("SIGTERM");
  await gunicorn.status;
  await Deno.remove(folder, { recursive: true });
});

function startBefore({ port }: RawUpstream, ...args: readonly string[]): Promise<TestServer> {
  return startServer({ args: [`--forward=/app=http://127.0.0.1:${port}/`, ...args] });
}

const OK = "HTTP/1.1 200 OK\r\n";
const WELL = `${OK}Content-Length: 4\r\n\r\nwell`;
const HIDDEN = `${OK}Content-Length: 6\r\n\r\nhidden`;

/** Answers that hide another one, or could be read in two ways. */
const AMBIGUOUS: readonly (readonly [name: string, answer: string, status: string])[] = [
  ["both lengths", `${OK}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${HIDDEN}`, "502"],
  ["two lengths", `${OK}Content-Length: 0\r\nContent-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`, "502"],
  ["a folded line", `${OK}A: b\r\n Content-Length: 0\r\n\r\n${HIDDEN}`, "502"],
  ["a bare LF", `${OK}A: b\nContent-Length: 0\r\n\r\n${HIDDEN}`, "502"],
  ["a blank before the colon", `${OK}Content-Length : 0\r\n\r\n${HIDDEN}`, "502"],
  ["an unknown coding", `${OK}Transfer-Encoding: x, chunked\r\n\r\n0\r\n\r\n${HIDDEN}`, "502"],
  ["more than it promised", `${OK}Content-Length: 0\r\n\r\n${HIDDEN}`, "200"],
  ["more after its last chunk", `${OK}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n${HIDDEN}`, "200"],
  ["content with 204", `HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n${HIDDEN}`, "204"],
  ["a flood of interim answers", `HTTP/1.1 102 Processing\r\n\r\n`.repeat(100) + HIDDEN, "502"],
  ["101", `HTTP/1.1 101 Switching Protocols\r\n\r\n${HIDDEN}`, "502"],
  ["a head over the limit", `${OK}A: ${"x".repeat(70_000)}\r\n\r\n${HIDDEN}`, "502"],
  ["HTTP/0.9", "hidden", "502"],
  ["a bad chunk size", `${OK}Transfer-Encoding: chunked\r\n\r\n-1\r\n${HIDDEN}`, "502"],
];

for (const [name, answer, status] of AMBIGUOUS) {
  Deno.test(`--forward PREFIX=http://... lets nothing through that an upstream hides by ${name}`, async () => {
    await using upstream = new RawUpstream((_, number) =>
      number === 1 ? { bytes: answer, closes: answer === "hidden" } : { bytes: WELL }
    );
    await using server = await startBefore(upstream);
    const first = await curl(`${server.url}/app/`, "-w", " %{http_code}");
    assertEquals([first.text.slice(-3), first.text.includes("hidden")], [status, false]);
    for (let count = 0; count < 3; count++) assertEquals((await curl(`${server.url}/app/`)).text, "well");
    // The connection has had no other request.
    assertEquals(upstream.connectionCount, 2);
  });
}

Deno.test("--forward PREFIX=http://... asks nothing twice that may not be, and all else where a kept connection ends", async () => {
  await using upstream = new RawUpstream((request, number) => {
    if (number === 2) return { bytes: "", closes: true };
    return request.startsWith("POST") ? { bytes: "", closes: true } : { bytes: WELL };
  });
  await using server = await startBefore(upstream);
  const status = ["-o", "/dev/null", "-w", "%{http_code}"];
  assertEquals((await curl(`${server.url}/app/`)).text, "well");
  assertEquals((await curl(`${server.url}/app/`)).text, "well");
  assertEquals([upstream.requests.length, upstream.connectionCount], [3, 2]);
  assertEquals((await curl(`${server.url}/app/`, "--data", "x", ...status)).text, "502");
  assertEquals(upstream.requests.filter((request) => request.startsWith("POST")).length, 1);
});

Deno.test("--forward PREFIX=http://... answers 504 and 502, and breaks off what breaks off", async () => {
  await using upstream = new RawUpstream((request) => {
    if (request.includes("/silent")) return { bytes: "" };
    if (request.includes("/short")) {
      return { bytes: `${OK}Content-Length: 100000\r\n\r\n${"x".repeat(50_000)}`, closes: true };
    }
    if (request.includes("/chunks")) {
      return { bytes: `${OK}Transfer-Encoding: chunked\r\n\r\nc350\r\n${"x".repeat(50_000)}\r\n`, closes: true };
    }
    return { bytes: `${OK}\r\nuntil the end`, closes: true };
  });
  await using server = await startBefore(upstream, "--script-ms=300ms");
  const { url } = server;
  assertEquals((await curl(`${url}/app/silent`, "-o", "/dev/null", "-w", "%{http_code}")).text, "504");
  assertEquals((await curl(`${url}/app/short`)).code, 18);
  assertEquals((await curl(`${url}/app/chunks`)).code !== 0, true);
  assertEquals((await curl(`${url}/app/end`)).text, "until the end");
  const descriptors = await steadyDescriptors(server.pid);
  for (let count = 0; count < 5; count++) await curl(`${url}/app/short`);
  assertEquals(await steadyDescriptors(server.pid), descriptors);
});

Deno.test("--forward PREFIX=http://... never passes on a request that could be read in two ways", async () => {
  await using upstream = new RawUpstream(() => ({ bytes: WELL }));
  await using server = await startBefore(upstream);
  const refused = [
    "POST /app/ HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST /app/ HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "POST /app/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "GET /app/ HTTP/1.1\r\nHost: a\nX: y\r\n\r\n",
    "GET /app/ HTTP/1.1\r\nHost : a\r\n\r\n",
  ];
  for (const text of refused) {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port() });
    await connection.write(new TextEncoder().encode(text));
    const answer = await new Response(connection.readable).text();
    assertMatch(answer, /^HTTP\/1\.1 (?:400|501) /);
  }
  assertEquals(upstream.requests, []);
});
