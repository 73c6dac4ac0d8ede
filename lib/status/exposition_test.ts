import { assertEquals } from "@std/assert";
import { chooseFormat, type Family, renderFamilies } from "./exposition.ts";
import { Histogram } from "./histogram.ts";

const COUNTER: Family = {
  ...{ type: "counter", name: "a_bytes", help: `Of "x"\\\n` },
  samples: [{ labels: { b: `"\\\n\udc80` }, value: 3 }],
};

Deno.test("renderFamilies() writes the format of Prometheus", () => {
  assertEquals(
    renderFamilies(
      [COUNTER, { type: "gauge", name: "g", help: "G", samples: [{ labels: {}, value: 0.5 }] }],
      "prometheus",
    ),
    `# HELP a_bytes_total Of "x"\\\\\\n
# TYPE a_bytes_total counter
a_bytes_total{b="\\"\\\\\\n\ufffd"} 3
# HELP g G
# TYPE g gauge
g 0.5
`,
  );
});

Deno.test("renderFamilies() writes OpenMetrics, with units and an end", () => {
  assertEquals(
    renderFamilies([COUNTER], "openmetrics"),
    `# HELP a_bytes Of \\"x\\"\\\\\\n
# TYPE a_bytes counter
# UNIT a_bytes bytes
a_bytes_total{b="\\"\\\\\\n\ufffd"} 3
# EOF
`,
  );
});

Deno.test("renderFamilies() counts in each class of a histogram all that is shorter, and leaves out what has no sample", () => {
  const times = new Histogram();
  for (const ms of [0, 3, 1000, 99_000]) times.observe(ms);
  const text = renderFamilies([
    { type: "histogram", name: "h_seconds", help: "H", histograms: [{ labels: { c: "d" }, times: times.times }] },
    { type: "gauge", name: "none", help: "N", samples: [] },
  ], "prometheus");
  const lines = text.split("\n").filter((line) => /le="(?:0.001|0.005|1.0|30.0|\+Inf)"|_sum|_count|none/.test(line));
  assertEquals(lines, [
    'h_seconds_bucket{c="d",le="0.001"} 1',
    'h_seconds_bucket{c="d",le="0.005"} 2',
    'h_seconds_bucket{c="d",le="1.0"} 3',
    'h_seconds_bucket{c="d",le="30.0"} 3',
    'h_seconds_bucket{c="d",le="+Inf"} 4',
    'h_seconds_sum{c="d"} 100.003',
    'h_seconds_count{c="d"} 4',
  ]);
});

Deno.test("chooseFormat() gives OpenMetrics to those alone who name it", () => {
  const table: readonly (readonly [accept: string | null, format: string])[] = [
    [null, "prometheus"],
    ["*/*", "prometheus"],
    ["text/plain;version=0.0.4", "prometheus"],
    ["application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5", "openmetrics"],
    ["text/plain, application/openmetrics-text", "openmetrics"],
    ["application/openmetrics-textile", "prometheus"],
  ];
  for (const [accept, format] of table) assertEquals([accept, chooseFormat(accept)], [accept, format]);
});
