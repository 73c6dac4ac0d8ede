import { assertEquals, assertStringIncludes } from "@std/assert";
import { OPTIONS } from "../lib/config/options.ts";
import { completions, type Shell } from "./make_completions.ts";

const SHELLS: readonly Shell[] = ["bash", "zsh", "fish"];

Deno.test("completions() has each option of the command line for each shell, and none of a file alone", () => {
  for (const shell of SHELLS) {
    const text = completions(shell);
    for (const { name, scope } of OPTIONS) {
      const [before, after] = shell === "fish" ? ["-l ", "\\b(?!-)"] : ["--", "(?![a-z0-9-])"];
      assertEquals(new RegExp(`${before}${name}${after}`).test(text), scope !== "file", `${shell}: ${name}`);
    }
  }
});

Deno.test("completions() quotes what texts hold: apostrophes, brackets and colons", () => {
  assertStringIncludes(completions("fish"), "program\\'s own");
  assertStringIncludes(completions("zsh"), "program'\\''s own");
  assertStringIncludes(completions("zsh"), "unix\\:PATH\\[\\:MODE");
});
