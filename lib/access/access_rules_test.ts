import { assertEquals } from "@std/assert";
import { isAllowed, parseAccessRule, type PlacedRule } from "./access_rules.ts";
import { parseAddress } from "../ip_address.ts";

/** `+RULE` allows, `-RULE` denies. */
function readRules(...texts: readonly string[]): PlacedRule[] {
  return texts.map((text) => {
    const rule = parseAccessRule(text.slice(1), { isAllowed: text.startsWith("+") });
    if (rule === null) throw new Error(`No rule "${text}"`);
    return rule;
  });
}

Deno.test("isAllowed() decides by the narrowest range, then by default", () => {
  const office = ["+10.0.0.0/8:/", "-10.6.6.0/24:/", "+10.6.6.1:/"];
  const table: readonly [readonly string[], string, boolean][] = [
    [[], "192.0.2.1", true],
    // Only who is allowed.
    [office, "10.1.1.1", true],
    [office, "192.0.2.1", false],
    [office, "::1", false],
    [office, "10.6.6.6", false],
    [office, "10.6.6.1", true],
    // All but who is denied.
    [["-192.0.2.0/24:/"], "192.0.2.1", false],
    [["-192.0.2.0/24:/"], "192.0.3.1", true],
    [["-2001:db8::/32:/"], "2001:db8::1", false],
    // Equal ranges.
    [["+10.0.0.0/8:/", "-10.0.0.0/8:/"], "10.0.0.1", false],
    [["-10.0.0.0/8:/", "+10.0.0.0/8:/"], "10.0.0.1", false],
  ];
  for (const [rules, address, want] of table) {
    assertEquals(isAllowed(readRules(...rules), parseAddress(address)), want, `${rules.join(" ")} | ${address}`);
  }
});

Deno.test("isAllowed() finds a client without an address in no range", () => {
  assertEquals(isAllowed(readRules("-0.0.0.0/0:/", "-::/0:/"), null), true);
  assertEquals(isAllowed(readRules("+0.0.0.0/0:/"), null), false);
});

Deno.test("parseAccessRule() gives null when a part is missing or wrong", () => {
  const table = ["", "10.0.0.1/8", "10.0.0.0/8:", "10.0.0.0/8:private", ":/private", "10.0.0.0/99:/", "all:/"];
  for (const text of [...table, "10.0.0.0/8:/a/../b", "10.0.0.0/8:/a\0"]) {
    assertEquals(parseAccessRule(text, { isAllowed: true }), null, text);
  }
  assertEquals(parseAccessRule("2001:db8::/32:/a:/b/", { isAllowed: true })?.prefix, { segments: ["a:", "b"] });
});

Deno.test("parseAccessRule() takes a range alone for the prefix that it stands in", () => {
  for (const text of ["10.0.0.0/8", "192.0.2.1", "2001:db8::/32", "::/0", "::1"]) {
    const prefix = { segments: ["a"] };
    assertEquals(parseAccessRule(text, { isAllowed: true, prefix })?.prefix, prefix, text);
    assertEquals(parseAccessRule(text, { isAllowed: true })?.prefix, { segments: [] }, text);
  }
});
