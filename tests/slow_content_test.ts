/**
 * Content of programs and upstreams for clients that stop reading for a while: every byte comes, in its place. Both ways to the
 * system, for where the next bytes are read to while a client has not taken the last ones is the affair of each.
 */
import { assertEquals } from "@std/assert";
import { end, FastCgiApplication, output } from "./fastcgi_application.ts";
import { startServer, type TestServer, writeFiles } from "./harness.ts";
import { RawUpstream } from "./raw_upstream.ts";

/** Each line says where it stands, so that bytes of another place are seen. */
const LINES = 1_000_000;
const CONTENT = Array.from({ length: LINES }, (_, line) => `${line}`.padStart(7, "0") + "\n").join("");
const SCRIPT = `#!/usr/bin/python3
import sys
sys.stdout.write("Content-Type: text/plain\\nContent-Length: ${CONTENT.length}\\n\\n")
sys.stdout.write("".join("%07d\\n" % line for line in range(${LINES})))
`;
/** Of a FastCGI record. */
const MOST_RECORD_BYTES = 65_528;

/** Longer than the server waits for a client before it reads ahead for it. */
const PAUSE_MS = 250;
const PAUSE_EVERY_BYTES = 3_000_000;

/** What a client gets that reads with pauses, and by HTTP/1.0, so that the content has no framing. */
async function readSlowly(server: TestServer, path: string): Promise<string> {
  const client = await Deno.connect({ hostname: "127.0.0.1", port: server.port() });
  await client.write(new TextEncoder().encode(`GET ${path} HTTP/1.0\r\n\r\n`));
  const parts: string[] = [];
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65_536);
  let readBytes = 0;
  for (let nextPause = 0;;) {
    if (readBytes >= nextPause) {
      nextPause += PAUSE_EVERY_BYTES;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    const count = await client.read(buffer);
    if (count === null) break;
    readBytes += count;
    parts.push(decoder.decode(buffer.subarray(0, count)));
  }
  client.close();
  const text = parts.join("");
  return text.slice(text.indexOf("\r\n\r\n") + 4);
}

/** Where the content is not what it should be; null: nowhere. */
function findFault(content: string): string | null {
  if (content === CONTENT) return null;
  let at = 0;
  while (content[at] === CONTENT[at]) at++;
  return `from ${at} of ${content.length} on: ${JSON.stringify(content.slice(at, at + 20))}`;
}

function chunkedContent(): string {
  const chunks = [];
  for (let at = 0; at < CONTENT.length; at += 30_000) {
    const chunk = CONTENT.slice(at, at + 30_000);
    chunks.push(`${chunk.length.toString(16)}\r\n${chunk}\r\n`);
  }
  return `${chunks.join("")}0\r\n\r\n`;
}

function records(): Uint8Array[] {
  const text = `Content-Type: text/plain\nContent-Length: ${CONTENT.length}\n\n${CONTENT}`;
  const parts = [];
  for (let at = 0; at < text.length; at += MOST_RECORD_BYTES) {
    parts.push(output(text.slice(at, at + MOST_RECORD_BYTES)));
  }
  return [...parts, end()];
}

for (const way of ["on", "off"]) {
  Deno.test(`a client that stops reading gets every byte of a program's and an upstream's content, --native ${way}`, async () => {
    const folder = await Deno.makeTempDir({ prefix: "lisod-slow-" });
    await writeFiles(folder, { "cgi/lines": SCRIPT });
    await Deno.chmod(`${folder}/cgi/lines`, 0o755);
    const socket = `${folder}/application.sock`;
    {
      await using upstream = new RawUpstream((request) => {
        const head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n";
        const bytes = request.startsWith("GET /chunked ")
          ? `${head}Transfer-Encoding: chunked\r\n\r\n${chunkedContent()}`
          : `${head}Content-Length: ${CONTENT.length}\r\n\r\n${CONTENT}`;
        return { bytes };
      });
      await using _application = FastCgiApplication.onUnix(socket, async ({ send }) => {
        for (const record of records()) await send(record);
      });
      await using server = await startServer({
        args: [
          ...["--native", way, "--cgi", `${folder}/cgi`, `--forward=/http=http://127.0.0.1:${upstream.port}/`],
          `--forward=/fastcgi=fastcgi:unix:${socket}`,
        ],
      });
      const paths = ["/cgi/lines", "/http/length", "/http/chunked", "/fastcgi/"];
      const contents = await Promise.all(paths.map((path) => readSlowly(server, path)));
      assertEquals(
        contents.map((content, at) => `${paths[at]} ${findFault(content)}`),
        paths.map((path) => `${path} null`),
      );
    }
    await Deno.remove(folder, { recursive: true });
  });
}
