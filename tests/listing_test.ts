/**
 * Listings of large folders, end to end: made once for all who ask, in bounded memory however slowly clients read, and nobody
 * else waits for them. The rules are tested beside lib/static/listings.ts and listing_pages.ts.
 */
import { assert, assertEquals } from "@std/assert";
import { memoryOf } from "./cgi/server.ts";
import { startServer, takenWay, type TestServer } from "./harness.ts";
import { RawClient } from "./raw_client.ts";
import { fieldValue, parseResponses, type RawResponse, toText } from "./raw_http.ts";

const FILE_COUNT = 20_000;
const CLIENT_COUNT = 50;
/**
 * What the server may take on top of what it took before it was asked for a listing. The runtime's own readDir gives no names
 * in parts, and takes 1 KiB for each.
 */
const MOST_MIB = takenWay() === "native" ? 64 : 128;

/** A root with `small.txt`, and empty files in a folder. */
async function withFolder(names: Iterable<string>, test: (root: string) => Promise<void>): Promise<void> {
  const root = await Deno.makeTempDir({ prefix: "lisod-listing-" });
  try {
    await Deno.writeTextFile(`${root}/small.txt`, "small");
    await Deno.mkdir(`${root}/f`);
    for (const name of names) Deno.openSync(`${root}/f/${name}`, { write: true, createNew: true }).close();
    await test(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

/** A connection over which a listing was asked for; its answer waits to be read. */
class ListingClient implements Disposable {
  readonly #connection: Deno.Conn;
  #isRead = false;

  private constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  static async ask(server: TestServer, path: string, method = "GET"): Promise<ListingClient> {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port() });
    const request = `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;
    await connection.write(new TextEncoder().encode(request));
    return new ListingClient(connection);
  }

  /** All that comes until the server closes. */
  async readAll(): Promise<Uint8Array<ArrayBuffer>> {
    this.#isRead = true;
    return new Uint8Array(await new Response(this.#connection.readable).arrayBuffer());
  }

  async answer(method = "GET"): Promise<RawResponse> {
    const { responses: [response] } = parseResponses(await this.readAll(), { methods: [method], isClosed: true });
    return response;
  }

  [Symbol.dispose](): void {
    if (!this.#isRead) this.#connection.close();
  }
}

function namesIn(response: RawResponse): string[] {
  return [...toText(response.body).matchAll(/<td><a href="([^"]*)"/g)].map(([, href]) => href);
}

async function askSmall(client: RawClient): Promise<void> {
  await client.send("GET /small.txt HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const { responses: [{ status, body }] } = await client.receive({ count: 1, deadlineMs: 60_000 });
  assertEquals([status, toText(body)], [200, "small"]);
}

Deno.test(`lisod lists 20,000 files to 50 clients, half of which do not read, in ${MOST_MIB} MiB, and answers others meanwhile`, () => {
  const names = Array.from({ length: FILE_COUNT }, (_, index) => `file-${index}.txt`);
  return withFolder(names, async (root) => {
    await using server = await startServer({ root, args: ["--listing", "--max-listed-file-count", "30000"] });
    using client = await RawClient.connect(server.port());
    await askSmall(client);
    const before = memoryOf(server.pid, "VmRSS");
    const clients = await Promise.all(
      Array.from({ length: CLIENT_COUNT }, () => ListingClient.ask(server, "/f/")),
    );
    const [readers, others] = [clients.slice(0, CLIENT_COUNT / 2), clients.slice(CLIENT_COUNT / 2)];
    let isAnswered = false;
    const answers = Promise.all(readers.map(async (client) => {
      const answer = await client.answer();
      isAnswered = true;
      return answer;
    }));
    let meanwhile = 0;
    for (; !isAnswered; meanwhile++) await askSmall(client);
    assert(meanwhile >= 5, `${meanwhile} answers meanwhile`);
    const [first, ...rest] = await answers;
    assertEquals([first.status, fieldValue(first, "Content-Length")], [200, `${first.body.length}`]);
    assertEquals(namesIn(first), ["../", ...names]);
    for (const { body } of rest) assertEquals(toText(body) === toText(first.body), true);
    // What was not read until now is whole, too, though another listing has been made since.
    Deno.removeSync(`${root}/f/file-0.txt`);
    const [second, late] = await pollUntilOther(server, first, others);
    assertEquals(namesIn(second), ["../", ...names.slice(1)]);
    for (const { body } of late) assertEquals(toText(body) === toText(first.body), true);
    const grown = memoryOf(server.pid, "VmHWM") - before;
    assert(grown < MOST_MIB << 20, `${grown} bytes more`);
  });
});

/** Asks until the listing is another one, which it must be after `--file-cache-ms`; then what the `others` get. */
async function pollUntilOther(
  server: TestServer,
  before: RawResponse,
  others: readonly ListingClient[],
): Promise<readonly [RawResponse, readonly RawResponse[]]> {
  for (let count = 0; count < 1000; count++) {
    using client = await ListingClient.ask(server, "/f/");
    const answer = await client.answer();
    if (answer.body.length !== before.body.length) {
      return [answer, await Promise.all(others.map((other) => other.answer()))];
    }
  }
  throw new Error("The listing stays as it was");
}

Deno.test("lisod shows a change of the folder at once when --file-cache-ms is 0, and HEAD says what GET would", () =>
  withFolder(["a.txt"], async (root) => {
    await using server = await startServer({ root, args: ["--listing", "--file-cache-ms", "0"] });
    for (const name of ["b.txt", "c.txt"]) {
      Deno.writeTextFileSync(`${root}/f/${name}`, "");
      using get = await ListingClient.ask(server, "/f/");
      const answer = await get.answer();
      assertEquals(namesIn(answer).at(-1), name);
      using head = await ListingClient.ask(server, "/f/", "HEAD");
      const { body, ...said } = await head.answer("HEAD");
      assertEquals([body.length, fieldValue({ body, ...said }, "Content-Length")], [0, `${answer.body.length}`]);
    }
  }));

/** The listing; on a busy machine its own client may once be the one that has asked for nothing for the longest time. */
async function askUntilWhole(server: TestServer, path: string): Promise<RawResponse> {
  for (let attempts = 1;; attempts++) {
    using client = await ListingClient.ask(server, path);
    try {
      return await client.answer();
    } catch (error) {
      if (attempts === 5 || !(error instanceof Deno.errors.ConnectionReset)) throw error;
    }
  }
}

Deno.test("lisod breaks a listing off that nobody reads when another one needs its memory, and says no more of it than DEBUG", () => {
  // A row of 2 KiB each: 10 MiB, of which the kernel takes 4 at most.
  const names = Array.from({ length: 5000 }, (_, index) => `${"'".repeat(200)}${index}`);
  return withFolder(names, async (root) => {
    await Deno.mkdir(`${root}/g`);
    for (const name of names) Deno.linkSync(`${root}/f/${name}`, `${root}/g/${name}`);
    const args = ["--listing", "--max-listing-bytes", "12M", "--log-level", "debug"];
    await using server = await startServer({ root, args });
    using idle = await RawClient.connect(server.port());
    await idle.send("GET /f/ HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const head = await idle.receiveThrough("\r\n\r\n");
    assertEquals(namesIn(await askUntilWhole(server, "/g/")).length, names.length + 1);
    const bytes = await idle.countToEnd();
    const length = Number(/\r\nContent-Length: (\d+)\r\n/.exec(head)?.[1]);
    assert(bytes > 0 && bytes < length, `${bytes} of ${length} bytes`);
    await server.waitForLog((log) => log.includes("A listing was given up"));
    assert(!/ (ERROR|WARN) (?!main)/.test(server.logText()), server.logText());
  });
});
