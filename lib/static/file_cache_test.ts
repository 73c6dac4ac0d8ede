import { assertEquals } from "@std/assert";
import { type CacheSection, FileCache } from "./file_cache.ts";

function kept(cache: CacheSection<string>, keys: string): string {
  return [...keys].filter((key) => cache.get(key) !== undefined).join("");
}

Deno.test("FileCache.set() drops the oldest when there are too many", () => {
  const all = new FileCache<string>({ maxCount: 3, maxWeight: 100 });
  const cache = all.section();
  for (const key of "abcd") cache.set(key, key, 1);
  assertEquals([kept(cache, "abcd"), all.count, all.weight], ["bcd", 3, 3]);
});

Deno.test("FileCache.set() spares what was asked for when it drops", () => {
  const all = new FileCache<string>({ maxCount: 3, maxWeight: 100 });
  const cache = all.section();
  for (const key of "abc") cache.set(key, key, 1);
  cache.get("a");
  cache.get("c");
  cache.set("d", "d", 1);
  assertEquals(kept(cache, "abcd"), "acd");
});

Deno.test("FileCache.set() drops in turn when all were asked for", () => {
  const all = new FileCache<string>({ maxCount: 2, maxWeight: 100 });
  const cache = all.section();
  for (const key of "ab") cache.set(key, key, 1);
  kept(cache, "ab");
  cache.set("c", "c", 1);
  assertEquals(kept(cache, "abc"), "bc");
});

Deno.test("FileCache.set() drops as many as needed when one is heavy", () => {
  const all = new FileCache<string>({ maxCount: 10, maxWeight: 10 });
  const cache = all.section();
  for (const key of "abcd") cache.set(key, key, 2);
  cache.set("e", "e", 7);
  assertEquals([kept(cache, "abcde"), all.weight], ["de", 9]);
});

Deno.test("FileCache.set() keeps the others when one is heavier than all may be", () => {
  const all = new FileCache<string>({ maxCount: 10, maxWeight: 10 });
  const cache = all.section();
  cache.set("a", "a", 2);
  cache.set("b", "b", 11);
  assertEquals([kept(cache, "ab"), all.weight], ["a", 2]);
});

Deno.test("FileCache.set() replaces value and weight when the key is there", () => {
  const all = new FileCache<string>({ maxCount: 10, maxWeight: 10 });
  const cache = all.section();
  cache.set("a", "old", 6);
  cache.set("a", "new", 7);
  assertEquals([cache.get("a"), all.count, all.weight], ["new", 1, 7]);
  cache.set("a", "too heavy", 11);
  assertEquals([cache.get("a"), all.count, all.weight], [undefined, 0, 0]);
});

Deno.test("FileCache.set() keeps nothing when the count is 0", () => {
  const all = new FileCache<string>({ maxCount: 0, maxWeight: 10 });
  const cache = all.section();
  cache.set("a", "a", 1);
  assertEquals([cache.get("a"), all.weight], [undefined, 0]);
});

Deno.test("FileCache.delete() gives the weight back, and does nothing for an unknown key", () => {
  const all = new FileCache<string>({ maxCount: 10, maxWeight: 10 });
  const cache = all.section();
  cache.set("a", "a", 4);
  cache.delete("b");
  cache.delete("a");
  assertEquals([cache.get("a"), all.count, all.weight], [undefined, 0, 0]);
});

Deno.test("sections have keys of their own and share the limits", () => {
  const all = new FileCache<string>({ maxCount: 3, maxWeight: 100 });
  const [first, second] = [all.section(), all.section()];
  first.set("a", "first a", 1);
  second.set("a", "second a", 2);
  second.set("b", "second b", 4);
  assertEquals([first.get("a"), second.get("a"), all.count, all.weight], ["first a", "second a", 3, 7]);
  first.set("c", "first c", 8);
  assertEquals([kept(first, "ac"), kept(second, "ab"), all.weight], ["ac", "a", 11]);
  first.delete("b");
  second.delete("a");
  assertEquals([kept(first, "ac"), kept(second, "a"), all.weight], ["ac", "", 9]);
});
