/** The log that the compiled binary writes of requests: one line each, whatever the client sends. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { startServer } from "./harness.ts";
import { exchange } from "./raw_client.ts";

/** A line of the Combined Log Format: printable ASCII, quotes only around the quoted parts. */
const ACCESS_LINE =
  /^127\.0\.0\.1 - - \[\d{2}\/\w{3}\/\d{4}(?::\d{2}){3} [+-]\d{4}\] "(?:[ !#-[\]-~]|\\.)*" \d{3} \d+ "(?:[ !#-[\]-~]|\\.)*" "(?:[ !#-[\]-~]|\\.)*"$/;

Deno.test("lisod writes one access line a request whatever the client sends", async () => {
  await using server = await startServer();
  const fake = '127.0.0.1 - - [01/Jan/2026:00:00:00 +0000] "GET /fake HTTP/1.1" 200 0 "-" "-"';
  const requests = [
    "GET /plain HTTP/1.1\r\nHost: a\r\n\r\n",
    'GET /"quoted" HTTP/1.1\r\nHost: a\r\nUser-Agent: "a" \\"b\\\\\r\nReferer: "\r\n\r\n',
    `GET /%0d%0a${fake.replaceAll(" ", "%20")} HTTP/1.1\r\nHost: a\r\n\r\n`,
    `GET /1 HTTP/1.1\r\nHost: a\r\nUser-Agent: \t\x80\xff\t${fake}\r\n\r\n`,
    `GET /2 HTTP/1.1\r\nHost: a\r\nReferer: ${fake}\r\nUser-Agent: a\r\nUser-Agent: b\r\n\r\n`,
    `GET /3 HTTP/1.1\r\nHost: a\r\nUser-Agent: ${"x".repeat(20_000)}\r\n\r\n`,
    `GET /\r\n${fake}\r\n\r\n`,
    `GET /\n${fake}\r\n\r\n`,
    "GET /\x1b[31m HTTP/1.1\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: \x1b]0;x\x07\r\n\r\n",
    '"\r\n\r\n',
  ];
  for (const request of requests) {
    const bytes = Uint8Array.from(request, (character) => character.charCodeAt(0));
    await exchange(server.port(), bytes, { count: 1 });
  }
  await server.stop();
  const lines = server.logText().split("\n").filter((line) => line !== "" && !line.startsWith("["));
  assertEquals(lines.length, requests.length, lines.join("\n"));
  for (const line of lines) assertMatch(line, ACCESS_LINE);
  assertStringIncludes(lines[1], '"GET /\\"quoted\\" HTTP/1.1" 404 ');
});

Deno.test("lisod goes on in a new log when the old one was renamed and it gets SIGUSR1", async () => {
  await using server = await startServer();
  const old = `${server.place.folder}/old.log`;
  const port = server.port();
  const ask = (path: string) => exchange(port, `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
  await ask("/before");
  await Deno.rename(server.place.log, old);
  Deno.kill(server.pid, "SIGUSR1");
  await server.waitForLog((log) => log.includes("opened this log"));
  await ask("/after");
  await server.stop();
  const oldText = await Deno.readTextFile(old);
  assertEquals([oldText.includes("/before"), oldText.includes("/after")], [true, false]);
  assertEquals([server.logText().includes("/before"), server.logText().includes("/after")], [false, true]);
});
