import { assert, assertEquals } from "@std/assert";
import { CountedPace } from "../../tests/counted_pace.ts";
import { listingParts, type ListingText } from "./listing_parts.ts";

const TEXT: ListingText = {
  begin: "(",
  row: ({ name }, at) => `${at}:${name.padEnd(100, "\u00fc")};`,
  end: (shown) => `)${shown}`,
};

Deno.test("listingParts() comes in parts of some 64 KiB, others having a turn between rows, and is cut where it is too long", async () => {
  const entries = Array.from({ length: 3000 }, (_, index) => ({ name: `${index}`, size: 1, mtimeMs: 0 }));
  const pace = new CountedPace();
  for (const [maxBytes, endBytes] of [[2_000_000, 0], [600_000, 0], [600_000, 200_000], [1000, 0]]) {
    pace.pauseCount = 0;
    let all = "";
    const text = { ...TEXT, end: (shown: number | null) => TEXT.end(shown) + "!".repeat(endBytes) };
    for await (const part of listingParts(entries, { text, isCut: false, pace, maxBytes })) {
      assert(part.length < 400_000, `${part.length} bytes`);
      all += new TextDecoder("utf-8", { fatal: true }).decode(part);
    }
    const rows = [...all.matchAll(/(\d+):(\d+)\u00fc+;/g)].map(([, at, name]) => [at, name]);
    assertEquals(rows, entries.slice(0, rows.length).map(({ name }) => [name, name]));
    assert(pace.pauseCount >= rows.length);
    const isWhole = rows.length === entries.length;
    assertEquals(isWhole, maxBytes === 2_000_000);
    assert(all.replaceAll("!", "").endsWith(`)${isWhole ? null : rows.length}`));
    const bytes = new TextEncoder().encode(all).length;
    if (maxBytes === 600_000) assert(rows.length > 300 && bytes <= maxBytes, `${rows.length} rows, ${bytes} bytes`);
  }
});

Deno.test("listingParts() says that there are more entries when the folder has them", async () => {
  const pace = { isDue: () => false, pause: () => Promise.resolve() };
  const entries = [{ name: "a", size: 1, mtimeMs: 0 }];
  const parts = await Array.fromAsync(listingParts(entries, { text: TEXT, isCut: true, pace, maxBytes: 1_000_000 }));
  assertEquals(parts.length, 1);
  assert(new TextDecoder().decode(parts[0]).endsWith(")1"));
});
