import { assertEquals } from "@std/assert";
import { type Charset, contentType, needsStart } from "./charset.ts";

const UTF8 = "; charset=utf-8";
const E_ACUTE_LATIN1 = "\xe9";
const E_ACUTE_UTF8 = "\xc3\xa9";

/** `text` is the start, one character a byte; `suffix` is what "auto" adds. */
const AUTO: readonly (readonly [name: string, type: string, text: string, suffix: string])[] = [
  ["ASCII", "text/html", "<p>a", UTF8],
  ["nothing", "text/plain", "", UTF8],
  ["UTF-8", "text/html", `<p>${E_ACUTE_UTF8}`, UTF8],
  ["UTF-8 with a byte order mark", "text/plain", `\xef\xbb\xbf${E_ACUTE_UTF8}`, UTF8],
  ["ISO-8859-1", "text/html", `<p>${E_ACUTE_LATIN1}`, ""],
  ["ISO-8859-1 that names itself", "text/html", `<meta charset=iso-8859-1><p>${E_ACUTE_LATIN1}`, ""],
  ["ASCII that is named ISO-8859-1", "text/html", `<meta charset="iso-8859-1"><p>a`, ""],
  [
    "ASCII that is named windows-1252 as in HTML 4",
    "text/html",
    `<META http-equiv=Content-Type content='text/html; charset=windows-1252'>`,
    "",
  ],
  ["UTF-8 that names itself", "text/html", `<!doctype html><META CHARSET='UTF-8'><p>${E_ACUTE_UTF8}`, UTF8],
  ["UTF-16", "text/plain", "\xff\xfea\0", ""],
  ["Shift_JIS", "text/plain", "\x83\x65\x83\x58\x83\x67", ""],
  ["a name beyond what browsers look at", "text/html", `${" ".repeat(1100)}<meta charset=koi8-r>`, UTF8],
  ["a name that is no element", "text/plain", "<meta charset=koi8-r>", UTF8],
  ["a style sheet that names itself", "text/css", '@charset "iso-8859-1";\na{}', ""],
  ["a style sheet in UTF-8 that names itself", "text/css", '@charset "utf-8";\na{}', UTF8],
  ["a style sheet that speaks of it", "text/css", '/* @charset "iso-8859-1"; */', UTF8],
  ["JSON", "application/json", "{}", ""],
  ["SVG", "image/svg+xml", "<svg/>", ""],
  ["a type with its own", "text/plain; charset=koi8-r", "a", ""],
];

for (const [name, type, text, suffix] of AUTO) {
  Deno.test(`contentType() says ${suffix === "" ? "nothing" : "UTF-8"} when ${type} is ${name}`, () => {
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    assertEquals(contentType(type, { charset: "auto", start: { bytes, isWhole: true } }), type + suffix);
  });
}

Deno.test("contentType() takes no offence at a character that is cut where more follows", () => {
  const bytes = Uint8Array.of(0x61, 0xc3);
  const of = (isWhole: boolean) => contentType("text/plain", { charset: "auto", start: { bytes, isWhole } });
  assertEquals([of(false), of(true)], ["text/plain; charset=utf-8", "text/plain"]);
});

const SAID: readonly (readonly [charset: Charset, type: string, want: string])[] = [
  ["off", "text/html", "text/html"],
  ["auto", "text/html", "text/html"],
  [{ name: "iso-8859-1" }, "text/html", "text/html; charset=iso-8859-1"],
  [{ name: "iso-8859-1" }, "text/html;charset=utf-8", "text/html;charset=utf-8"],
  [{ name: "iso-8859-1" }, "image/png", "image/png"],
];

for (const [charset, type, want] of SAID) {
  Deno.test(`contentType() returns ${want} for ${type} of which nobody knows more, told ${JSON.stringify(charset)}`, () => {
    assertEquals(contentType(type, { charset, start: null }), want);
  });
}

Deno.test("needsStart() holds for texts that may be UTF-8", () => {
  assertEquals([needsStart("text/html", "auto"), needsStart("text/html", "off")], [true, false]);
  assertEquals([needsStart("text/html", { name: "a" }), needsStart("image/png", "auto")], [false, false]);
});
