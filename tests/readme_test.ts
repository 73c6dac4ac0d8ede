/** readme.txt against what it speaks of: the options and their defaults. The files that it names: scripts/check_texts.ts. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { OPTIONS } from "../lib/config/options.ts";

const PROJECT = join(import.meta.dirname ?? ".", "..");
const README = Deno.readTextFileSync(join(PROJECT, "readme.txt"));

Deno.test("readme.txt lists every option with its default, and no other", () => {
  const section = README.slice(README.indexOf("\n3 Options\n"), README.indexOf("\n4 The design\n"));
  const wanted = OPTIONS.map(({ name, value, default: standard }) =>
    `  --${(value === null ? name : `${name} ${value}`).padEnd(30)} ${standard}`
  );
  assertEquals(section.split("\n").filter((line) => line.startsWith("  --")), wanted);
});

Deno.test("readme.txt has each of its sections once, with its text", () => {
  const headings = [...README.matchAll(/^(\d+) [A-Z].*\n-+\n./gm)];
  assertEquals(headings.map(([, number]) => Number(number)), Array.from({ length: 15 }, (_, index) => index + 1));
  assertEquals(README.match(/^\d+ [A-Z]/gm)?.length, headings.length);
});
