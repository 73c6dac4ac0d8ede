/** CGI end to end: what a client sees, and what is left of it, when ./lisod runs the probe. RFC 3875. */
import { assert, assertEquals, assertMatch, assertNotMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { countDescriptors, programDescriptors } from "./descriptors.ts";
import { groupMembers, probe, readPid, SCRIPTS, until } from "./cgi/running_scripts.ts";
import { childrenOf, guardsOf, memoryOf, startCgiServer } from "./cgi/server.ts";
import { curl, startServer, type TestServer } from "./harness.ts";
import { HttpsServer } from "./https.ts";
import { IS_LONG } from "./long.ts";
import { exchange, RawClient, type Received } from "./raw_client.ts";
import { fieldValue, type RawResponse, toText } from "./raw_http.ts";

/** Clients that leave nothing behind. */
const GONE_COUNT = IS_LONG ? 1000 : 300;
const DOCUMENT = "Content-Type: text/plain\n\n";
/** With the line end before it: a head may end in "0" too. */
const LAST_CHUNK = "\r\n0\r\n\r\n";

/** A whole request. */
function request(method: string, target: string, { fields = "", body = "", version = "1.1" } = {}): string {
  const length = body === "" ? "" : `Content-Length: ${body.length}\r\n`;
  return `${method} ${target} HTTP/${version}\r\nHost: localhost\r\n${fields}${length}\r\n${body}`;
}

/** The one answer to a request. */
async function ask(server: TestServer, ...parts: Parameters<typeof request>): Promise<RawResponse> {
  const { responses } = await exchange(server.port(), request(...parts), { count: 1, methods: [parts[0]] });
  return responses[responses.length - 1];
}

function textOf(response: RawResponse): string {
  return toText(response.body);
}

/** What the probe tells of its environment. */
function variablesIn(text: string): Map<string, string> {
  return new Map(
    text.trimEnd().split("\n").map((line) => {
      const [, name, value] = /^([^=]*)=(.*)$/.exec(line) ?? [];
      return [name, value];
    }),
  );
}

/** All that came, as statuses and texts. */
function answersIn({ responses }: Received): string[] {
  return responses.map((response) => `${response.status} ${textOf(response)}`);
}

Deno.test("a script is told of its request and of both ends of its connection", async () => {
  await using server = await startCgiServer({
    args: ["--cgi-env", "COLOUR=deep blue"],
    env: { SECRET: "of the server", TZ: "UTC" },
  });
  const fields =
    "User-Agent: test\r\nX_Evil: 1\r\nProxy: http://evil\r\nAuthorization: Basic eDp5\r\nX-A: 1\r\nX-A: 2\r\n";
  const response = await ask(server, "POST", "/cgi/probe/a%20b/?q=1", { fields, body: "x" });
  assertEquals(response.status, 200);
  const variables = variablesIn(textOf(response));
  const want = {
    CONTENT_LENGTH: "1",
    COLOUR: "deep blue",
    GATEWAY_INTERFACE: "CGI/1.1",
    DOCUMENT_ROOT: server.place.root,
    HTTP_HOST: "localhost",
    HTTP_USER_AGENT: "test",
    HTTP_X_A: "1, 2",
    PATH_INFO: "/a b/",
    PATH_TRANSLATED: `${server.place.root}/a b/`,
    QUERY_STRING: "q=1",
    REMOTE_ADDR: "127.0.0.1",
    REQUEST_METHOD: "POST",
    REQUEST_SCHEME: "http",
    REQUEST_URI: "/cgi/probe/a%20b/?q=1",
    SCRIPT_FILENAME: `${SCRIPTS}/probe`,
    SCRIPT_NAME: "/cgi/probe",
    SERVER_ADDR: "127.0.0.1",
    SERVER_NAME: "localhost",
    SERVER_PORT: String(server.port()),
    SERVER_PROTOCOL: "HTTP/1.1",
    SERVER_SOFTWARE: "Liso/1.0",
    TZ: "UTC",
    cwd: SCRIPTS,
    descriptors: await programDescriptors(),
  };
  assertEquals(Object.fromEntries(Object.keys(want).map((name) => [name, variables.get(name)])), want);
  for (const name of ["SECRET", "HOME", "HTTPS", "HTTP_PROXY", "HTTP_X_EVIL", "HTTP_AUTHORIZATION", "CONTENT_TYPE"]) {
    assertEquals(variables.get(name), undefined, name);
  }
});

Deno.test("a script is told of TLS and of the port it came in on", async () => {
  await using https = await HttpsServer.start({ args: ["--cgi", SCRIPTS, "--cgi-pass-auth"] });
  const { text } = await curl("--cacert", https.certificates.root, "--user", "eva:secret", `${https.url}/cgi/probe`);
  const variables = variablesIn(text);
  assertEquals(
    ["HTTPS", "REQUEST_SCHEME", "SERVER_PORT", "HTTP_AUTHORIZATION", "REMOTE_USER"].map((name) => variables.get(name)),
    ["on", "https", String(https.port), `Basic ${btoa("eva:secret")}`, undefined],
  );
});

Deno.test("one program gets everything below /cgi/, by the course's rules", async () => {
  await using server = await startServer({ args: ["--rules", "course", "--cgi", `${SCRIPTS}/probe`] });
  const response = await ask(server, "GET", "/cgi/testfun/arg1/arg2/arg3?test=test");
  const variables = variablesIn(textOf(response));
  assertEquals(
    ["PATH_INFO", "REQUEST_URI", "QUERY_STRING", "SCRIPT_NAME"].map((name) => variables.get(name)),
    ["/testfun/arg1/arg2/arg3", "/cgi/testfun/arg1/arg2/arg3", "test=test", "/cgi"],
  );
  assertEquals((await ask(server, "PUT", "/cgi/x", { body: "x" })).status, 501);
  assertEquals((await ask(server, "POST", "/cgi/x")).status, 411);
});

Deno.test("any method reaches a script by the standard's rules", async () => {
  await using server = await startCgiServer();
  for (const method of ["DELETE", "PROPFIND", "OPTIONS"]) {
    const response = await ask(server, method, "/cgi/probe");
    assertEquals(variablesIn(textOf(response)).get("REQUEST_METHOD"), method);
  }
});

Deno.test("only programs of the folder are run", async () => {
  await using server = await startCgiServer();
  const statuses: (readonly [target: string, status: number])[] = [
    ["/cgi/", 403],
    ["/cgi/none", 404],
    ["/cgi/server.ts", 403],
    ["/cgi/../probe", 404],
    ["/cgi/..%2fprobe", 404],
    ["/cgi/.hidden", 404],
    ["/cgi/probe%00", 400],
    ["/cgi", 301],
  ];
  for (const [target, status] of statuses) {
    assertEquals([target, (await ask(server, "GET", target)).status], [target, status]);
  }
});

/** The probe's output, and the answer as a client sees it. */
const OUTPUTS: readonly (readonly [name: string, out: string, status: number, text: string])[] = [
  ["a document", `${DOCUMENT}Hello`, 200, "Hello"],
  ["a document with CRLF", "Content-Type: text/plain\r\n\r\nHello", 200, "Hello"],
  ["a status", `Status: 404 Not here\n${DOCUMENT}gone`, 404, "gone"],
  ["a client redirect", "Location: http://example.org/\n\n", 302, ""],
  ["a client redirect with document", `Status: 303\nLocation: /x\n${DOCUMENT}see`, 303, "see"],
  ["a local redirect", "Location: /index.html\n\n", 200, "<!doctype html><title>Test</title>\n"],
  ["a chain of local redirects", `Location: ${probe("print", { out: "Location: /index.html\n\n" })}\n\n`, 200, "<!do"],
  ["a whole response", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nHello", 200, "Hello"],
  ["a whole response of an old program", "HTTP/1.0 404 Gone\n\nHello", 404, "Hello"],
];

Deno.test("each kind of output becomes its answer, and the connection goes on", async () => {
  await using server = await startCgiServer();
  using client = await RawClient.connect(server.port());
  for (const [name, out, status, text] of OUTPUTS) {
    await client.send(request("GET", probe("print", { out })));
    const { responses: [response] } = await client.receive({ count: 1 });
    assertEquals([name, response.status, textOf(response).slice(0, text.length)], [name, status, text]);
    assertEquals(fieldValue(response, "connection"), "keep-alive");
    assertEquals(response.fields.filter(([field]) => /^(date|server)$/i.test(field)).length, 2);
  }
});

Deno.test("a loop of local redirects is answered 500", async () => {
  const cgi = await Deno.makeTempDir();
  await Deno.writeTextFile(`${cgi}/loop`, "#!/bin/sh\nprintf 'Location: /scripts/loop\\n\\n'\n", { mode: 0o755 });
  await using server = await startServer({ args: ["--cgi", cgi, "--cgi-prefix", "/scripts/"] });
  assertEquals((await ask(server, "GET", "/scripts/loop")).status, 500);
  await server.waitForLog((log) => log.includes("Too many local redirects"));
  await Deno.remove(cgi, { recursive: true });
});

Deno.test("content without a length is chunked for HTTP/1.1 and ends with the connection for HTTP/1.0", async () => {
  await using server = await startCgiServer();
  const target = probe("print", { out: `${DOCUMENT}Hello` });
  const chunked = await ask(server, "GET", target);
  assertEquals([fieldValue(chunked, "transfer-encoding"), textOf(chunked)], ["chunked", "Hello"]);
  const { responses: [old], end } = await exchange(server.port(), request("GET", target, { version: "1.0" }));
  assertEquals([fieldValue(old, "transfer-encoding"), fieldValue(old, "connection")], [null, "close"]);
  assertEquals([textOf(old), end], ["Hello", "closed"]);
});

Deno.test("HEAD runs the script and drops its content", async () => {
  await using server = await startCgiServer();
  const out = `Content-Length: 5\n${DOCUMENT}Hello`;
  const input = request("HEAD", probe("print", { out })) + request("GET", probe("print", { out }));
  const { responses } = await exchange(server.port(), input, { count: 2, methods: ["HEAD", "GET"] });
  const [head, get] = responses.map((response) => response.head.replace(/^Date: .*$/m, ""));
  assertEquals(head, get);
  assertEquals(responses.map(textOf), ["", "Hello"]);
});

Deno.test("content longer than its length is cut, and the connection goes on", async () => {
  await using server = await startCgiServer();
  const target = probe("print", { out: `Content-Length: 2\n${DOCUMENT}Hello` });
  const received = await exchange(server.port(), request("GET", target).repeat(2), { count: 2 });
  assertEquals(answersIn(received), ["200 He", "200 He"]);
  await server.waitForLog((log) => /WARN .*more than the 2 bytes/.test(log));
});

for (const size of [5, 200_000]) {
  Deno.test(`content of ${size} bytes that is shorter than its length closes the connection`, async () => {
    await using server = await startCgiServer();
    const out = `Content-Length: ${size + 1}\n${DOCUMENT}${"x".repeat(Math.min(size, 1000))}`;
    const received = await exchange(server.port(), request("GET", probe("print", { out })).repeat(2));
    assertEquals([received.responses.length, received.rest.length > 0], [0, true]);
    await server.waitForLog((log) =>
      /ERROR .*: The answer to GET "\/cgi\/probe\?.*" is broken off: .* bytes of content and promised \d+ \(request \S+\)\n/
        .test(log)
    );
  });
}

Deno.test("a failing script is answered 500 with a page that tells nothing, and the log tells the reason", async () => {
  await using server = await startCgiServer();
  const failures: (readonly [query: Record<string, string | number>, reason: RegExp])[] = [
    [{}, /ERROR GET .*: probe\[\d+\] printed nothing/],
    [{ exit: 3 }, /WARN probe\[\d+\]: Ended with exit status 3/],
    [{ out: "Content-Type: tex" }, /printed an incomplete head: "Content-Type: tex"/],
    [{ out: "secret inner text\n\n" }, /no field: .*secret inner text/],
    [{ signal: "SEGV" }, /Ended with signal SIGSEGV/],
    [{ err: "secret complaint\n", exit: 1 }, /probe\[\d+\]: secret complaint/],
  ];
  for (const [query, reason] of failures) {
    const response = await ask(server, "GET", probe("print", query));
    assertEquals(response.status, 500);
    assertNotMatch(textOf(response), /secret|probe|tests/);
    await server.waitForLog((log) => reason.test(log));
  }
});

Deno.test("a script's own words for its status reach the client", async () => {
  await using server = await startCgiServer();
  const statusLine = async (words: string) => {
    const target = probe("print", { out: `Status: 404${words}\n${DOCUMENT}Hello` });
    const { text } = await curl("-o", "/dev/null", "-D", "-", server.url + target);
    return text.split("\r\n")[0];
  };
  assertEquals([await statusLine(" Nope"), await statusLine("")], ["HTTP/1.1 404 Nope", "HTTP/1.1 404 Not Found"]);
});

Deno.test("a script that dies after its head costs no other request", async () => {
  await using server = await startCgiServer();
  const target = probe("print", { out: `${DOCUMENT}Hello`, signal: "KILL" });
  const received = await exchange(server.port(), request("GET", target).repeat(2), { count: 2 });
  assertEquals(answersIn(received), ["200 Hello", "200 Hello"]);
  await server.waitForLog((log) => /WARN .*Ended with signal SIGKILL/.test(log));
});

Deno.test("pipelined requests to scripts are answered in order", async () => {
  await using server = await startCgiServer();
  const numbers = Array.from({ length: 10 }, (_, index) => index);
  const input = numbers.map((number) => request("GET", probe("print", { out: `${DOCUMENT}${number}` }))).join("");
  assertEquals(
    answersIn(await exchange(server.port(), input, { count: 10 })),
    numbers.map((number) => `200 ${number}`),
  );
});

Deno.test("a script that prints a line at a time is seen line by line", async () => {
  await using server = await startCgiServer();
  using client = await RawClient.connect(server.port());
  await client.send(`POST ${probe("lines", { lines: 3 })} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\n`);
  await client.receiveThrough("\r\n\r\n");
  // The probe prints each line only once it has read the byte for it.
  for (const number of [1, 2, 3]) {
    await client.send("x");
    await client.receiveThrough(`line ${number}\n`);
  }
  await client.receiveThrough(LAST_CHUNK);
});

Deno.test("a client that waits for 100 is told to continue when there is a script to read", async () => {
  await using server = await startCgiServer();
  using client = await RawClient.connect(server.port());
  const head = (target: string) =>
    `POST ${target} HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n`;
  await client.send(head(probe("digest")));
  assertEquals(await client.receiveThrough("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  await client.send("Hello");
  assertMatch(await client.receiveThrough(LAST_CHUNK), / 5\n/);
  await client.send(head("/cgi/none"));
  assertMatch(await client.receiveThrough("\r\n\r\n"), /^HTTP\/1\.1 404 /);
});

Deno.test("chunked content arrives whole with its length, and leaves no file", async () => {
  const spool = await Deno.makeTempDir();
  await using server = await startCgiServer({ args: ["--cgi-spool", spool] });
  const line = "0123456789abcde\n";
  const file = `${server.place.folder}/upload`;
  await Deno.writeTextFile(file, line.repeat((3 << 20) / line.length));
  const chunked = ["--header", "Transfer-Encoding: chunked", "--data-binary", `@${file}`];
  const { text: told } = await curl(...chunked, `${server.url}/cgi/probe`);
  assertEquals(variablesIn(told).get("CONTENT_LENGTH"), String(3 << 20));
  const [byChunks, byLength] = [
    await curl(...chunked, server.url + probe("digest")),
    await curl(
      "--data-binary",
      `@${file}`,
      server.url + probe("digest"),
    ),
  ];
  assertEquals(byChunks.text, byLength.text);
  assertMatch(byChunks.text, / 3145728\n$/);
  assertEquals([...Deno.readDirSync(spool)], []);
  await Deno.remove(spool);
});

Deno.test(`an upload of ${IS_LONG ? "1 GiB" : "256 MiB"} passes through in constant memory`, async () => {
  await using server = await startCgiServer({ args: ["--max-body-bytes", "2G"] });
  await curl(server.url + probe("digest"));
  const before = memoryOf(server.pid, "VmRSS");
  const length = IS_LONG ? 2 ** 30 : 2 ** 28;
  using client = await RawClient.connect(server.port());
  const head = `POST ${probe("digest")} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${length}\r\n\r\n`;
  const part = new Uint8Array(2 ** 20).fill(0x61);
  const sending = client.send(head, ...new Array<Uint8Array>(length / part.length).fill(part));
  const { responses: [response] } = await client.receive({ count: 1, deadlineMs: 60_000 });
  await sending;
  assertEquals(textOf(response).split(" ")[1], `${length}\n`);
  const grown = memoryOf(server.pid, "VmHWM") - before;
  assert(grown < 64 << 20, `${grown} bytes more`);
});

Deno.test("a script that ignores a large upload is answered for at once", async () => {
  await using server = await startCgiServer();
  using client = await RawClient.connect(server.port());
  const head = `POST ${probe("ignore")} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000000\r\n\r\n`;
  await client.send(head, new Uint8Array(300_000));
  assertMatch(await client.receiveThrough(LAST_CHUNK), /200 OK[^]*ignored\n/);
});

Deno.test("a script that prints no head in time is answered 504, one that falls silent later is cut", async () => {
  await using server = await startCgiServer({ args: ["--script-ms", "1s", "--script-body-ms", "300ms"] });
  const path = `${server.place.folder}/pid`;
  assertEquals((await ask(server, "GET", probe("silent", { pid: path }))).status, 504);
  const first = await readPid(path);
  await Deno.remove(path);
  const { rest } = await exchange(server.port(), request("GET", probe("silent", { head: 1, pid: path })));
  assertMatch(toText(rest), /^HTTP\/1\.1 200 OK/);
  const second = await readPid(path);
  await until(() => [first, second].flatMap(groupMembers).length === 0, "both scripts have ended");
  await server.waitForLog((log) => log.includes("printed nothing for 300 ms"));
});

for (const head of ["", "1"]) {
  Deno.test(`a script ends with its group when its client goes ${head ? "after" : "before"} the head`, async () => {
    await using server = await startCgiServer({ args: ["--half-closed-ms", "1ms", "--script-kill-ms", "300ms"] });
    const path = `${server.place.folder}/pid`;
    {
      using client = await RawClient.connect(server.port());
      await client.send(request("GET", probe("stubborn", { head, pid: path })));
      await readPid(path);
      if (head) await client.receiveThrough("\r\n\r\n");
    }
    const pid = await readPid(path);
    await until(() => groupMembers(pid).length === 0, "the script has ended");
  });
}

Deno.test("requests wait for their turn, too many are answered 503, and files are served all the while", async () => {
  await using server = await startCgiServer({
    args: ["--cgi-max", "2", "--cgi-queue", "1", "--half-closed-ms", "1ms"],
  });
  const paths = [1, 2].map((number) => `${server.place.folder}/pid${number}`);
  using first = await RawClient.connect(server.port());
  using second = await RawClient.connect(server.port());
  using third = await RawClient.connect(server.port());
  await first.send(request("GET", probe("silent", { head: 1, pid: paths[0] })));
  await second.send(request("GET", probe("silent", { head: 1, pid: paths[1] })));
  const pids = await Promise.all(paths.map(readPid));
  await third.send(request("GET", probe("print", { out: `${DOCUMENT}waited` })));
  let refused = await ask(server, "GET", probe("environment"));
  // The third request may have arrived a moment after this one, which then took its place.
  if (refused.status === 200) refused = await ask(server, "GET", probe("environment"));
  assertEquals([refused.status, fieldValue(refused, "retry-after")], [503, "1"]);
  assertEquals((await ask(server, "GET", "/index.html")).status, 200);
  Deno.kill(-pids[0], "SIGKILL");
  assertStringIncludes(await third.receiveThrough(LAST_CHUNK), "waited");
});

Deno.test("a server that stops ends its scripts", async () => {
  await using server = await startCgiServer({ args: ["--drain-ms", "100ms", "--script-kill-ms", "200ms"] });
  const path = `${server.place.folder}/pid`;
  using client = await RawClient.connect(server.port());
  await client.send(request("GET", probe("stubborn", { pid: path })));
  const pid = await readPid(path);
  assertEquals((await server.stop("SIGTERM")).code, 0);
  assertEquals(groupMembers(pid), []);
});

Deno.test("a second signal kills the scripts at once", async () => {
  await using server = await startCgiServer();
  const path = `${server.place.folder}/pid`;
  using client = await RawClient.connect(server.port());
  await client.send(request("GET", probe("stubborn", { pid: path })));
  const pid = await readPid(path);
  Deno.kill(server.pid, "SIGTERM");
  await server.waitForLog((log) => log.includes("stopping"));
  assertEquals((await server.stop("SIGTERM")).code, 1);
  await until(() => groupMembers(pid).length === 0, "the script has ended");
});

Deno.test("a client that breaks its content off is answered 400, or cut when it has a part of the answer, and is no error", async () => {
  await using server = await startCgiServer({ args: ["--log-level", "debug"] });
  const head = (target: string) => `POST ${target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n`;
  for (let round = 0; round < 20; round++) {
    using client = await RawClient.connect(server.port());
    // It says nothing before it has read all, however late the end comes.
    await client.send(head(probe("digest")));
    await client.closeWrite();
    const { responses, end } = await client.receive();
    assertEquals([responses.map(({ status }) => status), end], [[400], "closed"]);
  }
  using client = await RawClient.connect(server.port());
  await client.send(`${head(probe("lines", { lines: 9 }))}x`);
  await client.receiveThrough("line 1\n");
  await client.closeWrite();
  await assertRejects(() => client.receiveThrough(LAST_CHUNK), Error, "The server closed before");
  assertNotMatch(server.logText(), / ERROR /);
});

Deno.test(`${GONE_COUNT} clients that go away leave no process, zombie, descriptor or file`, async () => {
  const [cgi, spool] = [await Deno.makeTempDir(), await Deno.makeTempDir()];
  const script = '#!/bin/sh\nprintf "Content-Type: text/plain\\n\\n"\necho $$ >>pids\nsleep 3600 &\ncat\nwait\n';
  await Deno.writeTextFile(`${cgi}/wait`, script, { mode: 0o755 });
  await using server = await startServer({
    args: ["--cgi", cgi, "--cgi-spool", spool, "--max-spool-memory-bytes", "10", "--half-closed-ms", "1ms"],
  });
  const goAway = async (number: number) => {
    using client = await RawClient.connect(server.port());
    const framing = ["Content-Length: 100", "Transfer-Encoding: chunked", "X: y"][number % 3];
    await client.send(`POST /cgi/wait HTTP/1.1\r\nHost: localhost\r\n${framing}\r\n\r\n`);
    if (number % 3 === 1) await client.send(`20\r\n${"x".repeat(32)}\r\n${number % 2 ? "0\r\n\r\n" : ""}`);
    // It waits for the programs of all who came before, as many as the machine is slow.
    if (number % 4 === 0 && number % 3 === 2) await client.receiveThrough("\r\n\r\n", 60_000);
    await new Promise((resolve) => setTimeout(resolve, number % 20));
  };
  await goAway(0);
  await until(() => guardsOf(server.pid).length === 1, "the guard of the first script is there");
  const descriptors = countDescriptors(server.pid);
  const pidsThatRan = () => new Set(Deno.readTextFileSync(`${cgi}/pids`).trim().split("\n").map(Number));
  let number = 0;
  // On a busy machine most clients are gone before their script has begun: then it takes more of them.
  const isEnough = () => number >= 5 * GONE_COUNT || (number >= GONE_COUNT && pidsThatRan().size > 0.3 * GONE_COUNT);
  await Promise.all(Array.from({ length: 16 }, async () => {
    while (!isEnough()) await goAway(number++);
  }));
  await until(() => childrenOf(server.pid).length === 0, "every script has been reaped");
  const pids = pidsThatRan();
  assert(pids.size > 0.3 * GONE_COUNT, `${pids.size} scripts have run`);
  await until(() => [...pids].flatMap(groupMembers).length === 0, "every group is empty");
  await until(() => countDescriptors(server.pid) <= descriptors + 2, "the descriptors are closed");
  assertEquals([...Deno.readDirSync(spool)], []);
  assertNotMatch(server.logText(), /Uncaught/);
  for (const folder of [cgi, spool]) await Deno.remove(folder, { recursive: true });
});

Deno.test({
  name: "scripts run as the user that was named, and no more as root",
  ignore: Deno.uid() !== 0,
  async fn() {
    const cgi = await Deno.makeTempDir();
    await Deno.chmod(cgi, 0o755);
    await Deno.writeTextFile(
      `${cgi}/who`,
      "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\nid -u\nid -G\nulimit -t\n",
    );
    await Deno.chmod(`${cgi}/who`, 0o755);
    for (const option of ["--cgi-user", "--user"]) {
      await using server = await startServer({ args: ["--cgi", cgi, option, "nobody", "--cgi-limit-cpu", "7"] });
      assertEquals(textOf(await ask(server, "GET", "/cgi/who")), "65534\n65534\n7\n");
    }
    await Deno.remove(cgi, { recursive: true });
  },
});

Deno.test("lisod counts no pause of the process for what was done meanwhile: a script that ended, a head that came", async () => {
  const folder = await Deno.makeTempDir();
  const script = `${folder}/script`;
  const waits = `#!/bin/sh\ncd ${folder}\ntouch begun\nuntil [ -e go ]; do sleep 0.05; done\n`;
  await Deno.writeTextFile(script, `${waits}printf 'Content-Type: text/plain\\n\\ndone'\ntouch done\n`, {
    mode: 0o755,
  });
  const isThere = (name: string) => Array.from(Deno.readDirSync(folder)).some((entry) => entry.name === name);
  await using server = await startServer({ args: ["--cgi", script, "--script-ms", "2s", "--head-ms", "2s"] });
  const [asking, late] = [await RawClient.connect(server.port()), await RawClient.connect(server.port())];
  await asking.send("GET /cgi/ HTTP/1.1\r\nHost: a\r\n\r\n");
  await late.send("GET /cgi/ HTTP/1.1\r\n");
  await until(() => isThere("begun"), "the script runs");
  Deno.kill(server.pid, "SIGSTOP");
  await Deno.writeTextFile(`${folder}/go`, "");
  await until(() => isThere("done"), "the script has printed");
  await late.send("Host: a\r\n\r\n");
  // Longer than every limit, and than a step of the clock.
  await new Promise((resolve) => setTimeout(resolve, 5000));
  Deno.kill(server.pid, "SIGCONT");
  const answers = await Promise.all([asking, late].map((client) => client.receive({ count: 1 })));
  assertEquals(answers.map(({ responses: [{ status, body }] }) => `${status} ${toText(body)}`), [
    "200 done",
    "200 done",
  ]);
  for (const client of [asking, late]) client.close();
  assertNotMatch(server.logText(), / (?:WARN script|ERROR)/);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("lisod ends without a word of scripts that have ended and left nobody", async () => {
  const script = await Deno.makeTempFile();
  await Deno.writeTextFile(script, "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nhello\\n'\n");
  await Deno.chmod(script, 0o755);
  await using server = await startServer({ args: ["--cgi", script] });
  assertEquals(textOf(await ask(server, "GET", "/cgi/")), "hello\n");
  assertEquals((await server.stop()).code, 0);
  assertNotMatch(server.logText(), /hold its pipes/);
  await Deno.remove(script);
});
