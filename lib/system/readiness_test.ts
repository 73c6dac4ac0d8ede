/** What is told of descriptors, here of eventfds: each counts what is written to it, and is readable when it is not 0. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { withReadiness } from "../../tests/readiness.ts";
import { countUntilTimer } from "../../tests/turns.ts";
import { EPOLLIN, EPOLLOUT, type ReadinessCalls } from "./epoll.ts";
import { nextTurn } from "./readiness.ts";

Deno.test("watch() tells of a descriptor that is ready, of one that becomes ready, and again when it is asked again", () =>
  withReadiness(async ({ readiness, open, makeReadable }) => {
    const [first, second] = [open(), open()];
    makeReadable(first);
    const watched = readiness.watch(first, "readable");
    await watched.ready();
    await watched.ready();
    const other = readiness.watch(second, "readable");
    const waiting = other.ready();
    // By now another thread waits.
    await new Promise((resolve) => setTimeout(resolve));
    makeReadable(second);
    await waiting;
    await readiness.watch(open(), "writable").ready();
  }));

const OLD_SYSTEMS: readonly (readonly [name: string, calls: Partial<ReadinessCalls>])[] = [
  ["a C library without epoll_pwait2", { epoll_pwait2: null }],
  ["a kernel without it", { epoll_pwait2: () => -1 }],
];

for (const [name, calls] of OLD_SYSTEMS) {
  Deno.test(`watch() tells of descriptors with ${name}`, () =>
    withReadiness(async ({ readiness, open, makeReadable }) => {
      const descriptor = open();
      const waiting = readiness.watch(descriptor, "readable").ready();
      makeReadable(descriptor);
      await waiting;
    }, calls));
}

Deno.test("watch() tells of more descriptors at once than one wait brings", () =>
  withReadiness(async ({ readiness, open, makeReadable }) => {
    const descriptors = Array.from({ length: 300 }, open);
    const all = Promise.all(descriptors.map((descriptor) => readiness.watch(descriptor, "readable").ready()));
    descriptors.forEach(makeReadable);
    assertEquals((await all).length, 300);
  }));

Deno.test("watch().stop() ends a wait, and what is asked later ends at once", () =>
  withReadiness(async ({ readiness, open }) => {
    const watched = readiness.watch(open(), "readable");
    const waiting = watched.ready();
    watched.stop();
    await waiting;
    await watched.ready();
  }));

Deno.test("watch().ready() throws for what is no descriptor", () =>
  withReadiness(({ readiness }) => {
    assertThrows(() => readiness.watch(1_000_000, "readable").ready(), Error, "cannot be watched");
    return Promise.resolve();
  }));

Deno.test("addReads() tells each change once, with addWrites() also of room, and nothing after remove()", () =>
  withReadiness(async ({ readiness, open, makeReadable }) => {
    const descriptor = open();
    const told: number[] = [];
    let wake = () => {};
    const events = (count: number) =>
      new Promise<readonly number[]>((resolve) => {
        wake = () => told.length === count && resolve(told);
      });
    const id = readiness.addReads(descriptor, {
      onEvents: (bits) => {
        told.push(bits);
        wake();
      },
    });
    const first = events(1);
    makeReadable(descriptor);
    assertEquals(await first, [EPOLLIN]);
    // It still is readable, and nobody is told again; another one is, in the same wait or a later one.
    const other = open();
    makeReadable(other);
    await readiness.watch(other, "readable").ready();
    assertEquals(told.length, 1);
    const second = events(2);
    readiness.addWrites(id, descriptor);
    assertEquals(await second, [EPOLLIN, EPOLLIN | EPOLLOUT]);
    readiness.remove(id);
    makeReadable(descriptor);
    const last = open();
    makeReadable(last);
    await readiness.watch(last, "readable").ready();
    assertEquals(told.length, 2);
  }));

Deno.test("Readiness lets timers have their turn while a descriptor is ready all the time", () =>
  withReadiness(async ({ readiness, open, makeReadable }) => {
    const descriptor = open();
    makeReadable(descriptor);
    const watched = readiness.watch(descriptor, "readable");
    assert(await countUntilTimer(() => watched.ready()) < 100_000);
  }));

Deno.test("nextTurn() resolves after what was to be done before it", async () => {
  const order: string[] = [];
  const turn = nextTurn().then(() => order.push("turn"));
  Promise.resolve().then(() => order.push("microtask"));
  await turn;
  assertEquals(order, ["microtask", "turn"]);
});
