import { assertEquals } from "@std/assert";
import { Learned } from "./learned.ts";

const P1 = "P\x1f/script\x1f/usr/lib";
const P2 = "P\x1f/other\x1f/usr/lib";
const module = (name: string) => `M\x1f${name}\x1f/usr/lib/${name}.py`;

Deno.test("Learned.add() unites what several requests have imported, in their order, and says whether there was more", () => {
  const learned = new Learned();
  assertEquals(learned.add([P1, module("a"), module("b")]), true);
  assertEquals(learned.add([P1, module("b"), module("a")]), false);
  assertEquals(learned.add([P1, module("c")]), true);
  assertEquals(learned.lines, [P1, module("a"), module("b"), module("c")]);
  assertEquals(learned.count, 3);
});

Deno.test("Learned.lines tells where a script changes the folders that are looked through, or sets a variable", () => {
  const learned = new Learned();
  learned.add([P1, module("a"), P2, "E\x1fMODE\x1fdark", module("b")]);
  learned.add([P1, module("c")]);
  assertEquals(learned.lines, [P1, module("a"), P2, "E\x1fMODE\x1fdark", module("b"), P1, module("c")]);
});

Deno.test("Learned.leave() leaves a module to those that need it, for good", () => {
  const learned = new Learned();
  learned.add([P1, module("a"), module("b")]);
  assertEquals(learned.leave("a"), 1);
  assertEquals(learned.add([P1, module("a")]), false);
  assertEquals(learned.lines, [P1, module("a").replace("M", "L"), module("b")]);
});

Deno.test("Learned.add() takes no more names than a program can have", () => {
  const learned = new Learned();
  learned.add([P1, ...Array.from({ length: 20_000 }, (_, index) => module(`m${index}`))]);
  assertEquals(learned.count, 10_000);
});
