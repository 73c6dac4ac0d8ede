import { assert, assertEquals, assertMatch } from "@std/assert";
import { helpText, versionText } from "./help.ts";
import { OPTIONS, POSITIONS } from "./options.ts";

Deno.test("helpText() shows every option once, with its placeholder and its default", () => {
  const text = helpText();
  // A wrapped line is put together again: an entry begins with two spaces and "--", its rest is indented further.
  const entries = text.replace(/\n {6,}/g, " ").split("\n").filter((line) => line.startsWith("  --"));
  assertEquals(entries.length, OPTIONS.length);
  OPTIONS.forEach(({ name, value, meaning, default: text }) => {
    const entry = entries.filter((line) =>
      line.replace(/ {2,}/g, " ").startsWith(` --${name}${value ? ` ${value}` : ""} `)
    );
    assertEquals(entry.length, 1, name);
    assert(entry[0].replace(/ +/g, " ").endsWith(`${meaning} [${text}]`), entry[0]);
  });
});

Deno.test("helpText() names the eight arguments in their order", () => {
  const usage = helpText().replace(/\s+/g, " ");
  assert(usage.includes(`lisod ${POSITIONS.map((position) => position.label).join(" ")} [OPTION...]`));
});

Deno.test("helpText() fits a terminal of 80 columns and has no trailing blanks", () => {
  const text = helpText();
  for (const line of text.split("\n")) assertMatch(line, /^.{0,80}$/);
  assertEquals(text.match(/ $/m), null);
  assert(text.endsWith("]\n"));
});

Deno.test("versionText() names all in one line, and says where nobody knows the sources", () => {
  const versions = { lisod: "1.2.3", deno: "2.7.11", v8: "14.7" };
  const known = versionText({ ...versions, sources: "0123456789ab of 2026-11-29" });
  assertEquals(known, "lisod 1.2.3 (sources 0123456789ab of 2026-11-29, Deno 2.7.11, V8 14.7)\n");
  assertEquals(
    versionText({ ...versions, sources: "" }),
    "lisod 1.2.3 (built outside of git, Deno 2.7.11, V8 14.7)\n",
  );
});
