import { assertEquals } from "@std/assert";
import { readinessCalls } from "../../tests/cgi/system_calls.ts";
import { nextTurn } from "./readiness.ts";
import { RuntimeEpoll, waitedWith } from "./runtime_epoll.ts";

/** As /proc/PID/task/TID/syscall has them: a call and its arguments, the stack and the instruction. */
const CALLS: readonly (readonly [text: string, arch: typeof Deno.build.arch, descriptor: number | null])[] = [
  ["232 0x3 0x55aef22623e0 0x400 0x2a4f 0x0 0x1 0x7fff85868dc0 0x7fd617aa8f36\n", "x86_64", 3],
  ["281 0x1f 0x55aef22623e0 0x400 0x2a4f 0x0 0x8 0x7fff85868dc0 0x7fd617aa8f36\n", "x86_64", 31],
  ["22 0xa 0xaaaae2262e00 0x400 0xffffffff 0x0 0x8 0xffffc5868dc0 0xffff97aa8f36\n", "aarch64", 10],
  // Another call of that processor, and a futex.
  ["22 0xa 0x55aef22623e0 0x400 0x2a4f 0x0 0x1 0x7fff85868dc0 0x7fd617aa8f36\n", "x86_64", null],
  ["202 0x7fd61798d140 0x189 0x0 0x0 0x0 0xffffffff 0x7fd616d81598 0x7fd617aa1829\n", "x86_64", null],
  ["running\n", "x86_64", null],
  ["", "aarch64", null],
];

for (const [text, arch, descriptor] of CALLS) {
  Deno.test(`waitedWith() of ${JSON.stringify(text.slice(0, 10))} on ${arch}`, () => {
    assertEquals(waitedWith(text, arch), descriptor);
  });
}

Deno.test("RuntimeEpoll finds an instance of epoll while this thread waits", async () => {
  const runtime = new RuntimeEpoll(readinessCalls);
  while (runtime.descriptor === null) {
    runtime.look();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assertEquals(await Deno.readLink(`/proc/self/fd/${runtime.descriptor}`), "anon_inode:[eventpoll]");
  await runtime.close();
});

Deno.test("RuntimeEpoll looks no more where the system says nothing, and once it is closed", async () => {
  let openCount = 0;
  const deaf = new RuntimeEpoll({
    ...readinessCalls,
    open: () => {
      openCount++;
      return -1;
    },
  });
  for (let looks = 0; looks < 3; looks++) {
    deaf.look();
    await nextTurn();
  }
  assertEquals([openCount, deaf.descriptor], [1, null]);
  const closed = new RuntimeEpoll({ ...readinessCalls, pread: () => Promise.resolve(0) });
  await closed.close();
  closed.look();
  await nextTurn();
  assertEquals(closed.descriptor, null);
});
