/** What is told, and when, of descriptors that are not to be looked at often. */
import { assert, assertEquals } from "@std/assert";
import { withReadiness } from "../../tests/readiness.ts";
import { countUntilTimer } from "../../tests/turns.ts";
import type { ReadinessCalls } from "./epoll.ts";

/** Longer than anything here takes that does not wait for it, and too short to be waited for in vain. */
const PAUSE_MS = 50;

Deno.test("PacedReadiness tells of what is ready, and then not before a pause is over", () =>
  withReadiness(async ({ readiness, open, makeReadable }) => {
    const paced = readiness.paced(() => PAUSE_MS);
    const descriptors = [open(), open(), open()];
    makeReadable(descriptors[0]);
    const order: string[] = [];
    const told = descriptors.map((descriptor, index) =>
      paced.watch(descriptor, "readable").ready().then(() => order.push(`${index}`))
    );
    await told[0];
    const startMs = performance.now();
    descriptors.slice(1).forEach(makeReadable);
    // Whoever watches it directly is told at once.
    await readiness.watch(descriptors[1], "readable").ready().then(() => order.push("direct"));
    await told[1];
    const waitedMs = performance.now() - startMs;
    await told[2];
    assertEquals(order, ["0", "direct", "1", "2"]);
    assert(waitedMs >= PAUSE_MS - 2, `Told after ${waitedMs} ms`);
  }));

Deno.test("PacedReadiness tells at once when nothing was to be told for a pause", () =>
  withReadiness(async ({ readiness, open, makeReadable }) => {
    let pauses = 0;
    const paced = readiness.paced(() => ++pauses);
    const descriptors = [open(), open()];
    const [first, second] = descriptors.map((descriptor) => paced.watch(descriptor, "readable"));
    makeReadable(descriptors[0]);
    await first.ready();
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    // One pause for what was told, none for what was not.
    assertEquals(pauses, 1);
    const waiting = second.ready();
    makeReadable(descriptors[1]);
    await waiting;
    assertEquals(pauses, 2);
  }));

Deno.test("PacedReadiness without a pause tells each time that it is asked, and lets timers have their turn", () =>
  withReadiness(async ({ readiness, open, makeReadable }) => {
    const descriptor = open();
    makeReadable(descriptor);
    const watched = readiness.paced(() => 0).watch(descriptor, "readable");
    assert(await countUntilTimer(() => watched.ready()) < 100_000);
  }));

const OLD_SYSTEMS: readonly (readonly [name: string, calls: Partial<ReadinessCalls>])[] = [
  ["a C library without epoll_pwait2", { epoll_pwait2: null }],
  ["a kernel without it", { epoll_pwait2: () => -1 }],
];

for (const [name, calls] of OLD_SYSTEMS) {
  Deno.test(`PacedReadiness tells of descriptors with ${name}`, () =>
    withReadiness(async ({ readiness, open, makeReadable }) => {
      const paced = readiness.paced(() => 1);
      const descriptors = Array.from({ length: 300 }, open);
      const all = Promise.all(descriptors.map((descriptor) => paced.watch(descriptor, "readable").ready()));
      descriptors.forEach(makeReadable);
      assertEquals((await all).length, 300);
    }, { calls }));
}

Deno.test("PacedReadiness tells of more descriptors at once than one look brings", () =>
  withReadiness(async ({ readiness, open, makeReadable }) => {
    const paced = readiness.paced(() => 1);
    const descriptors = Array.from({ length: 300 }, open);
    const all = Promise.all(descriptors.map((descriptor) => paced.watch(descriptor, "readable").ready()));
    descriptors.forEach(makeReadable);
    assertEquals((await all).length, 300);
  }));

Deno.test("PacedReadiness is closed with the outer one and leaves no descriptor and no timer, also in a pause", () =>
  withReadiness(async ({ readiness, open, makeReadable }) => {
    const descriptor = open();
    makeReadable(descriptor);
    const watched = readiness.paced(() => PAUSE_MS).watch(descriptor, "readable");
    await watched.ready();
    watched.stop();
  }));

Deno.test("A descriptor that is stopped is told at once, whatever the pause", () =>
  withReadiness(async ({ readiness, open }) => {
    const watched = readiness.paced(() => PAUSE_MS).watch(open(), "readable");
    const waiting = watched.ready();
    watched.stop();
    await waiting;
  }));
