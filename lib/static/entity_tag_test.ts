import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { entityTag, isGrown, isSettled, type TagFacts, taggedRanges } from "./entity_tag.ts";

const SECOND = Date.UTC(2026, 0, 2, 3, 4, 5);
const MIB = 1_048_576;

function factsOf(facts: Partial<TagFacts>): TagFacts {
  return { size: 10, mtimeMs: SECOND + 678, ctimeMs: SECOND, ...facts };
}

const WHOLE: readonly (readonly [name: string, facts: Partial<TagFacts>, count: number])[] = [
  ["of 64 KiB", { size: 65_536 }, 65_536],
  ["of 64 KiB of whole seconds", { size: 65_536, mtimeMs: 0 }, 65_536],
  ["of a byte", { size: 1 }, 1],
  ["that is empty", { size: 0 }, 0],
  ["of more with a fraction of a second", { size: 65_537 }, 0],
  ["of more of whole seconds", { size: 65_537, mtimeMs: SECOND }, 65_537],
  ["of more of 1970", { size: 65_537, mtimeMs: 0 }, 65_537],
  ["of a MiB of whole seconds", { size: MIB, mtimeMs: SECOND }, MIB],
  ["of a GiB with a fraction of a second", { size: 1024 * MIB }, 0],
];
for (const [name, facts, count] of WHOLE) {
  Deno.test(`taggedRanges() takes ${count} bytes of a file ${name}`, () => {
    assertEquals(taggedRanges(factsOf(facts)), count === 0 ? [] : [{ first: 0, last: count - 1 }]);
  });
}

for (const size of [MIB + 1, 1024 * MIB, 2 ** 42 + 7]) {
  Deno.test(`taggedRanges() takes both ends of a file of ${size} bytes and of whole seconds, and samples between`, () => {
    const ranges = taggedRanges(factsOf({ size, mtimeMs: SECOND }));
    assertEquals([ranges[0].first, ranges.at(-1)?.last, ranges.length], [0, size - 1, 34]);
    const bytes = ranges.map(({ first, last }) => last - first + 1);
    assertEquals(bytes.reduce((sum, count) => sum + count), 2 * 65_536 + 32 * 4096);
    const gaps = ranges.slice(1).map(({ first }, index) => first - ranges[index].last - 1);
    assertEquals(gaps.every((gap) => Number.isInteger(gap) && gap >= 0 && gap < size / 25), true);
  });
}

Deno.test("entityTag() is another one for other content, size, time or coding, and says what it is made of", () => {
  const tagOf = (facts: Partial<TagFacts>, digest: string | null, coding: "br" | null = null) =>
    entityTag(factsOf(facts), { digest, coding, isStrong: true });
  const large = { size: MIB };
  const tags = [
    ...[tagOf({}, "abc"), tagOf({}, "abd"), tagOf({}, "abc", "br"), tagOf({}, null)],
    ...[tagOf(large, "abc"), tagOf(large, "abd"), tagOf(large, null), tagOf({ ...large, mtimeMs: SECOND }, null)],
  ];
  assertEquals(new Set(tags).size, tags.length);
  for (const tag of tags) assertMatch(tag, /^"[\x21\x23-\x7e]+"$/);
});

Deno.test("entityTag() is the same on machines that have the same content", () => {
  const tagOf = (facts: Partial<TagFacts>, digest: string | null) =>
    entityTag(factsOf(facts), { digest, coding: null, isStrong: true });
  // What is small whatever its time, what is larger where size and time are the same; ctime never is.
  assertEquals(tagOf({ mtimeMs: 0 }, "abc"), tagOf({ mtimeMs: SECOND, ctimeMs: 0 }, "abc"));
  assertEquals(tagOf({ size: MIB }, null), tagOf({ size: MIB, ctimeMs: 0 }, null));
  assertNotEquals(tagOf({ size: MIB }, null), tagOf({ size: MIB, mtimeMs: 0 }, null));
});

Deno.test("entityTag() is weak when it is told so", () => {
  assertEquals(entityTag(factsOf({}), { digest: "abc", coding: "gzip", isStrong: false }), 'W/"abc-gzip"');
});

Deno.test("entityTag() is by no comparison the strong one when it is weak and made of a time", () => {
  const rows: readonly (readonly [facts: Partial<TagFacts>, digest: string | null])[] = [
    [{ size: MIB }, null],
    [{ size: MIB, mtimeMs: SECOND }, "abc"],
    // Nobody has read it, for it changes all the time.
    [{}, null],
  ];
  for (const [facts, digest] of rows) {
    for (const coding of ["br", null] as const) {
      const [strong, weak] = [true, false].map((isStrong) => entityTag(factsOf(facts), { digest, coding, isStrong }));
      assertEquals([weak.startsWith('W/"'), weak.endsWith(coding === null ? '"' : '-br"')], [true, true]);
      assertNotEquals(weak.slice(2), strong);
    }
  }
});

const NOW = SECOND + 10_000;
const AGES: readonly (readonly [name: string, mtimeMs: number, ctimeMs: number, grown: boolean, settled: boolean])[] = [
  ["written long ago", SECOND, SECOND, true, true],
  ["written a second ago", NOW - 1000, NOW - 2000, true, true],
  ["written just now", NOW - 10, NOW - 1000, false, false],
  ["given an old time just now", 0, NOW - 1000, true, false],
  ["given an old time a second ago, as far as is known", 0, NOW - 1999, true, true],
  ["given a time to come long ago", NOW + 3_600_000, SECOND, true, true],
  ["given a time to come just now", NOW + 3_600_000, NOW - 1000, false, false],
  ["written on a machine whose clock is a minute ahead", NOW + 60_000, NOW + 60_000, false, false],
  ["written when the clock was days ahead", NOW + 1e9, NOW + 1e9, true, true],
];
for (const [name, mtimeMs, ctimeMs, grown, settled] of AGES) {
  Deno.test(`isGrown() is ${grown} and isSettled() is ${settled} for a file ${name}`, () => {
    const facts = { size: 1, mtimeMs, ctimeMs };
    assertEquals([isGrown(facts, NOW), isSettled(facts, NOW)], [grown, settled]);
  });
}
