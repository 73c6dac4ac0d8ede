import { assertEquals } from "@std/assert";
import { countConnections, type CountedConnection } from "./count_connections.ts";

Deno.test("countConnections() has one row for each kind", () => {
  const connection = (protocol: CountedConnection["protocol"], secure: boolean, isIdle: boolean): CountedConnection => {
    return { protocol, info: { secure }, isIdle };
  };
  assertEquals(
    countConnections([
      connection("http/1.1", false, true),
      connection("http/1.1", false, false),
      connection("http/1.1", true, true),
      connection("none", true, false),
    ]),
    [
      { protocol: "http/1.1", isTls: false, open: 2, idle: 1 },
      { protocol: "http/1.1", isTls: true, open: 1, idle: 1 },
      { protocol: "none", isTls: true, open: 1, idle: 0 },
    ],
  );
  assertEquals(countConnections([]), []);
});
