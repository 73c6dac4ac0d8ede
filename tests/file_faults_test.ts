/**
 * What clients met on other servers when they asked for files, asked of this one over HTTP and over HTTPS: rows of what is
 * in the root, what is sent, and what must come back. The rules behind each row are tested beside their sources.
 */
import { assert, assertEquals } from "@std/assert";
import { run, type StartOptions, startServer, type TestServer } from "./harness.ts";
import { type Certificates, httpsArguments, makeCertificates } from "./https.ts";
import { fieldValue, type RawResponse, toText } from "./raw_http.ts";
import { RawClient } from "./raw_client.ts";

/** Asks the server over one scheme, on a connection of its own: a path, then field lines. */
type Ask = (path: string, ...fields: readonly string[]) => Promise<RawResponse>;

let certificates: Promise<Certificates> | null = null;

/** One pair for all tests of this file, for it takes a second to make; it goes when they have run. */
async function shareCertificates(): Promise<Certificates> {
  const folder = await Deno.makeTempDir({ prefix: "lisod-certs-" });
  addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  return await makeCertificates(folder);
}

/** Runs the test over HTTP and over HTTPS of one server, each with an absolute path of the root. */
async function overBoth(options: StartOptions, test: (ask: Ask, root: string) => Promise<void>): Promise<void> {
  const shared = await (certificates ??= shareCertificates());
  const caCerts = [await Deno.readTextFile(shared.root)];
  const connects = {
    http: (server: TestServer) => Deno.connect({ hostname: "127.0.0.1", port: server.port("http") }),
    https: (server: TestServer) => Deno.connectTls({ hostname: "localhost", port: server.port("https"), caCerts }),
  };
  // At once, each with a server and files of its own: much is waiting for files to grow old.
  await Promise.all(
    Object.entries(connects).map(async ([scheme, connect]) => {
      await using server = await startServer({ ...options, args: [...httpsArguments(shared), ...options.args ?? []] });
      try {
        await test((path, ...fields) => askOnce(() => connect(server), path, fields), server.place.root);
      } catch (error) {
        throw new Error(`Over ${scheme}`, { cause: error });
      }
    }),
  );
}

async function askOnce(
  connect: () => Promise<Deno.Conn>,
  path: string,
  fields: readonly string[],
): Promise<RawResponse> {
  using client = new RawClient(await connect());
  await client.send([`GET ${path} HTTP/1.1`, "Host: localhost", ...fields, "", ""].join("\r\n"));
  const { responses: [response] } = await client.receive({ count: 1 });
  return response;
}

/** Words of eight characters, each another one. */
function textOf(length: number): string {
  return Array.from({ length: Math.ceil(length / 8) }, (_, index) => `${index}`.padEnd(8, "-")).join("").slice(
    0,
    length,
  );
}

interface Part {
  readonly first: number;
  readonly last: number;
  readonly text: string;
}

/** The parts of a 206, be it one or a multipart/byteranges. */
function partsOf(response: RawResponse): readonly Part[] {
  const text = toText(response.body);
  const [, boundary] = /^multipart\/byteranges; boundary=(\S+)$/.exec(fieldValue(response, "Content-Type") ?? "") ?? [];
  if (boundary === undefined) return [toPart(fieldValue(response, "Content-Range") ?? "", text)];
  const [before, ...parts] = text.split(`\r\n--${boundary}`);
  assertEquals([before, parts.at(-1)], ["", "--\r\n"]);
  return parts.slice(0, -1).map((part) => {
    const [head, content] = part.split("\r\n\r\n");
    return toPart(/^Content-Range: (.*)$/m.exec(head)?.[1] ?? "", content);
  });
}

function toPart(contentRange: string, text: string): Part {
  const [, first, last] = /^bytes (\d+)-(\d+)\/\d+/.exec(contentRange) ?? [];
  return { first: Number(first), last: Number(last), text };
}

const RANGES: readonly (readonly [name: string, ranges: readonly string[], partCount: number])[] = [
  [
    "fifty apart, as zsync asks",
    Array.from({ length: 50 }, (_, index) => `${index * 4096}-${index * 4096 + 2047}`),
    50,
  ],
  [
    "fifty from the end to the start",
    Array.from({ length: 50 }, (_, index) => `${(50 - index) * 900}-${(50 - index) * 900 + 9}`),
    50,
  ],
  ["the end first, as viewers of PDF ask", ["-1024", "0-1023", "100000-100999"], 3],
  ["three that overlap", ["0-999", "500-1499", "1000-1999"], 1],
  ["the whole, many times", Array.from({ length: 500 }, () => "0-"), 1],
  ["three hundred single bytes", Array.from({ length: 300 }, (_, index) => `${index * 600}-${index * 600}`), 100],
];

Deno.test("lisod answers ranges that can be had with 206, however many, in whatever order", () => {
  const text = textOf(300_000);
  return overBoth({ files: { "large.bin": text, "small.bin": text.slice(0, 60_000) } }, async (ask) => {
    for (const [name, ranges, partCount] of RANGES) {
      for (const [path, whole] of [["/large.bin", text], ["/small.bin", text.slice(0, 60_000)]] as const) {
        const asked = ranges.filter((range) => Number.parseInt(range) < whole.length);
        const response = await ask(path, `Range: bytes=${asked.join(", ")}`);
        assertEquals(response.status, 206, `${name}, ${path}`);
        const parts = partsOf(response);
        if (whole === text) assertEquals(parts.length, partCount, name);
        for (const { first, last, text: content } of parts) assertEquals(content, whole.slice(first, last + 1), name);
        for (const range of asked) {
          const [first, last] = /^-/.test(range) ? [whole.length + Number(range), ""] : range.split("-");
          const has = (at: number) => parts.some((part) => part.first <= at && at <= part.last);
          assert(has(Number(first)) && has(last === "" ? whole.length - 1 : Number(last)), `${name}: ${range}`);
        }
        const bound = whole.length + 200 * parts.length;
        assert(response.body.length < bound, `${name}: ${response.body.length} bytes`);
      }
    }
    assertEquals((await ask("/large.bin", "Range: bytes=300000-,400000-400001")).status, 416);
  });
});

Deno.test("lisod answers with the whole file when --max-range-count is 0", () =>
  overBoth({ files: { "a.txt": "0123456789" }, args: ["--max-range-count", "0"] }, async (ask) => {
    const response = await ask("/a.txt", "Range: bytes=2-3");
    assertEquals([response.status, toText(response.body), fieldValue(response, "Accept-Ranges")], [
      200,
      "0123456789",
      "none",
    ]);
  }));

const TYPES: readonly (readonly [path: string, type: string])[] = [
  ["/a.tgz", "application/gzip"],
  ["/a.ndjson", "application/x-ndjson"],
  ["/README", "text/plain; charset=utf-8"],
  ["/.well-known/apple-app-site-association", "application/json"],
  ["/a.foo", "text/x-foo; charset=utf-8"],
  ["/LICENCE", "text/markdown; charset=utf-8"],
  ["/a.js", "application/ecmascript"],
  ["/b.unheard-of", "application/octet-stream"],
];

Deno.test("lisod gives the types that --media-type names, and those of files without an extension", () => {
  const own = [".foo=text/x-foo", "licence=text/markdown", ".js=application/ecmascript"];
  const files = Object.fromEntries(TYPES.map(([path]) => [path, "content\n"]));
  return overBoth({ files, args: own.flatMap((type) => ["--media-type", type]) }, async (ask) => {
    for (const [path, type] of TYPES) assertEquals(fieldValue(await ask(path), "Content-Type"), type, path);
  });
});

const SCRIPT = "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nran'\n";
const BACKUPS = [
  "x.php~",
  "x.php.bak",
  "x.php.old",
  "x.php.orig",
  "x.php.save",
  "x.php.tmp",
  "#x.php#",
  "x.php.bak.gz",
];
const HIDDEN = [...BACKUPS, "back\\slash", "x.php.gz", ".x.php.swp", ".hidden"];
const SHOWN = ["x.php", "plain.txt~", "100%5c", "a?b#c", "deep/"];

Deno.test("lisod lists what a request can reach, all of it and nothing else, and sends no backup of a program", () => {
  const content = Object.fromEntries(
    [...HIDDEN, ...SHOWN].filter((name) => !name.endsWith("/")).map((name) => [name, SCRIPT]),
  );
  const files = { ...content, "deep/a.txt": "a", "programs/run": SCRIPT, "taken/a.txt": "a" };
  const cgi = ["--cgi-handler", ".php=/bin/sh", "--cgi-prefix", "/taken"];
  return overBoth({ args: ["--listing", ...cgi, "--cgi", "/bin/true"], files }, async (ask) => {
    const page = toText((await ask("/")).body);
    const links = [...page.matchAll(/<td><a href="([^"]+)"/g)].map(([, link]) => link);
    assertEquals(links.map(decodeURIComponent).toSorted(), [...SHOWN, "programs/"].toSorted());
    for (const link of links) assertEquals([link, (await ask(`/${link}`)).status], [link, 200]);
    assertEquals(toText((await ask("/x.php")).body), "ran");
    for (const name of [...BACKUPS, ".x.php.swp"]) {
      assertEquals([name, (await ask(`/${encodeURIComponent(name)}`)).status], [name, 404]);
    }
  });
});

Deno.test("lisod sends no backup of a program with --dot-files either, and what is no program's as any file", () =>
  overBoth({
    args: ["--dot-files", "--cgi-handler", ".php=/bin/sh"],
    files: { ".x.php.swp": SCRIPT, ".x.txt.swp": "text" },
  }, async (ask) => {
    assertEquals((await ask("/.x.php.swp")).status, 404);
    assertEquals(toText((await ask("/.x.txt.swp")).body), "text");
  }));

/** Writes the file anew and gives it that time, in words of touch(1); by another name first, as a publisher does. */
async function publish(path: string, content: string | Uint8Array, date: string): Promise<void> {
  await (typeof content === "string"
    ? Deno.writeTextFile(`${path}.new`, content)
    : Deno.writeFile(`${path}.new`, content));
  await run("touch", ["--date", date, `${path}.new`]);
  await Deno.rename(`${path}.new`, path);
}

/** What a file says of itself. */
async function validators(ask: Ask, path: string): Promise<{ etag: string; modified: string | null }> {
  const response = await ask(path);
  assertEquals(response.status, 200);
  return { etag: fieldValue(response, "ETag") ?? "", modified: fieldValue(response, "Last-Modified") };
}

/** The same once the file is old enough to be told from any later state: asks again and again for two seconds. */
async function grownValidators(ask: Ask, path: string): Promise<{ etag: string; modified: string | null }> {
  for (const giveUpMs = Date.now() + 10_000; Date.now() < giveUpMs;) {
    const found = await validators(ask, path);
    if (!found.etag.startsWith("W/") && Date.now() - Date.parse(found.modified ?? "") > 2000) return found;
  }
  throw new Error(`Still young: ${path}`);
}

const LENGTHS = { small: 1000, medium: 400_000, large: 3_000_000 };
const SAME_TIMES = ["@0", "@1", "1985-10-26 08:15:00 UTC", "2024-01-01 00:00:00 UTC"];

Deno.test("lisod sees that a file is another one of the same size and time", () =>
  overBoth({ args: ["--file-cache-ms", "0"] }, async (ask, root) => {
    for (const [name, length] of Object.entries(LENGTHS)) {
      for (const date of SAME_TIMES) {
        const [old, fresh] = [textOf(length), textOf(length + 7).slice(7)];
        await publish(`${root}/${name}`, old, date);
        const { etag, modified } = await validators(ask, `/${name}`);
        assertEquals(modified === null, date === "@0" || date === "@1", date);
        await publish(`${root}/${name}`, fresh, date);
        const again = await ask(
          `/${name}`,
          `If-None-Match: ${etag}`,
          ...modified ? [`If-Modified-Since: ${modified}`] : [],
        );
        assertEquals([again.status, toText(again.body) === fresh], [200, true], `${name} of ${date}`);
        const resumed = await ask(`/${name}`, `If-Range: ${etag}`, "Range: bytes=500-");
        assertEquals([resumed.status, toText(resumed.body) === fresh], [200, true], `${name} of ${date}`);
      }
    }
  }));

Deno.test("lisod has one ETag for copies of a file on two machines", async () => {
  const tags: string[][] = [];
  for (const _ of ["one", "two"]) {
    await overBoth({}, async (ask, root) => {
      const own: string[] = [];
      for (const [name, length] of Object.entries(LENGTHS)) {
        for (const date of ["@0", "2024-01-01 00:00:00 UTC", "2024-01-01 00:00:00.123 UTC"]) {
          await publish(`${root}/${name}-${date.length}`, textOf(length), date);
          own.push((await validators(ask, `/${name}-${date.length}`)).etag.replace("W/", ""));
        }
      }
      tags.push(own);
    });
  }
  for (const own of tags) assertEquals(own, tags[0]);
  assertEquals(new Set(tags[0]).size, 7, "small ones are known by their content alone");
});

// Without a cache: a date may be that of the moment when the file was looked at, and another one after that.
Deno.test("lisod lets a download of a file from the future go on", () =>
  overBoth({ args: ["--file-cache-ms", "0"] }, async (ask, root) => {
    const text = textOf(LENGTHS.medium);
    await publish(`${root}/a.txt`, text.slice(0, 1000), "2099-01-01");
    await publish(`${root}/b.txt`, text, "2099-01-01");
    for (const path of ["/a.txt", "/b.txt"]) {
      const { etag, modified } = await grownValidators(ask, path);
      for (const validator of [etag, modified]) {
        const { status, body } = await ask(path, `If-Range: ${validator}`, "Range: bytes=990-999");
        assertEquals([status, toText(body)], [206, text.slice(990, 1000)], `${validator}`);
      }
      assert(Date.parse(modified ?? "") <= Date.now());
    }
  }));

Deno.test("lisod says that a file of 1960 is of 1960, also in a listing", () =>
  overBoth({ args: ["--listing"], files: { "f/a.txt": "a" } }, async (ask, root) => {
    await publish(`${root}/f/a.txt`, "a", "1960-01-01 00:00:00 UTC");
    await publish(`${root}/f/b.txt`, "b", "@0");
    assertEquals((await validators(ask, "/f/a.txt")).modified, "Fri, 01 Jan 1960 00:00:00 GMT");
    const page = toText((await ask("/f/")).body);
    assertEquals([page.includes("1960-01-01 00:00"), page.includes("1980"), page.includes("1970")], [
      true,
      false,
      false,
    ]);
  }));

const LATIN1_PAGE = Uint8Array.from("<meta charset=iso-8859-1><p>caf\xe9", (character) => character.charCodeAt(0));
const UTF8_PAGE = "<!doctype html><meta charset=utf-8><p>caf\u00e9";

const CHARSETS: readonly (readonly [args: readonly string[], latin1: string, utf8: string, text: string])[] = [
  [[], "text/html", "text/html; charset=utf-8", "text/plain; charset=utf-8"],
  [["--charset", "auto", "--rules", "course"], "text/html", "text/html; charset=utf-8", "text/plain; charset=utf-8"],
  [["--charset", "off"], "text/html", "text/html", "text/plain"],
  [["--rules", "course"], "text/html", "text/html", "text/plain"],
  [
    ["--charset", "iso-8859-1"],
    "text/html; charset=iso-8859-1",
    "text/html; charset=iso-8859-1",
    "text/plain; charset=iso-8859-1",
  ],
];

for (const [args, latin1, utf8, text] of CHARSETS) {
  Deno.test(`lisod ${args.join(" ")} calls a page of ISO-8859-1 that says so ${latin1}`, () => {
    const files = { "latin1.html": LATIN1_PAGE, "utf8.html": UTF8_PAGE, "a.txt": "caf\u00e9" };
    return overBoth({ args, files }, async (ask) => {
      const types = await Promise.all(["/latin1.html", "/utf8.html", "/a.txt"].map((path) => ask(path)));
      assertEquals(types.map((response) => fieldValue(response, "Content-Type")), [latin1, utf8, text]);
    });
  });
}
