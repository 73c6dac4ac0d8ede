import { assertEquals } from "@std/assert";
import { MemoryBudget } from "../memory_budget.ts";
import { MemoryReturn } from "./memory_return.ts";

Deno.test("look() trims while much waits for clients and for 60 looks after, and never otherwise", () => {
  const budget = new MemoryBudget();
  let count = 0;
  const memory = new MemoryReturn(budget, () => count++);
  const look = (times: number) => {
    const before = count;
    for (let time = 0; time < times; time++) memory.look();
    return count - before;
  };
  budget.take((8 << 20) - 1);
  assertEquals(look(100), 0);
  budget.take(1);
  assertEquals(look(100), 100);
  budget.give(8 << 20);
  assertEquals(look(100), 60);
  assertEquals(look(100), 0);
});
