import { assertEquals, assertThrows } from "@std/assert";
import { type GroupSignal, ProcessGroup } from "./process_group.ts";

Deno.test("ProcessGroup.send() sends to the group, and never again once nobody was left in it", () => {
  const sent: (readonly [number, GroupSignal])[] = [];
  const answers = [true, true, false, true, true];
  const group = new ProcessGroup(42, (...signal) => {
    sent.push(signal);
    return answers[sent.length - 1];
  });
  assertEquals([group.send(0), group.send("SIGTERM"), group.send(0)], [true, true, false]);
  // By now the number may be that of somebody else's group, and then the system would say yes.
  assertEquals([group.send("SIGKILL"), group.send(0)], [false, false]);
  assertEquals(sent, [[-42, 0], [-42, "SIGTERM"], [-42, 0]]);
});

Deno.test("ProcessGroup goes on asking while it belongs to another user", () => {
  let count = 0;
  const group = new ProcessGroup(42, () => {
    count++;
    throw new Deno.errors.PermissionDenied();
  });
  for (const signal of ["SIGTERM", 0] as const) assertThrows(() => group.send(signal), Deno.errors.PermissionDenied);
  assertEquals(count, 2);
});

for (const pid of [-1, 0, 1]) {
  Deno.test(`ProcessGroup is none of ${pid}, which would mean other processes`, () => {
    assertThrows(() => new ProcessGroup(pid, () => true), Error, "Not the process of a program");
  });
}
