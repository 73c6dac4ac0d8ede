/** That the runtime waits for an epoll of ours: what is ready is an eventfd in it, as in readiness_test.ts. */
import { assert, assertEquals } from "@std/assert";
import { readinessCalls } from "../../tests/cgi/system_calls.ts";
import { countDescriptors } from "../../tests/descriptors.ts";
import { EPOLL_CTL_ADD, epollEventLayout, EPOLLIN, type ReadinessCalls } from "./epoll.ts";
import { NO_LIBC, openLibc } from "./libc.ts";
import { RuntimeEpoll } from "./runtime_epoll.ts";

const libc = openLibc();

interface UnderTest {
  /** Of an epoll that watches an eventfd. */
  readonly descriptor: number;
  makeReadable(): void;
  makeUnreadable(): void;
}

/** Runs `test`, and sees that no descriptor is left. */
async function withEpoll(test: (under: UnderTest) => Promise<void>): Promise<void> {
  const before = countDescriptors();
  const [descriptor, event] = [readinessCalls.epoll_create1(0), readinessCalls.eventfd(0, 0)];
  const wanted = new Uint8Array(epollEventLayout(Deno.build.arch).byteCount);
  new DataView(wanted.buffer).setUint32(0, EPOLLIN, true);
  assertEquals(readinessCalls.epoll_ctl(descriptor, EPOLL_CTL_ADD, event, wanted), 0);
  try {
    await test({
      descriptor,
      makeReadable: () => assertEquals(readinessCalls.write(event, BigUint64Array.of(1n), 8n), 8n),
      makeUnreadable: () => assertEquals(libc.read(event, new BigUint64Array(1), 8n), 8n),
    });
  } finally {
    for (const opened of [descriptor, event]) readinessCalls.close(opened);
  }
  assertEquals(countDescriptors(), before);
}

Deno.test("RuntimeEpoll.wait() resolves when something is ready, and each time anew", () =>
  withEpoll(async ({ descriptor, makeReadable, makeUnreadable }) => {
    const runtime = await RuntimeEpoll.open(descriptor, { ...readinessCalls, ...libc });
    assert(runtime !== null);
    for (let round = 0; round < 100; round++) {
      let isReady = false;
      const waiting = runtime.wait();
      assert(waiting !== null);
      const told = waiting.then(() => assert(isReady));
      // The runtime goes on meanwhile: its timers, and what its own threads have done.
      await new Promise((resolve) => setTimeout(resolve));
      await Deno.stat("/");
      isReady = true;
      makeReadable();
      await told;
      // What is ready already is told at once.
      await runtime.wait();
      makeUnreadable();
    }
    runtime.close();
  }));

const REFUSALS: readonly (readonly [name: string, calls: Partial<ReadinessCalls & typeof libc>])[] = [
  ["a system without /proc", { open: NO_LIBC.open }],
  ["a /proc that does not tell of epoll", { read: () => 0n }],
  ["sockets that have no address", { getsockname: NO_LIBC.getsockname }],
  ["peers that have none", { getpeername: NO_LIBC.getpeername }],
  ["no descriptors for a pair", { socketpair: () => -1 }],
  ["no place for the pair", { dup3: NO_LIBC.dup3 }],
  ["an epoll that refuses all", { epoll_ctl: () => -1 }],
  ["a pair that takes no byte", { write: () => -1n }],
];

for (const [name, calls] of REFUSALS) {
  Deno.test(`RuntimeEpoll.open() has none, and leaves nothing, with ${name}`, () =>
    withEpoll(async ({ descriptor }) => {
      assertEquals(await RuntimeEpoll.open(descriptor, { ...readinessCalls, ...libc, ...calls }), null);
    }));
}

Deno.test("RuntimeEpoll.wait() is null where a byte or epoll is refused, and works later", () =>
  withEpoll(async ({ descriptor, makeReadable }) => {
    const calls = { ...readinessCalls, ...libc };
    const runtime = await RuntimeEpoll.open(descriptor, calls);
    assert(runtime !== null);
    makeReadable();
    Object.assign(calls, { write: () => -1n });
    assertEquals(runtime.wait(), null);
    Object.assign(calls, readinessCalls, { epoll_ctl: () => -1 });
    assertEquals(runtime.wait(), null);
    Object.assign(calls, readinessCalls);
    await runtime.wait();
    runtime.close();
  }));
