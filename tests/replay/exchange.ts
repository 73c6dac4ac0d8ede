/**
 * The recorded exchange of the hand-in: requests that one client sends on one connection, one after the other without
 * waiting (replay.test), and all that the server answers (replay.out). `nc localhost PORT <replay.test` does the same.
 * Run as a program it records both, and leaves answers alone that differ in dates only.
 */
import { join } from "@std/path";
import { makeCertificates } from "../https.ts";
import { startServer } from "../harness.ts";
import { concatenate, toBytes, toText } from "../raw_http.ts";

/** Each shows another part of the server, under the rules of the course; the last one closes the connection. */
export const REQUESTS: readonly string[] = [
  request("GET / HTTP/1.1"),
  request("HEAD /style.css HTTP/1.1"),
  request("GET /style.css HTTP/1.1", { fields: ["Range: bytes=4-8"] }),
  request("GET /index.html HTTP/1.1", { fields: ["If-None-Match: *"] }),
  request("GET /../%69ndex.html?query HTTP/1.1"),
  request("GET /missing.html HTTP/1.1"),
  request("PUT /missing.html HTTP/1.1", { content: "not wanted" }),
  request("POST / HTTP/1.1", { content: "read away" }),
  request("GET /cgi/testfun/arg1/arg2/arg3?test=test HTTP/1.1"),
  request("POST /cgi/ HTTP/1.1", { content: "a=1&b=2\n" }),
  request("POST /cgi/ HTTP/1.1", {
    fields: ["Transfer-Encoding: chunked"],
    rest: "6\r\nchunk \r\n4\r\none\n\r\n0\r\n\r\n",
  }),
  request("GET / HTTP/1.0", { fields: ["Connection: keep-alive"] }),
  "GET / HTTP/1.1\r\nHost: localhost\r\na line without a colon\r\n\r\n",
];

function request(
  line: string,
  { fields = [], content, rest = "" }: {
    readonly fields?: readonly string[];
    readonly content?: string;
    readonly rest?: string;
  } = {},
): string {
  const length = content === undefined ? [] : [`Content-Length: ${content.length}`];
  return [line, "Host: localhost", ...fields, ...length, "", `${content ?? ""}${rest}`].join("\r\n");
}

const FOLDER = import.meta.dirname ?? ".";
const PROJECT = join(FOLDER, "..", "..");
const READ_MS = 20_000;

/** The content of replay.test. */
export function requestBytes(): Uint8Array {
  return toBytes(REQUESTS.join(""));
}

/** Starts ./lisod in its positional form, sends it `requests` on one connection and returns all that it answers. */
export async function replay(requests: Uint8Array): Promise<Uint8Array> {
  const folder = await Deno.makeTempDir({ prefix: "lisod-replay-" });
  try {
    const { key, certificate } = await makeCertificates(folder);
    const site = [join(FOLDER, "www"), join(FOLDER, "script.sh"), key, certificate];
    await using server = await startServer({
      commandLine: ({ log }) => ["0", "0", log, join(folder, "lock"), ...site],
      env: { LISOD_FOREGROUND: "1" },
    });
    using connection = await Deno.connect({ port: server.port(), hostname: "127.0.0.1" });
    const [answers] = await Promise.all([readAll(connection), writeAll(connection, requests)]);
    return answers;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

async function readAll(connection: Deno.Conn): Promise<Uint8Array> {
  const timer = setTimeout(() => connection.close(), READ_MS);
  const parts: Uint8Array[] = [];
  const buffer = new Uint8Array(65_536);
  for (let count; (count = await connection.read(buffer)) !== null;) parts.push(buffer.slice(0, count));
  clearTimeout(timer);
  return concatenate(parts);
}

/** The answers without what differs from one day, or one copy of the site, to the next: dates, and tags made of them. */
export function withoutDates(answers: Uint8Array): string {
  return toText(answers).replaceAll(/^(Date|Last-Modified|ETag): [^\r\n]*/gm, "$1: -");
}

/** The recorded files, in the top folder of the project. */
export const TEST_FILE = join(PROJECT, "replay.test");
export const OUT_FILE = join(PROJECT, "replay.out");

async function record(): Promise<void> {
  const requests = requestBytes();
  const answers = await replay(requests);
  const isSame = isEqual(readOrNull(TEST_FILE), requests) &&
    withoutDates(readOrNull(OUT_FILE) ?? new Uint8Array()) === withoutDates(answers);
  if (!isSame) {
    Deno.writeFileSync(TEST_FILE, requests);
    Deno.writeFileSync(OUT_FILE, answers);
  }
  console.log(isSame ? "replay.test and replay.out are current" : "Recorded replay.test and replay.out");
}

function isEqual(one: Uint8Array | null, other: Uint8Array): boolean {
  return one !== null && toText(one) === toText(other);
}

function readOrNull(path: string): Uint8Array | null {
  try {
    return Deno.readFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

if (import.meta.main) await record();
