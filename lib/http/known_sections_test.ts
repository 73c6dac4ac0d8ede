/**
 * That what is known changes nothing but the time: requests whose fields came before are read as if they were new. And
 * what is kept.
 */
import { assert, assertEquals } from "@std/assert";
import { byteByByte, bytesOf, fill, type Split, whole } from "../../tests/feed.ts";
import { DEFAULT_LIMITS, type Limits } from "../limits.ts";
import { RULES } from "../rules.ts";
import { Connection, type RequestEvent } from "./connection.ts";
import { HeadReader } from "./head_reader.ts";
import { HeaderFields } from "./header_fields.ts";
import { KnownSections } from "./known_sections.ts";
import { HttpError } from "./message.ts";
import { ReceiveBuffer } from "./receive_buffer.ts";
import { OutputBuffer } from "./output_buffer.ts";
import { HeadWriter } from "./writers.ts";

const LIMITS: Limits = { ...DEFAULT_LIMITS, maxHeadBytes: 400, maxLineBytes: 100, maxFieldCount: 5 };
const BROWSER = `Host: a.example\r\nUser-Agent: x\r\nAccept: */*\r\nCookie: ${"c".repeat(60)}\r\n\r\n`;

/** Pairs that differ in one byte, in a line that gives the fields another meaning, or in where they end. */
const HEADS: readonly string[] = [
  `GET / HTTP/1.1\r\n${BROWSER}`,
  `GET /other?query HTTP/1.1\r\n${BROWSER}`,
  `GET / HTTP/1.1\r\n${BROWSER.replace("c\r\n", "d\r\n")}`,
  `GET / HTTP/1.1\r\n${BROWSER.replace("a.e", "b.e")}`,
  `GET / HTTP/1.1\r\n${BROWSER.slice(0, -2)}X: y\r\n\r\n`,
  `GET / HTTP/1.0\r\n${BROWSER}`,
  `HEAD / HTTP/1.1\r\n${BROWSER}`,
  `POST / HTTP/1.1\r\n${BROWSER}`,
  `GET http://c.example/ HTTP/1.1\r\n${BROWSER}`,
  `GET /${"t".repeat(100)} HTTP/1.1\r\n${BROWSER}`,
  `GET /${"t".repeat(300)} HTTP/1.1\r\n${BROWSER}`,
  "GET / HTTP/1.1\r\n\r\n",
  "GET / HTTP/1.0\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
  "GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n",
  "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab",
  "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab",
  "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
  "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
  "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nab",
  "POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nab",
  "GET / HTTP/1.1\r\nHost: a\r\nExpect: other\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: a\r\nBad\r\n\r\n",
  `GET / HTTP/1.1\r\nHost: a\r\nLong: ${"v".repeat(100)}\r\n\r\n`,
  `GET / HTTP/1.1\r\nHost: a\r\n${"Many: 1\r\n".repeat(5)}\r\n`,
];

/** All that the core says of the requests in `input`, which come on one connection. */
function readAll(input: string, sections: KnownSections, split: Split): readonly unknown[] {
  const buffer = new ReceiveBuffer();
  const options = { limits: LIMITS, rules: RULES.course, headWriter: new HeadWriter(), sections };
  const connection = new Connection(options, buffer);
  const said: unknown[] = [];
  try {
    for (const piece of split(bytesOf(input))) {
      fill(buffer, piece);
      for (let event = connection.nextEvent(); event.type !== "need_data"; event = connection.nextEvent()) {
        said.push(describe(event));
        if (connection.requestState === "received" && !endCycle(connection)) return [...said, "last"];
      }
    }
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    said.push(`${error.status} ${error.message}`);
  }
  return said;
}

function endCycle(connection: Connection): boolean {
  connection.sendHead(new OutputBuffer(), { status: 204, fields: HeaderFields.EMPTY, length: 0 }, 0);
  connection.sendEnd();
  return connection.startNextCycle();
}

function describe(event: RequestEvent): unknown {
  if (event.type === "data") return [...event.bytes];
  if (event.type !== "request_head") return event.type;
  const { head, rejection, ...rest } = event.request;
  const { method, version, fields } = head;
  return { ...rest, method, version, text: head.target, fields: [...fields], rejection: rejection?.status };
}

for (const [name, split] of [["whole", whole], ["byte by byte", byteByByte]] as const) {
  Deno.test(`KnownSections change nothing in what is read, ${name}`, () => {
    const known = new KnownSections();
    // Each is known by the third time, and each comes after each other.
    for (const head of HEADS) for (let time = 0; time < 3; time++) readAll(head, known, split);
    for (const first of HEADS) {
      for (const second of HEADS) {
        const input = first + second + first;
        assertEquals(readAll(input, known, split), readAll(input, new KnownSections(), split), JSON.stringify(input));
      }
    }
  });
}

/** What a client gets that sends the heads one after the other. */
function readFields(heads: readonly string[], sections: KnownSections): readonly HeaderFields[] {
  const reader = new HeadReader(DEFAULT_LIMITS, sections);
  return heads.map((text) => {
    const buffer = new ReceiveBuffer();
    fill(buffer, text);
    const head = reader.read(buffer);
    assert(head !== null);
    return head.fields;
  });
}

Deno.test("KnownSections give the same fields from the third time on, also to another client", () => {
  const sections = new KnownSections();
  const [first, second, third] = readFields([HEADS[0], HEADS[0], HEADS[1], HEADS[3]], sections);
  assert(first !== second);
  assert(second !== third);
  const [fourth, fifth] = readFields([HEADS[0], HEADS[1]], sections);
  assert(fourth !== third, "a new client is taken to be like the last one, which had other fields");
  assert(fifth === third);
});

Deno.test("KnownSections know a section whatever the target before it", () => {
  const [, , third, fourth] = readFields([HEADS[0], HEADS[1], HEADS[0], HEADS[1]], new KnownSections());
  assert(third === fourth);
});

Deno.test("KnownSections keep nothing of a head over 4 KiB", () => {
  const head = `GET / HTTP/1.1\r\nHost: a\r\nLong: ${"v".repeat(4096)}\r\n\r\n`;
  const found = readFields([head, head, head, head], new KnownSections());
  assertEquals(new Set(found).size, 4);
});
