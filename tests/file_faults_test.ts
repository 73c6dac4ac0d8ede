/**
 * What clients met on other servers when they asked for files, asked of this one over HTTP and over HTTPS: rows of what is
 * in the root, what is sent, and what must come back. The rules behind each row are tested beside their sources.
 */
import { assert, assertEquals } from "@std/assert";
import { HttpsServer } from "./https.ts";
import type { StartOptions } from "./harness.ts";
import { fieldValue, type RawResponse, toText } from "./raw_http.ts";
import { RawClient } from "./raw_client.ts";

/** Asks the server over one scheme, on a connection of its own: a path, then field lines. */
type Ask = (path: string, ...fields: readonly string[]) => Promise<RawResponse>;

/** Runs the test over HTTP and over HTTPS of one server, each with an absolute path of the root. */
async function overBoth(options: StartOptions, test: (ask: Ask, root: string) => Promise<void>): Promise<void> {
  await using server = await HttpsServer.start(options);
  const connects = {
    http: () => Deno.connect({ hostname: "127.0.0.1", port: server.server.port("http") }),
    https: () => server.connect(),
  };
  for (const [scheme, connect] of Object.entries(connects)) {
    try {
      await test((path, ...fields) => askOnce(connect, path, fields), server.server.place.root);
    } catch (error) {
      throw new Error(`Over ${scheme}`, { cause: error });
    }
  }
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

/** Printable, and no stretch of it like another. */
function textOf(length: number): string {
  return Array.from({ length }, (_, index) => String.fromCharCode(33 + index * 31 % 89)).join("");
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
  const [before, ...parts] = `\r\n${text}`.split(`\r\n--${boundary}`);
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
