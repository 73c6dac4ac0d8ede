import { assertEquals } from "@std/assert";
import { nextTurn } from "../system/readiness.ts";
import { Semaphore, Turnstile } from "./turnstile.ts";

Deno.test("Turnstile.enter() gives so many their turn, the others later and in their order, and everybody else in between", async () => {
  const turnstile = new Turnstile(2);
  const told: string[] = [];
  const enter = async (name: string) => {
    await turnstile.enter();
    told.push(name);
  };
  const first = ["a", "b", "c", "d", "e", "f", "g"].map(enter);
  assertEquals([turnstile.enter() === null, told], [false, []]);
  for (let count = 0; count < 4; count++) {
    told.push("|");
    await nextTurn();
  }
  await Promise.all(first);
  // Its own turn comes before that of the test, which is told of each.
  assertEquals(told.join(""), "|abcd|ef|g|");
  // All are through.
  assertEquals([turnstile.enter(), turnstile.enter(), turnstile.enter() === null], [null, null, false]);
});

Deno.test("Semaphore.enter() lets so many in at once, and the others in their order, one for each that leaves", async () => {
  const semaphore = new Semaphore(2);
  const told: string[] = [];
  assertEquals([semaphore.enter(), semaphore.enter()], [null, null]);
  const others = ["a", "b", "c"].map((name) => semaphore.enter()?.then(() => told.push(name)));
  for (const want of ["a", "ab", "abc"]) {
    await nextTurn();
    assertEquals(told.join(""), want.slice(0, -1));
    semaphore.leave();
    await others[want.length - 1];
    assertEquals(told.join(""), want);
  }
  semaphore.leave();
  semaphore.leave();
  assertEquals([semaphore.enter(), semaphore.enter(), semaphore.enter() === null], [null, null, false]);
});
