/**
 * `deno task fuzz [SECONDS] [SEED]`: plays new cases with each fuzzer in turn until the time is over, and says how many.
 * The seed is told, so that a run can be played again. Ends with 1 at the first case that fails.
 */
import { fuzzContentSelection } from "./content_selection.ts";
import { fuzzCredentials } from "./credentials.ts";
import type { FuzzOptions } from "./mutate.ts";
import { fuzzPaths } from "./paths.ts";
import { fuzzConnection } from "./requests.ts";
import { fuzzScriptOutput } from "./script_output.ts";
import { fuzzSettings } from "./settings.ts";

/** Each fuzzer, and how many of its cases take about a second. */
export const FUZZERS: Readonly<
  Record<string, { readonly fuzz: (options: FuzzOptions) => void | Promise<void>; readonly count: number }>
> = {
  requests: { fuzz: fuzzConnection, count: 20_000 },
  paths: { fuzz: fuzzPaths, count: 20_000 },
  "content selection": { fuzz: fuzzContentSelection, count: 150_000 },
  "script output": { fuzz: fuzzScriptOutput, count: 20_000 },
  settings: { fuzz: fuzzSettings, count: 10_000 },
  credentials: { fuzz: fuzzCredentials, count: 3_000 },
};

async function main(seconds: number, seed: number): Promise<void> {
  const counts = new Map<string, number>();
  const end = Date.now() + 1000 * seconds;
  console.log(`seed ${seed}`);
  for (let round = 0; round === 0 || Date.now() < end; round++) {
    for (const [name, { fuzz, count }] of Object.entries(FUZZERS)) {
      await fuzz({ seed: seed + round * count, count });
      counts.set(name, (counts.get(name) ?? 0) + count);
    }
  }
  for (const [name, count] of counts) console.log(`${String(count).padStart(10)} ${name}`);
}

if (import.meta.main) {
  const [seconds = 60, seed = Date.now() % 1_000_000_000] = Deno.args.map(Number);
  await main(seconds, seed);
}
