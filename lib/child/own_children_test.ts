import { assertEquals } from "@std/assert";
import { OwnChildren } from "./own_children.ts";

Deno.test("OwnChildren.mayHave() holds for all while a start is under way, then for what was started until it is reaped", () => {
  const own = new OwnChildren();
  // As another thread has it.
  const other = new OwnChildren(own.memory);
  const seen = () => [10, 20].map((pid) => other.mayHave(pid));
  assertEquals(seen(), [false, false]);
  assertEquals(other.areStarting, false);
  const start = own.begin();
  assertEquals([...seen(), other.areStarting], [true, true, true]);
  const reaped = start.started(10);
  assertEquals([...seen(), other.areStarting], [true, false, false]);
  const second = own.begin();
  assertEquals(seen(), [true, true]);
  second.failed();
  assertEquals(seen(), [true, false]);
  reaped();
  assertEquals(seen(), [false, false]);
});

Deno.test("OwnChildren keeps processes apart whose numbers want one place, and takes any of them away", () => {
  const own = new OwnChildren();
  const pids = [7, 7 + 4096, 7 + 2 * 4096];
  const reaped = pids.map((pid) => own.begin().started(pid));
  reaped[1]();
  assertEquals(pids.map((pid) => own.mayHave(pid)), [true, false, true]);
  reaped[0]();
  assertEquals(pids.map((pid) => own.mayHave(pid)), [false, false, true]);
});

Deno.test("OwnChildren knows that it may have any process while it has no room for one", () => {
  const own = new OwnChildren(new SharedArrayBuffer(3 * Int32Array.BYTES_PER_ELEMENT));
  const reaped = [10, 20, 30].map((pid) => own.begin().started(pid));
  assertEquals(own.mayHave(99), true);
  reaped[2]();
  assertEquals([10, 20, 30].map((pid) => own.mayHave(pid)), [true, true, false]);
});
