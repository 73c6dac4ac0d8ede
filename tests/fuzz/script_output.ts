/**
 * Mutated output of scripts: the same head is found however the bytes are split, nothing but HttpError 500 is thrown, and
 * no field gets through that would change the framing of the answer or split it. Pure.
 */
import { ScriptHeadReader } from "../../lib/gateway/script_head.ts";
import { HttpError } from "../../lib/http/message.ts";
import { byteByByte, bytesOf, textOf } from "../feed.ts";
import { choose, type FuzzOptions, mutateOften, playCases, type Random } from "./mutate.ts";

const OUTPUTS = [
  "Content-Type: text/html\n\n<p>",
  "Status: 404 Not Found\r\nContent-Type: text/plain\r\n\r\nno",
  "Location: /other?a=b\n\n",
  "Location: http://example.org/\nStatus: 303\nContent-Type: a/b\n\nsee",
  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
  "HTTP/1.0 302 Found\r\nLocation: /x\r\nSet-Cookie: a=b\r\n\r\n",
  "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
];

const SNIPPETS: readonly string[] = [
  ...["\n", "\r", "\r\n", "\n\n", "\r\n\r\n", ":", " ", "\t", "\0", "\x7f", "\xff", "Status: 200\n"],
  ...["Status: 99 x\n", "Content-Length: 5\n", "Content-Length: -1\n", "Transfer-Encoding: chunked\n"],
  ...["Connection: keep-alive\n", "HTTP/1.1 101 Switching\r\n\r\n", "HTTP/1.1 103 Early\r\n\r\n"],
  ...["Location: //host/\n", "X: " + "a".repeat(300) + "\n", "Upgrade: h2c\n", "Trailer: X\n"],
  ...["Date: x\n", "Server: x\n", "Keep-Alive: x\n"],
];

const LIMITS = { maxScriptHeadBytes: 400, maxScriptFieldCount: 8 };

/** Fields that are the server's own: a second one would frame the answer in two ways, or contradict it. */
const FORBIDDEN = ["content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "trailer", "status"];

/** Throws plain Error naming the case. */
export function fuzzScriptOutput(options: FuzzOptions): Promise<void> {
  return playCases(options, (_, random) => playCase(random));
}

function playCase(random: Random): string | null {
  const text = mutateOften(choose(OUTPUTS, random), { random, snippets: SNIPPETS, count: random(5) });
  const bytes = bytesOf(text);
  const whole = read([bytes]);
  const single = read(byteByByte(bytes));
  if (whole !== single) return `${JSON.stringify(text)}\nwhole: ${whole}\nbyte by byte: ${single}`;
  return null;
}

/** What was found, as text. Throws for a field that must not get through. */
function read(pieces: Iterable<Uint8Array>): string {
  const reader = new ScriptHeadReader(LIMITS);
  let pushed = 0;
  try {
    for (const piece of pieces) {
      pushed += piece.length;
      const head = reader.push(piece);
      if (head === null) continue;
      const { response, rest } = head;
      if (response.kind === "local_redirect") return `redirect to ${response.location}`;
      for (const [name] of response.fields) {
        if (FORBIDDEN.includes(name.toLowerCase())) throw new Error(`${name} got through`);
      }
      const { contentLength } = response;
      if (contentLength !== null && !Number.isSafeInteger(contentLength)) throw new Error(`Length ${contentLength}`);
      const lines = textOf(response.fields.toBytes());
      // Content begins at the same byte however the head came.
      return JSON.stringify([response.status, lines, contentLength, response.isChunked, pushed - rest.length]);
    }
    return "no end";
  } catch (error) {
    if (error instanceof HttpError && error.status === 500) return "500";
    throw error;
  }
}
