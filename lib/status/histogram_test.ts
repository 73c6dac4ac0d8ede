import { assertEquals } from "@std/assert";
import { addTimes, BOUNDS, BUCKET_COUNT, bucketOf, countOf, Histogram, NO_TIMES } from "./histogram.ts";

Deno.test("bucketOf() has each bound in the class below it", () => {
  const table: readonly (readonly [ms: number, bucket: number])[] = [
    [0, 0],
    [1, 0],
    [1.001, 1],
    [5, 1],
    [30_000, BOUNDS.length - 1],
    [30_000.1, BOUNDS.length],
    [Infinity, BUCKET_COUNT - 1],
  ];
  for (const [ms, bucket] of table) assertEquals([ms, bucketOf(ms)], [ms, bucket]);
});

Deno.test("times of several histograms are added class by class", () => {
  const [one, other] = [new Histogram(), new Histogram()];
  for (const ms of [0, 0, 7]) one.observe(ms);
  other.observe(7);
  const sum = [one.times, other.times, NO_TIMES].reduce(addTimes);
  assertEquals([countOf(sum), sum.sumMs, sum.buckets.slice(0, 4)], [4, 14, [2, 0, 2, 0]]);
});
