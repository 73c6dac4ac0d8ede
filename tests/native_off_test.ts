/**
 * The suites of HTTP, files, CGI, TLS and the daemon once more, over servers that call no C library (`--native off`): those of
 * what differs between both ways, and by `deno task long` the others. Those that run alone have a file of their own.
 */
import { IS_LONG } from "./long.ts";
import { playByRuntime } from "./native_off.ts";

/** Tests that cannot pass, or need not run twice, by their names or a part of them. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  "lisod frees the descriptors of 1,000 silent clients when": "only shutdown(2) ends a handshake",
  "lisod ignores SSLKEYLOGFILE and warns": "only dup3(2) keeps the runtime from writing it, so the start is refused",
  "lisod never waits for an acknowledgement before it sends the rest": "only setsockopt(2) sets TCP_NODELAY on TLS",
  "lisod keeps nothing open that the command had inherited": "only close_range(2) closes it",
  "over https, or ends the connection, whatever is done to it": "much time, and TLS is the runtime's both ways",
  "sends one state under one ETag over https": "much time, and TLS is the runtime's both ways",
};

/** What says itself how it reaches the system: connections, files, programs, daemons. */
const SUITES: readonly (() => Promise<unknown>)[] = [
  () => import("./http_test.ts"),
  () => import("./changing_files_test.ts"),
  () => import("./cgi_server_test.ts"),
  () => import("./left_behind_test.ts"),
  () => import("./shortages_test.ts"),
  () => import("./http_upstream_test.ts"),
  () => import("./upstreams_test.ts"),
  () => import("./tls_handshake_test.ts"),
  () => import("./tls_http_test.ts"),
  () => import("./websocket_test.ts"),
  () => import("./daemon_test.ts"),
];

/** What stands above that, and meets the same connections and programs: by `deno task long`. */
const LONG_SUITES: readonly (() => Promise<unknown>)[] = [
  () => import("./http2_test.ts"),
  () => import("./mounts_test.ts"),
  () => import("./places_test.ts"),
  () => import("./sites_test.ts"),
  () => import("./cgi_faults_test.ts"),
  () => import("./cgi_programs_test.ts"),
];

/** As LEFT_OUT, of the long suites. */
const LEFT_OUT_OF_LONG: Readonly<Record<string, string>> = {
  "into its own log, or none, workers: 2": "only setsockopt(2) lets several workers listen on one port",
  "serves clone, fetch and push over HTTPS": "much time, and TLS is the runtime's both ways",
};

await playByRuntime(
  IS_LONG ? [...SUITES, ...LONG_SUITES] : SUITES,
  IS_LONG ? { ...LEFT_OUT, ...LEFT_OUT_OF_LONG } : LEFT_OUT,
);
