import { assertEquals } from "@std/assert";
import { countDenoTests, countLastLine } from "./run_tests.ts";

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
