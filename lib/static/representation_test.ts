import { assertEquals, assertMatch, assertNotEquals, assertThrows } from "@std/assert";
import { HttpError } from "../http/message.ts";
import {
  answerWithout,
  type FileFacts,
  hasStrongTag,
  isSameState,
  layOut,
  represent,
  type RepresentOptions,
} from "./representation.ts";

const MTIME_MS = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const FACTS: FileFacts = { dev: 1, ino: 2, size: 10, mode: 0o100644, mtimeMs: MTIME_MS, ctimeMs: MTIME_MS - 678 };
const OPTIONS = { type: "text/plain", varies: false, acceptRanges: "bytes", nowMs: MTIME_MS + 5000 } as const;

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

for (const facts of [{ ino: 9 }, { size: 9 }, { mtimeMs: MTIME_MS + 1 }]) {
  Deno.test(`represent() gives another ETag when ${Object.keys(facts)[0]} differs`, () => {
    assertNotEquals(representFacts(facts).etag, representFacts({}).etag);
  });
}

// RFC 9110 8.8.1, 8.8.2.1
const AGES: readonly (readonly [name: string, ageMs: number, isStrong: boolean, lastModified: string])[] = [
  ["a second old", 1000, true, "Fri, 02 Jan 2026 03:04:05 GMT"],
  ["younger than a second", 999, false, "Fri, 02 Jan 2026 03:04:05 GMT"],
  ["changed in the future", -3_600_000, false, "Fri, 02 Jan 2026 02:04:05 GMT"],
];
for (const [name, ageMs, isStrong, lastModified] of AGES) {
  Deno.test(`represent() makes the ETag ${isStrong ? "strong" : "weak"} when the file is ${name}`, () => {
    const representation = representFacts({}, { nowMs: MTIME_MS + ageMs });
    assertEquals(hasStrongTag(representation), isStrong);
    assertEquals(representation.etag.replace("W/", ""), representFacts({}).etag);
    assertEquals(representation.fields.get("last-modified"), lastModified);
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
