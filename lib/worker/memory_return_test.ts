import { assertEquals } from "@std/assert";
import { MemoryBudget } from "../memory_budget.ts";
import { nextTurn } from "../system/readiness.ts";
import { MemoryReturn } from "./memory_return.ts";

/** So many looks until no work is new. */
const WORK = 32;

const NOTHING = { rest: () => Promise.resolve(), collect: () => {}, trim: () => {}, releaseProgram: () => {} };

Deno.test("look() trims when much was given back of much that was held, and 20 times in the 60 looks after, and never otherwise", () => {
  const budget = new MemoryBudget();
  let count = 0;
  let passed = 0;
  const counters = {
    requestCount: 0,
    sentBytes: 0,
    restedCount: 0,
    underWayCount: 0,
    get acceptedCount() {
      return passed++;
    },
  };
  const memory = new MemoryReturn({ budget, counters }, {
    ...NOTHING,
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
  const counters = { acceptedCount: 0, requestCount: 0, sentBytes: 0, restedCount: 0, underWayCount: 0 };
  let count = 0;
  const memory = new MemoryReturn({ budget: new MemoryBudget(), counters }, {
    ...NOTHING,
    trim: () => count++,
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

Deno.test("look() trims in the 10th look in which nothing has passed, in which it releases the program, and in the 3rd after much work", async () => {
  const done: string[] = [];
  const counters = { acceptedCount: 0, requestCount: 0, sentBytes: 0, restedCount: 0, underWayCount: 0 };
  const memory = new MemoryReturn({ budget: new MemoryBudget(), counters }, {
    ...NOTHING,
    trim: () => done.push("trim"),
    releaseProgram: () => done.push("release"),
  });
  const look = async (times: number) => {
    for (let time = 0; time < times; time++) {
      memory.look();
      // Who is to rest does so meanwhile.
      await nextTurn();
    }
    return done.splice(0);
  };
  for (let time = 0; time < WORK; time++) {
    counters.requestCount++;
    await look(1);
  }
  const rest = [[], ["release", "trim"], []];
  assertEquals([await look(9), await look(1), await look(100)], rest);
  for (const name of ["acceptedCount", "requestCount", "sentBytes"] as const) {
    counters[name]++;
    assertEquals([await look(10), await look(1), await look(100)], rest, name);
  }
  counters.acceptedCount += 500;
  counters.requestCount += 497 - WORK;
  assertEquals([await look(10), await look(1)], [[], ["release", "trim"]]);
  counters.requestCount++;
  assertEquals([await look(3), await look(1), await look(6), await look(1)], [[], ["trim"], [], ["release", "trim"]]);
  counters.requestCount += 999;
  assertEquals([await look(10), await look(1)], [[], ["release", "trim"]]);
});

Deno.test("look() has connections rest in each 2nd look in which nothing has passed, and collects once they do, and 1,000 have or have come", async () => {
  const done: string[] = [];
  const counters = { acceptedCount: 0, requestCount: 0, sentBytes: 0, restedCount: 0, underWayCount: 0 };
  let resting = Promise.withResolvers<void>();
  const memory = new MemoryReturn({ budget: new MemoryBudget(), counters }, {
    ...NOTHING,
    rest: () => {
      done.push("rest");
      return resting.promise;
    },
    collect: () => done.push("collect"),
  });
  const look = async (times: number) => {
    const told = [];
    for (let time = 0; time < times; time++) {
      memory.look();
      await nextTurn();
      told.push(done.splice(0).join());
    }
    return told;
  };
  const passed = (requestCount: number, restedCount: number) => {
    counters.requestCount += requestCount;
    counters.restedCount += restedCount;
  };
  passed(1000, 0);
  assertEquals(await look(5), ["", "", "rest", "", ""]);
  passed(0, 999);
  resting.resolve();
  assertEquals(await look(5), ["", "", "", "", ""]);
  // One more, which rests later than a look takes.
  passed(1000, 0);
  resting = Promise.withResolvers();
  assertEquals(await look(4), ["", "", "rest", ""]);
  passed(0, 1);
  resting.resolve();
  await nextTurn();
  assertEquals(await look(3), ["collect", "", ""]);
  // Nobody is kept waiting who has asked for something.
  counters.underWayCount = 1;
  passed(1000, 1000);
  assertEquals(await look(5), ["", "", "rest", "", ""]);
  counters.underWayCount = 0;
  passed(999, 0);
  assertEquals(await look(5), ["", "", "rest", "", ""]);
  passed(1, 0);
  assertEquals(await look(5), ["", "", "rest", "collect", ""]);
  // Who comes leaves as much behind, whatever he speaks.
  counters.acceptedCount += 999;
  passed(1, 0);
  assertEquals(await look(5), ["", "", "rest", "", ""]);
  counters.acceptedCount++;
  passed(999, 0);
  assertEquals(await look(5), ["", "", "rest", "collect", ""]);
});
