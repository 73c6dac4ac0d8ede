import { assertEquals } from "@std/assert";
import type { Column } from "./listing_form.ts";
import { type ListedEntry, sortEntries } from "./sort_entries.ts";

const ALONE = { isDue: () => false, pause: () => Promise.resolve() };

const ENTRIES: readonly ListedEntry[] = [
  { name: "b10", size: 5, mtimeMs: 3 },
  { name: "B2", size: 20, mtimeMs: 1 },
  { name: "a", size: 5, mtimeMs: null },
  { name: "z", size: null, mtimeMs: 2 },
  { name: "y", size: null, mtimeMs: 9 },
  { name: "\u00e4", size: 0, mtimeMs: -7 },
  { name: "b2", size: 5, mtimeMs: 3 },
];

const ORDERS: readonly (readonly [column: Column, isDescending: boolean, want: string])[] = [
  ["name", false, "y z a \u00e4 b2 B2 b10"],
  ["name", true, "z y b10 B2 b2 \u00e4 a"],
  ["size", false, "y z \u00e4 a b2 b10 B2"],
  ["size", true, "y z B2 a b2 b10 \u00e4"],
  ["time", false, "z y a \u00e4 B2 b2 b10"],
  ["time", true, "y z b2 b10 B2 \u00e4 a"],
];

for (const [column, isDescending, want] of ORDERS) {
  Deno.test(`sortEntries() puts folders first and then ${isDescending ? "the last" : "the first"} by ${column}`, async () => {
    const sorted = await sortEntries(ENTRIES, { column, isDescending }, ALONE);
    assertEquals(sorted.map(({ name }) => name).join(" "), want);
  });
}
