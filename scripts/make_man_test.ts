import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { OPTIONS } from "../lib/config/options.ts";
import { configPage, manPage } from "./make_man.ts";

/** The macros of man(7) that the page uses. */
const MACROS = ["TH", "SH", "SS", "PP", "TP", "RS", "RE", "nf", "fi", "br", "B", "I", "RI", "BR"];

Deno.test("manPage() describes every option once, with its default", () => {
  const lines = manPage().split("\n");
  for (const { name, value, default: standard } of OPTIONS) {
    const tag = `\\fB\\-\\-${name.replaceAll("-", "\\-")}\\fR`;
    const indexes = lines.flatMap((line, index) => line === tag || line.startsWith(`${tag} `) ? [index] : []);
    assertEquals(indexes.length, 1, name);
    assertEquals(lines[indexes[0] - 1], ".TP");
    assertEquals(lines[indexes[0]].includes("\\fI"), value !== null, name);
    assertStringIncludes(lines[indexes[0] + 1], ` Default: ${standard.replaceAll("-", "\\-")}.`);
  }
});

Deno.test("manPage() begins a line with a macro of man(7) or with text", () => {
  const requests = manPage().split("\n").filter((line) => /^[.']/.test(line)).map((line) =>
    line.slice(1).split(" ")[0]
  );
  assertEquals(requests.filter((request) => !MACROS.includes(request)), []);
});

Deno.test("manPage() has no hyphen where a terminal shall show a minus", () => {
  assertEquals(manPage().match(/(?<!\\)-/g), null);
});

Deno.test("configPage() has a line for each option of a file, says where it may stand, and has macros and minus signs alone", () => {
  const lines = configPage().split("\n");
  for (const { name, scope } of OPTIONS) {
    const count = lines.filter((line) => line.startsWith(`\\fB${name.replaceAll("-", "\\-")} =\\fR `)).length;
    assertEquals(count, scope === "command" ? 0 : 1, name);
  }
  const place = (name: string) => lines[lines.findIndex((line) => line.startsWith(`\\fB${name} =`)) + 1];
  assertMatch(place("workers"), / At the top\.$/);
  assertMatch(place("key"), / At the top, or in the section of hosts\.$/);
  assertMatch(place("root"), / At the top, or in any section\.$/);
  const requests = lines.filter((line) => /^[.']/.test(line)).map((line) => line.slice(1).split(" ")[0]);
  assertEquals(requests.filter((request) => !MACROS.includes(request)), []);
  assertEquals(configPage().match(/(?<!\\)-/g), null);
});
