/**
 * Plays suites once more, over servers that call no C library (`--native off`). What the runtime cannot do is told with its
 * reason; a test that is added to one of the suites runs both ways by itself.
 */
import { assertEquals } from "@std/assert";
import { takeWay } from "./harness.ts";

const { test } = Deno;

/**
 * Imports the suites, one after the other, with their tests for the runtime's way. `leftOut` has the reasons for tests that
 * cannot pass, or need not run twice, by their names or a part of them; a row that is of none of them fails a test.
 */
export async function playByRuntime(
  suites: readonly (() => Promise<unknown>)[],
  leftOut: Readonly<Record<string, string>> = {},
): Promise<void> {
  const unused = new Set(Object.keys(leftOut));
  /** The same test with the way in its name; one that is left out is ignored with the reason in its name. */
  function testByRuntime(first: string | Deno.TestDefinition, body?: Deno.TestDefinition["fn"]): void {
    const definition = typeof first === "string" ? { name: first, fn: body ?? (() => {}) } : first;
    const row = Object.keys(leftOut).find((part) => definition.name.includes(part));
    if (row === undefined) return test({ ...definition, name: `${definition.name}, --native off` });
    unused.delete(row);
    test({ ...definition, name: `${definition.name}, not with --native off: ${leftOut[row]}`, ignore: true });
  }

  takeWay("runtime");
  Object.assign(Deno, { test: testByRuntime });
  for (const suite of suites) await suite();
  Object.assign(Deno, { test });
  Deno.test("each row of what is left out with --native off is of a test", () => assertEquals([...unused], []));
}
