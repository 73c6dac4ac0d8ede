/**
 * `deno task coverage`: how many branches of the HTTP core its tests and its fuzz take, file by file; ends with 1 below
 * LEAST_PERCENT. V8 counts, in blocks: a branch that was taken is one that ran at least once. Of a function that never ran
 * V8 tells no branches, which would flatter; here it counts as one branch that was not taken.
 */
import { listSources } from "./check_layers.ts";

const CORE = "lib/http";
const LEAST_PERCENT = 95;
/** Requests that the fuzz plays: more take no further branch. */
const FUZZ_COUNT = 20_000;

/** What was taken of a file. */
export interface Coverage {
  /** Relative to the project's folder. */
  readonly path: string;
  readonly taken: number;
  readonly all: number;
  /** Lines, counted from 1, of branches that were not taken, and names of functions that never ran. */
  readonly missed: readonly string[];
}

/** Reads a tracefile (geninfo(1)): its records SF, FNDA and BRDA. `folder` is taken off the paths. */
export function readTracefile(text: string, folder: string): Coverage[] {
  return text.split("end_of_record\n").filter((record) => record.includes("SF:")).map((record) => {
    const path = /^SF:(.*)$/m.exec(record)?.[1] ?? "";
    const branches = [...record.matchAll(/^BRDA:(\d+),\d+,\d+,(\d+|-)$/gm)].map(([, line, count]) => ({ line, count }));
    const functions = [...record.matchAll(/^FNDA:0,(.*)$/gm)].map(([, name]) => `${name}()`);
    const lines = branches.filter(({ count }) => count === "0" || count === "-").map(({ line }) => line);
    const missed = [...lines, ...functions];
    const all = branches.length + functions.length;
    return { path: path.replace(`${folder}/`, ""), taken: all - missed.length, all, missed };
  });
}

function percent({ taken, all }: Pick<Coverage, "taken" | "all">): number {
  return all === 0 ? 100 : 100 * taken / all;
}

function printCoverage(files: readonly Coverage[]): void {
  for (const file of files) {
    const share = `${percent(file).toFixed(1)} %`.padStart(8);
    const count = `${file.taken} of ${file.all}`.padStart(12);
    const missed = file.missed.length === 0 ? "" : `not taken: ${file.missed.join(", ")}`;
    console.log(`${file.path.padEnd(28)}${share}${count}   ${missed}`.trimEnd());
  }
}

/** Whether a test is played for the branches: those beside the core, and those of whole connections over a scripted socket. */
export function isOfCore(path: string): boolean {
  return path.startsWith(`${CORE}/`) || path.startsWith("lib/serve/http1_connection_");
}

/** Runs the tests with this Deno, passing on what they print; throws Error when one fails. */
async function playTests(folder: string): Promise<void> {
  const tests = listSources("lib").filter((path) => path.endsWith("_test.ts") && isOfCore(path));
  const args = [
    "test",
    "--quiet",
    "--no-check",
    "--no-prompt",
    "--coverage-raw-data-only",
    `--coverage=${folder}`,
    ...tests,
    "--",
    "1",
    `${FUZZ_COUNT}`,
  ];
  const { success } = await new Deno.Command(Deno.execPath(), { args, stdin: "null" }).spawn().status;
  if (!success) throw new Error("A test has failed");
}

/** What was taken, as geninfo(1) tells it; throws Error where this Deno cannot tell. */
async function makeTracefile(folder: string): Promise<string> {
  const args = ["coverage", "--quiet", "--lcov", `--include=${Deno.cwd()}/${CORE}/`, folder];
  const { success, stdout } = await new Deno.Command(Deno.execPath(), { args, stderr: "inherit" }).output();
  const text = new TextDecoder().decode(stdout);
  if (!success) throw new Error(`deno coverage failed\n${text}`);
  return text;
}

async function main(): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "lisod-coverage-" });
  try {
    await playTests(folder);
    const files = readTracefile(await makeTracefile(folder), Deno.cwd());
    const [taken, all] = [files.map((file) => file.taken), files.map((file) => file.all)]
      .map((counts) => counts.reduce((sum, count) => sum + count, 0));
    printCoverage([...files, { path: "all branches", taken, all, missed: [] }]);
    if (files.length === 0 || percent({ taken, all }) < LEAST_PERCENT) {
      console.error(`Less than ${LEAST_PERCENT} % of the branches of ${CORE} were taken`);
      Deno.exitCode = 1;
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) await main();
