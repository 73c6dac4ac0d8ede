/** Records in whole, in single bytes and in random pieces, against a writer and a reader of this test's own. */
import { assertEquals, assertThrows } from "@std/assert";
import {
  abortRequest,
  beginRequest,
  contentRecord,
  MalformedRecord,
  MAX_CONTENT_BYTES,
  RecordReader,
} from "./fastcgi_records.ts";

/** A record as an application writes it. */
function told(type: number, content: Uint8Array | string = "", { id = 1, padding = 0, version = 1 } = {}): number[] {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  return [
    ...[version, type, id >> 8, id & 255, bytes.length >> 8, bytes.length & 255, padding, 0],
    ...bytes,
    ...Array.from({ length: padding }, () => 0xaa),
  ];
}

const END = [...told(3, Uint8Array.of(0, 0, 1, 2, 0, 0, 0, 0), { padding: 3 })];

interface Read {
  readonly output: string;
  readonly errors: string;
  readonly end: string;
  readonly isBetween: boolean;
}

function readIn(pieces: readonly Uint8Array[]): Read {
  const reader = new RecordReader();
  const decoder = new TextDecoder();
  const seen = { output: "", errors: "", end: "" };
  for (const piece of pieces) {
    reader.push(piece);
    for (let part; (part = reader.next()) !== null;) {
      if (part.kind === "end") seen.end += `${part.applicationStatus} ${part.protocolStatus};`;
      else seen[part.kind] += decoder.decode(part.bytes);
    }
  }
  return { ...seen, isBetween: reader.isBetweenRecords };
}

function cut(bytes: readonly number[], size: (at: number) => number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const count = size(at);
    pieces.push(Uint8Array.from(bytes.slice(at, at + count)));
    at += count;
  }
  return pieces;
}

const ANSWER = [
  ...told(6, "Content-Type: text/plain\r\n\r\n", { padding: 5 }),
  ...told(7, "a warning\n"),
  ...told(10, "of the connection", { id: 0, padding: 1 }),
  ...told(6, "Hello"),
  ...told(6, ""),
  ...told(7, "", { padding: 255 }),
  ...END,
];
const READ = {
  output: "Content-Type: text/plain\r\n\r\nHello",
  errors: "a warning\n",
  end: "258 complete;",
  isBetween: true,
};

Deno.test("RecordReader reads records whole, byte by byte and in random pieces", () => {
  assertEquals(readIn([Uint8Array.from(ANSWER)]), READ);
  assertEquals(readIn(cut(ANSWER, () => 1)), READ);
  let seed = 20_261_129;
  const random = () => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31;
  for (let round = 0; round < 500; round++) {
    assertEquals(readIn(cut(ANSWER, () => 1 + Math.floor(random() * random() * 60))), READ);
  }
});

Deno.test("RecordReader is between two records as soon as it has given the end of a request", () => {
  for (const padding of [0, 3]) {
    const reader = new RecordReader();
    reader.push(Uint8Array.from(told(3, new Uint8Array(8), { padding })));
    assertEquals([reader.next()?.kind, reader.isBetweenRecords], ["end", true]);
  }
});

Deno.test("RecordReader has more to read after the end of a request, and within a record", () => {
  assertEquals(readIn([Uint8Array.from([...END, 1])]).isBetween, false);
  assertEquals(readIn([Uint8Array.from(END.slice(0, -1))]).isBetween, false);
  assertEquals(readIn([Uint8Array.from(told(6, "abc").slice(0, -1))]), {
    ...READ,
    ...{ output: "ab", errors: "", end: "", isBetween: false },
  });
});

Deno.test("RecordReader tells why a request was not taken", () => {
  const ends = [0, 1, 2, 3, 4].map((status) =>
    readIn([Uint8Array.from(told(3, Uint8Array.of(0, 0, 0, 0, status, 0, 0, 0)))]).end
  );
  assertEquals(ends, ["0 complete;", "0 cannot_multiplex;", "0 overloaded;", "0 unknown_role;", "0 unknown;"]);
});

Deno.test("RecordReader refuses what is no FastCGI", () => {
  const rows: readonly (readonly [bytes: readonly number[], problem: string])[] = [
    [[...new TextEncoder().encode("HTTP/1.1 200 OK\r\n")], "version 72"],
    [told(6, "x", { id: 2 }), "request 2"],
    [told(3, Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0), { id: 257 }), "request 257"],
    [told(3, "short"), "5 bytes to end"],
    [told(6, "x", { version: 2 }), "version 2"],
  ];
  for (const [bytes, problem] of rows) {
    for (const size of [1, bytes.length]) {
      assertThrows(() => readIn(cut(bytes, () => size)), MalformedRecord, problem);
    }
  }
});

Deno.test("RecordReader survives random bytes", () => {
  let seed = 7;
  const random = () => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) >>> 8;
  for (let round = 0; round < 2000; round++) {
    const bytes = [...ANSWER];
    for (let change = 0; change < 3; change++) bytes[random() % bytes.length] = random() & 255;
    try {
      readIn(cut(bytes, () => 1 + random() % 40));
    } catch (error) {
      if (!(error instanceof MalformedRecord)) throw error;
    }
  }
});

/** The records of a request: type and content of each. */
function recordsOf(bytes: Uint8Array): { readonly type: number; readonly content: Uint8Array }[] {
  const records = [];
  for (let at = 0; at < bytes.length;) {
    const [version, type, idHigh, idLow, high, low, padding] = bytes.subarray(at);
    assertEquals([version, idHigh, idLow], [1, 0, 1]);
    const length = high * 256 + low;
    records.push({ type, content: bytes.subarray(at + 8, at + 8 + length) });
    at += 8 + length + padding;
  }
  return records;
}

function variablesOf(bytes: Uint8Array): [string, Uint8Array][] {
  const variables: [string, Uint8Array][] = [];
  const length = (at: number) =>
    bytes[at] < 128 ? [bytes[at], 1] : [new DataView(bytes.buffer, bytes.byteOffset).getUint32(at) - 2 ** 31, 4];
  for (let at = 0; at < bytes.length;) {
    const [nameLength, first] = length(at);
    const [valueLength, second] = length(at + first);
    at += first + second;
    variables.push([
      new TextDecoder().decode(bytes.subarray(at, at + nameLength)),
      bytes.slice(at + nameLength, at + nameLength + valueLength),
    ]);
    at += nameLength + valueLength;
  }
  return variables;
}

Deno.test("beginRequest() sends the role, all variables in records of any length, and the end of what is empty", () => {
  const long = "x".repeat(127) + "y";
  const huge = "z".repeat(2 * MAX_CONTENT_BYTES);
  const variables = { A: "", B: "\udce9ü", [long]: long, HUGE: huge, LAST: "x".repeat(127) };
  for (const isKept of [true, false]) {
    for (const hasContent of [true, false]) {
      const records = recordsOf(beginRequest(variables, { isKept, hasContent }));
      assertEquals(records[0], { type: 1, content: Uint8Array.of(0, 1, isKept ? 1 : 0, 0, 0, 0, 0, 0) });
      const params = records.filter(({ type }) => type === 4);
      assertEquals(params.map(({ content }) => content.length > 0), [true, true, true, false]);
      assertEquals(
        records.slice(1 + params.length).map(({ type, content }) => [type, content.length]),
        hasContent ? [] : [[5, 0]],
      );
      const text = (value: string) => new TextEncoder().encode(value);
      assertEquals(variablesOf(Uint8Array.from(params.flatMap(({ content }) => [...content]))), [
        ["A", text("")],
        ["B", Uint8Array.of(0xe9, 0xc3, 0xbc)],
        [long, text(long)],
        ["HUGE", text(huge)],
        ["LAST", text("x".repeat(127))],
      ]);
    }
  }
});

Deno.test("contentRecord() and abortRequest() are one record each", () => {
  const most = new Uint8Array(MAX_CONTENT_BYTES).fill(7);
  assertEquals(recordsOf(contentRecord(most)), [{ type: 5, content: most }]);
  assertEquals(recordsOf(contentRecord(new Uint8Array(0))), [{ type: 5, content: new Uint8Array(0) }]);
  assertEquals(recordsOf(abortRequest()), [{ type: 2, content: new Uint8Array(0) }]);
});
