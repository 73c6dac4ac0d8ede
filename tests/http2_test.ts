/** What ./lisod does on streams: files, programs, limits and its end, over a plain socket and over TLS. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { playAtOnce } from "./at_once.ts";
import { memoryOf } from "./cgi/server.ts";
import { isRunning } from "./daemon.ts";
import { toText } from "./raw_http.ts";
import { curl, startServer } from "./harness.ts";
import { Http2Client, Http2Server, type Http2Target } from "./http2_client.ts";
import {
  block,
  CODE,
  F,
  type Fields,
  frame,
  get,
  headers,
  join,
  type ReadFrame,
  readU32,
  requestFields,
  settings,
  T,
  u32,
  windowUpdate,
} from "./http2_frames.ts";

const PROGRAMS = {
  echo: `#!/bin/sh
printf 'Content-Type: text/plain\\nConnection: close\\nSet-Cookie: a=b\\nSet-Cookie: c=d\\n\\n'
echo "$SERVER_PROTOCOL $REQUEST_METHOD $HTTP_HOST [$HTTP_COOKIE] $CONTENT_LENGTH"
cat
`,
  count: "#!/bin/sh\ncount=$(wc -c)\nprintf 'Content-Type: text/plain\\n\\n%s\\n' \"$count\"\n",
  // Tells its process to the log, and never ends by itself.
  hang: "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\necho \"hangs $$\"\nexec sleep 1000\n",
  silent: "#!/bin/sh\nexec sleep 1000\n",
};

const BIG = new Uint8Array(3_000_000).map((_, index) => index % 251);
const FILES = { "index.html": "<!doctype html><title>Index</title>\n", "a.txt": "0123456789\n", "big.bin": BIG };

type Named = Http2Target & { readonly name: string; readonly url: string };

/** A client that has gone is not waited for. */
const SOON = ["--half-closed-ms", "100ms", "--linger-ms", "200ms"];

/** Runs the body against both kinds of socket of one server, at once: most of it is waiting. */
function testBoth(name: string, args: readonly string[], body: (target: Named, server: Http2Server) => Promise<void>) {
  Deno.test(`HTTP/2: ${name}`, async (t) => {
    await using server = await Http2Server.start({ files: FILES, programs: PROGRAMS, args: [...SOON, ...args] });
    const targets = await server.targets();
    await playAtOnce(t, targets.map((target) => ({ name: target.name, fn: () => body(target, server) })));
  });
}

async function ask(client: Http2Client, streamId: number, path: string, more: Fields = [], method = "GET") {
  await client.send(headers(streamId, requestFields(method, path, more)));
  await client.whenEnded(streamId);
}

/** A client whose windows are wide open. */
async function connectOpen(target: Http2Target): Promise<Http2Client> {
  const client = await Http2Client.connect(target);
  await client.send(settings([4, 0x7fff_ffff]), windowUpdate(0, 0x7fff_0000));
  return client;
}

testBoth("files with their conditions, ranges and methods are as over HTTP/1.1", [], async (target) => {
  using client = await connectOpen(target);
  await ask(client, 1, "/a.txt");
  assertEquals(toText(client.contentOf(1)), "0123456789\n");
  const fields = client.fieldsOf(1);
  for (const field of ["content-length: 11", "server: Liso/1.0", "x-content-type-options: nosniff"]) {
    assert(fields.includes(field), fields.join("\n"));
  }
  assert(fields.every((field) => field === field.replace(/^[^:]+/, (name) => name.toLowerCase())));
  assert(!fields.some((field) => /^(connection|keep-alive|transfer-encoding):/.test(field)));
  const tag = fields.find((field) => field.startsWith("etag: "))?.slice(6) ?? "";
  await ask(client, 3, "/a.txt", [["if-none-match", tag]]);
  await ask(client, 5, "/a.txt", [["range", "bytes=2-4"]]);
  await ask(client, 7, "/a.txt", [["range", "bytes=0-0,5-5"]]);
  await ask(client, 9, "/a.txt", [], "HEAD");
  await ask(client, 11, "/none");
  await ask(client, 13, "/a.txt", [], "POST");
  await ask(client, 15, "/big.bin");
  const statuses = [1, 3, 5, 7, 9, 11, 13, 15].map((id) => client.statusOf(id));
  assertEquals(statuses, [200, 304, 206, 206, 200, 404, 405, 200]);
  assertEquals(toText(client.contentOf(5)), "234");
  assertEquals(client.contentOf(9).length, 0);
  assert(client.fieldsOf(9).includes("content-length: 11"));
  assertStringIncludes(toText(client.contentOf(11)), "404 Not Found");
  assertEquals(client.contentOf(15), BIG);
});

testBoth("a program sees HTTP/2.0, the authority as Host and one Cookie, and its fields come", [], async (target) => {
  using client = await connectOpen(target);
  const fields = requestFields("POST", "/cgi/echo", [["cookie", "a=b"], ["cookie", "c=d"]]);
  await client.send(
    headers(1, fields, F.endHeaders),
    frame(T.data, 0, 1, "some "),
    frame(T.data, F.endStream, 1, "text"),
  );
  await client.whenEnded(1);
  assertEquals(toText(client.contentOf(1)), "HTTP/2.0 POST a.example [a=b; c=d] 9\nsome text");
  assertEquals(client.fieldsOf(1).filter((field) => /^(set-cookie|connection)/.test(field)), [
    "set-cookie: a=b",
    "set-cookie: c=d",
  ]);
});

testBoth("each request is a line in the access log", [], async (target, { https: { server } }) => {
  using client = await connectOpen(target);
  await ask(client, 1, "/a.txt?once", [["user-agent", target.name], ["referer", "there"]]);
  await server.waitForLog((log) => log.includes(`"GET /a.txt?once HTTP/2.0" 200 11 "there" "${target.name}"`));
});

testBoth("100 comes where it is asked for and content is wanted, and no earlier", [], async (target) => {
  using client = await connectOpen(target);
  const fields = (path: string) => requestFields("POST", path, [["expect", "100-continue"], ["content-length", "4"]]);
  await client.send(headers(1, fields("/cgi/echo"), F.endHeaders));
  await client.until(() => client.statusesOf(1).includes(100));
  await client.send(frame(T.data, F.endStream, 1, "text"));
  await client.whenEnded(1);
  assertEquals(client.statusesOf(1), [100, 200]);
  await client.send(headers(3, fields("/a.txt"), F.endHeaders));
  await client.until(() => client.find(T.reset, 3) !== undefined);
  assertEquals(client.statusOf(3), 405);
  // RFC 9113 8.1: the answer is whole, and what was not sent yet is not wanted.
  assertEquals(readU32(client.find(T.reset, 3)?.payload ?? u32(99)), CODE.none);
  assert(client.frames.some(({ type, flags, streamId }) => streamId === 3 && type === T.data && flags === F.endStream));
});

testBoth("streams run side by side: one that is slow, or not read, holds up no other", [], async (target) => {
  using client = await Http2Client.connect(target);
  await client.send(get(1, "/cgi/silent"), get(3, "/big.bin"));
  // 64 KiB is what the window of the connection lets through; all of it was for stream 3.
  await client.until(() => client.contentOf(3).length === 65_535);
  await client.send(windowUpdate(0, 1_000_000));
  await ask(client, 5, "/a.txt");
  assertEquals(client.statusOf(5), 200);
  assertEquals(client.contentOf(3).length, 65_535);
  await client.send(windowUpdate(3, 2_000_000));
  await client.until(() => client.contentOf(3).length > 1_000_000);
});

testBoth("a stream that its client resets ends its program", [], async (target) => {
  using client = await connectOpen(target);
  await client.send(get(1, "/cgi/hang"), get(3, "/cgi/hang"));
  const pidOf = (id: number) => /hangs (\d+)/.exec(toText(client.contentOf(id)))?.[1];
  await client.until(() => pidOf(1) !== undefined && pidOf(3) !== undefined);
  await client.send(frame(T.reset, 0, 1, u32(8)));
  await untilGone(Number(pidOf(1)));
  assert(isRunning(Number(pidOf(3))));
  await ask(client, 5, "/a.txt");
  assertEquals(client.statusOf(5), 200);
  client[Symbol.dispose]();
  await untilGone(Number(pidOf(3)));
});

async function untilGone(pid: number): Promise<void> {
  for (let round = 0; isRunning(pid); round++) {
    if (round > 400) throw new Error(`process ${pid} still runs`);
    await new Promise((go) => setTimeout(go, 25));
  }
}

testBoth("each program has a deadline of its own: 504", ["--script-ms", "1s"], async (target) => {
  using client = await connectOpen(target);
  await client.send(get(1, "/cgi/silent"), get(3, "/cgi/count"));
  await client.whenEnded(3);
  await client.whenEnded(1);
  assertEquals([client.statusOf(1), client.statusOf(3)], [504, 200]);
});

testBoth(
  "content that does not come is answered 408, and the connection goes on",
  ["--body-idle-ms", "1s"],
  async (target) => {
    using client = await connectOpen(target);
    const fields = requestFields("POST", "/cgi/count", [["content-length", "5"]]);
    await client.send(headers(1, fields, F.endHeaders), frame(T.data, 0, 1, "x"));
    await client.whenEnded(1);
    assertEquals(client.statusOf(1), 408);
    await ask(client, 3, "/a.txt");
    assertEquals(client.statusOf(3), 200);
  },
);

testBoth("an answer whose windows stay shut is broken off, and no other", ["--write-idle-ms", "1s"], async (target) => {
  using client = await Http2Client.connect(target);
  await client.send(settings([4, 100]), get(1, "/big.bin"), settings([4, 65_535]));
  await client.send(windowUpdate(0, 1_000_000));
  await client.until(() => client.find(T.reset, 1) !== undefined);
  assertEquals(readU32(client.find(T.reset, 1)?.payload ?? u32(99)), CODE.cancel);
  await ask(client, 3, "/a.txt");
  assertEquals(client.statusOf(3), 200);
});

testBoth("an idle connection ends with GOAWAY", ["--keep-alive-ms", "1s"], async (target) => {
  using client = await Http2Client.connect(target);
  await ask(client, 1, "/a.txt");
  await client.until(() => false);
  assertEquals(client.find(T.goAway, 0)?.payload, join(u32(1), u32(0)));
});

testBoth("--max-rate counts requests, not connections", ["--max-rate", "3"], async (target) => {
  using client = await connectOpen(target);
  await client.send(...Array.from({ length: 8 }, (_, index) => get(1 + 2 * index, "/a.txt")));
  const ids = Array.from({ length: 8 }, (_, index) => 1 + 2 * index);
  for (const id of ids) await client.whenEnded(id);
  const statuses = ids.map((id) => client.statusOf(id));
  // The other kind of socket comes from the same address, and so may have less.
  assert(statuses.filter((status) => status === 429).length >= 4, statuses.join());
});

testBoth(
  "a client's windows open as its content is read, within a bound",
  [],
  async (target, { https: { server } }) => {
    using client = await connectOpen(target);
    const total = 64 * 1024 * 1024;
    await upload(client, { streamId: 1, path: "/cgi/count", total });
    await client.whenEnded(1);
    assertEquals(toText(client.contentOf(1)).trim(), String(total));
    assert(memoryOf(server.pid, "VmRSS") < 300 * 1024 * 1024);
  },
);

/** Sends content as fast as the windows let it through. */
async function upload(
  client: Http2Client,
  { streamId, path, total }: { readonly streamId: number; readonly path: string; readonly total: number },
): Promise<void> {
  await client.send(headers(streamId, requestFields("POST", path), F.endHeaders));
  const part = new Uint8Array(16_384);
  const allowed = (id: number) =>
    client.frames.filter((one: ReadFrame) => one.type === T.window && one.streamId === id)
      .reduce((sum, { payload }) => sum + readU32(payload), 65_535);
  for (let sent = 0; sent < total;) {
    const room = () => Math.min(allowed(0), allowed(streamId)) - sent;
    if (room() < part.length) await client.until(() => room() >= part.length || client.isAtEnd(streamId));
    if (client.hasEnded) throw new Error(client.summary);
    const parts: Uint8Array[] = [];
    for (let left = room(); left >= part.length && sent < total; left -= part.length) {
      sent += part.length;
      parts.push(frame(T.data, sent >= total ? F.endStream : 0, streamId, part));
    }
    await client.send(...parts);
  }
}

testBoth("content that is too long is answered 413", ["--max-body-bytes", "1000"], async (target) => {
  using client = await connectOpen(target);
  await client.send(headers(1, requestFields("POST", "/cgi/count"), F.endHeaders));
  await client.send(frame(T.data, F.endStream, 1, new Uint8Array(2000)));
  await client.whenEnded(1);
  await client.send(headers(3, requestFields("POST", "/cgi/count", [["content-length", "2000"]]), F.endHeaders));
  await client.whenEnded(3);
  assertEquals([client.statusOf(1), client.statusOf(3)], [413, 413]);
});

Deno.test("HTTP/2: SIGTERM is told by GOAWAY, and what was begun is served", async () => {
  await using server = await Http2Server.start({ files: FILES, programs: PROGRAMS });
  const clients = await Promise.all((await server.targets()).map((target) => connectOpen(target)));
  for (const client of clients) {
    await ask(client, 1, "/a.txt");
    await client.send(headers(3, requestFields("POST", "/cgi/echo"), F.endHeaders));
    await client.ping();
  }
  const stopped = server.https.server.stop();
  for (const client of clients) {
    await client.until(() => client.find(T.goAway, 0) !== undefined);
    assertEquals(readU32(client.find(T.goAway, 0)?.payload ?? u32(0), 4), CODE.none);
    // It was sent before the client knew.
    await client.send(get(5, "/a.txt"), frame(T.data, F.endStream, 3, "last words"));
    await client.whenEnded(5);
    await client.whenEnded(3);
    assertStringIncludes(toText(client.contentOf(3)), "last words");
    await client.until(() => false);
    const last = client.frames.findLast(({ type }) => type === T.goAway);
    assertEquals(last?.payload, join(u32(5), u32(0)));
    client[Symbol.dispose]();
  }
  assertEquals((await stopped).code, 0);
});

Deno.test("HTTP/2: a request that outlasts both GOAWAYs is served, and its connection ends after it", async () => {
  await using server = await Http2Server.start({ files: FILES, programs: PROGRAMS, args: SOON });
  const clients = await Promise.all((await server.targets()).map((target) => connectOpen(target)));
  for (const client of clients) {
    await client.send(headers(1, requestFields("POST", "/cgi/echo"), F.endHeaders));
    await client.ping();
  }
  const stopped = server.https.server.stop();
  const goAways = (client: Http2Client) => client.frames.filter(({ type }) => type === T.goAway);
  for (const client of clients) {
    await client.until(() => goAways(client).length === 2);
    await client.send(frame(T.data, F.endStream, 1, "last words"));
    await client.whenEnded(1);
    assertStringIncludes(toText(client.contentOf(1)), "last words");
    await client.until(() => false);
    assertEquals(goAways(client).map(({ payload }) => readU32(payload)), [0x7fff_ffff, 1]);
    client[Symbol.dispose]();
  }
  assertEquals((await stopped).code, 0);
  assertEquals(server.https.server.logText().match(/ WARN .* cut/), null);
});

testBoth("an upload that its client resets is no error", [], async (target, { https: { server } }) => {
  using client = await connectOpen(target);
  for (let id = 1; id < 60; id += 2) {
    await client.send(headers(id, requestFields("POST", "/cgi/echo"), F.endHeaders));
    for (let part = 0; part < 4; part++) await client.send(frame(T.data, 0, id, new Uint8Array(15_000)));
    await client.send(frame(T.reset, 0, id, u32(CODE.cancel)));
    await client.ping();
  }
  await ask(client, 101, "/a.txt");
  assertEquals(client.statusOf(101), 200);
  assertEquals(server.logText().match(/ ERROR .*|" 500 /), null);
});

Deno.test("HTTP/2: --http2 off speaks HTTP/1.1 alone, and so do the course's rules", async () => {
  for (const args of [["--http2", "off"], ["--rules", "course"]]) {
    await using server = await Http2Server.start({ files: FILES, programs: PROGRAMS, args });
    const { https } = server;
    const negotiated = await curl("--http2", "--insecure", `${https.url}/a.txt`, "--write-out", "%{http_version}");
    assertEquals(negotiated.text, "0123456789\n1.1");
    const known = await curl("--http2-prior-knowledge", `${https.server.url}/a.txt`);
    assert(known.code !== 0, known.text);
  }
  await using course = await Http2Server.start({
    files: FILES,
    programs: PROGRAMS,
    args: ["--rules", "course", "--http2", "on"],
  });
  assertEquals((await curl("--http2-prior-knowledge", `${course.https.server.url}/a.txt`)).text, "0123456789\n");
});

Deno.test("HTTP/2: --hsts is told over TLS, whoever asks", async () => {
  await using server = await Http2Server.start({ files: FILES, programs: PROGRAMS, args: ["--hsts", "60"] });
  for (const target of await server.targets()) {
    using client = await Http2Client.connect(target);
    await ask(client, 1, "/a.txt");
    assertEquals(client.fieldsOf(1).includes("strict-transport-security: max-age=60"), target.name === "TLS");
  }
});

Deno.test("HTTP/2: an idle connection gives way, and where all are busy a client is told so", async () => {
  const args = [...SOON, "--max-connection-count", "1"];
  await using server = await Http2Server.start({ files: FILES, programs: PROGRAMS, args });
  const target = (await server.targets())[1];
  using idle = await Http2Client.connect(target);
  await ask(idle, 1, "/a.txt");
  using busy = await Http2Client.connect(target);
  await busy.send(get(1, "/cgi/silent"));
  await busy.ping();
  await idle.until(() => false);
  assertEquals(idle.find(T.goAway, 0)?.payload, join(u32(1), u32(CODE.none)));
  using refused = await Http2Client.connect(target);
  await refused.send(get(1, "/a.txt"));
  await refused.until(() => false);
  assertEquals(refused.find(T.goAway, 0)?.payload, join(u32(0), u32(CODE.calm)));
  await busy.ping();
  assertEquals(busy.hasEnded, false);
});

Deno.test("HTTP/2: with --proxy the header of the PROXY protocol comes before the preface", async () => {
  await using server = await startServer({ files: FILES, args: ["--proxy", "127.0.0.1/32"] });
  using client = await Http2Client.connect({ port: server.port() }, true);
  await client.send(join("PROXY TCP4 192.0.2.7 192.0.2.1 4000 80\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), settings());
  await ask(client, 1, "/a.txt");
  assertEquals(client.statusOf(1), 200);
  await server.waitForLog((log) => /^192\.0\.2\.7 .*HTTP\/2\.0" 200/m.test(log));
});

Deno.test("HTTP/2: what cannot be read as fields in time ends the connection", async () => {
  await using server = await startServer({ files: FILES, args: ["--head-ms", "1s"] });
  await Promise.all([[], [frame(T.headers, F.endStream, 1, block(requestFields()))]].map(async (parts) => {
    using client = await Http2Client.connect({ port: server.port() }, parts.length === 0);
    await client.send(parts.length === 0 ? join("PRI * HTTP") : join(...parts));
    await client.until(() => false);
    assert(client.hasEnded);
  }));
});
