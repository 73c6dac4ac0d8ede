import { assert, assertEquals, assertMatch } from "@std/assert";
import { LIMITS } from "../limits.ts";
import { findOption, LIMIT_OPTIONS, OPTIONS, POSITIONS } from "./options.ts";
import { parseCount, parseSize, parseTime } from "./quantity.ts";

Deno.test("OPTIONS names each option once, in kebab-case and with a meaning", () => {
  const names = OPTIONS.map((option) => option.name);
  assertEquals(new Set(names).size, names.length);
  for (const { name, meaning } of OPTIONS) {
    assertMatch(name, /^[a-z]+2?(-[a-z]+)*$/);
    assertMatch(meaning, /^[A-Z].*[^.]$/);
    // parseArgs reads `--no-x` as the opposite of `x`.
    assert(!name.startsWith("no-"), name);
  }
});

Deno.test("OPTIONS holds every limit, with its default as it may be given", () => {
  assertEquals(LIMIT_OPTIONS.map((option) => option.limit as string), Object.keys(LIMITS));
  assertEquals(findOption("max-line-bytes")?.value, "SIZE");
  for (const { limit, default: text } of LIMIT_OPTIONS) {
    const { unit, value } = LIMITS[limit];
    assertEquals({ bytes: parseSize, ms: parseTime, count: parseCount }[unit](text), value, limit);
  }
});

Deno.test("LIMITS has defaults within their bounds", () => {
  for (const [name, limit] of Object.entries(LIMITS)) {
    const { value, least = 1, most = Infinity }: { value: number; least?: number; most?: number } = limit;
    assert(least <= value && value <= most, name);
  }
});

Deno.test("findOption() finds nothing but own names", () => {
  assertEquals(findOption("root")?.name, "root");
  for (const name of ["", "Root", "--root", "constructor", "__proto__"]) {
    assertEquals(findOption(name), undefined, name);
  }
});

Deno.test("POSITIONS are the eight of the course in their order", () => {
  const names: string[] = POSITIONS.map((position) => position.name);
  assertEquals(names, ["http", "https", "log", "lock", "root", "cgi", "key", "certificate"]);
});
