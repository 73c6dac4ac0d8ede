import { assertEquals, assertStringIncludes } from "@std/assert";
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

const UNSUITABLE: readonly (readonly [string | null, string])[] = [
  [null, "no first line"],
  ["", "no first line"],
  ["\u007fELF", "no first line"],
  ["#!", "no first line"],
  ["#!/bin/sh", '"sh" is neither'],
  ["#!/usr/bin/python2", '"python2" is neither'],
  ["#!/usr/bin/python3-dbg", "neither"],
  ["#!/usr/bin/php-cgi", "neither"],
  ["#!/usr/bin/env", '"" is neither'],
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

for (const [line, part] of UNSUITABLE) {
  Deno.test(`interpreterOfLine() refuses ${JSON.stringify(line)}`, () => {
    const found = interpreterOfLine(line);
    assertStringIncludes("reason" in found ? found.reason : "none", part);
  });
}

Deno.test("interpreterOfHandler() takes the program of a handler as it is", () => {
  assertEquals(interpreterOfHandler("/usr/bin/python3"), { language: "python", words: ["/usr/bin/python3"] });
  assertEquals(interpreterOfHandler("/usr/bin/php-cgi"), { reason: '"php-cgi" is neither Python 3 nor Perl' });
});
