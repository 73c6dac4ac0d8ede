import { assertEquals } from "@std/assert";
import { ToldOnce } from "./told_once.ts";

function makeOnce() {
  const lines: string[] = [];
  return {
    lines,
    once: new ToldOnce({
      warn: (source, text) => void lines.push(`${source}: ${text}`),
      info: (source, text) => void lines.push(`INFO ${source}: ${text}`),
    }),
  };
}

Deno.test("ToldOnce.warn() tells each text of each source once, and anew after forget()", () => {
  const { lines, once } = makeOnce();
  for (const text of ["a", "b", "a", "b"]) once.warn("x", text);
  once.warn("y", "a");
  assertEquals(lines, ["x: a", "x: b", "y: a"]);
  once.forget();
  once.warn("x", "a");
  assertEquals(lines.length, 4);
});

Deno.test("ToldOnce.warn() says when it will tell no more, and remembers no more", () => {
  const { lines, once } = makeOnce();
  for (let count = 0; count < 5000; count++) once.warn("x", `${count}`);
  assertEquals(lines.length, 1001);
  assertEquals(lines.slice(999), [
    "x: 999",
    "x: More than 1000 such faults: further ones are told at the level of debug alone",
  ]);
});

Deno.test("ToldOnce.info() tells each text once, too", () => {
  const { lines, once } = makeOnce();
  for (let round = 0; round < 2; round++) once.info("warm", "as it should be");
  assertEquals(lines, ["INFO warm: as it should be"]);
});
