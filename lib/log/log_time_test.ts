import { assertEquals, assertMatch } from "@std/assert";
import { formatIsoTime, formatLogTime, LogTime } from "./log_time.ts";

const at = (month: number, offset: number) =>
  Object.assign(new Date(2026, month, 4, 3, 5, 7, 89), { getTimezoneOffset: () => offset });

Deno.test("formatLogTime() and formatIsoTime() write local time with its distance from UTC", () => {
  const cases: [Date, log: string, iso: string][] = [
    [at(0, 0), "04/Jan/2026:03:05:07 +0000", "2026-01-04T03:05:07.089+00:00"],
    [at(11, -120), "04/Dec/2026:03:05:07 +0200", "2026-12-04T03:05:07.089+02:00"],
    [at(6, 210), "04/Jul/2026:03:05:07 -0330", "2026-07-04T03:05:07.089-03:30"],
    [at(4, -345), "04/May/2026:03:05:07 +0545", "2026-05-04T03:05:07.089+05:45"],
    [at(4, 720), "04/May/2026:03:05:07 -1200", "2026-05-04T03:05:07.089-12:00"],
  ];
  for (const [date, log, iso] of cases) assertEquals([formatLogTime(date), formatIsoTime(date)], [log, iso]);
});

Deno.test("LogTime says each moment, whatever was before it", () => {
  const time = new LogTime();
  const noon = new Date(2026, 6, 24, 12, 0, 0).getTime();
  for (const ms of [0, 1, 999, 1000, 61_500, -1, 86_400_000, 5]) {
    time.set(noon + ms);
    const date = new Date(noon + ms);
    assertEquals([time.text, time.iso], [formatLogTime(date), formatIsoTime(date)], `${ms}`);
  }
});

Deno.test("formatIsoTime() writes a moment before 1970 too", () => {
  assertMatch(formatIsoTime(new Date(-1)), /:59\.999[+-]/);
});
