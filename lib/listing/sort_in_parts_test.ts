import { assert, assertEquals } from "@std/assert";
import { sortInParts } from "./sort_in_parts.ts";

/** Numbers from 0 to 9, in the same order each time. */
function digits(count: number): { readonly key: number; readonly at: number }[] {
  let state = 1;
  return Array.from({ length: count }, (_, at) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return { key: (state >>> 16) % 10, at };
  });
}

for (const count of [0, 1, 63, 64, 65, 128, 129, 1000, 4097]) {
  Deno.test(`sortInParts() sorts as the language does when there are ${count} items`, async () => {
    const items = digits(count);
    const before = [...items];
    const compare = (a: { key: number }, b: { key: number }) => a.key - b.key;
    let isDue = false;
    let pauses = 0;
    const pace = {
      // Every second time, so that work goes on within a part.
      isDue: () => isDue = !isDue,
      pause: () => {
        pauses++;
        return Promise.resolve();
      },
    };
    const sorted = await sortInParts(items, compare, pace);
    assertEquals(sorted, items.toSorted(compare));
    assertEquals(items, before);
    assert(sorted !== items);
    if (count > 64) assert(pauses > count / 4, `${pauses} pauses`);
  });
}
