/** A second of each fuzzer, with the same cases each time; `deno task fuzz` plays others. */
import { FUZZERS } from "./run.ts";

for (const [name, { fuzz, count }] of Object.entries(FUZZERS)) {
  if (name === "requests") continue; // lib/http/connection_fuzz_test.ts plays 100,000
  Deno.test(`${count} mutated cases of ${name} bring out nothing that must not be`, () => fuzz({ seed: 1, count }));
}
