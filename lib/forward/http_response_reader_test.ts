/** Answers whole, byte by byte and in random pieces; and each that could be read in two ways. */
import { assertEquals, assertThrows } from "@std/assert";
import type { ScriptDocument } from "../gateway/script_head.ts";
import { latin1Bytes, latin1Text } from "../http/grammar.ts";
import { DEFAULT_LIMITS } from "../limits.ts";
import { HttpResponseReader } from "./http_response_reader.ts";
import { MalformedResponse } from "./response_head.ts";

interface Read {
  head: string;
  content: string;
  end: string;
}

function read(pieces: readonly Uint8Array[], method = "GET"): Read {
  const reader = new HttpResponseReader(method, DEFAULT_LIMITS);
  const seen: Read = { head: "", content: "", end: "" };
  for (const piece of pieces) {
    reader.push(piece);
    for (let part; (part = reader.next()) !== null;) {
      if (part.kind === "end") seen.end += part.isPersistent ? "kept" : "closes";
      else if (part.kind === "content") seen.content += latin1Text(part.bytes, 0, part.bytes.length);
      else seen.head += headOf(part.document);
    }
  }
  if (seen.end === "") seen.end = reader.endsByClose() ? "by close" : "goes on";
  return seen;
}

/** As lines. */
function headOf({ status, reason, fields, contentLength }: ScriptDocument): string {
  const length = contentLength === null ? [] : [`Content-Length: ${contentLength}`];
  const lines = [...fields].map(([name, value]) => `${name}: ${value}`);
  return [`HTTP/1.1 ${status} ${reason ?? ""}`.trimEnd(), ...lines, ...length, "", ""].join("\r\n");
}

function cut(text: string, size: () => number): Uint8Array[] {
  const bytes = latin1Bytes(text);
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const count = size();
    pieces.push(bytes.subarray(at, at + count));
    at += count;
  }
  return pieces;
}

interface Row {
  readonly name: string;
  readonly answer: string;
  readonly method?: string;
  readonly content?: string;
  readonly end: string;
  /** Lines that the head has, or has not with "!" before it. */
  readonly lines?: readonly string[];
}

const OK = "HTTP/1.1 200 OK\r\n";

const ROWS: readonly Row[] = [
  {
    name: "a length",
    answer: `${OK}Content-Length: 5\r\n\r\nHello`,
    content: "Hello",
    end: "kept",
    lines: ["Content-Length: 5"],
  },
  { name: "no content", answer: `${OK}Content-Length: 0\r\n\r\n`, end: "kept" },
  {
    name: "a length that is said twice in one field",
    answer: `${OK}Content-Length: 5, 5\r\n\r\nHello`,
    content: "Hello",
    end: "kept",
    lines: ["Content-Length: 5"],
  },
  {
    name: "chunks, extensions and trailers",
    answer: `${OK}Transfer-Encoding: Chunked\r\n\r\n3;a=b\r\nHel\r\n2\r\nlo\r\n0\r\nX: y\r\n\r\n`,
    ...{ content: "Hello", end: "kept", lines: ["!Transfer-Encoding"] },
  },
  { name: "neither", answer: `${OK}A: b\r\n\r\nHello`, content: "Hello", end: "by close", lines: ["A: b"] },
  {
    name: "Connection: close",
    answer: `${OK}Connection: close\r\nContent-Length: 1\r\n\r\nx`,
    content: "x",
    end: "closes",
  },
  {
    name: "HTTP/1.0",
    answer: "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx",
    content: "x",
    end: "closes",
    lines: ["HTTP/1.1 200 OK"],
  },
  { name: "no reason", answer: "HTTP/1.1 204 \r\n\r\n", end: "kept" },
  { name: "no blank after the code", answer: "HTTP/1.1 204\r\n\r\n", end: "kept" },
  {
    name: "HEAD with a length",
    method: "HEAD",
    answer: `${OK}Content-Length: 5\r\n\r\n`,
    end: "kept",
    lines: ["Content-Length: 5"],
  },
  { name: "HEAD with chunks", method: "HEAD", answer: `${OK}Transfer-Encoding: chunked\r\n\r\n`, end: "kept" },
  {
    name: "HEAD and content all the same",
    method: "HEAD",
    answer: `${OK}Content-Length: 5\r\n\r\nHello`,
    end: "closes",
  },
  { name: "304 with a length", answer: "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", end: "kept" },
  {
    name: "interim answers",
    answer: `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${OK}Content-Length: 1\r\n\r\nx`,
    content: "x",
    end: "kept",
    lines: ["!Link"],
  },
  { name: "a second answer", answer: `${OK}Content-Length: 1\r\n\r\nx${OK}\r\n`, content: "x", end: "closes" },
  {
    name: "a second answer after chunks",
    answer: `${OK}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n${OK}\r\n`,
    content: "x",
    end: "closes",
  },
  { name: "less than was promised", answer: `${OK}Content-Length: 9\r\n\r\nx`, content: "x", end: "goes on" },
  { name: "no last chunk", answer: `${OK}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n`, content: "x", end: "goes on" },
  { name: "half a head", answer: "HTTP/1.1 200 OK\r\nA", end: "goes on" },
];

for (const { name, answer, method, content = "", end, lines = [] } of ROWS) {
  Deno.test(`HttpResponseReader reads ${name}`, () => {
    let seed = 29;
    const random = () => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) >>> 16;
    const rounds = [() => answer.length, ...Array.from({ length: 30 }, () => () => 1 + random() % 20)];
    for (const size of rounds) {
      const seen = read(cut(answer, size), method);
      assertEquals(seen.content, content);
      // What comes later than the end is seen by whoever keeps the connection.
      if (end !== "closes" || size === rounds[0]) assertEquals(seen.end, end);
      const head = seen.head.split("\r\n");
      for (const line of lines) {
        if (line.startsWith("!")) assertEquals(head.some((each) => each.startsWith(line.slice(1))), false);
        else assertEquals(head.includes(line), true, `${line} in ${seen.head}`);
      }
    }
    const bytewise = read(cut(answer, () => 1), method);
    assertEquals(bytewise.content, content);
  });
}

const REFUSED: readonly (readonly [name: string, answer: string])[] = [
  ["both lengths", `${OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`],
  ["two lengths", `${OK}Content-Length: 5\r\nContent-Length: 6\r\n\r\n`],
  ["one length in two fields", `${OK}Content-Length: 5\r\nContent-Length: 5\r\n\r\n`],
  ["two lengths in one field", `${OK}Content-Length: 5, 6\r\n\r\n`],
  ["a length with a sign", `${OK}Content-Length: +5\r\n\r\n`],
  ["a length that is no number", `${OK}Content-Length: 5x\r\n\r\n`],
  ["an empty length", `${OK}Content-Length:\r\n\r\n`],
  ["a length beyond all", `${OK}Content-Length: 9999999999999999999\r\n\r\n`],
  ["another coding", `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n`],
  ["chunked twice", `${OK}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n`],
  ["a coding like chunked", `${OK}Transfer-Encoding: xchunked\r\n\r\n`],
  ["chunks in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"],
  ["a blank before the colon", `${OK}Content-Length : 5\r\n\r\n`],
  ["a folded line", `${OK}A: b\r\n c\r\n\r\n`],
  ["a folded line at once", `${OK} A: b\r\n\r\n`],
  ["a bare LF", `${OK}A: b\nContent-Length: 5\r\n\r\n`],
  ["a bare LF at the end", `${OK}A: b\r\n\n`],
  ["a bare CR", `${OK}A: b\rContent-Length: 5\r\n\r\n`],
  ["a NUL", `${OK}A: b\0c\r\n\r\n`],
  ["no colon", `${OK}A\r\n\r\n`],
  ["no name", `${OK}: b\r\n\r\n`],
  ["HTTP/2", "HTTP/2 200 OK\r\n\r\n"],
  ["HTTP/1.2", "HTTP/1.2 200 OK\r\n\r\n"],
  ["a code of two digits", "HTTP/1.1 20 OK\r\n\r\n"],
  ["a code below 100", "HTTP/1.1 099 OK\r\n\r\n"],
  ["an empty line before", "\r\nHTTP/1.1 200 OK\r\n\r\n"],
  ["101", "HTTP/1.1 101 Switching Protocols\r\n\r\n"],
  ["a flood of interim answers", "HTTP/1.1 102 Processing\r\n\r\n".repeat(17)],
  ["a head over the limit", `${OK}A: ${"x".repeat(70_000)}\r\n\r\n`],
  ["too many fields", `${OK}${"A: b\r\n".repeat(201)}\r\n`],
  ["a bad chunk size", `${OK}Transfer-Encoding: chunked\r\n\r\n0x5\r\nHello\r\n`],
  ["a chunk that is longer than its size", `${OK}Transfer-Encoding: chunked\r\n\r\n3\r\nHello\r\n0\r\n\r\n`],
  ["FastCGI", "\x01\x06\0\x01\0\x05\0\0Hello\r\n\r\n"],
];

for (const [name, answer] of REFUSED) {
  Deno.test(`HttpResponseReader refuses ${name}`, () => {
    assertThrows(() => read(cut(answer, () => answer.length)), MalformedResponse);
    assertThrows(() => read(cut(answer, () => 1)), MalformedResponse);
  });
}

Deno.test("HttpResponseReader survives mutated answers", () => {
  let seed = 11;
  const random = () => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) >>> 8;
  const answers = ROWS.map(({ answer }) => answer);
  for (let round = 0; round < 5000; round++) {
    const bytes = [...answers[random() % answers.length]];
    for (let change = 0; change < 3; change++) {
      bytes.splice(random() % bytes.length, random() % 3, String.fromCharCode(random() & 255));
    }
    const text = bytes.join("");
    const outcomes = [text.length, 1, 7].map((size) => {
      try {
        const { head, content } = read(cut(text, () => size));
        return head + content;
      } catch (error) {
        if (!(error instanceof MalformedResponse)) throw error;
        return "refused";
      }
    });
    assertEquals(new Set(outcomes).size, 1, text);
  }
});

Deno.test("HttpResponseReader.keepLast() leaves chunked content as it was given, and goes on where it stands", () => {
  const reader = new HttpResponseReader("GET", DEFAULT_LIMITS);
  const next = () => {
    const part = reader.next();
    return part?.kind === "content" ? part.bytes : new Uint8Array(0);
  };
  const textOf = (bytes: Uint8Array) => latin1Text(bytes, 0, bytes.length);
  const chunk = (letter: string) => `3e8\r\n${letter.repeat(1000)}\r\n`;
  reader.push(latin1Bytes(`${OK}Transfer-Encoding: chunked\r\n\r\n${chunk("a")}${chunk("b")}3e8\r\nc`));
  reader.next();
  const given = [next(), next(), next()];
  reader.keepLast();
  reader.push(latin1Bytes(`${"c".repeat(999)}\r\n${chunk("d")}${chunk("e")}0\r\n\r\n`));
  const rest = [next(), next(), next()].map(textOf).join("");
  assertEquals(given.map(textOf).join(""), `${"a".repeat(1000)}${"b".repeat(1000)}c`);
  assertEquals(rest, `${"c".repeat(999)}${"d".repeat(1000)}${"e".repeat(1000)}`);
  assertEquals(reader.next(), { kind: "end", isPersistent: true });
});

const SWITCH = "HTTP/1.1 101 Switching Protocols\r\n";
const TO_WEBSOCKET = "Connection: Upgrade, X-Hop\r\nUpgrade: WebSocket\r\n";

Deno.test("HttpResponseReader takes 101 where it was asked for, in any pieces, and all that follows as content", () => {
  const answer =
    `HTTP/1.1 103 Early Hints\r\n\r\n${SWITCH}${TO_WEBSOCKET}X-Hop: 1\r\nX-A: 1\r\nDate: x\r\nContent-Length: 3\r\n\r\nframes`;
  for (const size of [1, 7, answer.length]) {
    const reader = new HttpResponseReader("GET", DEFAULT_LIMITS, { isUpgrade: true });
    let head = "";
    let content = "";
    for (const piece of cut(answer, () => size)) {
      reader.push(piece);
      for (let part; (part = reader.next()) !== null;) {
        if (part.kind === "head") head += headOf(part.document);
        else if (part.kind === "content") content += latin1Text(part.bytes, 0, part.bytes.length);
      }
    }
    assertEquals([head, content, reader.endsByClose()], ["HTTP/1.1 101\r\nX-A: 1\r\n\r\n", "frames", true]);
  }
});

for (
  const answer of [
    `${SWITCH}\r\n`,
    `${SWITCH}Upgrade: websocket\r\n\r\n`,
    `${SWITCH}Connection: Upgrade\r\n\r\n`,
    `${SWITCH}Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n`,
    `${SWITCH}Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n\r\n`,
    `HTTP/1.0 101 Switching Protocols\r\n${TO_WEBSOCKET}\r\n`,
  ]
) {
  Deno.test(`HttpResponseReader refuses ${JSON.stringify(answer)} for WebSocket`, () => {
    const reader = new HttpResponseReader("GET", DEFAULT_LIMITS, { isUpgrade: true });
    reader.push(latin1Bytes(answer));
    assertThrows(() => reader.next(), MalformedResponse, "101");
  });
}
