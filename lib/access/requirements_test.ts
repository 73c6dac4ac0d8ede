import { assertEquals, assertThrows } from "@std/assert";
import { GroupFileError, isRequired, parseGroupFile, parseRequirement } from "./requirements.ts";

const WHOLE = { segments: ["whole"] };

Deno.test("parseRequirement() reads who, and for which part", () => {
  const a = { segments: ["a", "b"] };
  assertEquals(parseRequirement("user eva  adam:/a/b/", WHOLE), { kind: "user", names: ["eva", "adam"], prefix: a });
  assertEquals(parseRequirement("group\tstaff", WHOLE), { kind: "group", names: ["staff"], prefix: WHOLE });
  assertEquals(parseRequirement(" valid-user :/a/b", WHOLE), { kind: "valid-user", names: [], prefix: a });
});

for (
  const text of [
    "",
    "user",
    "group:/a",
    "valid-user eva",
    "eva",
    "users eva",
    "user eva:a",
    "user eva:/..",
    "user a:b:/",
  ]
) {
  Deno.test(`parseRequirement() refuses "${text}"`, () => assertEquals(parseRequirement(text, WHOLE), null));
}

Deno.test("isRequired() lets in who is named, who is in a group that is named, or anybody", () => {
  const groups = parseGroupFile("# staff\nstaff: eva adam\r\n\nempty:\n  other :tom\nstaff:\tzoe\n");
  const table: readonly (readonly [texts: readonly string[], want: string])[] = [
    [["user eva tom"], "eva tom"],
    [["group staff"], "eva adam zoe"],
    [["group empty none"], ""],
    [["group other empty", "user zoe"], "tom zoe"],
    [["valid-user"], "eva adam tom zoe EVA"],
    [["user constructor"], ""],
  ];
  for (const [texts, want] of table) {
    const requirements = texts.flatMap((text) => parseRequirement(text, WHOLE) ?? []);
    const users = ["eva", "adam", "tom", "zoe", "EVA"].filter((user) => isRequired(user, requirements, groups));
    assertEquals(users.join(" "), want, texts.join());
  }
});

Deno.test("parseGroupFile() names the line that is wrong", () => {
  for (const text of ["staff", "staff eva", ": eva", "staff team: eva"]) {
    assertThrows(() => parseGroupFile(`a: b\n${text}`), GroupFileError, "line 2: not GROUP: USER USER");
  }
});
