/** A second of each fuzzer, with the same cases each time, and what `deno task fuzz` makes of a finding. */
import { assertEquals } from "@std/assert";
import type { FuzzOptions } from "./mutate.ts";
import { FUZZERS, playFuzzers } from "./run.ts";

for (const { name, fuzz, count } of FUZZERS) {
  if (name === "requests") continue; // lib/http/connection_fuzz_test.ts plays 100,000
  Deno.test(`${count} mutated cases of ${name} bring out nothing that must not be`, () => fuzz({ seed: 1, count }));
}

Deno.test("playFuzzers() plays new cases each round, and none after a finding", async () => {
  const [played, broken]: [FuzzOptions[], FuzzOptions[]] = [[], []];
  const fuzzers = [
    { name: "sound", fuzz: (options: FuzzOptions) => void played.push(options), count: 10 },
    {
      name: "broken",
      count: 5,
      fuzz: (options: FuzzOptions) => {
        broken.push(options);
        if (options.seed >= 105) throw new Error("Case 105: odd");
      },
    },
  ];
  const results = await playFuzzers(fuzzers, { seed: 100, isOver: () => played.length === 3 });
  assertEquals(results, [
    { name: "sound", count: 30, finding: null },
    { name: "broken", count: 5, finding: "Case 105: odd" },
  ]);
  assertEquals(played.map(({ seed }) => seed), [100, 110, 120]);
  assertEquals(broken.map(({ seed }) => seed), [100, 105]);
});
