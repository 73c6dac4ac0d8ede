/**
 * Runs checks and tests of the project in order, also after one has failed, shows their output as it comes, names what
 * failed, and ends with the line "N passed, N failed". The counts are those of the test runs; every other step (a check, a
 * build) counts as one, and so does a test run that fails without a failed test. `deno task ok` runs all; `deno task ok lint
 * lib/http/target_test.ts` runs these steps and test files; `--needs` in front of them only prints what scripts/test has to
 * get for them first.
 */
import { isPure, listSources } from "./check_layers.ts";
import { isOfCore } from "./coverage.ts";

/** How many tests passed and failed. */
export interface Count {
  readonly passed: number;
  readonly failed: number;
}

/** What scripts/test gets: the runtimes of the binaries, all Debian packages of the tests or one, the parts of browser tests. */
export type Need = "denort" | "arm64" | "debian" | "browser" | "shellcheck";

/** One program that checks, builds or tests. */
export interface Step {
  readonly name: string;
  /** Program and arguments, run in the project's folder. */
  readonly command: readonly string[];
  readonly needs?: readonly Need[];
  /** It runs ./lisod, which is built before. */
  readonly usesBinary?: boolean;
  /** Finds the counts in the whole output, null when it has none; a step without it is a check. */
  readonly countTests?: (output: string) => Count | null;
}

/** What became of a step. */
export interface Result extends Count {
  readonly name: string;
  /** The tests that failed, as far as the step names them. */
  readonly failures: readonly string[];
}

/** Test files that need the same: a step runs all of them, and the name of one runs that one alone. */
export interface TestKind {
  readonly step: string;
  /** Relative to the project's folder. */
  readonly files: readonly string[];
  readonly flags: readonly string[];
  readonly needs: readonly Need[];
  readonly usesBinary: boolean;
  /** Whether another step runs that file: then this one does only where the file, or a folder of it, is named. */
  readonly isElsewhere?: (path: string) => boolean;
}

/** Longest time that one step may take. */
const STEP_MS = 40 * 60_000;

/** Pure files are tested without any permission. */
function listKinds(): readonly TestKind[] {
  const testsBelow = (...folders: readonly string[]) =>
    folders.flatMap(listSources).filter((path) => path.endsWith("_test.ts"));
  const unitTests = testsBelow("lib", "scripts");
  // Scripts are tools: what they do is mostly I/O, and so are their tests.
  const isPureTest = (path: string) => path.startsWith("lib/") && isPure(path.replace("_test.ts", ".ts"));
  const isIoTest = (path: string) => !isPureTest(path);
  return [
    {
      step: "pure",
      files: unitTests.filter(isPureTest),
      flags: [],
      needs: [],
      usesBinary: false,
      // The step coverage runs them, and once is enough.
      isElsewhere: isOfCore,
    },
    { step: "unit", files: unitTests.filter(isIoTest), flags: ["--allow-all"], needs: ["debian"], usesBinary: false },
    {
      step: "end-to-end",
      files: testsBelow("tests"),
      // playwright-core is CommonJS and lies outside of a node_modules folder.
      flags: ["--allow-all", "--unstable-detect-cjs"],
      needs: ["denort", "arm64", "debian", "browser"],
      usesBinary: true,
    },
  ];
}

/** All steps in order. Another kind of test is one more entry, with a function that reads its counts. */
function listSteps(testSteps: ReadonlyMap<string, Step>): readonly Step[] {
  const deno = Deno.execPath();
  const task = (...words: readonly string[]) => [deno, "task", "--quiet", ...words];
  const testStep = (name: string) => [testSteps.get(name) ?? []].flat();
  return [
    { name: "fmt", command: [deno, "fmt", "--check"] },
    { name: "lint", command: [deno, "lint"] },
    {
      name: "shellcheck",
      command: ["shellcheck", "--external-sources", "--source-path=SCRIPTDIR", ...listShellScripts()],
      needs: ["shellcheck"],
    },
    { name: "check", command: [deno, "check", "--quiet", ...frozen(), "main.ts", "lib", "scripts", "tests"] },
    { name: "layers", command: task("layers") },
    ...testStep("pure"),
    ...testStep("unit"),
    { name: "coverage", command: task("coverage"), countTests: countDenoTests },
    // A minute of new cases; the same ones each time are among the tests.
    { name: "fuzz", command: task("fuzz", "60"), needs: ["debian"], countTests: countLastLine },
    // Form, lint, types and tests of the blog's Python, on both of its databases.
    { name: "blog", command: ["tests/blog/run"], needs: ["debian"], countTests: countLastLine },
    { name: "build", command: ["scripts/build"], needs: ["denort"] },
    // What the binary needs of a machine; all that installs it by hand.
    {
      name: "roots",
      command: task("roots", "needs of bookworm"),
      needs: ["denort", "debian"],
      usesBinary: true,
      countTests: countLastLine,
    },
    // A minute of everything at once; fifteen by hand.
    {
      name: "soak",
      command: task("soak", "60"),
      needs: ["denort", "debian"],
      usesBinary: true,
      countTests: countLastLine,
    },
    // Loads and broken surroundings, with a fifteenth of the clients; all of them by hand.
    {
      name: "siege",
      command: task("siege", "60"),
      needs: ["denort", "debian"],
      usesBinary: true,
      countTests: countLastLine,
    },
    ...testStep("end-to-end"),
  ];
}

/** In continuous integration a lock file that would have to change is an error. */
function frozen(): readonly string[] {
  return Deno.env.get("CI") ? ["--frozen"] : [];
}

function stepOf(name: string, files: readonly string[], { flags, needs, usesBinary }: TestKind): Step {
  // The types of all are what the step check is for: each step of tests would look at them once more.
  const command = [Deno.execPath(), "test", "--quiet", "--no-check", "--no-prompt", ...frozen(), ...flags, ...files];
  return { name, command, needs, usesBinary, countTests: countDenoTests };
}

/**
 * The steps of these names in the order of `steps`, or all where there is no name, and after them what `findTests` has for
 * names of files and folders; a build before whatever runs the binary. Throws Error, for people, for a name that is none.
 */
export function chooseSteps(
  names: readonly string[],
  { steps, findTests }: { readonly steps: readonly Step[]; readonly findTests: (path: string) => readonly Step[] },
): readonly Step[] {
  const named = steps.filter(({ name }) => names.length === 0 || names.includes(name));
  const tests = names.filter((name) => steps.every((step) => step.name !== name)).flatMap((path) => {
    const found = findTests(path.replace(/^(?:\.\/)+|\/+$/g, ""));
    if (found.length > 0) return found;
    const stepNames = steps.map(({ name }) => name).join(", ");
    throw new Error(`No step, test file or folder is called "${path}"; the steps are ${stepNames}`);
  });
  const chosen = [...named, ...tests];
  const isBuilt = chosen.some(({ name }) => name === "build");
  const first = isBuilt ? -1 : chosen.findIndex(({ usesBinary }) => usesBinary);
  return first === -1 ? chosen : chosen.toSpliced(first, 0, ...steps.filter(({ name }) => name === "build"));
}

/** A step for each kind of test that is at `path`: a test file, a source with its test beside it, or a folder. */
export function findTests(path: string, kinds: readonly TestKind[]): readonly Step[] {
  return kinds.flatMap((kind) => {
    const names = [path, path.replace(/\.ts$/, "_test.ts")];
    const files = kind.files.filter((file) => names.includes(file) || file.startsWith(`${path}/`));
    return files.length === 0 ? [] : [stepOf(path, files, kind)];
  });
}

function listShellScripts(): string[] {
  const files = ["scripts", "debian", "debian/tests"].flatMap((folder) =>
    [...Deno.readDirSync(folder)].filter((entry) => entry.isFile).map((entry) => `${folder}/${entry.name}`)
  );
  return [".ci/run", ...files.sort()].filter((path) =>
    /^#!\/bin\/(?:ba)?sh\n|^# shellcheck /.test(Deno.readTextFileSync(path))
  );
}

/** The counts of `deno test`, from the last line of its summary; null when it ended before the summary. */
export function countDenoTests(output: string): Count | null {
  const summary = [...output.matchAll(/^(?:ok|FAILED) \| (\d+) passed(?: \([^)]*\))? \| (\d+) failed/gm)].at(-1);
  return summary ? { passed: Number(summary[1]), failed: Number(summary[2]) } : null;
}

/** The tests that `deno test` names as failed after their output, each with its place. */
export function failedDenoTests(output: string): readonly string[] {
  const [, section] = [...output.matchAll(/^ FAILURES *\n([^]*?)^FAILED \|/gm)].at(-1) ?? [null, ""];
  return section.split("\n").filter((line) => line.trim() !== "");
}

/** The counts of a program that ends with the line "N passed, N failed", as this one does; null without that line. */
export function countLastLine(output: string): Count | null {
  const summary = [...output.matchAll(/^(\d+) passed, (\d+) failed$/gm)].at(-1);
  return summary ? { passed: Number(summary[1]), failed: Number(summary[2]) } : null;
}

/** What a step's end comes to; never without a failure when the step failed. */
export function judge({ name, countTests }: Step, { output, success }: { output: string; success: boolean }): Result {
  const count = countTests ? countTests(output) : { passed: success ? 1 : 0, failed: success ? 0 : 1 };
  const failed = success && count !== null ? count.failed : Math.max(1, count?.failed ?? 0);
  return {
    name,
    passed: count?.passed ?? 0,
    failed,
    failures: countTests === countDenoTests ? failedDenoTests(output) : [],
  };
}

/** The last lines of a run: what failed, where anything did, then the counts of all steps together. */
export function summarize(results: readonly Result[]): string {
  const [passed, failed] = [results.map((result) => result.passed), results.map((result) => result.failed)]
    .map((counts) => counts.reduce((sum, count) => sum + count, 0));
  const lines = results.filter((result) => result.failed > 0).flatMap(({ name, failures }) => [
    `  ${name}`,
    ...failures.map((failure) => `    ${failure}`),
  ]);
  return [...lines.length > 0 ? ["--- failed", ...lines] : [], `${passed} passed, ${failed} failed`].join("\n");
}

/** Runs one step, passing its output on. */
async function runStep(step: Step): Promise<Result> {
  console.log(`--- ${step.name}`);
  const started = Date.now();
  const child = new Deno.Command(step.command[0], {
    args: step.command.slice(1),
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(STEP_MS),
  }).spawn();
  const [output, errors, { success, code }] = await Promise.all([
    passOn(child.stdout, Deno.stdout),
    passOn(child.stderr, Deno.stderr),
    child.status,
  ]);
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  if (!success) console.log(`--- ${step.name} failed with exit status ${code} after ${seconds} s`);
  return judge(step, { output: output + errors, success });
}

/** Writes all that comes from `stream` to `sink`, and returns it as text. */
async function passOn(
  stream: ReadableStream<Uint8Array>,
  sink: { writeSync(bytes: Uint8Array): number },
): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    for (let written = 0; written < chunk.length;) written += sink.writeSync(chunk.subarray(written));
    text += decoder.decode(chunk, { stream: true });
  }
  return text;
}

/** The steps that the arguments name; ends the process with 2 for a name that is none, before anything has run. */
function chooseOrExit(names: readonly string[]): readonly Step[] {
  const kinds = listKinds();
  // Without a file deno test would take every test there is.
  const testSteps = new Map(kinds.flatMap((kind) => {
    const files = kind.files.filter((path) => !kind.isElsewhere?.(path));
    return files.length === 0 ? [] : [[kind.step, stepOf(kind.step, files, kind)]];
  }));
  try {
    return chooseSteps(names, { steps: listSteps(testSteps), findTests: (path) => findTests(path, kinds) });
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    Deno.exit(2);
  }
}

/** Runs the named steps and tests, or all; ends the process with 1 when anything failed. */
async function main(args: readonly string[]): Promise<void> {
  const asksForNeeds = args[0] === "--needs";
  const steps = chooseOrExit(asksForNeeds ? args.slice(1) : args);
  if (asksForNeeds) return console.log([...new Set(steps.flatMap(({ needs = [] }) => needs))].join(" "));
  const results: Result[] = [];
  for (const step of steps) results.push(await runStep(step));
  console.log(summarize(results));
  Deno.exit(results.some(({ failed }) => failed > 0) ? 1 : 0);
}

if (import.meta.main) await main(Deno.args);
