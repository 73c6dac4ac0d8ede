import { assertEquals } from "@std/assert";
import { nearestName } from "./nearest_name.ts";
import { OPTIONS } from "./options.ts";

const NAMES = OPTIONS.map(({ name }) => name);

Deno.test("nearestName() finds the option that was meant", () => {
  const rows: readonly (readonly [text: string, want: string])[] = [
    ["root", "root"],
    ["Root", "root"],
    ["rot", "root"],
    ["roots", "root"],
    ["riot", "root"],
    ["htpp", "http"],
    ["htttps", "https"],
    ["listning", "listing"],
    ["keep-alive", "keep-alive-ms"],
    ["cert", "certificate"],
    ["script-allias", "script-alias"],
    ["fallbak", "fallback"],
  ];
  for (const [text, want] of rows) assertEquals(nearestName(text, NAMES), want, text);
});

Deno.test("nearestName() finds nothing where nothing is near, or too much", () => {
  const texts = [
    "",
    "x",
    "_",
    "hx",
    "port",
    "no-listing",
    "constructor",
    "__proto__",
    "a\nb",
    "max-",
    "cgi-limit-",
    "vhost",
  ];
  for (const text of [...texts, "-".repeat(100_000)]) assertEquals(nearestName(text, NAMES), null, text.slice(0, 20));
});
