import { assertEquals } from "@std/assert";
import { pathsOf } from "./measure_clients.ts";
import { KEEP_ALIVE, numberedRequest } from "./row_parts.ts";

Deno.test("pathsOf() counts files from that of the request on when there are several", () => {
  const request = numberedRequest(100);
  assertEquals(pathsOf({ request, fileCount: 3 }), ["/many/100/0.txt", "/many/100/1.txt", "/many/100/2.txt"]);
  assertEquals(pathsOf({ request, fileCount: 1 }), ["/many/100/0.txt"]);
  assertEquals(pathsOf({ request: KEEP_ALIVE.load.request, fileCount: 1 }), ["/1k.txt"]);
});
