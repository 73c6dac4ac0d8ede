/**
 * The suites of HTTP, files, CGI, TLS and the daemon once more, over servers that call no C library (`--native off`). What
 * the runtime cannot do is a row here, with its reason; a test that is added to one of the suites runs both ways by itself.
 */
import { assertEquals } from "@std/assert";
import { takeWay } from "./harness.ts";

/** Tests that cannot pass, or need not run twice, by their names or a part of them. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  "lisod frees the descriptors of 1,000 silent clients when": "only shutdown(2) ends a handshake",
  "lisod ignores SSLKEYLOGFILE and warns": "only dup3(2) keeps the runtime from writing it, so the start is refused",
  "lisod never waits for an acknowledgement before it sends the rest": "only setsockopt(2) sets TCP_NODELAY on TLS",
  "lisod keeps nothing open that the command had inherited": "only close_range(2) closes it",
  "into its own log, or none, workers: 2": "only setsockopt(2) lets several workers listen on one port",
  "over https, or ends the connection, whatever is done to it": "much time, and TLS is the runtime's both ways",
  "sends one state under one ETag over https": "much time, and TLS is the runtime's both ways",
  "serves clone, fetch and push over HTTPS": "much time, and TLS is the runtime's both ways",
};

const unused = new Set(Object.keys(LEFT_OUT));
const { test } = Deno;

/** The same test with the way in its name; one that is left out is ignored with the reason in its name. */
function testByRuntime(first: string | Deno.TestDefinition, body?: Deno.TestDefinition["fn"]): void {
  const definition = typeof first === "string" ? { name: first, fn: body ?? (() => {}) } : first;
  const row = Object.keys(LEFT_OUT).find((part) => definition.name.includes(part));
  if (row === undefined) return test({ ...definition, name: `${definition.name}, --native off` });
  unused.delete(row);
  test({ ...definition, name: `${definition.name}, not with --native off: ${LEFT_OUT[row]}`, ignore: true });
}

takeWay("runtime");
Object.assign(Deno, { test: testByRuntime });
await import("./http_test.ts");
await import("./http2_test.ts");
await import("./changing_files_test.ts");
await import("./listing_test.ts");
await import("./mounts_test.ts");
await import("./places_test.ts");
await import("./sites_test.ts");
await import("./cgi_faults_test.ts");
await import("./cgi_handler_test.ts");
await import("./cgi_programs_test.ts");
await import("./cgi_server_test.ts");
await import("./left_behind_test.ts");
await import("./shortages_test.ts");
await import("./http_upstream_test.ts");
await import("./upstreams_test.ts");
await import("./tls_handshake_test.ts");
await import("./tls_http_test.ts");
await import("./websocket_test.ts");
await import("./daemon_test.ts");
Object.assign(Deno, { test });

Deno.test("each row of what is left out with --native off is of a test", () => assertEquals([...unused], []));
