import { assert, assertEquals, assertMatch } from "@std/assert";
import { HttpError } from "../http/message.ts";
import { describeError } from "./describe_error.ts";

Deno.test("describeError() names the error and its causes, the outermost first", () => {
  const error = new Error("outer", { cause: new TypeError("middle", { cause: "inner" }) });
  assertEquals(describeError(error, { withStack: false }), [
    "Error: outer",
    "caused by TypeError: middle",
    "caused by inner",
  ]);
});

Deno.test("describeError() adds the stack of an error that is no HttpError", () => {
  const error = new HttpError(500, "Cannot run it", { cause: new RangeError("deep") });
  const [first, second, ...frames] = describeError(error, { withStack: true });
  assertEquals([first, second], ["HttpError 500: Cannot run it", "caused by RangeError: deep"]);
  assert(frames.length > 0);
  for (const frame of frames) assertMatch(frame, /^ {4}at /);
});

Deno.test("describeError() makes each line of a message a line of its own", () => {
  assertEquals(describeError(new Error("one\ntwo\nthree"), { withStack: false }), ["Error: one", "two", "three"]);
});

Deno.test("describeError() copes with whatever is thrown", () => {
  const bare = Object.create(null);
  const cases: [unknown, readonly string[]][] = [
    [undefined, []],
    [null, []],
    ["text", ["text"]],
    [7, ["7"]],
    [Symbol("s"), ["Symbol(s)"]],
    [bare, ["[object Object]"]],
    [() => {}, ["[object Function]"]],
    [new Error("x", { cause: null }), ["Error: x"]],
  ];
  for (const [error, want] of cases) assertEquals(describeError(error, { withStack: false }), want);
});

Deno.test("describeError() ends for causes in a circle and for endless text", () => {
  const error = new Error("round");
  error.cause = error;
  assertEquals(describeError(error, { withStack: false }), [
    "Error: round",
    ...Array(7).fill("caused by Error: round"),
  ]);
  const long = describeError(new Error("x\n".repeat(1000)), { withStack: false });
  assertEquals([long.length, long.at(-1)], [65, "..."]);
});
