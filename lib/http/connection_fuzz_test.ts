/**
 * Mutated requests against the Connection. The cases are always the same ones; others can be played by
 * `deno test lib/http/connection_fuzz_test.ts -- SEED COUNT`, and one that failed by its number with a count of 1.
 */
import { fuzzConnection } from "../../tests/fuzz/requests.ts";

const [seed = 1, count = 100_000] = Deno.args.map(Number);

Deno.test(`nextEvent() throws nothing but HttpError and tells the same for every split of ${count} requests`, () => {
  fuzzConnection({ seed, count });
});
