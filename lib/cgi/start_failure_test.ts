import { assertEquals } from "@std/assert";
import { startFailure } from "./start_failure.ts";

const [ENOENT, ENOEXEC, EACCES, E2BIG] = [2, 8, 13, 7];
const SAID = "what the system said";

/** What the file holds, the error of the system, and what is told. */
const ROWS: readonly (readonly [content: string | Uint8Array<ArrayBuffer>, errno: number, want: string])[] = [
  ["#!/usr/bin/python4\nprint(1)\n", ENOENT, 'its first line is "#!/usr/bin/python4", and there is no such program'],
  ["#!/bin/sh\r\necho\r\n", ENOENT, 'its first line "#!/bin/sh" ends in CR LF and must end in LF alone'],
  ["#!/bin/sh", ENOENT, 'its first line is "#!/bin/sh", and there is no such program'],
  ["#!/etc\n", EACCES, 'its first line is "#!/etc", and it or that program may not be executed'],
  ["#!/bin/sh\n", E2BIG, `${SAID}; its first line is "#!/bin/sh"`],
  ["print hello\n", ENOEXEC, 'it is no program, and its first line is "print hello"'],
  ["", ENOEXEC, 'it is no program, and its first line is ""'],
  ["print hello\n", EACCES, SAID],
  [new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 0, 0]), ENOEXEC, SAID],
  [`#!/${"x".repeat(1000)}\n`, ENOENT, `its first line is "#!/${"x".repeat(253)}", and there is no such program`],
];

for (const [content, errno, want] of ROWS) {
  Deno.test(`startFailure() tells of error ${errno}: ${want.slice(0, 60)}`, async () => {
    const path = await Deno.makeTempFile();
    try {
      await (typeof content === "string" ? Deno.writeTextFile(path, content) : Deno.writeFile(path, content));
      assertEquals(startFailure(path, { errno, message: SAID }), want);
    } finally {
      await Deno.remove(path);
    }
  });
}

Deno.test("startFailure() tells what the system said of what cannot be read", () => {
  for (const path of ["/nowhere/at/all", "/"]) assertEquals(startFailure(path, { errno: ENOENT, message: SAID }), SAID);
});
