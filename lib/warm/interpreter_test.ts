import { assertEquals, assertStringIncludes, fail } from "@std/assert";
import { interpreterOfHandler, interpreterOfLine } from "./interpreter.ts";

const SUITABLE: readonly (readonly [string, "python" | "perl", readonly string[]])[] = [
  ["#!/usr/bin/python3", "python", ["/usr/bin/python3"]],
  ["#! \t/usr/bin/python3.11 \t", "python", ["/usr/bin/python3.11"]],
  ["#!/srv/venv/bin/python -I", "python", ["/srv/venv/bin/python", "-I"]],
  ["#!/usr/bin/env python3", "python", ["/usr/bin/env", "python3"]],
  ["#!/bin/env -S python3 -u -Xutf8", "python", ["/bin/env", "-S python3 -u -Xutf8"]],
  ["#!/usr/bin/env --split-string=perl -w", "perl", ["/usr/bin/env", "--split-string=perl -w"]],
  ["#!/usr/bin/perl", "perl", ["/usr/bin/perl"]],
  ["#!/usr/local/bin/perl5.36.0 -wT", "perl", ["/usr/local/bin/perl5.36.0", "-wT"]],
];

for (const [line, language, words] of SUITABLE) {
  Deno.test(`interpreterOfLine() takes "${line}"`, () => assertEquals(interpreterOfLine(line), { language, words }));
}

/** The line, a part of the reason, and whether it asks for neither Python nor Perl. */
const UNSUITABLE: readonly (readonly [string | null, string, "foreign"?])[] = [
  [null, "no first line", "foreign"],
  ["", "no first line", "foreign"],
  ["\u007fELF", "no first line", "foreign"],
  ["#!", "no first line", "foreign"],
  ["#!/bin/sh", '"sh" is neither', "foreign"],
  ["#!/usr/bin/env -S bash -e", '"bash" is neither', "foreign"],
  ["#!/usr/bin/python2", '"python2" is neither'],
  ["#!/usr/bin/python3-dbg", "neither"],
  ["#!/usr/bin/php-cgi", "neither", "foreign"],
  ["#!/usr/bin/env", '"" is neither', "foreign"],
  // Without -S this is one name.
  ["#!/usr/bin/env python3 -u", "neither"],
  ["#!/usr/bin/env -S A=1 python3", "neither"],
  ["#!/usr/bin/env -i python3", "neither"],
  ["#!/usr/bin/python3 -E -s", 'option "-E -s"'],
  ["#!/usr/bin/python3 -i", 'option "-i"'],
  ["#!/usr/bin/python3 -m", 'option "-m"'],
  ["#!/usr/bin/python3 -x", 'option "-x"'],
  ["#!/usr/bin/perl -n", 'option "-n"'],
  ["#!/usr/bin/env -S perl '-w'", "option"],
  ["#!/usr/bin/env -S perl -I${HOME}", "option"],
];

for (const [line, part, foreign] of UNSUITABLE) {
  Deno.test(`interpreterOfLine() refuses ${JSON.stringify(line)}`, () => {
    const found = interpreterOfLine(line);
    if (!("reason" in found)) fail("It is suitable");
    assertStringIncludes(found.reason, part);
    assertEquals(found.isForeign, foreign !== undefined);
  });
}

Deno.test("interpreterOfHandler() takes the program of a handler as it is", () => {
  assertEquals(interpreterOfHandler("/usr/bin/python3"), { language: "python", words: ["/usr/bin/python3"] });
  const reason = '"php-cgi" is neither Python 3 nor Perl';
  assertEquals(interpreterOfHandler("/usr/bin/php-cgi"), { reason, isForeign: true });
});
