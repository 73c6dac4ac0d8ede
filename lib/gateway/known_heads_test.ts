import { assertEquals } from "@std/assert";
import { KnownHeads } from "./known_heads.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("KnownHeads finds a head that an answer begins with, byte by byte, and none that only looks like it", () => {
  const known = new KnownHeads<string>();
  const first = bytes("A: 1\r\n\r\n");
  known.keep(first, "one");
  first.fill(0);
  const found = known.find(bytes("A: 1\r\n\r\ncontent"));
  assertEquals([found?.meaning, found?.bytes.length], ["one", 8]);
  for (const other of ["", "A: 1\r\n\r", "A: 1\r\nB: 2\r\n\r\n", "a: 1\r\n\r\n", " A: 1\r\n\r\n"]) {
    assertEquals(known.find(bytes(other)), null, other);
  }
});

Deno.test("KnownHeads keeps the last ones, and no long one", () => {
  const known = new KnownHeads<number>();
  for (let count = 0; count < 5; count++) known.keep(bytes(`A: ${count}\n\n`), count);
  const found = [0, 1, 2, 3, 4].map((count) => known.find(bytes(`A: ${count}\n\n`))?.meaning ?? null);
  assertEquals(found, [null, 1, 2, 3, 4]);
  const long = bytes(`A: ${"x".repeat(2048)}\n\n`);
  known.keep(long, 9);
  assertEquals(known.find(long), null);
});
