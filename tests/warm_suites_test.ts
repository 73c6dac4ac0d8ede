/**
 * The suites of CGI once more, with programs that are kept warm: the probe, which most of them ask, is Perl. What need not be
 * the same, or is no business of warm programs, is a row here with its reason; a test that is added to one of the suites runs
 * both ways by itself.
 */
import { assertEquals } from "@std/assert";
import { takeWarmth } from "./harness.ts";

/** Tests that cannot pass, or need not run twice, by their names or a part of them. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  "git-http-backend serves": "a binary",
  "php-cgi": "PHP",
  "a program in C gets": "a binary",
  "that holds their pipes, with a word": "that a process has ended is told a moment after it is reaped",
  "aborted requests": "a shell script",
  "clients that go away": "a shell script",
  "passes through in constant memory": "the same pipes, and much time",
  "lisod counts no pause of the process": "the clock is one, and it takes five seconds",
  "ScriptRunner.stop() ends a script that is being started": "it has a starter of its own",
};

const unused = new Set(Object.keys(LEFT_OUT));
const { test } = Deno;

/** The same test with the way in its name; one that is left out is ignored with the reason in its name. */
function testWarm(first: string | Deno.TestDefinition, body?: Deno.TestDefinition["fn"]): void {
  const definition = typeof first === "string" ? { name: first, fn: body ?? (() => {}) } : first;
  const row = Object.keys(LEFT_OUT).find((part) => definition.name.includes(part));
  if (row === undefined) return test({ ...definition, name: `${definition.name}, --cgi-warm on` });
  unused.delete(row);
  test({ ...definition, name: `${definition.name}, not with --cgi-warm on: ${LEFT_OUT[row]}`, ignore: true });
}

takeWarmth(true);
Object.assign(Deno, { test: testWarm });
await import("./cgi_faults_test.ts");
await import("./cgi_handler_test.ts");
await import("./cgi_programs_test.ts");
await import("./cgi_server_test.ts");
Object.assign(Deno, { test });

Deno.test("each row of what is left out with --cgi-warm on is of a test", () => assertEquals([...unused], []));
