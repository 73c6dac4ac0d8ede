/** How many starts are under way at once, and who is next. */
import { assertEquals, assertRejects } from "@std/assert";
import { StartGate } from "./start_gate.ts";

/** Starts that end when the test says so. */
function makeStarts(gate: StartGate) {
  const begun: number[] = [];
  const starts = Array.from({ length: 5 }, () => Promise.withResolvers<string>());
  const ends = starts.map(({ promise }, index) =>
    gate.pass(() => {
      begun.push(index);
      return promise;
    })
  );
  return { begun, starts, ends };
}

Deno.test("StartGate lets so many pass at once, the others in their order, and none twice", async () => {
  const { begun, starts, ends } = makeStarts(new StartGate({ maxStarts: 2, slowMs: 60_000 }));
  assertEquals(begun, [0, 1]);
  starts[1].resolve("second");
  assertEquals(await ends[1], "second");
  assertEquals(begun, [0, 1, 2]);
  starts[0].reject(new TypeError("first"));
  await assertRejects(() => ends[0], TypeError, "first");
  assertEquals(begun, [0, 1, 2, 3]);
  for (const { resolve } of starts) resolve("rest");
  await Promise.all(ends.slice(1));
  assertEquals(begun, [0, 1, 2, 3, 4]);
});

Deno.test("StartGate lets nobody pass beyond the bound while others move on", async () => {
  const setReal = globalThis.setInterval;
  let look = () => {};
  globalThis.setInterval = (callback) => {
    if (typeof callback !== "string") look = callback;
    return 0;
  };
  try {
    const { begun, starts, ends } = makeStarts(new StartGate({ maxStarts: 1, slowMs: 60_000 }));
    starts[0].resolve("first");
    await ends[0];
    look();
    assertEquals(begun, [0, 1]);
    // Nobody has moved since.
    look();
    await Promise.resolve();
    assertEquals(begun, [0, 1, 2]);
    for (const { resolve } of starts) resolve("rest");
    await Promise.all(ends);
  } finally {
    globalThis.setInterval = setReal;
  }
});

Deno.test("StartGate counts one that is slow no more, and gives its place away once", async () => {
  const gate = new StartGate({ maxStarts: 1, slowMs: 1 });
  const { begun, starts, ends } = makeStarts(gate);
  assertEquals(begun, [0]);
  starts[1].resolve("second");
  assertEquals(await ends[1], "second");
  for (const { resolve } of starts) resolve("rest");
  await Promise.all(ends);
  assertEquals(begun, [0, 1, 2, 3, 4]);
  const again = makeStarts(gate);
  assertEquals(again.begun, [0]);
  for (const { resolve } of again.starts) resolve("rest");
  await Promise.all(again.ends);
});
