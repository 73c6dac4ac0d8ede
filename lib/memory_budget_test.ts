import { assertEquals } from "@std/assert";
import { fairShare, MemoryBudget } from "./memory_budget.ts";

Deno.test("MemoryBudget tells each time that more is taken than may be held, and not when it is given back", () => {
  const budget = new MemoryBudget(100);
  let calls = 0;
  budget.onFull = () => void calls++;
  budget.take(100);
  assertEquals([budget.heldBytes, calls], [100, 0]);
  budget.take(1);
  budget.take(1);
  assertEquals([budget.heldBytes, calls], [102, 2]);
  budget.give(60);
  budget.take(50);
  assertEquals([budget.heldBytes, calls, budget.givenBytes], [92, 2, 60]);
});

Deno.test("fairShare() leaves three quarters to others, fairRoom() does so of what is left, spoolRoom() of half", () => {
  const table: readonly [leftBytes: number, ownBytes: number, want: number][] = [
    [400, 0, 100],
    [300, 100, 0],
    [340, 60, 40],
    [0, 0, 0],
    [-50, 10, 0],
    [Infinity, 10, Infinity],
  ];
  for (const [leftBytes, ownBytes, want] of table) assertEquals(fairShare(leftBytes, ownBytes), want);
  const budget = new MemoryBudget(400);
  budget.take(60);
  assertEquals([budget.fairRoom(0), budget.fairRoom(60), new MemoryBudget().fairRoom(5)], [85, 40, Infinity]);
  assertEquals([budget.spoolRoom(0), budget.spoolRoom(60), new MemoryBudget().spoolRoom(5)], [35, 0, Infinity]);
});
