/**
 * Runs every check and test of the project in order, also after one has failed, shows their output as it comes and ends
 * with the line "N passed, N failed". The counts are those of the test runs; a step that fails without a failed test (a
 * check, a build, a crash) counts as one failure. `deno task ok` runs all; `deno task ok lint layers` runs these steps.
 */
import { isPure, listSources } from "./check_layers.ts";

/** How many tests passed and failed. */
export interface Count {
  readonly passed: number;
  readonly failed: number;
}

interface Step {
  readonly name: string;
  /** Program and arguments, run in the project's folder. */
  readonly command: readonly string[];
  /** Finds the counts in the whole output, null when it has none; a step without it is a check and counts no test. */
  readonly countTests?: (output: string) => Count | null;
}

/** Longest time that one step may take. */
const STEP_MS = 20 * 60_000;

/** The steps in order. Another kind of test is one more entry, with a function that reads its counts. */
function listSteps(): readonly Step[] {
  const deno = Deno.execPath();
  // A lock file that would have to change is an error in continuous integration.
  const frozen = Deno.env.get("CI") ? ["--frozen"] : [];
  const unitTests = [...listSources("lib"), ...listSources("scripts")].filter((path) => path.endsWith("_test.ts"));
  // Scripts are tools: what they do is mostly I/O, and so are their tests.
  const isPureTest = (path: string) => path.startsWith("lib/") && isPure(path.replace("_test.ts", ".ts"));
  const testFiles = (name: string, files: readonly string[], ...permissions: readonly string[]): Step[] => {
    // Without a file deno test would take every test there is.
    if (files.length === 0) return [];
    const command = [deno, "test", "--quiet", "--no-prompt", ...frozen, ...permissions, ...files];
    return [{ name, command, countTests: countDenoTests }];
  };
  return [
    { name: "fmt", command: [deno, "fmt", "--check"] },
    { name: "lint", command: [deno, "lint"] },
    {
      name: "shellcheck",
      command: ["shellcheck", "--external-sources", "--source-path=SCRIPTDIR", ...listShellScripts()],
    },
    { name: "check", command: [deno, "check", "--quiet", ...frozen, "main.ts", "lib", "scripts", "tests"] },
    { name: "layers", command: [deno, "task", "--quiet", "layers"] },
    ...testFiles("pure", unitTests.filter(isPureTest)),
    ...testFiles("unit", unitTests.filter((path) => !isPureTest(path)), "--allow-all"),
    { name: "coverage", command: [deno, "task", "--quiet", "coverage"] },
    // A minute of new cases; the same ones each time are among the tests.
    { name: "fuzz", command: [deno, "task", "--quiet", "fuzz", "60"], countTests: countLastLine },
    // Form, lint, types and tests of the blog's Python, on both of its databases.
    { name: "blog", command: ["tests/blog/run"], countTests: countLastLine },
    { name: "build", command: ["scripts/build"] },
    // A minute of everything at once; fifteen by hand.
    { name: "soak", command: [deno, "task", "--quiet", "soak", "60"], countTests: countLastLine },
    // playwright-core is CommonJS and lies outside of a node_modules folder.
    ...testFiles("end-to-end", ["tests"], "--allow-all", "--unstable-detect-cjs"),
  ];
}

function listShellScripts(): string[] {
  const files = [...Deno.readDirSync("scripts")].filter((entry) => entry.isFile).map((entry) =>
    `scripts/${entry.name}`
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

/** The counts of a program that ends with the line "N passed, N failed", as this one does; null without that line. */
export function countLastLine(output: string): Count | null {
  const summary = [...output.matchAll(/^(\d+) passed, (\d+) failed$/gm)].at(-1);
  return summary ? { passed: Number(summary[1]), failed: Number(summary[2]) } : null;
}

/** Runs one step, passing its output on; the counts are never without a failure when the step failed. */
async function runStep({ name, command, countTests }: Step): Promise<Count> {
  console.log(`--- ${name}`);
  const started = Date.now();
  const child = new Deno.Command(command[0], {
    args: command.slice(1),
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(STEP_MS),
  }).spawn();
  const [output, errors, status] = await Promise.all([
    passOn(child.stdout, Deno.stdout),
    passOn(child.stderr, Deno.stderr),
    child.status,
  ]);
  const count = countTests ? countTests(output + errors) : { passed: 0, failed: 0 };
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  if (count !== null && (status.success || count.failed > 0)) return count;
  console.log(`--- ${name} failed with exit status ${status.code} after ${seconds} s`);
  return { passed: count?.passed ?? 0, failed: 1 };
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

/** Runs the named steps, or all; ends the process with 1 when anything failed. */
async function main(names: readonly string[]): Promise<void> {
  const steps = listSteps();
  const unknown = names.find((name) => !steps.some((step) => step.name === name));
  if (unknown !== undefined) {
    console.error(`No step is called "${unknown}"; the steps are ${steps.map((step) => step.name).join(", ")}`);
    Deno.exit(2);
  }
  let [passed, failed] = [0, 0];
  for (const step of steps.filter(({ name }) => names.length === 0 || names.includes(name))) {
    const count = await runStep(step);
    passed += count.passed;
    failed += count.failed;
  }
  console.log(`${passed} passed, ${failed} failed`);
  Deno.exit(failed === 0 ? 0 : 1);
}

if (import.meta.main) await main(Deno.args);
