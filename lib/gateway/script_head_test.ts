import { assertEquals, assertThrows } from "@std/assert";
import { latin1Bytes, latin1Text } from "../http/grammar.ts";
import { HttpError } from "../http/message.ts";
import { type ScriptHead, ScriptHeadReader } from "./script_head.ts";

const LIMITS = { maxScriptHeadBytes: 1024, maxScriptFieldCount: 10 };

/** What a test wants to know of a head: fields as lines. */
interface Want {
  readonly status?: number;
  readonly fields?: string;
  readonly length?: number | null;
  readonly isChunked?: boolean;
  readonly location?: string;
}

function describe({ response }: ScriptHead): Want {
  if (response.kind === "local_redirect") return { location: response.location };
  const fields = [...response.fields].map(([name, value]) => `${name}: ${value}`).join("|");
  return { status: response.status, fields, length: response.contentLength, isChunked: response.isChunked };
}

/** Pushes the bytes in pieces of at most `size`; the head, its rest and what was not pushed any more. */
function readInPieces(output: string, size: number): { want: Want; rest: string } {
  const reader = new ScriptHeadReader(LIMITS);
  const bytes = latin1Bytes(output);
  // One buffer for all pieces, as the real reader has: a piece that is kept must be copied.
  const buffer = new Uint8Array(size);
  for (let start = 0; start < bytes.length; start += size) {
    const piece = bytes.subarray(start, start + size);
    buffer.set(piece);
    const head = reader.push(buffer.subarray(0, piece.length));
    if (head !== null) {
      const rest = latin1Text(head.rest, 0, head.rest.length) + output.slice(start + piece.length);
      return { want: describe(head), rest };
    }
  }
  throw new Error("The head did not end");
}

const ROWS: readonly (readonly [name: string, head: string, want: Want])[] = [
  // RFC 3875 6.2.1
  ["a document", "Content-Type: text/html\n\n", { status: 200, fields: "Content-Type: text/html" }],
  ["a document with CRLF", "Content-Type: text/html\r\n\r\n", { status: 200, fields: "Content-Type: text/html" }],
  ["a document with both line ends", "Content-Type: a/b\r\nX: y\n\r\n", {
    status: 200,
    fields: "Content-Type: a/b|X: y",
  }],
  ["values without surrounding white space", "content-type:\t a/b \t\nX:\n\n", {
    status: 200,
    fields: "content-type: a/b|X: ",
  }],
  ["fields in their order, repeated ones each", "Set-Cookie: a\nContent-Type: a/b\nset-cookie: b\n\n", {
    status: 200,
    fields: "Set-Cookie: a|Content-Type: a/b|set-cookie: b",
  }],
  ["bytes above ASCII", "Content-Type: a/b\nX: \xe9\xff\n\n", { status: 200, fields: "Content-Type: a/b|X: \xe9\xff" }],
  // 6.2.2
  ["a local redirect", "Location: /other?a=b\n\n", { location: "/other?a=b" }],
  ["a local redirect with an escape", "Location: /caf%C3%A9?%\n\n", { location: "/caf%C3%A9?%" }],
  ["a local path with another field as a redirect of the client", "Set-Cookie: s=1\nLocation: /x\n\n", {
    status: 302,
    fields: "Set-Cookie: s=1|Location: /x",
  }],
  ["a local path with a content type as a redirect of the client", "Content-Type: a/b\nLocation: /x\n\n", {
    status: 302,
    fields: "Content-Type: a/b|Location: /x",
  }],
  ...["/x#part", "/a b.txt", "/caf\xc3\xa9", "/x?q=\xe9", "/%zz", "/%", "/a%2Fb", "/a\\b"].map(
    (location): (typeof ROWS)[number] => [
      `${JSON.stringify(location)} as a redirect of the client`,
      `Location: ${location}\n\n`,
      { status: 302, fields: `Location: ${location}` },
    ],
  ),
  // 6.2.3 and 6.2.4
  ["a client redirect", "Location: http://example.org/#top\n\n", {
    status: 302,
    fields: "Location: http://example.org/#top",
  }],
  ["a client redirect with document", "Status: 303 See Other\nLocation: https://x/\nContent-Type: a/b\n\n", {
    status: 303,
    fields: "Location: https://x/|Content-Type: a/b",
  }],
  ["a local path with a status as a redirect of the client", "Status: 302\nLocation: /login\n\n", {
    status: 302,
    fields: "Location: /login",
  }],
  ["a network path as a redirect of the client", "Location: //evil.example/\n\n", {
    status: 302,
    fields: "Location: //evil.example/",
  }],
  ["a relative path as a redirect of the client", "Location: next\n\n", { status: 302, fields: "Location: next" }],
  // 6.3.3
  ["a status", "Status: 404 Not Found\nContent-Type: a/b\n\n", { status: 404, fields: "Content-Type: a/b" }],
  ["a status without reason", "STATUS:204\n\n", { status: 204, fields: "" }],
  ["a status with an empty reason", "Status: 599 \n\n", { status: 599, fields: "" }],
  ["a status that means nothing", "Status: 600 Odd\nContent-Type: a/b\n\n", {
    status: 600,
    fields: "Content-Type: a/b",
  }],
  ["the last status there is", "Status: 999\n\n", { status: 999, fields: "" }],
  // 6.3
  ["a document without a CGI field", "X-Powered-By: y\n\n", { status: 200, fields: "X-Powered-By: y" }],
  ["a content type that is said twice", "Content-Type: a/b\nX: y\ncontent-type: a/b\n\n", {
    status: 200,
    fields: "Content-Type: a/b|X: y",
  }],
  ["a status that is said twice", "Status: 404\nstatus: 404\n\n", { status: 404, fields: "" }],
  ["a location that is said twice", "Location: http://a/\nLocation: http://a/\n\n", {
    status: 302,
    fields: "Location: http://a/",
  }],
  // framing
  ["the promised length", "Content-Type: a/b\nContent-Length: 012\n\n", {
    status: 200,
    fields: "Content-Type: a/b",
    length: 12,
  }],
  ["a length that is said twice", "Content-Type: a/b\nContent-Length: 1\nContent-Length: 1\n\n", {
    status: 200,
    fields: "Content-Type: a/b",
    length: 1,
  }],
  ["a length that is said twice in one field", "Content-Type: a/b\nContent-Length: 12, 12,12\n\n", {
    status: 200,
    fields: "Content-Type: a/b",
    length: 12,
  }],
  ["an empty length as none", "Content-Type: a/b\nContent-Length:\n\n", { status: 200, fields: "Content-Type: a/b" }],
  [
    "no field about the connection",
    "Content-Type: a/b\nConnection: close, x-hop\nKeep-Alive: 1\nProxy-Connection: 1\nTE: a\nTrailer: b\n" +
    "Transfer-Encoding: chunked\nUpgrade: h2\nX-Hop: 1\n\n",
    { status: 200, fields: "Content-Type: a/b" },
  ],
  ["no field that the server writes itself", "Date: x\nServer: y\nContent-Type: a/b\n\n", {
    status: 200,
    fields: "Content-Type: a/b",
  }],
  ["no field of CGI itself", "Content-Type: a/b\nX-CGI-Extension: 1\n\n", {
    status: 200,
    fields: "Content-Type: a/b",
  }],
  // 5: non-parsed headers
  ["a whole response", "HTTP/1.1 201 Created\r\nContent-Type: a/b\r\nServer: x\r\n\r\n", {
    status: 201,
    fields: "Content-Type: a/b",
  }],
  ["a whole response of HTTP/1.0 without reason or fields", "HTTP/1.0 200\n\n", { status: 200, fields: "" }],
  ["a whole response with a length", "HTTP/1.1 200 OK\nContent-Length: 3\nConnection: close\n\n", {
    status: 200,
    fields: "",
    length: 3,
  }],
  [
    "a whole response in chunks, whatever its length says",
    "HTTP/1.1 200 OK\nContent-Length: 3\nTransfer-Encoding: Chunked\n\n",
    { status: 200, fields: "", isChunked: true },
  ],
  ["a whole response with a local Location", "HTTP/1.1 302 Found\nLocation: /x\n\n", {
    status: 302,
    fields: "Location: /x",
  }],
  [
    "a whole response that says a thing twice",
    "HTTP/1.1 200 OK\nContent-Type: a/b\nContent-Type: a/b\nX: y\nX: y\n\n",
    {
      status: 200,
      fields: "Content-Type: a/b|X: y|X: y",
    },
  ],
  ["a whole response whose status means nothing", "HTTP/1.1 600 Odd\n\n", { status: 600, fields: "" }],
  ["a whole response whose Status field means nothing", "HTTP/1.1 200 OK\nStatus: 500\n\n", {
    status: 200,
    fields: "",
  }],
  ["the final response after interim ones", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103\n\nHTTP/1.1 200 OK\r\n\r\n", {
    status: 200,
    fields: "",
  }],
];

for (const [name, head, want] of ROWS) {
  Deno.test(`ScriptHeadReader.push() reads ${name}`, () => {
    const whole = { status: 200, fields: "", length: null, isChunked: false };
    const expected = want.location === undefined ? { ...whole, ...want } : want;
    for (const trailing of ["", "content", "\n\nContent-Type: not/one\r\n\r\n"]) {
      for (const size of [1, 2, 7, head.length, head.length + 3, 4096]) {
        assertEquals(readInPieces(head + trailing, size), { want: expected, rest: trailing });
      }
    }
  });
}

const REFUSALS: readonly (readonly [name: string, head: string])[] = [
  ["an empty head", "\n"],
  ["an empty head with CRLF", "\r\ncontent"],
  ["a line without colon", "Content-Type: a/b\nHello\n\n"],
  ["content without head", "<html>\n<p>x</p>\n\n"],
  ["a traceback", "Traceback (most recent call last):\n  File\n\n"],
  ["white space before the colon", "Content-Type : a/b\n\n"],
  ["a folded line", "Content-Type: a/b;\n charset=utf-8\n\n"],
  ["an empty name", ": x\nContent-Type: a/b\n\n"],
  ["NUL in a value", "Content-Type: a\0b\n\n"],
  ["a bare CR in a value", "Content-Type: a/b\nX: a\rSet-Cookie: b\n\n"],
  ["two content types", "Content-Type: a/b\nContent-Type: c/d\n\n"],
  ["two statuses", "Status: 200\nstatus: 404\n\n"],
  ["two locations", "Location: http://a/\nLocation: http://b/\n\n"],
  ["two lengths", "Content-Type: a/b\nContent-Length: 1\nContent-Length: 2\n\n"],
  ["a length and none", "Content-Type: a/b\nContent-Length: 1\nContent-Length:\n\n"],
  ["a status in words", "Status: OK\n\n"],
  ["a status of two digits", "Status: 20\n\n"],
  ["an interim status", "Status: 100 Continue\n\n"],
  ["a status of four digits", "Status: 2000\n\n"],
  ["two lengths in one field", "Content-Type: a/b\nContent-Length: 1, 2\n\n"],
  ["a length and none in one field", "Content-Type: a/b\nContent-Length: 1,\n\n"],
  ["a negative length", "Content-Type: a/b\nContent-Length: -1\n\n"],
  ["a length in hexadecimal", "Content-Type: a/b\nContent-Length: 0x10\n\n"],
  ["a length that no number holds", "Content-Type: a/b\nContent-Length: 9999999999999999\n\n"],
  ["a switch of protocols", "HTTP/1.1 101 Switching\nUpgrade: x\n\n"],
  ["HTTP/2", "HTTP/2 200\n\n"],
  ["HTTP/1.1 without a status", "HTTP/1.1\n\n"],
  ["HTTP/1.1 with a fraction", "HTTP/1.1 200.1 OK\n\n"],
  ["a whole response with a bad field", "HTTP/1.1 200 OK\nx\n\n"],
  ["more fields than the limit", "Content-Type: a/b\n" + "X: y\n".repeat(10) + "\n"],
  ["more bytes than the limit", `Content-Type: a/b\nX: ${"y".repeat(1024)}\n\n`],
  ["a line without end that is longer than the limit", "x".repeat(1025)],
];

for (const [name, head] of REFUSALS) {
  Deno.test(`ScriptHeadReader.push() refuses ${name}`, () => {
    for (const size of [1, 3, 4096]) {
      const error = assertThrows(() => readInPieces(head, size), HttpError);
      assertEquals(error.status, 500);
    }
  });
}

Deno.test("ScriptHeadReader.push() takes as many bytes and fields as the limits say, and not one byte more", () => {
  const [start, end] = ["Content-Type: a/b\n" + "X: y\n".repeat(8) + "X: ", "\n\n"];
  const padding = "y".repeat(LIMITS.maxScriptHeadBytes - start.length - end.length);
  assertEquals(readInPieces(start + padding + end, 100).want.status, 200);
  assertThrows(() => readInPieces(`${start}y${padding}${end}`, 100), HttpError);
});

Deno.test("ScriptHeadReader.beginning tells output that was no head from none", () => {
  const reader = new ScriptHeadReader(LIMITS);
  assertEquals(reader.beginning, "");
  assertEquals(reader.push(latin1Bytes("Content-Type: \xe9")), null);
  assertEquals(reader.beginning, "Content-Type: \xe9");
  assertEquals(reader.push(latin1Bytes("x".repeat(200))), null);
  assertEquals(reader.beginning, `Content-Type: \xe9${"x".repeat(85)}`);
});

Deno.test("ScriptHeadReader.push() gives the program's own words for its status where a status line may hold them", () => {
  const long = "x".repeat(101);
  const rows: readonly (readonly [head: string, want: string | null])[] = [
    ["Status: 404 Nope", "Nope"],
    ["Status: 404 Caf\xe9 is\tshut", "Caf\xe9 is\tshut"],
    [`Status: 404 ${long.slice(1)}`, long.slice(1)],
    [`Status: 404 ${long}`, null],
    ["Status: 404", null],
    ["Status: 404 ", null],
    ["Content-Type: a/b", null],
    ["HTTP/1.1 404 Nope", "Nope"],
    ["HTTP/1.0 404 ", null],
    ["HTTP/1.1 404   ", null],
    ["HTTP/1.1 404 a\0b", null],
    ["HTTP/1.1 404 a\x7fb", null],
  ];
  for (const [head, want] of rows) {
    const found = new ScriptHeadReader(LIMITS).push(latin1Bytes(`${head}\n\n`));
    assertEquals(found?.response.kind === "document" ? found.response.reason : head, want, head);
  }
});
