import { assertEquals } from "@std/assert";
import { formatHttpDate, parseHttpDate } from "./http_date.ts";

const NOW_MS = Date.UTC(2026, 10, 22);
const RFC_DATE_MS = Date.UTC(1994, 10, 6, 8, 49, 37);

// RFC 9110 5.6.7
const PARSED: readonly (readonly [text: string, want: number | null])[] = [
  ["Sun, 06 Nov 1994 08:49:37 GMT", RFC_DATE_MS],
  ["Sunday, 06-Nov-94 08:49:37 GMT", RFC_DATE_MS],
  ["Sun Nov  6 08:49:37 1994", RFC_DATE_MS],
  ["Wed Nov 16 08:49:37 1994", Date.UTC(1994, 10, 16, 8, 49, 37)],
  ["Saturday, 22-Nov-76 00:00:00 GMT", Date.UTC(2076, 10, 22)],
  ["Tuesday, 22-Nov-77 00:00:00 GMT", Date.UTC(1977, 10, 22)],
  ["Sat, 31 Dec 2016 23:59:60 GMT", Date.UTC(2017, 0, 1)],
  ["Thu, 29 Feb 2024 00:00:00 GMT", Date.UTC(2024, 1, 29)],
  ["Wed, 29 Feb 2023 00:00:00 GMT", null],
  ["Mon, 31 Apr 2023 00:00:00 GMT", null],
  ["Mon, 00 Apr 2023 00:00:00 GMT", null],
  ["Sun, 06 Nov 1994 24:00:00 GMT", null],
  ["Sun, 06 Nov 1994 08:60:00 GMT", null],
  ["Sun, 06 Nov 1994 08:49:61 GMT", null],
  ["Sun, 06 Nov 1994 08:49:37 UTC", null],
  ["Sun, 06 Nov 1994 08:49:37 +0000", null],
  ["Sun, 6 Nov 1994 08:49:37 GMT", null],
  ["sun, 06 nov 1994 08:49:37 gmt", null],
  ["Sun, 06 Nov 1994 08:49:37 GMT ", null],
  ["Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT", null],
  ["1994-11-06T08:49:37Z", null],
  ["784111777", null],
  ["", null],
];

for (const [text, want] of PARSED) {
  Deno.test(`parseHttpDate() returns ${want} when the text is "${text}"`, () => {
    assertEquals(parseHttpDate(text, NOW_MS), want);
  });
}

Deno.test("formatHttpDate() writes IMF-fixdate and cuts off what is below a second", () => {
  assertEquals(formatHttpDate(RFC_DATE_MS + 999), "Sun, 06 Nov 1994 08:49:37 GMT");
});
