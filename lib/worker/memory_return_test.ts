import { assertEquals } from "@std/assert";
import { MemoryBudget } from "../memory_budget.ts";
import { MemoryReturn } from "./memory_return.ts";

/** So many looks until no work is new. */
const WORK = 32;

Deno.test("look() trims when much was given back of much that was held, and 20 times in the 60 looks after, and never otherwise", () => {
  const budget = new MemoryBudget();
  let count = 0;
  let passed = 0;
  const counters = {
    requestCount: 0,
    sentBytes: 0,
    get acceptedCount() {
      return passed++;
    },
  };
  const memory = new MemoryReturn({ budget, counters }, {
    trim: () => count++,
    releaseProgram: () => count++,
  });
  const look = (times: number) => {
    const before = count;
    for (let time = 0; time < times; time++) memory.look();
    return count - before;
  };
  const much = 8 << 20;
  const change = (bytes: number) => {
    budget.take(bytes);
    budget.give(bytes);
    return look(1);
  };
  look(1 + WORK);
  // Many small ones, one after another.
  budget.take(much - 1);
  assertEquals([change(much), look(100)], [0, 0]);
  // Much is held, and stays.
  budget.take(much);
  assertEquals([look(100), change(much - 1)], [0, 0]);
  assertEquals([change(much), change(much)], [1, 1]);
  assertEquals(look(100), 20);
  budget.give(budget.heldBytes);
  assertEquals(look(100), 21);
});

Deno.test("look() trims in the 2nd, the 8th and the 32nd look that finds work", () => {
  const counters = { acceptedCount: 0, requestCount: 0, sentBytes: 0 };
  let count = 0;
  const memory = new MemoryReturn({ budget: new MemoryBudget(), counters }, {
    trim: () => count++,
    releaseProgram: () => {},
  });
  const trimmed: number[] = [];
  for (let number = 1; number <= 10 * WORK; number++) {
    memory.look();
    counters.requestCount++;
    const before = count;
    memory.look();
    if (count > before) trimmed.push(number);
  }
  assertEquals([trimmed, count], [[2, 8, WORK], 3]);
});

Deno.test("look() trims in the 10th look in which nothing has passed, in which it releases the program, and in the 2nd after much work", () => {
  const done: string[] = [];
  const counters = { acceptedCount: 0, requestCount: 0, sentBytes: 0 };
  const memory = new MemoryReturn({ budget: new MemoryBudget(), counters }, {
    trim: () => done.push("trim"),
    releaseProgram: () => done.push("release"),
  });
  const look = (times: number) => {
    for (let time = 0; time < times; time++) memory.look();
    return done.splice(0);
  };
  for (let time = 0; time < WORK; time++) {
    counters.requestCount++;
    look(1);
  }
  const rest = [[], ["release", "trim"], []];
  assertEquals([look(9), look(1), look(100)], rest);
  for (const name of ["acceptedCount", "requestCount", "sentBytes"] as const) {
    counters[name]++;
    assertEquals([look(10), look(1), look(100)], rest, name);
  }
  counters.acceptedCount += 500;
  counters.requestCount += 497 - WORK;
  assertEquals([look(10), look(1)], [[], ["release", "trim"]]);
  counters.requestCount++;
  assertEquals([look(2), look(1), look(7), look(1)], [[], ["trim"], [], ["release", "trim"]]);
  counters.requestCount += 999;
  assertEquals([look(10), look(1)], [[], ["release", "trim"]]);
});
