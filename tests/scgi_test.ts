/** Requests that ./lisod hands on over SCGI: to Debian's uwsgi, and to an application whose every byte the test decides. */
import { assertEquals, assertMatch } from "@std/assert";
import { createHash } from "node:crypto";
import { curl, startServer, type TestServer } from "./harness.ts";

const APPLICATION = `import hashlib, json
def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/hash":
        digest, count = hashlib.sha256(), 0
        while part := environ["wsgi.input"].read(65536):
            digest.update(part)
            count += len(part)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [f"{count} {digest.hexdigest()}".encode()]
    if path == "/parts":
        start_response("203 Fine", [("Content-Type", "text/plain"), ("Set-Cookie", "a=b"), ("Set-Cookie", "c=d")])
        return (b"x" * 65536 for _ in range(100))
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({key: value for key, value in environ.items() if isinstance(value, str)}).encode()]
`;

const START_MS = 20_000;

interface Running extends AsyncDisposable {
  readonly server: TestServer;
  readonly folder: string;
}

async function startUwsgi(): Promise<Running> {
  const folder = await Deno.makeTempDir({ prefix: "lisod-scgi-" });
  await Deno.writeTextFile(`${folder}/application.py`, APPLICATION);
  const socket = `${folder}/uwsgi.sock`;
  const args = ["--scgi-socket", socket, "--plugin", "python3", "--wsgi-file", `${folder}/application.py`];
  using watcher = Deno.watchFs(folder);
  const uwsgi = new Deno.Command("uwsgi", {
    args: [...args, "--master", "--processes", "2", "--die-on-term", "--logto", `${folder}/uwsgi.log`],
    ...{ stdin: "null", stdout: "null", stderr: "null" },
  }).spawn();
  const timer = setTimeout(() => uwsgi.kill("SIGKILL"), START_MS);
  const isReady = () => {
    try {
      return Deno.readTextFileSync(`${folder}/uwsgi.log`).includes("WSGI app 0 ");
    } catch {
      return false;
    }
  };
  const events = watcher[Symbol.asyncIterator]();
  while (!isReady()) {
    if ("code" in await Promise.race([events.next(), uwsgi.status])) throw new Error("uwsgi ended at its start");
  }
  clearTimeout(timer);
  const server = await startServer({ args: [`--forward=/app=scgi:unix:${socket}`] });
  return {
    ...{ server, folder },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      uwsgi.kill("SIGTERM");
      await uwsgi.status;
      await Deno.remove(folder, { recursive: true });
    },
  };
}

Deno.test("--forward PREFIX=scgi:... tells uwsgi what CGI tells, streams content both ways and passes all fields on", async () => {
  await using running = await startUwsgi();
  const { server: { url }, folder } = running;
  const variables = JSON.parse((await curl(`${url}/app/a%20b/%C3%BC?x=1`, "-H", "X-A: ü")).text);
  // WSGI has bytes as Latin-1 text (PEP 3333).
  const told = ["SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "REQUEST_URI", "HTTP_X_A"];
  assertEquals(
    told.map((name) => variables[name]),
    ["/app", "/a b/\u00c3\u00bc", "x=1", "/app/a%20b/%C3%BC?x=1", "\u00c3\u00bc"],
  );
  const bytes = new Uint8Array(20_000_000).map((_, at) => (at * 2_654_435_761) >>> 11);
  await Deno.writeFile(`${folder}/upload`, bytes);
  const want = `${bytes.length} ${createHash("sha256").update(bytes).digest("hex")}`;
  const post = ["--data-binary", `@${folder}/upload`];
  assertEquals((await curl(`${url}/app/hash`, ...post)).text, want);
  assertEquals((await curl(`${url}/app/hash`, ...post, "-H", "Transfer-Encoding: chunked")).text, want);
  const parts = await curl(`${url}/app/parts`, "--include");
  assertMatch(parts.text, /^HTTP\/1\.1 203 [^]*Set-Cookie: a=b\r\nSet-Cookie: c=d\r\n/);
  assertEquals(parts.text.split("\r\n\r\n")[1].length, 6_553_600);
});

interface Row {
  readonly name: string;
  readonly answer: string;
  readonly status: string;
  readonly text?: string;
  /** Of curl; 18 for an answer that breaks off. */
  readonly code?: number;
}

const ROWS: readonly Row[] = [
  {
    name: "a head and its content",
    answer: "Status: 201 Made\r\nContent-Type: text/plain\r\n\r\nHello",
    status: "201",
    text: "Hello",
  },
  { name: "nothing", answer: "", status: "502" },
  { name: "half a head", answer: "Content-Type: text/plain\r\n", status: "502" },
  { name: "no head", answer: "Hello\r\n\r\n", status: "502" },
  { name: "less than it promised", answer: "Content-Length: 10\r\n\r\nabc", status: "200", text: "abc", code: 18 },
];

for (const { name, answer, status, text, code = 0 } of ROWS) {
  Deno.test(`--forward PREFIX=scgi:... answers ${status} where an application says ${name}`, async () => {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const asked = Promise.withResolvers<string>();
    const serving = (async () => {
      const connection = await listener.accept();
      const buffer = new Uint8Array(65_536);
      let head = "";
      while (!head.endsWith(",")) {
        head += new TextDecoder().decode(buffer.subarray(0, await connection.read(buffer) ?? 0));
      }
      asked.resolve(head);
      await connection.write(new TextEncoder().encode(answer));
      connection.close();
    })();
    await using server = await startServer({ args: [`--forward=/app=scgi:127.0.0.1:${listener.addr.port}`] });
    const got = await curl(`${server.url}/app/`, "-w", " %{http_code}");
    await serving;
    listener.close();
    assertEquals([got.code, got.text.slice(-4)], [code, ` ${status}`]);
    if (text !== undefined) assertEquals(got.text, `${text} ${status}`);
    assertMatch(await asked.promise, /^\d+:CONTENT_LENGTH\0\x30\0SCGI\0\x31\0/);
  });
}
