import { assert, assertEquals } from "@std/assert";
import { RateLimit } from "./rate_limit.ts";

Deno.test("take() allows a burst, then one each interval", () => {
  const limit = new RateLimit({ burst: 3, intervalMs: 100 });
  assertEquals([0, 0, 0, 0].map((now) => limit.take("a", now)), [0, 0, 0, 100]);
  assertEquals(limit.take("a", 99), 1);
  assertEquals(limit.take("a", 100), 0);
  assertEquals(limit.take("a", 100), 100);
  // What was refused was not counted; after a quiet time the whole burst is there again.
  assertEquals([400, 400, 400, 400].map((now) => limit.take("a", now)), [0, 0, 0, 100]);
});

Deno.test("take() counts each key by itself", () => {
  const limit = new RateLimit({ burst: 1, intervalMs: 100 });
  assertEquals(["a", "b", "a", "b"].map((key) => limit.take(key, 0)), [0, 0, 100, 100]);
});

Deno.test("giveBack() takes back one event", () => {
  const limit = new RateLimit({ burst: 2, intervalMs: 100 });
  limit.take("a", 0);
  limit.take("a", 0);
  limit.giveBack("a");
  limit.giveBack("unknown");
  assertEquals([limit.take("a", 0), limit.take("a", 0)], [0, 100]);
});

Deno.test("take() forgets the quiet keys first when there are too many", () => {
  const limit = new RateLimit({ burst: 1, intervalMs: 100 });
  limit.take("busy", 50);
  for (let key = 0; key < 16_383; key++) limit.take(`${key}`, 0);
  // All but "busy" are quiet at 100; the 16,385th key makes room.
  assertEquals(limit.take("new", 100), 0);
  assertEquals(limit.take("busy", 100), 50);
  // Now nobody is quiet: the oldest goes.
  for (let key = 0; key < 16_383; key++) limit.take(`b${key}`, 100);
  assertEquals(limit.take("busy", 100), 0);
  assert(limit.take("b16382", 100) > 0);
});
