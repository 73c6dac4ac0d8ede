import { assertEquals } from "@std/assert";
import { type AccessRule, isAllowed, parseAccessRule } from "./access_rules.ts";
import { parseAddress } from "../ip_address.ts";

/** `+RULE` allows, `-RULE` denies. */
function readRules(...texts: readonly string[]): AccessRule[] {
  return texts.map((text) => {
    const rule = parseAccessRule(text.slice(1), text.startsWith("+"));
    if (rule === null) throw new Error(`No rule "${text}"`);
    return rule;
  });
}

Deno.test("isAllowed() decides by the longest prefix, then by the narrowest range, then by default", () => {
  const office = ["+10.0.0.0/8:/private", "-10.6.6.0/24:/private", "+10.6.6.1:/private"];
  const table: readonly [readonly string[], string, string, boolean][] = [
    [[], "192.0.2.1", "/", true],
    // Only who is allowed.
    [office, "10.1.1.1", "/private/x", true],
    [office, "192.0.2.1", "/private/x", false],
    [office, "::1", "/private/x", false],
    [office, "10.6.6.6", "/private", false],
    [office, "10.6.6.1", "/private", true],
    [office, "192.0.2.1", "/", true],
    // All but who is denied.
    [["-192.0.2.0/24:/"], "192.0.2.1", "/a", false],
    [["-192.0.2.0/24:/"], "192.0.3.1", "/a", true],
    [["-2001:db8::/32:/"], "2001:db8::1", "/a", false],
    // Equal ranges.
    [["+10.0.0.0/8:/", "-10.0.0.0/8:/"], "10.0.0.1", "/", false],
    [["-10.0.0.0/8:/", "+10.0.0.0/8:/"], "10.0.0.1", "/", false],
    // A longer prefix is a new start.
    [["-0.0.0.0/0:/", "+192.0.2.1:/open"], "192.0.2.1", "/open", true],
    [["-0.0.0.0/0:/", "+192.0.2.1:/open"], "192.0.2.1", "/", false],
    [["+192.0.2.1:/", "-10.0.0.0/8:/a/b"], "203.0.113.1", "/a/b/c", true],
    [["+192.0.2.1:/", "-10.0.0.0/8:/a/b"], "203.0.113.1", "/a/bc", false],
    // What the file system takes for the same path.
    [office, "192.0.2.1", "//private", false],
    [office, "192.0.2.1", "/private//", false],
    [office, "192.0.2.1", "///private///x", false],
    [office, "192.0.2.1", "/privates", true],
    [office, "192.0.2.1", "/x/private", true],
  ];
  for (const [rules, address, path, want] of table) {
    const got = isAllowed(readRules(...rules), { path, address: parseAddress(address) });
    assertEquals(got, want, `${rules.join(" ")} | ${address} ${path}`);
  }
});

Deno.test("isAllowed() finds a client without an address in no range", () => {
  assertEquals(isAllowed(readRules("-0.0.0.0/0:/", "-::/0:/"), { path: "/", address: null }), true);
  assertEquals(isAllowed(readRules("+0.0.0.0/0:/"), { path: "/", address: null }), false);
});

Deno.test("parseAccessRule() gives null when a part is missing or wrong", () => {
  const table = ["", "10.0.0.0/8", "10.0.0.0/8:", "10.0.0.0/8:private", ":/private", "10.0.0.0/99:/", "all:/"];
  for (const text of [...table, "10.0.0.0/8:/a/../b", "10.0.0.0/8:/a\0"]) {
    assertEquals(parseAccessRule(text, true), null, text);
  }
  assertEquals(parseAccessRule("2001:db8::/32:/a:/b/", true)?.prefix, { segments: ["a:", "b"] });
});
