import { assertEquals } from "@std/assert";
import { parseRanges } from "./byte_ranges.ts";

/** [first, last] of each range; null: ignored, so 200; []: 416. */
type Want = readonly (readonly [first: number, last: number])[] | null;

// RFC 9110 14.1.1, 14.1.2, 14.2 and 15.5.17, for a content of 10,000 bytes
const CASES: readonly (readonly [field: string, want: Want])[] = [
  ["bytes=0-499", [[0, 499]]],
  ["bytes=500-999", [[500, 999]]],
  ["bytes=-500", [[9500, 9999]]],
  ["bytes=9500-", [[9500, 9999]]],
  ["bytes=0-0,-1", [[0, 0], [9999, 9999]]],
  ["bytes= 0-999, 4500-5499, -1000", [[0, 999], [4500, 5499], [9000, 9999]]],
  ["bytes=500-600,601-999", [[500, 600], [601, 999]]],
  ["BYTES=0-1", [[0, 1]]],
  ["bytes=0-1,,2-3 ,\t,", [[0, 1], [2, 3]]],
  ["bytes=9000-1000000", [[9000, 9999]]],
  ["bytes=0-99999999999999999999999999", [[0, 9999]]],
  ["bytes=-1000000", [[0, 9999]]],
  ["bytes=0-", [[0, 9999]]],
  ["bytes=9999-", [[9999, 9999]]],
  ["bytes=5-6,20000-", [[5, 6]]],
  // Not satisfiable
  ["bytes=10000-", []],
  ["bytes=10000-20000,30000-", []],
  ["bytes=99999999999999999999999999-", []],
  ["bytes=-0", []],
  // RFC 9110 15.3.7.2: put together, in the place of the first of them
  ["bytes=500-700,601-999", [[500, 999]]],
  ["bytes=0-,0-,0-", [[0, 9999]]],
  ["bytes=0-,5-6,7-8", [[0, 9999]]],
  ["bytes=0-9,5-14,10-19", [[0, 19]]],
  ["bytes=0-5,5-10,10-15", [[0, 15]]],
  ["bytes=10-15,0-5,5-10", [[0, 15]]],
  ["bytes=900-999,5-9,950-1100", [[900, 1100], [5, 9]]],
  ["bytes=5-9,900-999,0-6", [[0, 9], [900, 999]]],
  ["bytes=-5,0-4,-10", [[9990, 9999], [0, 4]]],
  ["bytes=0-0,20000-,0-0", [[0, 0]]],
  // In any order
  ["bytes=9000-9001,500-501,7000-7001,0-1", [[9000, 9001], [500, 501], [7000, 7001], [0, 1]]],
  // More than four: the nearest become one with what lies between them
  ["bytes=0-0,10-10,2000-2000,4000-4000,6000-6000", [[0, 10], [2000, 2000], [4000, 4000], [6000, 6000]]],
  ["bytes=6000-6000,4000-4000,2000-2000,10-10,0-0", [[6000, 6000], [4000, 4000], [2000, 2000], [0, 10]]],
  ["bytes=0-0,2-2,4-4,6-6,8-8", [[0, 2], [4, 4], [6, 6], [8, 8]]],
  ["bytes=0-0,100-100,110-110,300-300,305-305,-1", [[0, 0], [100, 110], [300, 305], [9999, 9999]]],
  // Ignored
  ["bytes=", null],
  ["bytes=,", null],
  ["bytes=5-4", null],
  ["bytes=0-1,5-4", null],
  ["bytes=20000-5", null],
  ["bytes=-", null],
  ["bytes=a-b", null],
  ["bytes=0-1-2", null],
  ["bytes=--1", null],
  ["bytes=+1-2", null],
  ["bytes=0x1-2", null],
  ["bytes=1.5-2", null],
  ["bytes=0 - 1", null],
  ["bytes=0-1; 2-3", null],
  ["bytes 0-1", null],
  ["bytes=0-1, bytes=2-3", null],
  ["items=0-1", null],
  ["bytesx=0-1", null],
  ["", null],
];

for (const [field, want] of CASES) {
  Deno.test(`parseRanges() returns ${JSON.stringify(want)} when the field is "${field}"`, () => {
    const ranges = parseRanges(field, { length: 10_000, maxCount: 4 });
    assertEquals(ranges?.map(({ first, last }) => [first, last] as const) ?? null, want);
  });
}

Deno.test("parseRanges() ignores a suffix and refuses a position when the content is empty", () => {
  assertEquals(parseRanges("bytes=-5", { length: 0, maxCount: 4 }), null);
  assertEquals(parseRanges("bytes=0-", { length: 0, maxCount: 4 }), []);
});

Deno.test("parseRanges() counts beyond 4 GiB without loss when the content is as long", () => {
  const length = 2 ** 40;
  assertEquals(parseRanges(`bytes=${2 ** 33 + 1}-${2 ** 33 + 2}`, { length, maxCount: 4 }), [
    { first: 2 ** 33 + 1, last: 2 ** 33 + 2 },
  ]);
});

Deno.test("parseRanges() gives no more than it may of many, each asked byte among them, and none twice", () => {
  const length = 1_000_000;
  const asked = Array.from({ length: 500 }, (_, index) => (index * 7919) % length);
  for (const maxCount of [1, 2, 50, 499, 500, 501]) {
    const ranges = parseRanges(`bytes=${asked.map((at) => `${at}-${at}`).join(",")}`, { length, maxCount }) ?? [];
    assertEquals(ranges.length, Math.min(maxCount, 500));
    assertEquals(asked.every((at) => ranges.some(({ first, last }) => first <= at && at <= last)), true);
    const sorted = [...ranges].sort((a, b) => a.first - b.first);
    assertEquals(sorted.slice(1).every(({ first }, index) => first > sorted[index].last), true);
  }
});

Deno.test("parseRanges() ignores the field when no range may be answered", () => {
  assertEquals(parseRanges("bytes=0-1", { length: 10, maxCount: 0 }), null);
  assertEquals(parseRanges("bytes=20-", { length: 10, maxCount: 0 }), null);
});
