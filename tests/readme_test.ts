/** readme.txt against what it speaks of: the options and their defaults. The files that it names: scripts/check_texts.ts. */
import { assertEquals, fail } from "@std/assert";
import { join } from "@std/path";
import { parseCommandLine } from "../lib/config/config.ts";
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

/** The words of each command of section 2 that names options or a folder; a backslash carries one on in the next line. */
function commandsOf(text: string): readonly (readonly string[])[] {
  const lines = text.replaceAll(/ \\\n +/g, " ").split("\n");
  return lines.flatMap((line) => {
    const [, command] = /^ {2}(?:\S.* {2,})?(?: {15,})?lisod ((?:--?|\/)\S.*?)(?: {2,}\S.*)?$/.exec(line) ?? [];
    return command === undefined ? [] : [command.split(" ")];
  });
}

Deno.test("readme.txt shows commands that lisod takes", () => {
  const section = README.slice(README.indexOf("\n2 Running it\n"), README.indexOf("\n--check ends with 0"));
  const commands = commandsOf(section);
  assertEquals(commands.length, 11, commands.map((words) => words.join(" ")).join("\n"));
  const surroundings = { cwd: "/", environment: {}, configFiles: { load: fail, find: fail } };
  for (const words of commands) {
    const { kind } = parseCommandLine(words, surroundings);
    assertEquals(kind, words.includes("--check") ? "check" : "serve", words.join(" "));
  }
});
