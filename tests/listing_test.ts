/**
 * Listings of large folders, end to end: made once for all who ask, in bounded memory however slowly clients read, and nobody
 * else waits for them. The rules are tested beside lib/listing/listings.ts and listing_pages.ts.
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

/** An answer to a client that follows no redirects. */
async function get(
  server: TestServer,
  path: string,
  fields: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number; readonly headers: Headers; readonly text: string }> {
  const response = await fetch(server.url + path, { headers: fields, redirect: "manual" });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

const AS_JSON = { Accept: "application/json" };

/** The names in the order of the page, and in that of the JSON. */
async function bothOrders(server: TestServer, path: string): Promise<readonly (readonly string[])[]> {
  const page = await get(server, path, { Accept: "text/html,*/*;q=0.8" });
  const json = await get(server, path, AS_JSON);
  const links = [...page.text.matchAll(/<td><a href="([^"]*)"/g)].map(([, href]) => decodeURIComponent(href));
  const names = JSON.parse(json.text).entries.map(({ name, type }: { readonly name: string; readonly type: string }) =>
    name + (type === "folder" ? "/" : "")
  );
  return [links, names];
}

Deno.test("lisod lists a folder in the order that the query names, folders first, as a page and as JSON", async () => {
  const files = { "a.txt": "12345", "b2.txt": "1", "b10.txt": "123", "d/e/x": "", "d/c/x": "" };
  await using server = await startServer({ files, args: ["--listing", "--file-cache-ms", "0"] });
  for (const [at, name] of ["b2.txt", "a.txt", "b10.txt"].entries()) {
    Deno.utimeSync(`${server.place.root}/${name}`, 1_700_000_000 + at, 1_700_000_000 + at);
  }
  const orders = {
    "/": "d/ a.txt b2.txt b10.txt",
    "/?sort=name&order=desc": "d/ b10.txt b2.txt a.txt",
    "/?sort=size": "d/ b2.txt b10.txt a.txt",
    "/?order=desc&sort=size": "d/ a.txt b10.txt b2.txt",
    "/?sort=time&order=asc": "d/ b2.txt a.txt b10.txt",
    "/?sort=time&order=desc": "d/ b10.txt a.txt b2.txt",
    "/?sort=owner&order=random&x=%ff": "d/ a.txt b2.txt b10.txt",
    "/d/?order=desc": "e/ c/",
  };
  for (const [path, order] of Object.entries(orders)) {
    const [links, names] = await bothOrders(server, path);
    assertEquals([links.filter((link) => link !== "../"), names], [order.split(" "), order.split(" ")], path);
  }
});

Deno.test("lisod gives a listing as JSON to who prefers that, with all names as they are, and tells caches", async () => {
  const odd = ['"},{"', "<script>", "javascript:alert(1)", "100%", "a\nb", "it's", "\u{1f600}"];
  const files = Object.fromEntries([["f/sub/x", ""], ...odd.map((name) => [`f/${name}`, "12"])]);
  await using server = await startServer({ files, args: ["--listing"] });
  const { status, headers, text } = await get(server, "/f/", { ...AS_JSON, "Accept-Encoding": "identity" });
  assertEquals([status, headers.get("content-type"), headers.get("content-length")], [
    ...[200, "application/json", `${new TextEncoder().encode(text).length}`],
  ]);
  const { path, entries, cut } = JSON.parse(text);
  assertEquals([path, cut, entries[0].name, entries[0].type, entries[0].size], ["/f/", false, "sub", "folder", null]);
  assertEquals(entries.slice(1).map(({ name }: { readonly name: string }) => name).sort(), odd.toSorted());
  for (const { type, size, modified } of entries.slice(1)) {
    assertEquals([type, size], ["file", 2]);
    assert(Math.abs(Date.parse(modified) - Date.now()) < 60_000, modified);
  }
  // RFC 9110 12.5.5
  assertEquals(headers.get("vary"), "Accept");
  for (const accept of ["*/*", "text/html", "text/plain", "application/json;q=0.5,*/*;q=0.9"]) {
    const page = await get(server, "/f/", { Accept: accept, "Accept-Encoding": "identity" });
    assertEquals([page.headers.get("content-type"), page.headers.get("vary")], [
      ...["text/html; charset=utf-8", page.text.length < 1024 ? "Accept" : "Accept, Accept-Encoding"],
    ], accept);
  }
  const head = await fetch(`${server.url}/f/`, {
    method: "HEAD",
    headers: { ...AS_JSON, "Accept-Encoding": "identity" },
  });
  assertEquals(head.headers.get("content-length"), headers.get("content-length"));
});

Deno.test("lisod gives long listings as JSON in parts, compressed where that is asked for", () => {
  const names = Array.from({ length: 3000 }, (_, index) => `file-${index}.txt`);
  return withFolder(names, async (root) => {
    await using server = await startServer({ root, args: ["--listing", "--max-listed-file-count", "2900"] });
    for (const coding of ["identity", "gzip"]) {
      const { headers, text } = await get(server, "/f/?order=desc", { ...AS_JSON, "Accept-Encoding": coding });
      assertEquals(headers.get("vary"), "Accept, Accept-Encoding");
      const { entries, cut } = JSON.parse(text);
      assertEquals([entries.length, cut], [2900, true]);
    }
  });
});

/** What the page shows of a readme: its link, and its text or where its frame leads. */
function readmeOf(text: string): readonly [name: string, shown: string] | null {
  const [, name] = /<h2><a href="([^"]*)">/.exec(text) ?? [];
  const [, pre, src] = /<\/h2>\n(?:<pre>\n([^]*)<\/pre>|<iframe src="(.*?)")/.exec(text) ?? [];
  return name === undefined ? null : [name, pre ?? `frame of ${src}`];
}

/** What is in the folder `f`, further arguments, and what is shown. */
interface ReadmeCase {
  readonly files: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  readonly want: ReturnType<typeof readmeOf>;
}

const GUARDED = { files: { "README.txt": "secret", "readme": "for all" }, want: ["readme", "for all"] } as const;

const READMES: Readonly<Record<string, ReadmeCase>> = {
  "there is none": { files: { "a.txt": "a", "readme.txt.old": "b", "readme.pdf": "c" }, want: null },
  "it is a text": { files: { "README.txt": "<b>&\n" }, want: ["README.txt", "&#60;b&#62;&#38;\n"] },
  "it has no ending": { files: { "ReadMe": "r\n" }, want: ["ReadMe", "r\n"] },
  "it is Markdown": { files: { "README": "r", "README.md": "# m" }, want: ["README.md", "# m"] },
  "there are several": {
    files: { "README": "r", "README.txt": "t", "readme.html": "<p>h", "readme.md": "m" },
    want: ["readme.html", "frame of readme.html"],
  },
  "the first is empty": { files: { "readme.txt": "", "README": "r" }, want: ["README", "r"] },
  "it is a folder": { files: { "readme/x": "" }, want: null },
  "it is longer than what is shown": {
    files: { "README": "\u00fc".repeat(10) },
    args: ["--max-readme-bytes", "5"],
    want: ["README", "\u00fc\u00fc"],
  },
  "none is wanted": { files: { "README": "r", "readme.html": "h" }, args: ["--max-readme-bytes", "0"], want: null },
  "an address rule guards it": { ...GUARDED, args: ["--deny", "0.0.0.0/0:/f/README.txt"] },
  "it moved": { ...GUARDED, args: ["--redirect", "/f/README.txt=/elsewhere"] },
  "something stands in its place": { ...GUARDED, args: ["--rewrite", "/f/:name.txt=/f/readme"] },
  "a program runs it": { ...GUARDED, args: ["--cgi-handler", ".txt=/bin/sh"] },
  "it is hidden": { files: { ".readme": "r" }, want: null },
};

for (const [name, { files, args = [], want }] of Object.entries(READMES)) {
  Deno.test(`lisod shows ${want === null ? "no readme" : want[0]} below a listing when ${name}`, async () => {
    const below = Object.fromEntries(Object.entries(files).map(([path, content]) => [`f/${path}`, content]));
    await using server = await startServer({ files: below, args: ["--listing", ...args] });
    const { status, text } = await get(server, "/f/");
    assertEquals([status, readmeOf(text)], [200, want]);
    assertEquals(text.includes(">All of README<"), name.startsWith("it is longer"));
  });
}

Deno.test("lisod shows no readme that leads outside or asks for a password", async () => {
  const files = {
    "f/readme": "for all",
    "f/readme.md": "secret",
    "f/readme.html": "<p>secret",
    "outside.txt": "outside",
  };
  const folder = await Deno.makeTempDir({ prefix: "lisod-listing-" });
  try {
    await Deno.writeTextFile(`${folder}/users`, "eva:$2y$04$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZabcde\n");
    const realms = ["/f/readme.md", "/f/readme.html"].flatMap((path) => ["--auth", `A:${folder}/users:${path}`]);
    await using server = await startServer({ files, args: ["--listing", ...realms] });
    await Deno.writeTextFile(`${folder}/outside.txt`, "outside");
    await Deno.symlink(`${folder}/outside.txt`, `${server.place.root}/f/readme.txt`);
    const { text } = await get(server, "/f/");
    assertEquals(readmeOf(text), ["readme", "for all"]);
    assertEquals([...text.matchAll(/secret|outside|readme\.txt/g)].length, 0);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
