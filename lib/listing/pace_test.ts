import { assert, assertEquals, assertRejects } from "@std/assert";
import { Gate, Pace } from "./pace.ts";

Deno.test("Pace lets others have their turn between two parts, of however much work", async () => {
  const pace = new Pace();
  let ends = 0;
  let turns = 0;
  const work = async () => {
    for (let count = 0; count < 20; count++) {
      await pace.pause();
      // A part as long as it may be.
      while (!pace.isDue());
    }
    ends++;
  };
  const others = (async () => {
    while (ends < 3) {
      await new Promise((resolve) => setTimeout(resolve));
      turns++;
    }
  })();
  const startMs = performance.now();
  await Promise.all([work(), work(), work(), others]);
  const tookMs = performance.now() - startMs;
  // 60 parts, one a turn; with the three of them in each turn there would be 20. A timer takes a millisecond itself.
  assert(turns >= 30, `${turns} turns in ${tookMs} ms`);
});

Deno.test("Gate.pass() lets in as many as it has room for, in their order, whatever becomes of them", async () => {
  const gate = new Gate(2);
  const begun: number[] = [];
  const ends: PromiseWithResolvers<number>[] = [];
  const pass = (id: number) =>
    gate.pass(() => {
      begun.push(id);
      ends[id] = Promise.withResolvers();
      return ends[id].promise;
    });
  const passes = [0, 1, 2, 3].map(pass);
  await Promise.resolve();
  assertEquals(begun, [0, 1]);
  ends[1].reject(new Error("broken"));
  await assertRejects(() => passes[1], Error, "broken");
  assertEquals(begun, [0, 1, 2]);
  ends[0].resolve(10);
  assertEquals(await passes[0], 10);
  assertEquals(begun, [0, 1, 2, 3]);
  ends[2].resolve(12);
  ends[3].resolve(13);
  assertEquals(await Promise.all([passes[2], passes[3]]), [12, 13]);
  // There is room for two again, and no more.
  const later = [4, 5, 6].map(pass);
  await Promise.resolve();
  assertEquals(begun, [0, 1, 2, 3, 4, 5]);
  ends[4].resolve(14);
  await later[0];
  ends[5].resolve(15);
  ends[6].resolve(16);
  assertEquals(await Promise.all(later), [14, 15, 16]);
});
