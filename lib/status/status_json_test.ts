import { assertEquals } from "@std/assert";
import { exampleParts, HOSTILE } from "../../tests/example_status.ts";
import { serverStatus } from "./server_status.ts";
import { statusJson } from "./status_json.ts";

Deno.test("statusJson() tells the same as the page, under names that stay", () => {
  const told = JSON.parse(statusJson(serverStatus(exampleParts())));
  assertEquals(Object.keys(told), [
    ...["version", "runtime", "pid", "started", "uptimeSeconds", "workers", "requests", "bytes", "curves", "answers"],
    ...[
      "connections",
      "scripts",
      "warm",
      "upstreams",
      "places",
      "placesCountedTogether",
      "certificates",
      "limits",
      "log",
      "memory",
      "cpuSeconds",
    ],
    "descriptors",
  ]);
  assertEquals(told.requests, { total: 4, underWay: 1, perSecond: { "1": 4, "60": 4, "900": 4 } });
  assertEquals(told.scripts.running, [
    { file: HOSTILE, pid: 4711, ageSeconds: 2.5, client: "192.0.2.7", cpuSeconds: 0.25 },
  ]);
  assertEquals(told.places[1].answers["5xx"].upTo.slice(8, 10), [[1, 0], [2.5, 1]]);
  assertEquals(told.placesCountedTogether, 3);
  assertEquals(told.certificates[0].daysLeft, 9);
  assertEquals(told.limits[0].last, "1970-01-01T00:00:00.500Z");
});
