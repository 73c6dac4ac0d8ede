import { assertEquals } from "@std/assert";
import { FileCache } from "./file_cache.ts";

function kept(cache: FileCache<string>, keys: string): string {
  return [...keys].filter((key) => cache.get(key) !== undefined).join("");
}

Deno.test("FileCache.set() drops the oldest when there are too many", () => {
  const cache = new FileCache<string>({ maxCount: 3, maxWeight: 100 });
  for (const key of "abcd") cache.set(key, key, 1);
  assertEquals([kept(cache, "abcd"), cache.count, cache.weight], ["bcd", 3, 3]);
});

Deno.test("FileCache.set() spares what was asked for when it drops", () => {
  const cache = new FileCache<string>({ maxCount: 3, maxWeight: 100 });
  for (const key of "abc") cache.set(key, key, 1);
  cache.get("a");
  cache.get("c");
  cache.set("d", "d", 1);
  assertEquals(kept(cache, "abcd"), "acd");
});

Deno.test("FileCache.set() drops in turn when all were asked for", () => {
  const cache = new FileCache<string>({ maxCount: 2, maxWeight: 100 });
  for (const key of "ab") cache.set(key, key, 1);
  kept(cache, "ab");
  cache.set("c", "c", 1);
  assertEquals(kept(cache, "abc"), "bc");
});

Deno.test("FileCache.set() drops as many as needed when one is heavy", () => {
  const cache = new FileCache<string>({ maxCount: 10, maxWeight: 10 });
  for (const key of "abcd") cache.set(key, key, 2);
  cache.set("e", "e", 7);
  assertEquals([kept(cache, "abcde"), cache.weight], ["de", 9]);
});

Deno.test("FileCache.set() keeps the others when one is heavier than all may be", () => {
  const cache = new FileCache<string>({ maxCount: 10, maxWeight: 10 });
  cache.set("a", "a", 2);
  cache.set("b", "b", 11);
  assertEquals([kept(cache, "ab"), cache.weight], ["a", 2]);
});

Deno.test("FileCache.set() replaces value and weight when the key is there", () => {
  const cache = new FileCache<string>({ maxCount: 10, maxWeight: 10 });
  cache.set("a", "old", 6);
  cache.set("a", "new", 7);
  assertEquals([cache.get("a"), cache.count, cache.weight], ["new", 1, 7]);
  cache.set("a", "too heavy", 11);
  assertEquals([cache.get("a"), cache.count, cache.weight], [undefined, 0, 0]);
});

Deno.test("FileCache.set() keeps nothing when the count is 0", () => {
  const cache = new FileCache<string>({ maxCount: 0, maxWeight: 10 });
  cache.set("a", "a", 1);
  assertEquals([cache.get("a"), cache.weight], [undefined, 0]);
});

Deno.test("FileCache.delete() gives the weight back, and does nothing for an unknown key", () => {
  const cache = new FileCache<string>({ maxCount: 10, maxWeight: 10 });
  cache.set("a", "a", 4);
  cache.delete("b");
  cache.delete("a");
  assertEquals([cache.get("a"), cache.count, cache.weight], [undefined, 0, 0]);
});
