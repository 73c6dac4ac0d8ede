import { assertEquals } from "@std/assert";
import { osProblem, quoted, StartError, UsageError } from "./start_error.ts";

const PROBLEM = { argument: "--root", value: "a\nb", problem: "does not exist", remedy: "name another" };

Deno.test("StartError makes one line of argument, value, problem and remedy", () => {
  assertEquals(new StartError(PROBLEM).message, '--root "a\\nb": does not exist: name another');
  assertEquals(new StartError({ ...PROBLEM, value: null }).message, "--root: does not exist: name another");
});

Deno.test("StartError ends with status 1 and UsageError with 2", () => {
  assertEquals([new StartError(PROBLEM).exitCode, new UsageError(PROBLEM).exitCode], [1, 2]);
});

Deno.test("quoted() leaves no control character and no line end", () => {
  const cases: [string, string][] = [
    ["plain é", '"plain é"'],
    ['a"b\\c', '"a\\"b\\\\c"'],
    ["\r\n\t\0\x1b[31m", '"\\r\\n\\t\\u0000\\u001b[31m"'],
    ["\x7f\x85\u2028\u2029", '"\\u007f\\u0085\\u2028\\u2029"'],
  ];
  for (const [text, want] of cases) assertEquals(quoted(text), want);
});

Deno.test("osProblem() says it in words, without the number of the error", () => {
  const named = (name: string, message = "") => Object.assign(new Error(message), { name });
  const cases: [unknown, string][] = [
    [named("NotFound", "No such file or directory (os error 2): stat '/x'"), "does not exist"],
    [named("PermissionDenied"), "permission denied"],
    [named("AddrInUse"), "already in use"],
    [new Error("No space left on device (os error 28)"), "no space left on device"],
    [new Error("File name too long (os error 36): open '/x'"), "file name too long"],
    [new Error("EMFILE: too many open files, open '/a, b'"), "too many open files"],
    [new Deno.errors.ConnectionReset("Connection reset by peer (os error 104)"), "the peer has reset the connection"],
    ["text", "text"],
  ];
  for (const [error, want] of cases) assertEquals(osProblem(error), want);
});
