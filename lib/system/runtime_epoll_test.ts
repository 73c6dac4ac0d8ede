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
  // Found: nothing is open any more, and closing it does nothing.
  await runtime.close();
});

Deno.test("RuntimeEpoll looks no more where the system says nothing, once it is closed, and after 1000 times", async () => {
  let lookCount = 0;
  const opened = new Set<number>();
  const scripted = (descriptor: number) => ({
    ...readinessCalls,
    open: () => {
      opened.add(descriptor);
      return descriptor;
    },
    close: (descriptor: number) => opened.delete(descriptor) ? 0 : -1,
    pread: () => Promise.resolve(++lookCount && 0),
  });
  const look = async (runtime: RuntimeEpoll, times: number) => {
    lookCount = 0;
    for (let time = 0; time < times; time++) {
      runtime.look();
      await nextTurn();
    }
    return [lookCount, runtime.descriptor];
  };
  assertEquals(await look(new RuntimeEpoll(scripted(-1)), 3), [0, null]);
  opened.clear();
  const closed = new RuntimeEpoll(scripted(900));
  // Before a process leaves root, who may open it.
  assertEquals([...opened], [900]);
  assertEquals(await look(closed, 3), [3, null]);
  await closed.close();
  await closed.close();
  assertEquals([await look(closed, 3), opened.size], [[0, null], 0]);
  assertEquals([await look(new RuntimeEpoll(scripted(901)), 1010), opened.size], [[1000, null], 0]);
});
