import { assertEquals } from "@std/assert";
import { HttpError } from "./message.ts";
import { statusOfSystemError, systemHttpError } from "./system_error.ts";

function systemError(code: string | undefined, name = "Error"): Error {
  return Object.assign(new Error("of the system"), { code, name });
}

const TABLE: readonly (readonly [name: string, error: unknown, want: number | null])[] = [
  ["ENOENT", systemError("ENOENT"), 404],
  ["ENOTDIR", systemError("ENOTDIR"), 404],
  ["NotADirectory without a code", systemError(undefined, "NotADirectory"), 404],
  ["EACCES", systemError("EACCES", "PermissionDenied"), 403],
  ["NotCapable, which the runtime says", systemError(undefined, "NotCapable"), 403],
  ["InvalidData of a link to a name that is not UTF-8", systemError(undefined, "InvalidData"), 404],
  ["EMFILE", systemError("EMFILE"), 503],
  ["ENOSPC", systemError("ENOSPC"), 507],
  ["EDQUOT", systemError("EDQUOT"), 507],
  ["EIO", systemError("EIO"), null],
  ["a code like a name of every object", systemError("constructor", "toString"), null],
  ["an error of ours", new TypeError("x is undefined"), null],
  ["HttpError", new HttpError(404, ""), null],
  ["no error", "ENOENT", null],
];

for (const [name, error, want] of TABLE) {
  Deno.test(`statusOfSystemError() is ${want} when the error is ${name}`, () => {
    assertEquals(statusOfSystemError(error), want);
  });
}

Deno.test("systemHttpError() says when to come again where that helps", () => {
  const cause = systemError("EMFILE");
  const error = systemHttpError(503, "Cannot open", cause);
  assertEquals([error.status, error.fields.get("retry-after")], [503, "1"]);
  assertEquals([error.message, error.cause], ["Cannot open: of the system", undefined]);
  assertEquals(systemHttpError(507, "Cannot keep", cause).fields.get("retry-after"), null);
});
