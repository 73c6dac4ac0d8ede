import { assertEquals } from "@std/assert";
import { lastModifiedMs, modifiedTime } from "./modified_time.ts";

const [YEAR_1980, YEAR_1991, NOW] = [Date.UTC(1980, 0, 2), Date.UTC(1991, 0, 1), Date.UTC(2026, 0, 1)];

const TIMES: readonly (readonly [name: string, mtimeMs: number, isBefore: boolean | null, want: number | null])[] = [
  ["0", 0, false, null],
  ["1 s", 1000, false, null],
  ["1 s before 1970", 1000, true, null],
  ["0, and nobody knows the sign", 0, null, null],
  ["2 s", 2000, false, 2000],
  ["1980", YEAR_1980, false, YEAR_1980],
  ["1960, which the runtime mirrors", YEAR_1980, true, -YEAR_1980],
  ["1980 or 1960", YEAR_1980, null, null],
  ["1991 or 1949", YEAR_1991, null, YEAR_1991],
  ["1949", YEAR_1991, true, -YEAR_1991],
];
for (const [name, mtimeMs, isBefore1970, want] of TIMES) {
  Deno.test(`modifiedTime() returns ${want} for ${name}`, () =>
    assertEquals(modifiedTime(mtimeMs, isBefore1970), want));
}

const DATES: readonly (readonly [name: string, mtimeMs: number, ctimeMs: number, want: number | null])[] = [
  ["a time of the past", NOW - 5500, NOW - 9000, NOW - 6000],
  ["1 s", 1000, NOW - 9000, null],
  ["a time to come", NOW + 86_400_000, NOW - 9000, NOW - 9000],
  ["times to come, for a clock was wrong", NOW + 86_400_000, NOW + 86_400_000, NOW],
];
for (const [name, mtimeMs, ctimeMs, want] of DATES) {
  Deno.test(`lastModifiedMs() returns ${want} for ${name}`, () =>
    assertEquals(lastModifiedMs({ mtimeMs, ctimeMs }, { nowMs: NOW, isBefore1970: false }), want));
}

Deno.test("lastModifiedMs() rounds towards the past before 1970 too", () =>
  assertEquals(
    lastModifiedMs({ mtimeMs: 315_619_199_750, ctimeMs: NOW }, { nowMs: NOW, isBefore1970: true }),
    -315_619_200_000,
  ));
