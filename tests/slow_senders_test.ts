/** Clients that are slow to send the content for a script: they keep nobody from a place of --cgi-max, and are answered when they have sent all. */
import { assertEquals } from "@std/assert";
import { startServer } from "./harness.ts";
import { RawClient } from "./raw_client.ts";
import { toText } from "./raw_http.ts";

/** More than a pipe holds, and more than stays in memory here. */
const LENGTH = 300_000;
const SCRIPT = "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\nexec wc -c\n";
const SLOW_COUNT = 20;

async function answerTo(client: RawClient): Promise<string> {
  const { responses } = await client.receive({ count: 1, deadlineMs: 60_000 });
  return responses.map(({ status, body }) => `${status} ${toText(body).trim()}`).join();
}

/** Sends the head, and so much of the content. */
async function beginUpload(port: number, bytes: number): Promise<RawClient> {
  const client = await RawClient.connect(port);
  const head = `POST /cgi/ HTTP/1.1\r\nHost: a\r\nContent-Length: ${LENGTH}\r\n\r\n`;
  await client.send(head, new Uint8Array(bytes));
  return client;
}

Deno.test("slow senders of content of known length keep nobody from a script, and are answered in the end", async () => {
  const spool = await Deno.makeTempDir();
  const script = await Deno.makeTempFile();
  await Deno.writeTextFile(script, SCRIPT);
  await Deno.chmod(script, 0o755);
  const args = ["--cgi", script, "--cgi-max", "2", "--cgi-spool", spool, "--script-share-percent", "100"];
  await using server = await startServer({
    args: [...args, "--max-spool-memory-bytes", "100k", "--script-ms", "20s"],
  });
  const port = server.port();
  const slow = await Promise.all(Array.from({ length: SLOW_COUNT }, () => beginUpload(port, LENGTH / 2)));
  for (let number = 0; number < 3; number++) {
    using reader = await RawClient.connect(port);
    await reader.send("GET /cgi/ HTTP/1.1\r\nHost: a\r\n\r\n");
    assertEquals(await answerTo(reader), "200 0");
    using sender = await beginUpload(port, LENGTH);
    assertEquals(await answerTo(sender), `200 ${LENGTH}`);
  }
  const answers = await Promise.all(slow.map(async (client) => {
    await client.send(new Uint8Array(LENGTH / 2));
    return await answerTo(client);
  }));
  assertEquals(new Set(answers), new Set([`200 ${LENGTH}`]));
  for (const client of slow) client.close();
  assertEquals([...Deno.readDirSync(spool)], []);
  await Deno.remove(spool);
  await Deno.remove(script);
});
