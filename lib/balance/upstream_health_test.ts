import { assertEquals } from "@std/assert";
import { UpstreamHealth } from "./upstream_health.ts";

const LIMITS = { maxFailCount: 3, failMs: 1000, isNeverAside: false, isChecked: false } as const;

Deno.test("UpstreamHealth puts aside after so many failures within the time, and not for those that are older", () => {
  const health = new UpstreamHealth(LIMITS);
  assertEquals([health.fail(0), health.fail(500), health.fail(1000)], [null, null, null]);
  assertEquals([health.state, health.isOpen(1000)], ["up", true]);
  assertEquals([health.fail(1400), health.state, health.isOpen(1400)], ["aside", "aside", false]);
});

Deno.test("UpstreamHealth forgets failures when a request is answered", () => {
  const health = new UpstreamHealth(LIMITS);
  health.fail(0);
  health.fail(1);
  assertEquals(health.succeed(), null);
  assertEquals([health.fail(2), health.fail(3), health.fail(4)], [null, null, "aside"]);
});

function asideAt(nowMs: number, limits = {}): UpstreamHealth {
  const health = new UpstreamHealth({ ...LIMITS, ...limits });
  for (let count = 0; count < 3; count++) health.fail(nowMs);
  return health;
}

Deno.test("UpstreamHealth lets one request try it when the time is over, and one alone", () => {
  const health = asideAt(0);
  assertEquals([health.isOpen(999), health.isOpen(1000)], [false, true]);
  assertEquals([health.begin(), health.state, health.isOpen(5000), health.begin()], [true, "probing", false, false]);
  assertEquals([health.succeed(), health.state, health.isOpen(5000)], ["back", "up", true]);
});

Deno.test("UpstreamHealth leaves it aside for the time once more when the one that tries it fails, without a word", () => {
  const health = asideAt(0);
  health.begin();
  assertEquals([health.fail(1500), health.state], [null, "aside"]);
  assertEquals([health.isOpen(2499), health.isOpen(2500)], [false, true]);
});

Deno.test("UpstreamHealth lets the next one try it where nobody knows how the first would have gone", () => {
  const health = asideAt(0);
  health.begin();
  health.leaveOpen();
  assertEquals([health.state, health.isOpen(1000)], ["aside", true]);
});

Deno.test("UpstreamHealth believes no request that was asked before it was put aside", () => {
  const health = asideAt(0);
  assertEquals([health.succeed(), health.fail(10), health.state, health.isOpen(1000)], [null, null, "aside", true]);
});

Deno.test("UpstreamHealth is never aside where it is the only one", () => {
  const health = asideAt(0, { isNeverAside: true });
  assertEquals([health.state, health.isOpen(0)], ["up", true]);
});

Deno.test("UpstreamHealth follows checks at once, both ways, and where there are any nothing else brings it back", () => {
  const health = asideAt(0, { isChecked: true });
  assertEquals([health.state, health.isOpen(1_000_000)], ["aside", false]);
  assertEquals([health.check(true, 1), health.check(true, 2), health.state], ["back", null, "up"]);
  assertEquals([health.check(false, 3), health.check(false, 4), health.state], ["aside", null, "aside"]);
});
