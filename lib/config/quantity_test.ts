import { assertEquals } from "@std/assert";
import { formatCount, formatSize, formatTime, parseCount, parseSize, parseTime } from "./quantity.ts";

const REFUSED_BY_ALL = [
  "",
  " ",
  "-1",
  "+1",
  "1.5",
  "1e3",
  "0x10",
  "1_000",
  " 1",
  "1 ",
  "1\n",
  "٣",
  "k",
  "ms",
  "1kk",
  "1K",
];

Deno.test("parseCount() takes digits alone", () => {
  const cases: [string, number | null][] = [
    ["0", 0],
    ["08", 8],
    ["9007199254740991", 9_007_199_254_740_991],
    ["9007199254740992", null],
    ["1k", null],
    ["1s", null],
  ];
  for (const [text, want] of cases) assertEquals(parseCount(text), want, text);
  for (const text of REFUSED_BY_ALL) assertEquals(parseCount(text), null, text);
});

Deno.test("parseSize() takes bytes and binary suffixes", () => {
  const cases: [string, number | null][] = [
    ["0", 0],
    ["8192", 8192],
    ["8k", 8192],
    ["3M", 3_145_728],
    ["1G", 1_073_741_824],
    ["8388607G", 9_007_198_180_999_168],
    ["8388608G", null],
    ["1m", null],
    ["1s", null],
  ];
  for (const [text, want] of cases) assertEquals(parseSize(text), want, text);
  for (const text of REFUSED_BY_ALL) assertEquals(parseSize(text), null, text);
});

Deno.test("parseTime() takes milliseconds, seconds and minutes", () => {
  const cases: [string, number | null][] = [
    ["0", 0],
    ["500", 500],
    ["500ms", 500],
    ["20s", 20_000],
    ["5m", 300_000],
    ["1h", null],
    ["1k", null],
    ["1mss", null],
  ];
  for (const [text, want] of cases) assertEquals(parseTime(text), want, text);
  for (const text of REFUSED_BY_ALL) assertEquals(parseTime(text), null, text);
});

Deno.test("formatSize() and formatTime() take the largest unit that divides", () => {
  assertEquals([0, 1, 1000, 1024, 65_536, 1_048_576, 1_073_741_824, 1_073_741_825].map(formatSize), [
    "0",
    "1",
    "1000",
    "1k",
    "64k",
    "1M",
    "1G",
    "1073741825",
  ]);
  assertEquals([0, 1, 1024, 2000, 60_000, 75_000].map(formatTime), ["0ms", "1ms", "1024ms", "2s", "1m", "75s"]);
});

Deno.test("parsing gives back what formatting was given", () => {
  for (const value of [0, 1, 59, 1000, 1023, 1024, 60_000, 61_000, 3_145_728, 9_007_199_254_740_991]) {
    assertEquals(parseCount(formatCount(value)), value);
    assertEquals(parseSize(formatSize(value)), value);
    assertEquals(parseTime(formatTime(value)), value);
  }
});
