/** --compress with real clients: curl decodes gzip, br and zstd as far as it was built with them, Chromium all of them. */
import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { join } from "@std/path";
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import { curl, startServer, type TestServer } from "./harness.ts";
import { PrintedText } from "./printed_text.ts";

const TEXT = "<p>This page says the same again and again.</p>\n".repeat(500);
const DECODERS = { gzip: gunzipSync, br: brotliDecompressSync, zstd: zstdDecompressSync };

interface Answer {
  readonly status: string;
  readonly fields: ReadonlyMap<string, string>;
  readonly content: Uint8Array;
}

async function ask({ url }: TestServer, path: string, ...args: readonly string[]): Promise<Answer> {
  const { stdout } = await curl("--include", "--raw", "--http1.0", ...args, url + path);
  const end = new TextDecoder("latin1").decode(stdout).indexOf("\r\n\r\n");
  const [start, ...lines] = new TextDecoder("latin1").decode(stdout.subarray(0, end)).split("\r\n");
  const fields = lines.map((line) =>
    [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 2)] as const
  );
  return { status: start.split(" ")[1], fields: new Map(fields), content: stdout.subarray(end + 4) };
}

function accept(coding: string): readonly string[] {
  return ["--header", `Accept-Encoding: ${coding}`];
}

/** Asks until it is compressed: who comes first on a busy machine may get it as it is. */
async function askCompressed(
  server: TestServer,
  path: string,
  coding: string,
  ...args: readonly string[]
): Promise<Answer> {
  for (let count = 0; count < 100; count++) {
    const answer = await ask(server, path, ...accept(coding), ...args);
    if (answer.fields.has("content-encoding")) return answer;
  }
  throw new Error(`${path} is never compressed`);
}

const FILES = {
  "page.html": TEXT,
  "short.html": "short",
  "picture.png": TEXT,
  "siblings.css": TEXT,
  "siblings.css.gz": "own",
};

for (const way of [[], ["--native", "off"], ["--workers", "2"]]) {
  Deno.test(`texts are compressed for those who ask, each coding with a tag of its own ${way.join(" ")}`, async () => {
    await using server = await startServer({ files: FILES, args: way });
    const plain = await ask(server, "/page.html");
    assertEquals(new TextDecoder().decode(plain.content), TEXT);
    assertEquals([plain.fields.get("vary"), plain.fields.get("content-encoding")], ["Accept-Encoding", undefined]);
    const tags = new Set([plain.fields.get("etag")]);
    for (const [coding, decode] of Object.entries(DECODERS)) {
      const { status, fields, content } = await askCompressed(server, "/page.html", coding);
      assertEquals([status, fields.get("content-encoding"), fields.get("vary")], ["200", coding, "Accept-Encoding"]);
      assertEquals(fields.get("content-length"), `${content.length}`);
      assert(content.length < TEXT.length / 20, `${coding}: ${content.length}`);
      assertEquals(decode(content).toString(), TEXT);
      const tag = fields.get("etag") ?? "";
      tags.add(tag);
      const again = await ask(server, "/page.html", ...accept(coding), "--header", `If-None-Match: ${tag}`);
      assertEquals([again.status, again.fields.get("etag"), again.fields.get("vary")], ["304", tag, "Accept-Encoding"]);
      const head = await askCompressed(server, "/page.html", coding, "--head");
      assertEquals(head.fields.get("content-length"), `${content.length}`);
    }
    assertEquals(tags.size, 4);
    assertEquals((await curl("--compressed", `${server.url}/page.html`)).text, TEXT);
  });
}

Deno.test("what is short, compressed already, or has siblings is not compressed, and ranges are those of the plain form", async () => {
  await using server = await startServer({ files: FILES });
  for (const path of ["/short.html", "/picture.png"]) {
    const { fields } = await ask(server, path, ...accept("gzip, br"));
    assertEquals([fields.get("content-encoding"), fields.get("vary")], [undefined, undefined], path);
  }
  const sibling = await ask(server, "/siblings.css", ...accept("gzip, br"));
  assertEquals(new TextDecoder().decode(sibling.content), "own");
  const compressed = await askCompressed(server, "/page.html", "gzip");
  const range = ["--range", "3-6", ...accept("gzip")];
  const part = await ask(server, "/page.html", ...range);
  assertEquals([part.status, new TextDecoder().decode(part.content)], ["206", "This"]);
  // The rest of what was compressed cannot be had: the whole is sent as it is.
  const rest = await ask(server, "/page.html", ...range, "--header", `If-Range: ${compressed.fields.get("etag")}`);
  assertEquals([rest.status, new TextDecoder().decode(rest.content)], ["200", TEXT]);
});

Deno.test("a file that changes is never sent as it was before, however it is compressed", async () => {
  await using server = await startServer({ files: FILES, args: ["--file-cache-ms", "0"] });
  const before = await askCompressed(server, "/page.html", "br");
  await Deno.writeTextFile(join(server.place.root, "page.html"), TEXT.toUpperCase());
  const after = await askCompressed(server, "/page.html", "br");
  assertEquals(brotliDecompressSync(after.content).toString(), TEXT.toUpperCase());
  assertNotEquals(after.fields.get("etag"), before.fields.get("etag"));
});

Deno.test("--compress off compresses nothing, and so do the course's rules", async () => {
  for (const args of [["--compress", "off"], ["--rules", "course"]]) {
    await using server = await startServer({ files: FILES, args });
    const { fields, content } = await ask(server, "/page.html", ...accept("gzip"));
    assertEquals([fields.get("content-encoding"), fields.get("vary"), content.length], [
      undefined,
      undefined,
      TEXT.length,
    ]);
  }
});

const SCRIPT = `#!/bin/sh
case $PATH_INFO in
/private) printf 'Cache-Control: no-transform\\n' ;;
/events) printf 'Content-Type: text/event-stream\\n\\ndata: 1\\n\\n'; exec sleep 1000 ;;
esac
printf 'Content-Type: text/plain\\nETag: "x"\\n\\n'
yes 'a line of the program' | head -n 5000
`;

Deno.test("--compress all compresses what programs print as it comes, and leaves what says no-transform", async () => {
  const folder = await Deno.makeTempDir({ prefix: "lisod-compress-" });
  try {
    const script = join(folder, "script");
    await Deno.writeTextFile(script, SCRIPT, { mode: 0o755 });
    {
      await using server = await startServer({ args: ["--cgi", script] });
      assertEquals((await ask(server, "/cgi/", ...accept("gzip"))).fields.get("content-encoding"), undefined);
    }
    await using server = await startServer({
      args: ["--cgi", script, "--compress", "all", "--listing", "--half-closed-ms", "100ms"],
      files: { "sub/a": "" },
    });
    const { fields, content } = await ask(server, "/cgi/", ...accept("gzip"));
    assertEquals([fields.get("content-encoding"), fields.get("etag"), fields.get("vary")], [
      "gzip",
      'W/"x"',
      "Accept-Encoding",
    ]);
    assertEquals(gunzipSync(content).toString(), "a line of the program\n".repeat(5000));
    assertEquals((await ask(server, "/cgi/", ...accept("br"))).fields.get("content-encoding"), "br");
    // The program does not know the tag again, and answers with 200.
    const known = await ask(server, "/cgi/", ...accept("gzip"), "--header", `If-None-Match: ${fields.get("etag")}`);
    assertEquals([known.status, known.content.length, known.fields.get("etag")], ["304", 0, 'W/"x"']);
    assertEquals((await ask(server, "/cgi/private", ...accept("gzip"))).fields.get("content-encoding"), undefined);
    assertMatch(
      (await curl("--compressed", "--http2-prior-knowledge", `${server.url}/cgi/`)).text,
      /^(a line of the program\n){5000}$/,
    );
    // An event is there before the program ends.
    const events = new Deno.Command("curl", {
      args: ["--silent", "--no-buffer", "--compressed", `${server.url}/cgi/events`],
      stdout: "piped",
    }).spawn();
    const reader = new PrintedText(events.stdout);
    await reader.expect("data: 1\n\n");
    events.kill("SIGKILL");
    await events.status;
    await reader.cancel();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a listing is compressed", async () => {
  const files = Object.fromEntries(Array.from({ length: 100 }, (_, number) => [`file-${number}`, ""]));
  await using server = await startServer({ files, args: ["--listing"] });
  const { fields, content } = await ask(server, "/", ...accept("gzip"));
  assertEquals(fields.get("content-encoding"), "gzip");
  assertMatch(gunzipSync(content).toString(), /file-99/);
});
