import { assert, assertEquals } from "@std/assert";
import { bytesOf, textOf } from "../../tests/feed.ts";
import { MemoryBudget } from "../memory_budget.ts";
import { OutputBuffer, OutputPool } from "./output_buffer.ts";

Deno.test("OutputBuffer keeps bytes in order and grows when it must", () => {
  const output = new OutputBuffer();
  const { room } = output;
  let want = "";
  for (let count = 0; count < 40; count++) {
    const part = `${count},`.repeat(1000);
    output.append(bytesOf(part));
    output.appendByte(0x3b);
    want += `${part};`;
  }
  assert(want.length > room);
  assertEquals(output.length, want.length);
  assertEquals(textOf(output.takeAll()), want);
  assertEquals(output.length, 0);
});

Deno.test("OutputPool gives released buffers again, empty and small, and counts what is lent", () => {
  const budget = new MemoryBudget();
  const pool = new OutputPool(budget);
  const [first, second] = [pool.acquire(), pool.acquire()];
  assert(first !== second);
  assertEquals(budget.heldBytes, 2 * 4096);
  first.append(new Uint8Array(5000));
  assertEquals([budget.heldBytes, first.grownBytes], [2 * 4096 + 65_536, 65_536]);
  pool.release(first);
  assertEquals([pool.acquire(), first.length, first.grownBytes], [first, 0, 0]);
  second.append(new Uint8Array(second.room + 1));
  assertEquals(budget.heldBytes, 2 * 4096 + second.grownBytes);
  pool.release(second);
  pool.release(first);
  assertEquals(budget.heldBytes, 0);
});
