import { assertEquals } from "@std/assert";
import { HostMap } from "./host_map.ts";

Deno.test("HostMap takes a name before a wildcard, of wildcards the one with the most labels, of equal names the earlier", () => {
  const map = new HostMap([
    [["a.example", "x.b.example"], 1],
    [["*.b.example"], 2],
    [["*.y.b.example", "a.example"], 3],
  ]);
  const table: readonly (readonly [host: string, want: number | undefined])[] = [
    ["a.example", 1],
    ["a.example.", 1],
    ["x.b.example", 1],
    ["z.b.example", 2],
    ["z.z.b.example.", 2],
    ["z.y.b.example", 3],
    ["y.b.example", 2],
    ["b.example", undefined],
    ["xb.example", undefined],
    [".b.example", 2],
    ["", undefined],
    [".", undefined],
    ["__proto__", undefined],
  ];
  for (const [host, want] of table) assertEquals(map.find(host), want, host);
});
