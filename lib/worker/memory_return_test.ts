import { assertEquals } from "@std/assert";
import { MemoryBudget } from "../memory_budget.ts";
import { MemoryReturn } from "./memory_return.ts";

Deno.test("look() trims when much was given back of much that was held, and 20 times in the 60 looks after, and never otherwise", () => {
  const budget = new MemoryBudget();
  let count = 0;
  const memory = new MemoryReturn(budget, () => count++);
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
