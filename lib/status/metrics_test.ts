import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { exampleParts, exampleThread } from "../../tests/example_status.ts";
import { renderFamilies } from "./exposition.ts";
import { metricFamilies } from "./metrics.ts";
import { serverStatus } from "./server_status.ts";

const [PLAIN, WARM] = exampleThread().warm;
/** Each thread has a zygote of its own. */
const OTHER = exampleThread({ warm: [PLAIN, { ...WARM, pid: 13 }] });
const FAMILIES = metricFamilies(serverStatus(exampleParts([exampleThread(), OTHER])));
const TEXT = renderFamilies(FAMILIES, "prometheus");

Deno.test("metrics have names of one kind, and each series stands once", () => {
  for (const { name, help } of FAMILIES) {
    assertMatch(name, /^lisod_[a-z]+(?:_[a-z]+)*(?<!_total)$/);
    assertMatch(help, /^[A-Z1].*[^.]$/);
  }
  const series = TEXT.split("\n").filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.slice(0, line.lastIndexOf(" ")));
  assertEquals(series.filter((each, at) => series.indexOf(each) !== at), []);
});

Deno.test("metrics are what the status says", () => {
  for (
    const line of [
      'lisod_build_info{version="1.0.0",runtime="Deno 2.7.11"} 1',
      'lisod_http_requests_total{site="*",place="/",class="2xx"} 4',
      'lisod_http_request_duration_seconds_count{site="*",place="/",class="4xx"} 2',
      'lisod_connections{protocol="http/1.1",tls="no",state="busy"} 2',
      "lisod_scripts_running 2",
      'lisod_warm_requests_total{script="/srv/a.py",way="warm"} 14',
      'lisod_upstream_failures_total{upstream="http://[::1]:80/"} 4',
      'lisod_certificate_expiry_timestamp_seconds{name="example.org"} 864000',
      'lisod_limit_reached_total{limit="rate"} 4',
      "lisod_log_lost_lines_total 0",
    ]
  ) assertStringIncludes(TEXT, `${line}\n`);
  // Nobody knows them.
  assertEquals(TEXT.includes("lisod_max_fds") || TEXT.includes("lisod_upstream_connections"), false);
});
