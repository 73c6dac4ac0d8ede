import { assert, assertEquals } from "@std/assert";
import { bytesOf, textOf } from "../../tests/feed.ts";
import { type Field, HeaderFields } from "./header_fields.ts";
import { KeptHead } from "./kept_head.ts";
import { OwnFields } from "./own_fields.ts";
import { OutputBuffer } from "./output_buffer.ts";
import { chunkStart, HeadWriter, interimHead, type ResponseLine } from "./writers.ts";

const FIELDS = HeaderFields.of(["Content-Type", "text/html"]);
const NOON = Date.UTC(2026, 1, 3, 12);

function writeHead(writer: HeadWriter, line: ResponseLine, fields = FIELDS, nowMs = NOON): string {
  const output = new OutputBuffer();
  writer.write(output, line, { fields, nowMs });
  return textOf(output.takeAll());
}

Deno.test("HeadWriter.write() writes the head of every framing", () => {
  const always = "Date: Tue, 03 Feb 2026 12:00:00 GMT\r\nServer: Liso/1.0\r\n";
  const end = "Content-Type: text/html\r\n\r\n";
  const cases: readonly (readonly [ResponseLine, string])[] = [
    [
      { status: 200, framing: 12, keepsAlive: true },
      `HTTP/1.1 200 OK\r\n${always}Connection: keep-alive\r\nContent-Length: 12\r\n${end}`,
    ],
    [
      { status: 404, framing: 0, keepsAlive: false },
      `HTTP/1.1 404 Not Found\r\n${always}Connection: close\r\nContent-Length: 0\r\n${end}`,
    ],
    [
      { status: 200, framing: "chunked", keepsAlive: true },
      `HTTP/1.1 200 OK\r\n${always}Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n${end}`,
    ],
    [{ status: 200, framing: "close", keepsAlive: false }, `HTTP/1.1 200 OK\r\n${always}Connection: close\r\n${end}`],
    [
      { status: 304, framing: "none", keepsAlive: true },
      `HTTP/1.1 304 Not Modified\r\n${always}Connection: keep-alive\r\n${end}`,
    ],
    // RFC 9112 4: the reason phrase may be empty, the space before it may not be left out.
    [
      { status: 299, framing: 1, keepsAlive: true },
      `HTTP/1.1 299 \r\n${always}Connection: keep-alive\r\nContent-Length: 1\r\n${end}`,
    ],
    [
      { status: 404, reason: "Nope \xe9", framing: 0, keepsAlive: false },
      `HTTP/1.1 404 Nope \xe9\r\n${always}Connection: close\r\nContent-Length: 0\r\n${end}`,
    ],
    [
      { status: 404, reason: null, framing: 0, keepsAlive: false },
      `HTTP/1.1 404 Not Found\r\n${always}Connection: close\r\nContent-Length: 0\r\n${end}`,
    ],
  ];
  const writer = new HeadWriter();
  // Twice, for the second time comes from what is kept.
  for (const [line, want] of [...cases, ...cases]) assertEquals(writeHead(writer, line), want);
});

Deno.test("HeadWriter.write() keeps no date longer than its second", () => {
  const writer = new HeadWriter();
  const line = { status: 200, framing: 0, keepsAlive: true } as const;
  const dates = [NOON, NOON + 999, NOON + 1000, NOON - 1].map((nowMs) =>
    /Date: .* (\d\d:\d\d:\d\d) GMT/.exec(writeHead(writer, line, FIELDS, nowMs))?.[1]
  );
  assertEquals(dates, ["12:00:00", "12:00:00", "12:00:01", "11:59:59"]);
});

Deno.test("HeadWriter.write() writes a head that is kept as it writes one that is not", () => {
  const writers = [
    new HeadWriter(),
    new HeadWriter(new OwnFields({ defaults: HeaderFields.of(["X-Own", "1"]), always: HeaderFields.EMPTY })),
  ];
  const keptHead = new KeptHead();
  // Each differs from the one before in one way.
  const cases = [
    { writer: 0, framing: 5, keepsAlive: true, nowMs: NOON },
    { writer: 0, framing: 5, keepsAlive: true, nowMs: NOON + 999 },
    { writer: 0, framing: 5, keepsAlive: true, nowMs: NOON + 1000 },
    { writer: 0, framing: 5, keepsAlive: false, nowMs: NOON + 1000 },
    { writer: 0, framing: 6, keepsAlive: false, nowMs: NOON + 1000 },
    { writer: 1, framing: 6, keepsAlive: false, nowMs: NOON + 1000 },
  ];
  for (const { writer, framing, keepsAlive, nowMs } of [...cases, ...cases.toReversed()]) {
    const line = { status: 200, framing, keepsAlive };
    const output = new OutputBuffer();
    output.appendByte(0x3b);
    for (let time = 0; time < 2; time++) writers[writer].write(output, line, { fields: FIELDS, keptHead, nowMs });
    const head = writeHead(writers[writer], line, FIELDS, nowMs);
    assertEquals(textOf(output.takeAll()), `;${head}${head}`);
    const headCase = { writer: writers[writer], framing, keepsAlive, second: Math.floor(nowMs / 1000) };
    assertEquals(textOf(keptHead.find(headCase) ?? bytesOf("nothing")), head);
  }
});

Deno.test("HeadWriter.write() writes every length exactly", () => {
  const lengths = [
    0,
    1,
    9,
    10,
    11,
    99,
    100,
    12_345,
    2 ** 31,
    2 ** 32 + 1,
    10 ** 15 - 1,
    10 ** 15,
    Number.MAX_SAFE_INTEGER,
  ];
  for (const framing of lengths) {
    const head = writeHead(new HeadWriter(), { status: 200, framing, keepsAlive: true });
    assert(head.includes(`\r\nContent-Length: ${framing}\r\n`), head);
  }
});

Deno.test("HeadWriter.write() writes the operator's fields before those of the response", () => {
  const writer = new HeadWriter(
    new OwnFields({ defaults: HeaderFields.of(["X-A", "1"]), always: HeaderFields.of(["X-B", "2"]) }),
  );
  const head = writeHead(writer, { status: 200, framing: 0, keepsAlive: true });
  assert(head.endsWith("\r\nX-A: 1\r\nX-B: 2\r\nContent-Length: 0\r\nContent-Type: text/html\r\n\r\n"), head);
});

Deno.test("HeadWriter.write() writes no name of the operator's and of the response twice", () => {
  const writer = new HeadWriter(
    new OwnFields({
      defaults: HeaderFields.of(["Cache-Control", "no-cache"], ["Link", "</a>"], ["Link", "</b>"], ["X-A", "operator"]),
      always: HeaderFields.of(["X-Frame-Options", "DENY"], ["X-B", "operator"]),
    }),
  );
  // The response's fields, and all those in the head that either of both has.
  const table: readonly (readonly [name: string, fields: readonly Field[], want: readonly string[]])[] = [
    ["neither", [["Content-Type", "a/b"]], [
      ...["Cache-Control: no-cache", "Link: </a>", "Link: </b>", "X-A: operator", "X-Frame-Options: DENY"],
      ...["X-B: operator", "Content-Type: a/b"],
    ]],
    ["a default", [["cache-control", "max-age=5"]], [
      ...["Link: </a>", "Link: </b>", "X-A: operator", "X-Frame-Options: DENY", "X-B: operator"],
      "cache-control: max-age=5",
    ]],
    ["a default that is there twice", [["Link", "</c>"], ["Link", "</d>"]], [
      ...["Cache-Control: no-cache", "X-A: operator", "X-Frame-Options: DENY", "X-B: operator"],
      ...["Link: </c>", "Link: </d>"],
    ]],
    ["one of each", [["x-a", "program"], ["X-b", "program"], ["X-C", "program"]], [
      ...["Cache-Control: no-cache", "Link: </a>", "Link: </b>", "X-Frame-Options: DENY", "X-B: operator"],
      ...["x-a: program", "X-C: program"],
    ]],
  ];
  for (const [name, fields, want] of [...table, ...table]) {
    const head = writeHead(writer, { status: 200, framing: "close", keepsAlive: true }, HeaderFields.of(...fields));
    assertEquals([name, ...head.trimEnd().split("\r\n").slice(4)], [name, ...want]);
  }
});

Deno.test("interimHead() and chunkStart() write their lines", () => {
  assertEquals(textOf(interimHead(100)), "HTTP/1.1 100 Continue\r\n\r\n");
  assertEquals([1, 10, 255, 65_536].map((size) => textOf(chunkStart(size))), ["1\r\n", "a\r\n", "ff\r\n", "10000\r\n"]);
});

Deno.test("HeadWriter.write() writes to errors no field that is for successes", () => {
  const writer = new HeadWriter(
    new OwnFields({
      defaults: HeaderFields.of(["X-A", "1"]),
      successes: HeaderFields.of(["X-S", "1"], ["X-T", "1"]),
      always: HeaderFields.of(["X-B", "1"]),
    }),
  );
  // The fields of the response meet none of these, one that is for successes, and one that is for all.
  const table: readonly (readonly [status: number, fields: readonly Field[], want: string])[] = [
    [200, [["C", "2"]], "X-A: 1 X-S: 1 X-T: 1 X-B: 1 C: 2"],
    [304, [["x-s", "2"]], "X-A: 1 X-T: 1 X-B: 1 x-s: 2"],
    [400, [["C", "2"]], "X-A: 1 X-B: 1 C: 2"],
    [404, [["x-s", "2"]], "X-A: 1 X-B: 1 x-s: 2"],
    [500, [["X-A", "2"], ["X-B", "2"]], "X-B: 1 X-A: 2"],
  ];
  // Twice, for the second time comes from what is kept.
  for (const [status, fields, want] of [...table, ...table]) {
    const head = writeHead(writer, { status, framing: 0, keepsAlive: true }, HeaderFields.of(...fields));
    assertEquals(head.split("\r\n").filter((line) => /^(?:x-|C:)/i.test(line)).join(" "), want);
  }
});

Deno.test("HeadWriter.write() writes the fields that an answer brings in place of its own, also where the head is kept", () => {
  const fieldOf = (text: string) => /X-[A-Z]: .*/.exec(text)?.[0];
  const [own, other] = ["X-A", "X-B"].map((name) =>
    new OwnFields({ defaults: HeaderFields.of([name, "1"]), always: HeaderFields.EMPTY })
  );
  const writer = new HeadWriter(own);
  const keptHead = new KeptHead();
  const written = [undefined, other, other, own].map((own) => {
    const output = new OutputBuffer();
    writer.write(output, { status: 200, framing: 1, keepsAlive: true }, { fields: FIELDS, keptHead, own, nowMs: NOON });
    return fieldOf(textOf(output.takeAll()));
  });
  assertEquals(written, ["X-A: 1", "X-B: 1", "X-B: 1", "X-A: 1"]);
});
