/**
 * `deno task fuzz [SECONDS] [SEED]`: plays new cases with each fuzzer in turn until the time (60 s without it) is over. The
 * seed is told, so that a run can be played again; a fuzzer that found something tells it and its case's number, and plays
 * no more. The last line is "N passed, N failed", of fuzzers, and the exit status 1 when one failed.
 */
import { fuzzContentSelection } from "./content_selection.ts";
import { fuzzCredentials } from "./credentials.ts";
import type { FuzzOptions } from "./mutate.ts";
import { fuzzHttp2 } from "./http2.ts";
import { fuzzPaths } from "./paths.ts";
import { fuzzConnection } from "./requests.ts";
import { fuzzScriptOutput } from "./script_output.ts";
import { fuzzSettings } from "./settings.ts";
import { fuzzPlaces } from "./places.ts";
import { fuzzSpellings } from "./spellings.ts";
import { fuzzWebSocket } from "./websocket.ts";

interface Fuzzer {
  readonly name: string;
  /** Throws at the first case that fails. */
  readonly fuzz: (options: FuzzOptions) => void | Promise<void>;
  /** How many cases take about a second. */
  readonly count: number;
}

export const FUZZERS: readonly Fuzzer[] = [
  { name: "requests", fuzz: fuzzConnection, count: 20_000 },
  { name: "HTTP/2", fuzz: fuzzHttp2, count: 3_000 },
  { name: "WebSocket", fuzz: fuzzWebSocket, count: 3_000 },
  { name: "paths", fuzz: fuzzPaths, count: 20_000 },
  { name: "spellings", fuzz: fuzzSpellings, count: 5_000 },
  { name: "places", fuzz: fuzzPlaces, count: 500 },
  { name: "content selection", fuzz: fuzzContentSelection, count: 150_000 },
  { name: "script output", fuzz: fuzzScriptOutput, count: 20_000 },
  { name: "settings", fuzz: fuzzSettings, count: 10_000 },
  { name: "credentials", fuzz: fuzzCredentials, count: 3_000 },
];

/** What became of a fuzzer. */
export interface FuzzResult {
  readonly name: string;
  /** Cases without a finding. */
  readonly count: number;
  /** What the case that failed says, null when none did. */
  readonly finding: string | null;
}

/** Plays the fuzzers a round each, from case `seed` on, until `isOver`; at least one round. */
export async function playFuzzers(
  fuzzers: readonly Fuzzer[],
  { seed, isOver }: { readonly seed: number; readonly isOver: () => boolean },
): Promise<readonly FuzzResult[]> {
  let results: readonly FuzzResult[] = fuzzers.map(({ name }) => ({ name, count: 0, finding: null }));
  for (let round = 0; round === 0 || !isOver(); round++) {
    const next: FuzzResult[] = [];
    for (const [index, fuzzer] of fuzzers.entries()) {
      const before = results[index];
      const from = seed + round * fuzzer.count;
      next.push(before.finding === null ? await playRound(fuzzer, { from, played: before.count }) : before);
    }
    results = next;
  }
  return results;
}

async function playRound(
  { name, fuzz, count }: Fuzzer,
  { from, played }: { readonly from: number; readonly played: number },
): Promise<FuzzResult> {
  try {
    await fuzz({ seed: from, count });
    return { name, count: played + count, finding: null };
  } catch (error) {
    return { name, count: played, finding: error instanceof Error ? error.message : `${error}` };
  }
}

async function main(seconds: number, seed: number): Promise<void> {
  console.log(`seed ${seed}`);
  const end = Date.now() + 1000 * seconds;
  const results = await playFuzzers(FUZZERS, { seed, isOver: () => Date.now() >= end });
  for (const { name, count, finding } of results) {
    console.log(`${String(count).padStart(10)} ${name}${finding === null ? "" : `, then ${finding}`}`);
  }
  const failed = results.filter(({ finding }) => finding !== null).length;
  console.log(`${results.length - failed} passed, ${failed} failed`);
  Deno.exitCode = failed === 0 ? 0 : 1;
}

if (import.meta.main) {
  const [seconds = 60, seed = Date.now() % 1_000_000_000, ...others] = Deno.args.map(Number);
  if ([seconds, seed, others.length].some((number) => !(number >= 0)) || others.length > 0) {
    console.error("Usage: deno task fuzz [SECONDS] [SEED]");
    Deno.exit(2);
  }
  await main(seconds, seed);
}
