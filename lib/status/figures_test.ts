import { assertEquals } from "@std/assert";
import { formatBytes, formatCount, formatRate, formatSeconds, formatShare } from "./figures.ts";

type Row = readonly [value: number, want: string];

const FIGURES: readonly (readonly [format: (value: number) => string, rows: readonly Row[]])[] = [
  [formatCount, [[0, "0"], [999, "999"], [1000, "1,000"], [1_234_567.4, "1,234,567"]]],
  [formatRate, [[0, "0"], [0.004, "0.00"], [0.25, "0.25"], [1.25, "1.3"], [99.94, "99.9"], [99.96, "100"], [
    1500,
    "1,500",
  ]]],
  [formatBytes, [[0, "0 B"], [999, "999 B"], [999.6, "1.0 KiB"], [1536, "1.5 KiB"], [34 * 2 ** 20, "34 MiB"]]],
  [formatSeconds, [
    [0, "0 ms"],
    [0.0004, "<1 ms"],
    [0.012, "12 ms"],
    [0.9999, "1 s"],
    [1.25, "1.25 s"],
    [10, "10 s"],
    [59.9, "59 s"],
    [60, "1 min"],
    [125, "2 min 5 s"],
    [7260, "2 h 1 min"],
    [90_000, "1 d 1 h"],
    [86_400 * 400, "400 d"],
  ]],
];

for (const [format, rows] of FIGURES) {
  Deno.test(`${format.name}() is as people read it`, () => {
    for (const [value, want] of rows) assertEquals([value, format(value)], [value, want]);
  });
}

Deno.test("formatShare() is no zero for what is little, and none for nothing", () => {
  assertEquals([formatShare(0, 5), formatShare(0, 0), formatShare(1, 5000), formatShare(1, 3)], [
    "0 %",
    "0 %",
    "<0.1 %",
    "33.3 %",
  ]);
});
