import { assertEquals, assertThrows } from "@std/assert";
import {
  chooseSteps,
  countDenoTests,
  countLastLine,
  failedDenoTests,
  findTests,
  groupSteps,
  judge,
  type Step,
  summarize,
  type TestKind,
} from "./run_tests.ts";

Deno.test("countDenoTests() reads the summary when there is one", () => {
  const table: readonly { output: string; want: ReturnType<typeof countDenoTests> }[] = [
    { output: "a ... ok (1ms)\n\nok | 8 passed | 0 failed (26ms)\n", want: { passed: 8, failed: 0 } },
    { output: "FAILED | 4 passed | 2 failed (1s)\n\nerror: Test failed\n", want: { passed: 4, failed: 2 } },
    { output: "ok | 1 passed (2 steps) | 0 failed | 1 ignored (3ms)\n", want: { passed: 1, failed: 0 } },
    { output: "ok | 9 passed | 0 failed\nok | 3 passed | 0 failed (1ms)\n", want: { passed: 3, failed: 0 } },
    { output: "the line: ok | 9 passed | 0 failed\n", want: null },
    { output: "error: No test modules found\n", want: null },
    { output: "", want: null },
  ];
  for (const { output, want } of table) assertEquals(countDenoTests(output), want, output);
});

Deno.test("countLastLine() reads the counts when a program ends with them", () => {
  const table: readonly { output: string; want: ReturnType<typeof countLastLine> }[] = [
    { output: "1 passed, 1 skipped in 2s\n5 passed, 0 failed\n", want: { passed: 5, failed: 0 } },
    { output: "5 passed, 0 failed\n2 passed, 3 failed\n", want: { passed: 2, failed: 3 } },
    { output: "it was 5 passed, 0 failed\n5 passed, 0 failed in 3s\n", want: null },
    { output: "", want: null },
  ];
  for (const { output, want } of table) assertEquals(countLastLine(output), want, output);
});

Deno.test("failedDenoTests() names what failed last, and nothing when all is well", () => {
  const failed = "a ... FAILED\n\n ERRORS \n\na => ./a_test.ts:1:6\nerror: x\n\n FAILURES \n\na => ./a_test.ts:1:6\n" +
    "b ... inner => ./b_test.ts:2:3\n\nFAILED | 0 passed | 2 failed (3ms)\n\nerror: Test failed\n";
  assertEquals(failedDenoTests(failed), ["a => ./a_test.ts:1:6", "b ... inner => ./b_test.ts:2:3"]);
  const quoted = " FAILURES \n\nquoted => ./c_test.ts:1:1\n\nFAILED | 0 passed | 1 failed (3ms)\n";
  assertEquals(failedDenoTests(quoted + failed).length, 2);
  assertEquals(failedDenoTests("ok | 1 passed | 0 failed (3ms)\n"), []);
});

Deno.test("judge() counts a check as one, and a failed step never as none", () => {
  const check: Step = { name: "check", command: [] };
  const tests: Step = { name: "tests", command: [], countTests: countDenoTests };
  const program: Step = { name: "program", command: [], countTests: countLastLine };
  const table: readonly { step: Step; output: string; success: boolean; want: readonly [number, number] }[] = [
    { step: check, output: "7 passed, 8 failed\n", success: true, want: [1, 0] },
    { step: check, output: "", success: false, want: [0, 1] },
    { step: tests, output: "ok | 8 passed | 0 failed (1ms)\n", success: true, want: [8, 0] },
    { step: tests, output: "FAILED | 4 passed | 2 failed (1s)\n", success: false, want: [4, 2] },
    { step: tests, output: "ok | 8 passed | 0 failed (1ms)\n", success: false, want: [8, 1] },
    { step: tests, output: "", success: false, want: [0, 1] },
    { step: tests, output: "", success: true, want: [0, 1] },
    { step: program, output: "5 passed, 0 failed\n", success: true, want: [5, 0] },
    { step: program, output: "5 passed, 3 failed\n", success: true, want: [5, 3] },
  ];
  for (const { step, output, success, want } of table) {
    const { name, passed, failed } = judge(step, { output, success });
    assertEquals([name, passed, failed], [step.name, ...want], `${step.name} ${output} ${success}`);
  }
  const failures = " FAILURES \n\na => ./a_test.ts:1:6\n\nFAILED | 0 passed | 1 failed (3ms)\n";
  assertEquals(judge(tests, { output: failures, success: false }).failures, ["a => ./a_test.ts:1:6"]);
  assertEquals(judge(program, { output: failures, success: false }).failures, []);
});

Deno.test("summarize() names what failed before the counts of all", () => {
  const good = { name: "lint", passed: 1, failed: 0, failures: [] };
  const bad = { name: "unit", passed: 4, failed: 2, failures: ["a => ./a_test.ts:1:6", "b => ./b_test.ts:1:6"] };
  const broken = { name: "build", passed: 0, failed: 1, failures: [] };
  assertEquals(summarize([good, good]), "2 passed, 0 failed");
  assertEquals(summarize([]), "0 passed, 0 failed");
  const lines = [
    "--- failed",
    "  unit",
    "    a => ./a_test.ts:1:6",
    "    b => ./b_test.ts:1:6",
    "  build",
    "5 passed, 3 failed",
  ];
  assertEquals(summarize([good, bad, broken]), lines.join("\n"));
});

const STEPS: readonly Step[] = ["lint", "unit", "build", "soak"].map((name) => ({
  name,
  command: [name],
  usesBinary: name === "soak",
}));

const KINDS: readonly TestKind[] = [
  { step: "pure", files: ["lib/a/x_test.ts", "lib/ab_test.ts"], flags: [], needs: [], usesBinary: false },
  { step: "unit", files: ["lib/a/y_test.ts"], flags: ["--allow-all"], needs: ["debian"], usesBinary: false },
  { step: "end-to-end", files: ["tests/z_test.ts"], flags: ["--allow-all"], needs: [], usesBinary: true },
];

function namesOf(...names: readonly string[]): readonly string[] {
  return chooseSteps(names, { steps: STEPS, findTests: (path) => findTests(path, KINDS) }).map(({ name }) => name);
}

Deno.test("chooseSteps() takes all steps, named ones in their order, and test files after them", () => {
  const table: readonly { names: readonly string[]; want: readonly string[] }[] = [
    { names: [], want: ["lint", "unit", "build", "soak"] },
    { names: ["unit", "lint"], want: ["lint", "unit"] },
    { names: ["lib/a/x_test.ts", "lint"], want: ["lint", "lib/a/x_test.ts"] },
    { names: ["lib/a/y_test.ts", "lib/a/x_test.ts"], want: ["lib/a/y_test.ts", "lib/a/x_test.ts"] },
    { names: ["./lib/a/x_test.ts", "lib/a/"], want: ["lib/a/x_test.ts", "lib/a", "lib/a"] },
    { names: ["soak", "lint"], want: ["lint", "build", "soak"] },
    { names: ["build", "soak"], want: ["build", "soak"] },
    {
      names: ["lint", "lib/a/x_test.ts", "tests/z_test.ts"],
      want: ["lint", "lib/a/x_test.ts", "build", "tests/z_test.ts"],
    },
  ];
  for (const { names, want } of table) assertEquals(namesOf(...names), want, names.join(" "));
});

Deno.test("chooseSteps() refuses a name that is none, whatever stands beside it", () => {
  for (const name of ["nothing", "lib/a/gone_test.ts", "lib/b", "li", "", "/lib/a", "--flag"]) {
    const want = `No step, test file or folder is called "${name}"; the steps are lint, unit, build, soak`;
    assertThrows(() => namesOf("lint", name), Error, want);
  }
});

Deno.test("findTests() runs each file with what its kind needs", () => {
  const found = (path: string) =>
    findTests(path, KINDS).map((
      { command, needs },
    ) => [command.slice(4).filter((word) => word !== "--no-prompt" && word !== "--frozen"), needs]);
  assertEquals(found("lib/a/x_test.ts"), [[["lib/a/x_test.ts"], []]]);
  assertEquals(found("lib/a/y.ts"), [[["--allow-all", "lib/a/y_test.ts"], ["debian"]]]);
  assertEquals(found("lib"), [
    [["lib/a/x_test.ts", "lib/ab_test.ts"], []],
    [["--allow-all", "lib/a/y_test.ts"], ["debian"]],
  ]);
});

Deno.test("groupSteps() puts neighbours together that may run side by side, long ones first, once the binary is made", () => {
  const beside = { command: [], isBeside: true };
  const parts: readonly Step[] = [
    { ...beside, name: "tests/a", usesBinary: true },
    { ...beside, name: "tests/b", usesBinary: true },
    { command: [], name: "tests/c", usesBinary: true, isBeside: false },
  ];
  const table: readonly { steps: readonly Step[]; want: readonly (readonly string[])[] }[] = [
    { steps: [], want: [] },
    { steps: [{ name: "soak", command: [] }, { name: "siege", command: [] }], want: [["soak"], ["siege"]] },
    {
      steps: [
        { ...beside, name: "fmt" },
        { ...beside, name: "unit", usesBinary: false },
        { ...beside, name: "blog", isLong: true },
        { name: "soak", command: [] },
        { ...beside, name: "late" },
      ],
      want: [["blog", "fmt", "unit"], ["soak"], ["late"]],
    },
    {
      steps: [{ ...beside, name: "build" }, { name: "end-to-end", command: [], usesBinary: true, parts }],
      want: [["build"], ["tests/a", "tests/b"], ["tests/c"]],
    },
  ];
  for (const { steps, want } of table) {
    assertEquals(groupSteps(steps).map((group) => group.map(({ name }) => name)), want);
  }
});
