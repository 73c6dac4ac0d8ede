import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  FIELD_VALUE,
  FIELD_VALUE_BYTE,
  latin1Bytes,
  latin1Text,
  listElements,
  TARGET_BYTE,
  TCHAR,
  TOKEN,
} from "./grammar.ts";

const ALL_BYTES = Uint8Array.from({ length: 256 }, (_, byte) => byte);
const ALL_TEXT = Array.from(ALL_BYTES, (byte) => String.fromCharCode(byte)).join("");

/** The bytes that a table marks, as text. */
function marked(table: Readonly<Uint8Array>): string {
  return Array.from(ALL_BYTES).filter((byte) => table[byte] !== 0).map((byte) => String.fromCharCode(byte)).join("");
}

const DIGITS = "0123456789";
const UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const LOWER = UPPER.toLowerCase();

Deno.test("TCHAR marks the bytes of RFC 9110 5.6.2 and gives their lower case", () => {
  assertEquals(marked(TCHAR), `!#$%&'*+-.${DIGITS}${UPPER}^_\`${LOWER}|~`);
  for (const byte of ALL_BYTES) {
    if (TCHAR[byte] !== 0) assertEquals(String.fromCharCode(TCHAR[byte]), String.fromCharCode(byte).toLowerCase());
  }
});

Deno.test("FIELD_VALUE_BYTE and FIELD_VALUE take all but control bytes, and HTAB", () => {
  const want = `\t${ALL_TEXT.slice(0x20, 0x7f)}${ALL_TEXT.slice(0x80)}`;
  assertEquals(marked(FIELD_VALUE_BYTE), want);
  assertEquals([...ALL_TEXT].filter((character) => FIELD_VALUE.test(character)).join(""), want);
  assert(FIELD_VALUE.test(""));
  assert(!FIELD_VALUE.test("a\r\nb") && !FIELD_VALUE.test("a\n"));
});

Deno.test("TARGET_BYTE takes visible ASCII", () => {
  assertEquals(marked(TARGET_BYTE), ALL_TEXT.slice(0x21, 0x7f));
});

Deno.test("TOKEN takes one or more of TCHAR and nothing else", () => {
  for (const text of ["a", "Content-Length", marked(TCHAR)]) assert(TOKEN.test(text), text);
  for (const text of ["", " a", "a ", "a\n", "a:b", "a,b", "\xe4"]) assert(!TOKEN.test(text), text);
});

Deno.test("latin1Text() and latin1Bytes() are each other's reverse", () => {
  assertEquals(latin1Text(ALL_BYTES, 0, 256), ALL_TEXT);
  assertEquals(latin1Bytes(ALL_TEXT), ALL_BYTES);
  assertEquals(latin1Text(ALL_BYTES, 0x41, 0x44), "ABC");
  assertEquals(latin1Text(ALL_BYTES, 5, 5), "");
  const long = latin1Bytes("0123456789abcdef".repeat(2000));
  assertEquals(latin1Bytes(latin1Text(long, 0, long.length)), long);
});

Deno.test("latin1Text() tells texts apart that fall on the same place of its table", () => {
  // Far more texts than the table has places, twice, so that each is looked up where another one stands.
  for (const _round of [1, 2]) {
    for (let count = 0; count < 5000; count++) {
      const text = `text-${count}`;
      assertEquals(latin1Text(latin1Bytes(text), 0, text.length), text);
    }
  }
});

Deno.test("latin1Bytes() throws for a character above U+00FF", () => {
  assertThrows(() => latin1Bytes("a\u0100"), Error, "Not Latin-1");
});

Deno.test("listElements() gives the elements in lower case, without blanks and empty ones", () => {
  assertEquals(listElements("Close"), ["close"]);
  assertEquals(listElements(" a\t,,B , \tc "), ["a", "b", "c"]);
  assertEquals(listElements(", ,"), []);
  assertEquals(listElements(""), []);
  assertEquals(listElements("a b,\xa0c"), ["a b", "\xa0c"]);
});
