/** What is told of descriptors, here of eventfds: each counts what is written to it, and is readable when it is not 0. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { WAITERS, withReadiness } from "../../tests/readiness.ts";
import { countUntilTimer } from "../../tests/turns.ts";
import { EPOLLIN, EPOLLOUT, type ReadinessCalls } from "./epoll.ts";
import { nextTurn } from "./readiness.ts";

for (const waiter of WAITERS) {
  Deno.test(`watch() tells of a descriptor that is ready, of one that becomes ready, and again when it is asked again, ${waiter} waits`, () =>
    withReadiness(async ({ readiness, open, makeReadable }) => {
      const [first, second] = [open(), open()];
      makeReadable(first);
      const watched = readiness.watch(first, "readable");
      await watched.ready();
      await watched.ready();
      const other = readiness.watch(second, "readable");
      const waiting = other.ready();
      // By now it waits.
      await new Promise((resolve) => setTimeout(resolve));
      makeReadable(second);
      await waiting;
      await readiness.watch(open(), "writable").ready();
    }, { waiter }));

  Deno.test(`watch() tells of more descriptors at once than one wait brings, ${waiter} waits`, () =>
    withReadiness(async ({ readiness, open, makeReadable }) => {
      const descriptors = Array.from({ length: 300 }, open);
      const all = Promise.all(descriptors.map((descriptor) => readiness.watch(descriptor, "readable").ready()));
      descriptors.forEach(makeReadable);
      assertEquals((await all).length, 300);
    }, { waiter }));

  Deno.test(`watch().stop() ends a wait, and what is asked later ends at once, ${waiter} waits`, () =>
    withReadiness(async ({ readiness, open }) => {
      const watched = readiness.watch(open(), "readable");
      const waiting = watched.ready();
      watched.stop();
      await waiting;
      await watched.ready();
    }, { waiter }));

  Deno.test(`watch().ready() throws for what is no descriptor, ${waiter} waits`, () =>
    withReadiness(({ readiness }) => {
      assertThrows(() => readiness.watch(1_000_000, "readable").ready(), Error, "cannot be watched");
      return Promise.resolve();
    }, { waiter }));

  Deno.test(`addReads() tells each change once, with addWrites() also of room, and nothing after remove(), ${waiter} waits`, () =>
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
    }, { waiter }));

  Deno.test(`what is told of a descriptor that was just removed is not told to one that came for it, ${waiter} waits`, () =>
    withReadiness(async ({ readiness, open, makeReadable }) => {
      const told: string[] = [];
      const pair = ["one", "other"].map((name) => ({ name, descriptor: open(), id: 0 }));
      for (const each of pair) {
        each.id = readiness.addReads(each.descriptor, {
          onEvents: () => {
            told.push(each.name);
            const other = pair.find(({ name }) => name !== each.name);
            if (other === undefined || told.length > 1) return;
            readiness.remove(other.id);
            readiness.addReads(open(), { onEvents: () => told.push("new") });
          },
        });
      }
      // Both before the first look, so that one wait brings both.
      for (const { descriptor } of pair) makeReadable(descriptor);
      const last = open();
      makeReadable(last);
      await readiness.watch(last, "readable").ready();
      assertEquals(told.length, 1, told.join());
    }, { waiter }));

  Deno.test(`Readiness lets timers have their turn while a descriptor is ready all the time, ${waiter} waits`, () =>
    withReadiness(async ({ readiness, open, makeReadable }) => {
      const descriptor = open();
      makeReadable(descriptor);
      const watched = readiness.watch(descriptor, "readable");
      assert(await countUntilTimer(() => watched.ready()) < 100_000);
    }, { waiter }));
}

const OLD_SYSTEMS: readonly (readonly [name: string, calls: Partial<ReadinessCalls>])[] = [
  ["a C library without epoll_pwait2", { epoll_pwait2: null }],
  ["a kernel without it", { epoll_pwait2: () => -1 }],
];

for (const [name, calls] of OLD_SYSTEMS) {
  for (const waiter of WAITERS) {
    Deno.test(`watch() tells of descriptors with ${name}, ${waiter} waits`, () =>
      withReadiness(async ({ readiness, open, makeReadable }) => {
        const descriptor = open();
        const waiting = readiness.watch(descriptor, "readable").ready();
        makeReadable(descriptor);
        await waiting;
      }, { waiter, calls }));
  }
}

Deno.test("nextTurn() resolves after what was to be done before it", async () => {
  const order: string[] = [];
  const turn = nextTurn().then(() => order.push("turn"));
  Promise.resolve().then(() => order.push("microtask"));
  await turn;
  assertEquals(order, ["microtask", "turn"]);
});
