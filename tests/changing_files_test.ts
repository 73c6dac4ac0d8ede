/**
 * Files that somebody changes while they are sent, against the compiled binary: whoever gets a whole answer gets one state
 * of the file, the one that its ETag stands for, and whoever cannot get it sees the connection end.
 */
import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { startServer } from "./harness.ts";
import { HttpsServer } from "./https.ts";
import { exchange, RawClient } from "./raw_client.ts";
import { concatenate, fieldValue, parseResponses, type RawResponse, toText } from "./raw_http.ts";

/** What the two states of a file consist of; neither byte occurs in a head or between the parts of a multipart. */
const [OLD, NEW] = [1, 2];
/** More than the buffers of both ends hold: the server has to read on after the change. */
const BIG_BYTES = 32 << 20;
const HUGE_BYTES = 100 << 20;

/** One answer, read slowly; the rest of it comes when the test asks for it. */
class Download implements Disposable {
  readonly #connection: Deno.Conn;
  /** The head as a response without content. */
  readonly head: RawResponse;
  /** Bytes of content that have come. */
  received = 0;
  /** Which of the two states the content was of. */
  readonly states = new Set<number>();

  private constructor(connection: Deno.Conn, head: RawResponse) {
    this.#connection = connection;
    this.head = head;
  }

  static async start(connection: Deno.Conn, path: string, fields = ""): Promise<Download> {
    await connection.write(new TextEncoder().encode(request(path, fields)));
    let bytes = new Uint8Array();
    const part = new Uint8Array(65_536);
    for (let end = -1; end === -1; end = toText(bytes).indexOf("\r\n\r\n")) {
      bytes = concatenate([bytes, part.subarray(0, await connection.read(part) ?? 0)]);
    }
    const { responses: [head] } = parseResponses(bytes, { methods: ["HEAD"], count: 1 });
    const download = new Download(connection, head);
    download.#accept(bytes.subarray(head.head.length));
    return download;
  }

  get length(): number {
    return Number(fieldValue(this.head, "Content-Length"));
  }

  #accept(bytes: Uint8Array): void {
    this.received += bytes.length;
    for (const state of [OLD, NEW]) if (bytes.includes(state)) this.states.add(state);
  }

  /** Reads the rest; whether all of it came. */
  async finish(): Promise<boolean> {
    const part = new Uint8Array(262_144);
    while (this.received < this.length) {
      const count = await this.#connection.read(part).catch(endOfReset);
      if (count === null) return false;
      this.#accept(part.subarray(0, count));
    }
    assertEquals(this.received, this.length);
    return true;
  }

  /** Asks once more on the same connection. */
  async askNext(path: string): Promise<RawResponse> {
    const client = new RawClient(this.#connection);
    await client.send(request(path));
    return (await client.receive({ count: 1 })).responses[0];
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }
}

function request(path: string, fields = ""): string {
  return `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${fields}\r\n`;
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

function endOfReset(error: unknown): null {
  if (error instanceof Deno.errors.ConnectionReset) return null;
  throw error;
}

/** Puts a file of one state there, old enough for a strong ETag. */
function writeState(path: string, state: number, length: number): void {
  Deno.writeFileSync(path, new Uint8Array(length).fill(state));
  Deno.utimeSync(path, 1e9, 1e9);
}

interface Change {
  readonly name: string;
  /** Whether the answer under way is whole nevertheless. */
  readonly isWhole: boolean;
  /** What a resumed download gets afterwards (RFC 9110 13.1.5): 206 where the file is the same, else all of what is there. */
  readonly next: 200 | 206 | 403 | 404;
  apply(path: string, length: number): void;
}

const CHANGES: readonly Change[] = [
  { name: "cut", isWhole: false, next: 200, apply: (path) => Deno.truncateSync(path, 1000) },
  { name: "emptied", isWhole: false, next: 200, apply: (path) => Deno.truncateSync(path) },
  {
    name: "grown",
    isWhole: false,
    next: 200,
    apply: (path) => Deno.writeFileSync(path, Uint8Array.of(NEW), { append: true }),
  },
  {
    name: "overwritten in place",
    isWhole: false,
    next: 200,
    apply(path, length) {
      using file = Deno.openSync(path, { write: true });
      for (const part = new Uint8Array(1 << 20).fill(NEW); length > 0; length -= part.length) file.writeSync(part);
    },
  },
  { name: "rewritten longer", isWhole: false, next: 200, apply: (path, length) => writeState(path, NEW, length + 1) },
  {
    name: "replaced by another of its length",
    isWhole: true,
    next: 200,
    apply(path, length) {
      writeState(`${path}.new`, NEW, length);
      Deno.renameSync(`${path}.new`, path);
    },
  },
  { name: "renamed", isWhole: true, next: 404, apply: (path) => Deno.renameSync(path, `${path}.old`) },
  { name: "removed", isWhole: true, next: 404, apply: (path) => Deno.removeSync(path) },
  // Root may read it nevertheless.
  {
    name: "made unreadable",
    isWhole: true,
    next: Deno.uid() === 0 ? 206 : 403,
    apply: (path) => Deno.chmodSync(path, 0),
  },
];

interface Kind {
  readonly name: string;
  readonly status: 200 | 206;
  readonly length: number;
  /** The end of the name of the file that is changed; the one that is asked for ends in .txt. */
  readonly suffix: ".txt" | ".txt.gz";
  readonly fields: string;
}

const KINDS: readonly Kind[] = [
  { name: "a file of 100 MiB", status: 200, length: HUGE_BYTES, suffix: ".txt", fields: "" },
  { name: "a range", status: 206, length: BIG_BYTES, suffix: ".txt", fields: "Range: bytes=1000-\r\n" },
  { name: "two ranges", status: 206, length: BIG_BYTES, suffix: ".txt", fields: "Range: bytes=0-9,1000-\r\n" },
  {
    name: "a precompressed sibling",
    status: 200,
    length: BIG_BYTES,
    suffix: ".txt.gz",
    fields: "Accept-Encoding: gzip\r\n",
  },
];

const SCHEMES = ["http", "https"] as const;

function connect(https: HttpsServer, scheme: typeof SCHEMES[number]): Promise<Deno.Conn> {
  return scheme === "https" ? https.connect() : Deno.connect({ hostname: "127.0.0.1", port: https.server.port() });
}

for (const scheme of SCHEMES) {
  for (const kind of KINDS) {
    Deno.test(`lisod sends one state of ${kind.name} over ${scheme}, or ends the connection, whatever is done to it`, async (t) => {
      await using https = await HttpsServer.start({ files: { "small.txt": "small" } });
      const folder = https.server.place.root;
      for (const [index, change] of CHANGES.entries()) {
        await t.step(change.name, async () => {
          // A name of its own: what the server knows of the one before is good for a second.
          const path = `/big${index}`;
          if (kind.suffix !== ".txt") writeState(`${folder}${path}.txt`, OLD, 1);
          const file = `${folder}${path}${kind.suffix}`;
          writeState(file, OLD, kind.length);
          using download = await Download.start(await connect(https, scheme), `${path}.txt`, kind.fields);
          assertEquals(download.head.status, kind.status);
          const etag = fieldValue(download.head, "ETag") ?? "";
          assertMatch(etag, /^"/);
          change.apply(file, kind.length);
          assertEquals(await download.finish(), change.isWhole);
          assertEquals(download.states.has(NEW), false);
          if (change.isWhole) assertEquals(toText((await download.askNext("/small.txt")).body), "small");
          else assert(download.received < download.length);
          using again = await Download.start(await connect(https, scheme), `${path}.txt`, resumption(etag, kind));
          // Where its sibling is gone, the file itself is there.
          assertEquals(again.head.status, change.next >= 400 && kind.suffix !== ".txt" ? 200 : change.next);
          if (again.head.status === 200) assertNotEquals(fieldValue(again.head, "ETag"), etag);
          assert(await again.finish());
          await Deno.remove(file).catch(ignoreMissing);
        });
      }
    });
  }
}

/** The fields of a client that goes on with a download; what it gets must not be taken for more of the same. */
function resumption(etag: string, { suffix }: Kind): string {
  return `Range: bytes=0-0\r\nIf-Range: ${etag}\r\n${suffix === ".txt" ? "" : "Accept-Encoding: gzip\r\n"}`;
}

/** Asks on one connection, and on the next when that ends, until there is enough; each answer goes to `look`. */
async function askUntil(
  isEnough: () => boolean,
  { open, look }: { open: () => Promise<Deno.Conn>; look: (response: RawResponse) => void },
): Promise<void> {
  let client = new RawClient(await open());
  for (let count = 0; count < 2000 && !isEnough(); count++) {
    await client.send(request("/file.bin"));
    const { responses: [response], end } = await client.receive({ count: 1 });
    if (response !== undefined) look(response);
    if (end === "count") continue;
    client.close();
    client = new RawClient(await open());
  }
  client.close();
}

const WAYS = ["renamed over", "written in place"] as const;
const HAMMERED = SCHEMES.flatMap((scheme) =>
  WAYS.flatMap((way) => [1000, 65_536, 1 << 20].map((length) => ({ scheme, way, length })))
);

for (const { scheme, way, length } of HAMMERED) {
  Deno.test(`lisod sends one state under one ETag over ${scheme} of a file of ${length} bytes that is ${way} all the time`, async () => {
    await using https = await HttpsServer.start({ args: ["--file-cache-ms", "0"], files: { "file.bin": "" } });
    const path = `${https.server.place.root}/file.bin`;
    let version = 0;
    const change = () => {
      version++;
      const target = way === "renamed over" ? `${path}.new` : path;
      // Contents of their own, for a tag stands for content; one of two bytes fills each, so that a mixture shows.
      const content = new Uint8Array(length).fill(version % 2 === 0 ? OLD : NEW);
      content.set(new TextEncoder().encode(`${version} `));
      Deno.writeFileSync(target, content);
      // A time of its own, and long ago: an ETag of its own, and a strong one.
      Deno.utimeSync(target, 1e9 + version, 1e9 + version);
      if (target !== path) Deno.renameSync(target, path);
    };
    change();
    const stateByTag = new Map<string, string>();
    const look = (response: RawResponse) => {
      const { status, body } = response;
      const etag = fieldValue(response, "ETag") ?? "";
      assertEquals(status, 200);
      // A file that is being written in place has no good state, and its ETag says so.
      if (etag.startsWith("W/")) return assertEquals(way, "written in place");
      // ext4 gives a file that is being emptied its new size before its new time: a state of its own.
      if (body.length === 0) return assertEquals(way, "written in place");
      assertEquals(body.length, length);
      const states = [OLD, NEW].filter((mark) => body.includes(mark));
      assertEquals(states.length, 1, `both states under ${etag}`);
      const [state] = new TextDecoder("latin1").decode(body.subarray(0, 16)).split(" ");
      assertEquals(stateByTag.get(etag) ?? state, state, `another state under ${etag}`);
      stateByTag.set(etag, state);
    };
    const isEnough = () => stateByTag.size >= 20;
    const open = () => connect(https, scheme);
    // A MiB that is written in place must be there for as long as it takes to read it, at times.
    const timer = setInterval(change, length < 1 << 20 ? 5 : 15);
    const asking = Promise.all(Array.from({ length: 4 }, () => askUntil(isEnough, { open, look })));
    await asking.finally(() => clearInterval(timer));
    assert(isEnough(), `only ${stateByTag.size} states were seen`);
  });
}

Deno.test("lisod sends what it has begun to send from memory, whatever becomes of the file", async () => {
  await using server = await startServer({ files: { "file.bin": new Uint8Array(1 << 20).fill(OLD) } });
  const path = `${server.place.root}/file.bin`;
  Deno.utimeSync(path, 1e9, 1e9);
  const ask = () => exchange(server.port(), request("/file.bin"), { count: 1 });
  await ask();
  await ask();
  using client = await RawClient.connect(server.port());
  // More than the kernel takes: the last answers wait for the client.
  await client.send(request("/file.bin").repeat(16));
  const { responses: [first] } = await client.receive({ count: 1 });
  Deno.truncateSync(path, 10);
  for (let rest = 15; rest > 0; rest--) {
    const { responses: [response] } = await client.receive({ count: 1 });
    const isOld = fieldValue(response, "ETag") === fieldValue(first, "ETag");
    assertEquals(response.body.length, isOld ? 1 << 20 : 10);
  }
});
