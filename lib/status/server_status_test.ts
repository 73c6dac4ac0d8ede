import { assertEquals } from "@std/assert";
import { exampleParts, exampleThread } from "../../tests/example_status.ts";
import { requestsOf, serverStatus } from "./server_status.ts";

Deno.test("serverStatus() adds what threads have, and has what all share once", () => {
  const one = serverStatus(exampleParts());
  const two = serverStatus(exampleParts([exampleThread(), exampleThread()]));
  assertEquals([one.requests, two.requests], [4, 8]);
  assertEquals(two.byClass, { "1xx": 0, "2xx": 4, "3xx": 0, "4xx": 2, "5xx": 2 });
  assertEquals(two.places.map(({ place }) => place), one.places.map(({ place }) => place));
  assertEquals(two.places.map(requestsOf), [6, 2]);
  assertEquals(two.connections.map(({ open, idle }) => [open, idle]), [[6, 4], [2, 0]]);
  assertEquals([two.scripts?.running.length, two.scripts?.most, two.scripts?.waiting], [2, 64, 4]);
  assertEquals([two.upstreams.length, two.upstreams[0].requests, two.upstreams[0].open], [1, 16, null]);
  assertEquals(two.warm.map(({ state, plainRequests }) => `${state} ${plainRequests}`), ["plain 10", "warm 2"]);
  assertEquals([two.certificates.length, two.limits[0].count], [1, 4]);
  assertEquals(two.requestRates.means, one.requestRates.means.map((rate) => 2 * rate));
  assertEquals(two.uptimeSeconds, 100);
});

Deno.test("an upstream that one thread has put aside is not up", () => {
  const [upstream] = exampleThread().upstreams;
  const aside = exampleThread({ upstreams: [{ ...upstream, state: "aside", open: 3 }] });
  const [told] = serverStatus(exampleParts([exampleThread(), aside])).upstreams;
  assertEquals([told.state, told.open], ["aside", null]);
  assertEquals(serverStatus(exampleParts([aside, aside])).upstreams[0].open, 6);
});

Deno.test("serverStatus() of no thread that answers is that of nothing", () => {
  const { requests, requestRates, scripts, certificates } = serverStatus(exampleParts([]));
  assertEquals({ requests, scripts, certificates }, { requests: 0, scripts: null, certificates: [] });
  assertEquals(requestRates.means, []);
});
