/**
 * HTTP is the same over TLS: every exchange goes to the HTTP port and to the HTTPS port of one server, whole and byte by
 * byte, and the answers must be the same bytes. That they are right is shown by the tests of HTTP.
 */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { HttpsServer } from "./https.ts";
import { toText } from "./raw_http.ts";
import { RawClient, type Received, toSingleBytes } from "./raw_client.ts";

const FILES = {
  "index.html": "<!doctype html><title>Index</title>\n",
  "a.txt": "0123456789abcdef\n",
  "b/index.html": "B\n",
};

/** A request of that line, with a Host. */
function request(line: string, ...fields: readonly string[]): string {
  return [`${line} HTTP/1.1`, "Host: localhost", ...fields, "", ""].join("\r\n");
}

/** A script that says what it got. */
const SCRIPT = `#!/bin/sh
printf 'Content-Type: text/plain\\n\\n%s %s ' "$REQUEST_METHOD" "$QUERY_STRING"
exec cat
`;

interface Exchange {
  readonly name: string;
  readonly input: string;
  readonly methods?: readonly string[];
  /** Final responses; without it all until the server closes. */
  readonly count?: number;
  readonly statuses: readonly number[];
}

const EXCHANGES: readonly Exchange[] = [
  { name: "GET", input: request("GET /"), count: 1, statuses: [200] },
  { name: "HEAD", input: request("HEAD /a.txt"), methods: ["HEAD"], count: 1, statuses: [200] },
  { name: "keep-alive", input: request("GET /") + request("GET /a.txt"), count: 2, statuses: [200, 200] },
  { name: "100 pipelined", input: request("GET /a.txt").repeat(100), count: 100, statuses: Array(100).fill(200) },
  { name: "close", input: request("GET /", "Connection: close"), statuses: [200] },
  { name: "HTTP/1.0", input: "GET /a.txt HTTP/1.0\r\n\r\n", statuses: [200] },
  { name: "range", input: request("GET /a.txt", "Range: bytes=2-5"), count: 1, statuses: [206] },
  { name: "range beyond", input: request("GET /a.txt", "Range: bytes=99-"), count: 1, statuses: [416] },
  { name: "condition", input: request("GET /a.txt", "If-None-Match: *"), count: 1, statuses: [304] },
  { name: "folder", input: request("GET /b"), count: 1, statuses: [301] },
  { name: "missing", input: request("GET /none"), count: 1, statuses: [404] },
  { name: "escape", input: request("GET /../etc/passwd") + request("GET /%2e%2e/x"), count: 2, statuses: [404, 404] },
  { name: "OPTIONS *", input: request("OPTIONS *"), count: 1, statuses: [501] },
  { name: "unknown method", input: request("BREW /"), count: 1, statuses: [501] },
  {
    name: "POST with length, then GET",
    input: `${request("POST /", "Content-Length: 5")}hello${request("GET /a.txt")}`,
    count: 2,
    statuses: [200, 200],
  },
  {
    name: "POST in chunks, then GET",
    input: `${request("POST /", "Transfer-Encoding: chunked")}5\r\nhello\r\n0\r\n\r\n${request("GET /a.txt")}`,
    count: 2,
    statuses: [200, 200],
  },
  { name: "script", input: request("GET /cgi/echo?a=b"), count: 1, statuses: [200] },
  {
    name: "script with content, twice",
    input: `${request("POST /cgi/echo?c", "Content-Length: 5")}hello`.repeat(2),
    count: 2,
    statuses: [200, 200],
  },
  { name: "smuggling", input: request("POST /", "Content-Length: 5", "Transfer-Encoding: chunked"), statuses: [400] },
  { name: "malformed", input: "GET  / HTTP/1.1\r\n\r\n", statuses: [400] },
  { name: "too long a line", input: request(`GET /${"a".repeat(9000)}`), count: 1, statuses: [414] },
];

async function converse(connection: Deno.Conn, pieces: readonly (string | Uint8Array)[], exchange: Exchange) {
  using client = new RawClient(connection);
  const [received] = await Promise.all([client.receive(exchange), client.send(...pieces)]);
  return received;
}

/** All but the Date, which may differ by a second. */
function comparable({ responses, rest, end }: Received): unknown {
  const withoutDate = responses.map(({ head, body }) => [head.replace(/^Date: .*$/m, ""), toText(body)]);
  return { responses: withoutDate, rest: toText(rest), end };
}

Deno.test("lisod answers on the HTTPS port what it answers on the HTTP port", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(join(folder, "echo"), SCRIPT, { mode: 0o755 });
  await using server = await HttpsServer.start({ files: FILES, args: ["--rules", "course", "--cgi", folder] });
  // A file that has just been written has a weak entity tag for a second.
  for (const name of Object.keys(FILES)) await Deno.utime(join(server.server.place.root, name), 1e9, 1e9);
  for (const exchange of EXCHANGES) {
    for (const pieces of [[exchange.input], exchange.input.length < 500 ? toSingleBytes(exchange.input) : []]) {
      if (pieces.length === 0) continue;
      const plain = await converse(await Deno.connect({ port: server.server.port("http") }), pieces, exchange);
      const secure = await converse(await server.connect(), pieces, exchange);
      assertEquals(plain.responses.map(({ status }) => status), exchange.statuses, exchange.name);
      assertEquals(comparable(secure), comparable(plain), exchange.name);
    }
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("lisod sends the same 8 MiB over TLS in whatever pieces the client reads", async () => {
  const content = Uint8Array.from({ length: 8 << 20 }, (_, index) => index * 31 >> 3);
  await using server = await HttpsServer.start({ files: { "large.bin": content } });
  const get: Exchange = { name: "large", input: request("GET /large.bin"), count: 1, statuses: [200] };
  const { responses: [{ body }] } = await converse(await server.connect(), [get.input], get);
  assertEquals(body.length, content.length);
  assert(body.every((byte, index) => byte === content[index]));
});

Deno.test("lisod never waits for an acknowledgement before it sends the rest of an answer over TLS", async () => {
  const length = 100_000;
  await using server = await HttpsServer.start({ files: { "a.txt": "a".repeat(length) } });
  using connection = await server.connect();
  const [get, buffer] = [new TextEncoder().encode(request("GET /a.txt")), new Uint8Array(65_536)];
  const times: number[] = [];
  for (let count = 0; count < 100; count++) {
    const start = performance.now();
    await connection.write(get);
    for (let received = 0; received < length;) received += await connection.read(buffer) ?? length;
    times.push(performance.now() - start);
  }
  // Linux delays an acknowledgement by 40 ms, though not at the start of a connection; an answer takes less than one.
  const quartile = times.sort((one, other) => one - other)[75];
  assert(quartile < 30, `${quartile} ms`);
});
