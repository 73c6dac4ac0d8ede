/** The suites once more that run alone (scripts/test_lanes.ts), over servers that call no C library. */
import { playByRuntime } from "./native_off.ts";

await playByRuntime([() => import("./listing_test.ts"), () => import("./cgi_handler_test.ts")]);
