/**
 * Runs checks and tests of the project in order, also after one has failed, names what failed, and ends with the line
 * "N passed, N failed". The counts are those of the test runs; every other step (a check, a build) counts as one, and so does
 * a test run that fails without a failed test. Steps that may run side by side do (scripts/test_lanes.ts); the output of each
 * is then shown when it has ended, and else as it comes. `deno task ok` runs all; `deno task ok lint lib/http/target_test.ts`
 * runs these steps and test files; `--needs` in front of them only prints what scripts/test has to get for them first.
 */
import { isPure, listSources } from "./check_layers.ts";
import { isOfCore } from "./coverage.ts";
import { runPrograms } from "./run_programs.ts";
import { LANE_COUNT, shareOut } from "./test_lanes.ts";

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
  /** It may run beside its neighbours of which that is true as well. */
  readonly isBeside?: boolean;
  /** It takes longest of these, and so begins first: begun last it would have a lane to itself at the end. */
  readonly isLong?: boolean;
  /** What runs in place of the command: steps of their own, which go by one name. */
  readonly parts?: readonly Step[];
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
  /** Of the step of all files, as isLong is. */
  readonly isBeside?: boolean;
  readonly isLong?: boolean;
  /** The step of all files runs them one by one, side by side where that can be. */
  readonly isSharedOut?: boolean;
}

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
      isBeside: true,
    },
    {
      step: "unit",
      files: unitTests.filter(isIoTest),
      flags: ["--allow-all"],
      needs: ["debian"],
      usesBinary: false,
      isBeside: true,
      isLong: true,
    },
    {
      step: "end-to-end",
      files: testsBelow("tests"),
      // playwright-core is CommonJS and lies outside of a node_modules folder.
      flags: ["--allow-all", "--unstable-detect-cjs"],
      needs: ["denort", "arm64", "debian", "browser"],
      usesBinary: true,
      isSharedOut: true,
    },
  ];
}

/**
 * All steps in order: what needs no binary and what makes it, side by side; then what runs it. Another kind of test is one more
 * entry, with a function that reads its counts.
 */
function listSteps(testSteps: ReadonlyMap<string, Step>): readonly Step[] {
  const deno = Deno.execPath();
  const task = (...words: readonly string[]) => [deno, "task", "--quiet", ...words];
  const testStep = (name: string) => [testSteps.get(name) ?? []].flat();
  return [
    { name: "fmt", command: [deno, "fmt", "--check"], isBeside: true },
    { name: "lint", command: [deno, "lint"], isBeside: true },
    {
      name: "shellcheck",
      command: ["shellcheck", "--external-sources", "--source-path=SCRIPTDIR", ...listShellScripts()],
      needs: ["shellcheck"],
      isBeside: true,
    },
    {
      name: "check",
      command: [deno, "check", "--quiet", ...frozen(), "main.ts", "lib", "scripts", "tests"],
      isBeside: true,
    },
    { name: "layers", command: task("layers"), isBeside: true },
    ...testStep("pure"),
    ...testStep("unit"),
    { name: "coverage", command: task("coverage"), countTests: countDenoTests, isBeside: true },
    // A minute of new cases; the same ones each time are among the tests.
    { name: "fuzz", command: task("fuzz", "60"), needs: ["debian"], countTests: countLastLine, isBeside: true },
    // Form, lint, types and tests of the blog's Python, on both of its databases.
    {
      name: "blog",
      command: ["tests/blog/run"],
      needs: ["debian"],
      countTests: countLastLine,
      isBeside: true,
      isLong: true,
    },
    { name: "build", command: ["scripts/build"], needs: ["denort"], isBeside: true },
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

/** The step that runs all files of a kind. */
function stepOfAll(files: readonly string[], kind: TestKind): Step {
  const whole = stepOf(kind.step, files, kind);
  if (!kind.isSharedOut) return { ...whole, isBeside: kind.isBeside, isLong: kind.isLong };
  const parts = shareOut(files).map((batch) => ({
    ...stepOf(batch.files.join(" "), batch.files, kind),
    isBeside: !batch.isAlone,
  }));
  return { ...whole, parts };
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

/** Steps with their parts in place of them, in order; those that run side by side are together. */
export function groupSteps(steps: readonly Step[]): readonly (readonly Step[])[] {
  const groups: Step[][] = [];
  for (const step of steps.flatMap((one) => one.parts ?? [one])) {
    const last = groups.at(-1)?.at(-1);
    // The binary is whole before anything runs it.
    if (step.isBeside && last?.isBeside && !step.usesBinary === !last.usesBinary) groups.at(-1)?.push(step);
    else groups.push([step]);
  }
  return groups.map((group) => [
    ...group.filter(({ isLong }) => isLong),
    ...group.filter(({ isLong }) => !isLong),
  ]);
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

/** The steps that the arguments name; ends the process with 2 for a name that is none, before anything has run. */
function chooseOrExit(names: readonly string[]): readonly Step[] {
  const kinds = listKinds();
  // Without a file deno test would take every test there is.
  const testSteps = new Map(kinds.flatMap((kind) => {
    const files = kind.files.filter((path) => !kind.isElsewhere?.(path));
    return files.length === 0 ? [] : [[kind.step, stepOfAll(files, kind)]];
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
  for (const group of groupSteps(steps)) {
    const ends = await runPrograms(group, LANE_COUNT);
    results.push(...group.map((step, index) => judge(step, ends[index])));
  }
  console.log(summarize(results));
  Deno.exit(results.some(({ failed }) => failed > 0) ? 1 : 0);
}

if (import.meta.main) await main(Deno.args);
