import { assertEquals, assertMatch, assertNotEquals, assertThrows } from "@std/assert";
import { HttpError } from "../http/message.ts";
import {
  answerWithout,
  type FileFacts,
  isSameState,
  layOut,
  represent,
  type RepresentOptions,
} from "./representation.ts";

const MTIME_MS = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const FACTS: FileFacts = { dev: 1, ino: 2, size: 10, mode: 0o100644, mtimeMs: MTIME_MS, ctimeMs: MTIME_MS - 678 };
const BYTES = new TextEncoder().encode("0123456789");
const OPTIONS = {
  type: "text/plain",
  varies: false,
  acceptRanges: "bytes",
  nowMs: MTIME_MS + 5000,
  examined: { digest: "abc", bytes: BYTES },
  keepsContent: false,
  isBefore1970: false,
} as const;

function representFacts(facts: Partial<FileFacts>, options: Partial<RepresentOptions> = {}) {
  return represent({ path: "/f", facts: { ...FACTS, ...facts }, coding: null }, { ...OPTIONS, ...options });
}

const boundary = () => "B";

Deno.test("represent() gives the fields of a whole content", () => {
  const { etag, fields } = representFacts({});
  assertEquals([...fields], [
    ["Content-Type", "text/plain"],
    ["Last-Modified", "Fri, 02 Jan 2026 03:04:05 GMT"],
    ["Accept-Ranges", "bytes"],
    ["ETag", etag],
  ]);
  assertMatch(etag, /^"[\x21\x23-\x7e]+"$/);
});

Deno.test("represent() adds Content-Encoding and Vary when there are several codings", async () => {
  const file = { path: "/f.br", facts: FACTS, coding: "br" } as const;
  const { fields, notModified, etag } = represent(file, { ...OPTIONS, varies: true });
  assertEquals([fields.get("content-encoding"), fields.get("vary")], ["br", "Accept-Encoding"]);
  // RFC 9110 15.4.5
  assertEquals([...(await notModified).fields], [["ETag", etag], ["Vary", "Accept-Encoding"]]);
});

const DIFFERENT: readonly Partial<FileFacts>[] = [
  { dev: 9 },
  { ino: 9 },
  { size: 9 },
  { mode: 0o100600 },
  { mtimeMs: MTIME_MS + 1 },
  { ctimeMs: MTIME_MS },
];
for (const facts of DIFFERENT) {
  const name = Object.keys(facts)[0];
  Deno.test(`isSameState() is false when ${name} differs`, () => {
    assertEquals(isSameState(FACTS, { ...FACTS }), true);
    assertEquals(isSameState(FACTS, { ...FACTS, ...facts }), false);
  });
}

for (const facts of [{ ino: 9 }, { dev: 9 }, { mode: 0o100600 }, { ctimeMs: MTIME_MS - 5000 }]) {
  Deno.test(`represent() gives the same ETag when ${Object.keys(facts)[0]} differs, as it does between machines`, () => {
    assertEquals(representFacts(facts).etag, representFacts({}).etag);
  });
}

Deno.test("represent() gives another ETag when the content differs, though its size and time do not", () => {
  const other = { digest: "abd", bytes: BYTES };
  assertNotEquals(representFacts({}, { examined: other }).etag, representFacts({}).etag);
  const large = { size: 1 << 20, mtimeMs: 0 };
  const tagOf = (digest: string) => representFacts(large, { examined: { digest, bytes: null } }).etag;
  assertNotEquals(tagOf("abc"), tagOf("abd"));
});

// RFC 9110 8.8.1, 8.8.2.1
const AGES: readonly (readonly [name: string, ageMs: number, isStrong: boolean, settled: boolean, date: string])[] = [
  ["two seconds old", 1321, true, true, "Fri, 02 Jan 2026 03:04:05 GMT"],
  ["a second old", 1000, true, false, "Fri, 02 Jan 2026 03:04:05 GMT"],
  ["younger than a second", 999, false, false, "Fri, 02 Jan 2026 03:04:05 GMT"],
  ["changed in the future", -3_600_000, false, false, "Fri, 02 Jan 2026 02:04:05 GMT"],
];
for (const [name, ageMs, isStrong, settled, date] of AGES) {
  Deno.test(`represent() makes the ETag ${isStrong ? "strong" : "weak"} when the file is ${name}`, () => {
    const representation = representFacts({}, { nowMs: MTIME_MS + ageMs });
    assertEquals([representation.etag.startsWith("W/"), representation.isSettled], [!isStrong, settled]);
    assertEquals(representation.etag.replace("W/", ""), representFacts({}).etag);
    assertEquals(representation.fields.get("last-modified"), date);
  });
}

Deno.test("represent() makes the ETag strong however young the file is, when the bytes that it is of are sent", () => {
  const { etag, content, isSettled } = representFacts({}, { nowMs: MTIME_MS, keepsContent: true });
  assertEquals([etag, content?.bytes === BYTES, isSettled], [representFacts({}).etag, true, false]);
});

Deno.test("represent() makes the ETag weak when the file was changed while it was read", () => {
  const { etag, isSettled, content } = representFacts({}, { examined: null, keepsContent: true });
  assertEquals([etag.startsWith("W/"), isSettled, content], [true, false, null]);
});

const DATES: readonly (readonly [name: string, facts: Partial<FileFacts>, isBefore: boolean, want: string | null])[] = [
  ["0", { mtimeMs: 0 }, false, null],
  ["1 s", { mtimeMs: 1000 }, false, null],
  ["1960", { mtimeMs: Date.UTC(1980, 0, 2) }, true, "Fri, 01 Jan 1960 00:00:00 GMT"],
  ["to come", { mtimeMs: MTIME_MS + 9e9 }, false, "Fri, 02 Jan 2026 03:04:05 GMT"],
];
for (const [name, facts, isBefore1970, want] of DATES) {
  Deno.test(`represent() says ${want} and a strong ETag when the time is ${name}`, () => {
    const { fields, etag } = representFacts(facts, { isBefore1970 });
    assertEquals([fields.get("last-modified"), etag.startsWith("W/")], [want, false]);
  });
}

Deno.test("layOut() gives Content-Range and the type of the file when there is one range", () => {
  const { status, fields, pieces } = layOut(representFacts({}), { ranges: [{ first: 2, last: 4 }], boundary });
  assertEquals([status, fields.get("content-range"), fields.get("content-type")], [206, "bytes 2-4/10", "text/plain"]);
  assertEquals(pieces, [{ first: 2, last: 4 }]);
  const wire = [...fields].map(([name, value]) => `${name}: ${value}\r\n`).join("");
  assertEquals([fields.size, new TextDecoder().decode(fields.toBytes())], [5, wire]);
});

Deno.test("layOut() gives multipart/byteranges without Content-Range when there are two ranges", () => {
  const ranges = [{ first: 2, last: 4 }, { first: 6, last: 6 }];
  const { status, fields, pieces } = layOut(representFacts({}), { ranges, boundary });
  assertEquals([status, fields.get("content-range")], [206, null]);
  assertEquals(fields.getAll("content-type"), ["multipart/byteranges; boundary=B"]);
  assertEquals(pieces.filter((piece) => !(piece instanceof Uint8Array)), ranges);
});

Deno.test("answerWithout() tells the length when no range is satisfiable", () => {
  const error = assertThrows(() => answerWithout(representFacts({}), 416), HttpError);
  assertEquals([error.status, error.fields.get("content-range")], [416, "bytes */10"]);
});

Deno.test("answerWithout() throws 412 when a precondition failed", () => {
  assertEquals(assertThrows(() => answerWithout(representFacts({}), 412), HttpError).status, 412);
});
