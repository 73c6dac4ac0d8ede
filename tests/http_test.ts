/**
 * The compiled binary as clients see it: curl for what a well-behaved one does, raw sockets for the rest. What each
 * malformed request is answered stands in the tables of lib/http; here it is seen once that the binary does so.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { curl, startServer, type TestServer } from "./harness.ts";
import { exchange, RawClient, toSingleBytes } from "./raw_client.ts";
import { fieldValue, parseResponses, toBytes, toText } from "./raw_http.ts";

const TEXT = "0123456789abcdef\n";
const FILES = { "index.html": "<!doctype html><title>Index</title>\n", "a.txt": TEXT, "sub/index.html": "Sub\n" };
const RULES = ["standard", "course"] as const;

function startWith(rules: (typeof RULES)[number], ...args: readonly string[]): Promise<TestServer> {
  return startServer({ files: FILES, args: ["--rules", rules, ...args] });
}

/** A request of that line, with a Host. */
function request(line: string, ...fields: readonly string[]): string {
  return [`${line} HTTP/1.1`, "Host: localhost", ...fields, "", ""].join("\r\n");
}

for (const rules of RULES) {
  Deno.test(`lisod answers curl's GET and HEAD alike, ${rules} rules`, async () => {
    await using server = await startWith(rules);
    const got = await curl("--include", `${server.url}/a.txt`);
    const head = await curl("--head", `${server.url}/a.txt`);
    assertEquals(got.text.replace(/Date: .*/, ""), (head.text + TEXT).replace(/Date: .*/, ""));
    const suffix = rules === "course" ? "" : "; charset=utf-8";
    for (
      const field of [
        "HTTP/1.1 200 OK",
        "Server: Liso/1.0",
        "Connection: keep-alive",
        `Content-Length: ${TEXT.length}`,
        `Content-Type: text/plain${suffix}`,
      ]
    ) assert(head.text.includes(`${field}\r\n`), `${field} in ${head.text}`);
    assertMatch(head.text, /^Date: \w{3}, \d{2} \w{3} \d{4} \d{2}:\d{2}:\d{2} GMT\r$/m);
    assertMatch(head.text, /^Last-Modified: \w{3}, \d{2} \w{3} \d{4} \d{2}:\d{2}:\d{2} GMT\r$/m);
  });

  Deno.test(`lisod answers each method, ${rules} rules`, async () => {
    await using server = await startWith(rules);
    const isCourse = rules === "course";
    const cases: readonly (readonly [method: string, path: string, status: number])[] = [
      ["GET", "/", 200],
      ["GET", "/nothing", 404],
      ["GET", "/sub", 301],
      ["HEAD", "/", 200],
      ["POST", "/", isCourse ? 200 : 405],
      ["PUT", "/", 501],
      ["PUT", "/nothing", 501],
      ["DELETE", "/", 501],
      ["PATCH", "/", 501],
      ["TRACE", "/", 501],
      ["OPTIONS", "/", isCourse ? 501 : 200],
      ["get", "/", 501],
      ["LONGER-THAN-ANY-METHOD-EVER", "/", 501],
    ];
    for (const [method, path, status] of cases) {
      const { text } = await curl(
        ...["--request", method, "--output", "/dev/null", "--write-out", "%{http_code}", `${server.url}${path}`],
        ...(method === "HEAD" ? ["--head"] : []),
        ...(method === "POST" ? ["--data", "a=b"] : []),
      );
      assertEquals(text, `${status}`, `${method} ${path}`);
    }
  });
}

Deno.test("lisod reads a POST away whole and goes on when the course's rules hold", async () => {
  await using server = await startWith("course");
  const posts = request("POST /", "Content-Length: 5") + "GET /" + request("POST /", "Transfer-Encoding: chunked") +
    "5\r\nGET /\r\n0\r\n\r\n";
  const { responses } = await exchange(server.port(), posts + request("GET /a.txt"), { count: 3 });
  assertEquals(responses.map(({ status, body }) => [status, toText(body)]), [[200, ""], [200, ""], [200, TEXT]]);
  const without = await exchange(server.port(), request("POST /"));
  assertEquals(without.responses.map(({ status }) => status), [411]);
});

Deno.test("lisod answers OPTIONS * with what files allow", async () => {
  await using server = await startWith("standard");
  const { responses } = await exchange(server.port(), request("OPTIONS *") + request("GET /a.txt"), { count: 2 });
  assertEquals(responses.map(({ status }) => status), [200, 200]);
  assertEquals(["Allow", "Content-Length"].map((name) => fieldValue(responses[0], name)), ["GET, HEAD, OPTIONS", "0"]);
});

Deno.test("lisod sends ranges to curl", async () => {
  await using server = await startWith("standard");
  for (const [range, want] of [["0-4", "01234"], ["5-", "56789abcdef\n"], ["-2", "f\n"]]) {
    const { text } = await curl("--range", range, "--write-out", "%{http_code}", `${server.url}/a.txt`);
    assertEquals(text, `${want}206`);
  }
  const beyond = await curl(
    "--range",
    "99-",
    "--output",
    "/dev/null",
    "--write-out",
    "%{http_code}",
    `${server.url}/a.txt`,
  );
  assertEquals(beyond.text, "416");
});

Deno.test("lisod keeps the connection for curl's next request, and closes it for HTTP/1.0", async () => {
  await using server = await startWith("standard");
  const twice = [`${server.url}/a.txt`, `${server.url}/`];
  const connects = ["--output", "/dev/null", "--output", "/dev/null", "--write-out", "%{num_connects} "];
  assertEquals((await curl(...connects, ...twice)).text, "1 0 ");
  assertEquals((await curl("--http1.0", ...connects, ...twice)).text, "1 1 ");
  const old = await exchange(server.port(), "GET /a.txt HTTP/1.0\r\n\r\n");
  assertEquals(old.responses.map(({ body }) => toText(body)), [TEXT]);
  assertEquals(fieldValue(old.responses[0], "Connection"), "close");
});

Deno.test("lisod answers 1,000 pipelined requests in order", async () => {
  const names = Array.from({ length: 100 }, (_, index) => `${index}.txt`);
  await using server = await startServer({ files: Object.fromEntries(names.map((name) => [name, name.repeat(9)])) });
  const wanted = Array.from({ length: 1000 }, (_, index) => names[(index * 37) % names.length]);
  const input = wanted.map((name, index) => request(`${index % 10 === 0 ? "HEAD" : "GET"} /${name}`)).join("");
  const { responses, end } = await exchange(server.port(), input, {
    count: 1000,
    methods: wanted.map((_, index) => index % 10 === 0 ? "HEAD" : "GET"),
  });
  assertEquals(end, "count");
  assertEquals(
    responses.map(({ status, body }) => `${status} ${toText(body)}`),
    wanted.map((name, index) => `200 ${index % 10 === 0 ? "" : name.repeat(9)}`),
  );
});

Deno.test("lisod sends what it keeps in memory in order and whole to a client that reads late", async () => {
  const pages = ["a", "b"].map((letter) => letter.repeat(150_000));
  await using server = await startServer({ files: { "a.bin": pages[0], "b.bin": pages[1] } });
  using client = await RawClient.connect(server.port());
  const paths = Array.from({ length: 80 }, (_, index) => index % 2 === 0 ? "a" : "b");
  await client.send(paths.map((path) => `GET /${path}.bin HTTP/1.1\r\nHost: a\r\n\r\n`).join(""));
  // Until another one is answered, the first one is held up by what its client does not read.
  assertEquals((await curl(`${server.url}/a.bin`)).text, pages[0]);
  await client.send("GET /none HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const { responses } = await client.receive();
  assertEquals(responses.map(({ status }) => status), [...paths.map(() => 200), 404]);
  responses.slice(0, -1).forEach(({ body }, index) =>
    assertEquals(toText(body) === pages[index % 2], true, `${index}`)
  );
});

Deno.test("lisod answers requests that arrive byte by byte", async () => {
  await using server = await startWith("course");
  const input = request("GET /a.txt") + request("POST /", "Transfer-Encoding: chunked") + "5\r\nhello\r\n0\r\n\r\n" +
    request("GET /a.txt", "Connection: close");
  const { responses, end } = await exchange(server.port(), toSingleBytes(input));
  assertEquals(responses.map(({ status, body }) => [status, toText(body)]), [[200, TEXT], [200, ""], [200, TEXT]]);
  assertEquals(end, "closed");
});

Deno.test("lisod goes on when clients leave at any moment", async () => {
  await using server = await startWith("course");
  const input = request("GET /a.txt") + request("POST /", "Content-Length: 5") + "hello";
  for (let length = 0; length <= input.length; length++) {
    // An answer that was not read makes the close of some of them a reset.
    using client = await RawClient.connect(server.port());
    await client.send(input.slice(0, length));
  }
  const { responses } = await exchange(server.port(), request("GET /a.txt", "Connection: close"));
  assertEquals(responses.map(({ status }) => status), [200]);
  assert(!server.logText().includes("ERROR"), server.logText());
});

Deno.test("lisod says 400 and takes what the client still sends", async () => {
  await using server = await startWith("standard");
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port() });
  const answer = new Uint8Array(65_536);
  await connection.write(toBytes("GET  / HTTP/1.1\r\n"));
  const { responses } = parseResponses(answer.slice(0, await connection.read(answer) ?? 0));
  assertEquals(responses.map(({ status }) => status), [400]);
  // Had the server closed, the system would answer with a reset, in which a client may lose what it has not read yet.
  const megabyte = new Uint8Array(1_000_000);
  for (let sent = 0; sent < megabyte.length;) sent += await connection.write(megabyte.subarray(sent, sent + 1000));
  await connection.closeWrite();
  assertEquals(await connection.read(answer), null);
});

Deno.test("lisod finds the next request after a line that is too long", async () => {
  await using server = await startWith("standard");
  const long = "x".repeat(9000);
  const input = request(`GET /${long}`) + request("GET /", `A: ${long}`) + request("GET /a.txt", "Connection: close");
  const { responses, end } = await exchange(server.port(), input);
  assertEquals(responses.map(({ status }) => status), [414, 431, 200]);
  assertEquals(end, "closed");
});

Deno.test("lisod sends 100 when it reads content", async () => {
  await using server = await startWith("course");
  using client = await RawClient.connect(server.port());
  await client.send(request("POST /", "Expect: 100-continue", "Content-Length: 5"));
  assertEquals(await client.receiveThrough("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  await client.send("hello");
  assertEquals((await client.receive({ count: 1 })).responses.map(({ status }) => status), [200]);
});

Deno.test("lisod sends no 100 when it refuses the content", async () => {
  await using server = await startWith("standard");
  const refused = await exchange(server.port(), request("POST /", "Expect: 100-continue", "Content-Length: 5"));
  assertEquals(refused.responses.map(({ status }) => status), [405]);
  const other = await exchange(server.port(), request("GET /", "Expect: x"));
  assertEquals(other.responses.map(({ status }) => status), [417]);
});

Deno.test("lisod never leaves its root", async () => {
  await using server = await startWith("standard");
  await Deno.writeTextFile(`${server.place.folder}/secret.txt`, "secret");
  const targets = [
    "/../secret.txt",
    "/sub/../../secret.txt",
    "/%2e%2e/secret.txt",
    "/..%2fsecret.txt",
    "/%2e%2e%2fsecret.txt",
    "/..%5csecret.txt",
    "/..\\secret.txt",
    "/%c0%ae%c0%ae/secret.txt",
    "/.%00./secret.txt",
    "//../secret.txt",
    "http://localhost/../secret.txt",
  ];
  for (const target of targets) {
    const { responses } = await exchange(server.port(), request(`GET ${target}`, "Connection: close"));
    assertEquals(responses.length, 1);
    assert(responses[0].status === 400 || responses[0].status === 404, `${target}: ${responses[0].status}`);
  }
});

Deno.test("lisod redirects to no other host", async () => {
  await using server = await startWith("standard");
  for (const target of ["/sub", "//sub", "///sub", "/.//sub", "/%2e//sub"]) {
    const { responses } = await exchange(server.port(), request(`GET ${target}`, "Connection: close"));
    const location = responses[0].status === 301 ? fieldValue(responses[0], "Location") : "/";
    assertMatch(location ?? "", /^\/(?!\/)/, target);
  }
});
