/** How what a program printed goes to the client: HEAD, parts, conditions, framing, and when it is sent. RFC 3875 6.4. */
import { Client, exchange, requestText } from "../answer.ts";
import type { Point } from "../point.ts";
import { content, field, statusAnd, statusContentAnd } from "../tell.ts";

const TEXT = "Content-Type: text/plain\n";

/** A wait that shows whether a connection is kept. */
const KEPT_MS = 400;

/** A point about the framing of an answer to a client that would go on. */
function framing(name: string, { prints, version, lisod, why }: {
  readonly prints: string;
  readonly version?: "1.0";
  readonly lisod: string;
  readonly why: string;
}): Point {
  return {
    name,
    section: "6.4",
    program: { prints },
    isRepeatable: true,
    does: `GET by a client of HTTP/${version ?? "1.1"} that does not ask for the end of the connection`,
    look: async ({ port, target }) => {
      const answer = await exchange(port, requestText(target, { keepsAlive: true, version }), KEPT_MS);
      const how = ["Content-Length", "Transfer-Encoding"].map((each) => field(answer, each)).join(", ");
      return `HTTP/${answer.statusLine.slice(5, 8)}, ${how}, connection ${answer.end === "late" ? "kept" : answer.end}`;
    },
    lisod,
    why,
  };
}

export const ANSWERS: readonly Point[] = [
  {
    name: "HEAD",
    section: "4.3.3",
    program: { shell: `printf 'Content-Type: text/plain\\nX-Method: %s\\n\\nhello' "$REQUEST_METHOD"\n` },
    ask: { method: "HEAD" },
    tell: statusContentAnd("X-Method", "Content-Length"),
    lisod: "200, X-Method: HEAD, no Content-Length, no content",
    why:
      "4.3.3: the program is told, and if it prints content all the same the server drops it. The fields are those of GET.",
  },
  {
    name: "A range of what a program printed",
    section: "RFC 9110 14.2",
    program: { prints: `${TEXT}Content-Length: 10\n\n0123456789` },
    ask: { fields: ["Range: bytes=2-4"] },
    tell: statusContentAnd("Content-Range", "Accept-Ranges"),
    lisod: '200, no Content-Range, no Accept-Ranges, "0123456789"',
    why:
      "A server MAY ignore Range, and only the program knows whether its next answer would be the same bytes. It gets HTTP_RANGE.",
  },
  {
    name: "If-None-Match with the ETag that a program prints",
    section: "RFC 9110 13.1.2",
    program: { prints: `${TEXT}ETag: "a"\n\nhello` },
    ask: { fields: ['If-None-Match: "a"'] },
    tell: statusContentAnd("ETag"),
    lisod: '200, ETag: "a", "hello"',
    why:
      "Conditions are the program's, which gets HTTP_IF_NONE_MATCH: it has done its work by the time the server could know.",
  },
  {
    name: "If-Modified-Since with the Last-Modified that a program prints",
    section: "RFC 9110 13.1.3",
    program: { prints: `${TEXT}Last-Modified: Thu, 01 Jan 2015 00:00:00 GMT\n\nhello` },
    ask: { fields: ["If-Modified-Since: Thu, 01 Jan 2015 00:00:00 GMT"] },
    tell: statusContentAnd("Last-Modified"),
    lisod: '200, Last-Modified: Thu, 01 Jan 2015 00:00:00 GMT, "hello"',
    why: "As If-None-Match.",
  },
  {
    name: "A program that answers 206 itself",
    section: "RFC 9110 14.2",
    program: { prints: `Status: 206\n${TEXT}Content-Range: bytes 2-4/10\n\n234` },
    ask: { fields: ["Range: bytes=2-4"] },
    tell: statusContentAnd("Content-Range"),
    lisod: '206, Content-Range: bytes 2-4/10, "234"',
    why: "It knows what it does.",
  },
  {
    name: "Content-Encoding of a program",
    section: "6.3.4",
    program: { prints: `${TEXT}Content-Encoding: x-own\n\nhello` },
    tell: statusContentAnd("Content-Encoding"),
    lisod: '200, Content-Encoding: x-own, "hello"',
    why: "It is about the content, and goes on with it.",
  },
  framing("A short answer without Content-Length", {
    prints: `${TEXT}\nhello`,
    lisod: "HTTP/1.1, no Content-Length, Transfer-Encoding: chunked, connection kept",
    why:
      "The head goes when there is one, whether or not more is to come; chunks show the client that nothing is missing.",
  }),
  framing("A short answer with Content-Length", {
    prints: `${TEXT}Content-Length: 5\n\nhello`,
    lisod: "HTTP/1.1, Content-Length: 5, no Transfer-Encoding, connection kept",
    why: "The connection goes on.",
  }),
  framing("A short answer without Content-Length for HTTP/1.0", {
    prints: `${TEXT}\nhello`,
    version: "1.0",
    lisod: "HTTP/1.1, no Content-Length, no Transfer-Encoding, connection closed",
    why: "RFC 9112 9.3: a client of HTTP/1.0 has to ask for a connection that goes on.",
  }),
  {
    name: "A whole HTTP response in chunks",
    section: "5",
    program: {
      prints:
        `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    },
    file: "nph-chunks.cgi",
    tell: (answer) => [statusAnd()(answer), content(answer)].join(", "),
    lisod: '200, "hello"',
    why: "The chunks are undone, and the content is framed for this client, who may know no chunks.",
  },
  {
    name: "A program that prints a line, waits, and prints another",
    section: "6.4",
    program: { shell: "printf 'Content-Type: text/plain\\n\\nline 1\\n'\nsleep 2\nprintf 'line 2\\n'\n" },
    does: "GET, and a look whether the first line is there after a second",
    look: async ({ port, target }) => {
      using client = await Client.connect(port);
      await client.send(requestText(target));
      return await client.waitFor("line 1", 1000) ? "comes at once" : "comes later";
    },
    lisod: "comes at once",
    why: "Output goes out as it comes: progress and events are made so.",
  },
];
