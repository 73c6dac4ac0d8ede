import { assertEquals } from "@std/assert";
import { basicChallenge, parseBasicCredentials } from "./basic_credentials.ts";

/** UTF-8 in base64. */
function encode(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

Deno.test("parseBasicCredentials() reads user and password", () => {
  const table: readonly [string, string, string][] = [
    // RFC 7617 2 and 2.1.
    ["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin", "open sesame"],
    ["Basic dGVzdDoxMjPCow==", "test", "123£"],
    [`basic ${encode("a:b")}`, "a", "b"],
    [`BASIC  ${encode("a:b:c")}`, "a", "b:c"],
    [`Basic ${encode(":")}`, "", ""],
    [`Basic ${encode("a:")}`, "a", ""],
    [`Basic ${encode("\ufeffa:b")}`, "\ufeffa", "b"],
  ];
  for (const [field, user, password] of table) assertEquals(parseBasicCredentials(field), { user, password }, field);
});

Deno.test("parseBasicCredentials() gives null when the field holds none", () => {
  const table = [
    "",
    "Basic",
    "Basic ",
    `Basic${encode("a:b")}`,
    `Bearer ${encode("a:b")}`,
    `Basic ${encode("ab")}`,
    `Basic ${encode("a:b")} x`,
    `Basic ${encode("a:b")}, Basic ${encode("c:d")}`,
    `Basic ${encode("a\n:b")}`,
    `Basic ${encode("a:b\0")}`,
    "Basic YTpi!",
    "Basic YTpiY",
    `Basic ${btoa("\xff:b")}`,
  ];
  for (const field of [null, ...table]) assertEquals(parseBasicCredentials(field), null, String(field));
});

Deno.test("basicChallenge() quotes the realm", () => {
  assertEquals(basicChallenge('A "quoted\\" realm'), 'Basic realm="A \\"quoted\\\\\\" realm", charset="UTF-8"');
});
