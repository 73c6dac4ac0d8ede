import { assertEquals, assertThrows } from "@std/assert";
import { checkH2load, http2Url, readH2loadReport } from "./h2load.ts";

const PRINTED = `starting benchmark...
TLS Protocol: TLSv1.3
Application protocol: h2

finished in 2.00s, 140939.50 req/s, 561.03MB/s
requests: 281879 total, 282135 started, 281879 done, 281879 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 281880 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 1.10GB (1176567896) total, 16.13MB (16913808) headers (space savings 73.68%), 1.08GB (1154579856) data
                     min         max         mean         sd        +/- sd
`;

Deno.test("readH2loadReport() reads the sums", () => {
  assertEquals(readH2loadReport(PRINTED), { requests: 281_879, seconds: 2, contentBytes: 1_154_579_856 });
  const short = PRINTED.replace("2.00s", "500.00ms").replace("Application protocol: h2\n", "");
  assertEquals(readH2loadReport(short).seconds, 0.5);
});

Deno.test("readH2loadReport() throws for errors, other statuses, HTTP/1.1 and no sums", () => {
  for (
    const [found, put, message] of [
      ["0 failed", "3 failed", "h2load counted errors"],
      ["0 5xx", "1 5xx", "h2load counted errors"],
      ["protocol: h2", "protocol: http/1.1", "h2load has spoken http/1.1"],
      ["requests:", "nothing:", "h2load printed no sums"],
    ]
  ) assertThrows(() => readH2loadReport(PRINTED.replace(found, put)), Error, message);
  assertEquals(readH2loadReport(PRINTED.replace("protocol: h2", "protocol: http/1.1"), true).requests, 281_879);
  assertThrows(() => readH2loadReport(PRINTED, true), Error, "h2load has spoken h2");
});

Deno.test("checkH2load() throws for content of another length", () => {
  const order = { connections: 8, streams: 32, contentBytes: 4096 };
  checkH2load({ requests: 10, contentBytes: 40_960 }, order);
  checkH2load({ requests: 10, contentBytes: 41_000 }, order);
  assertThrows(() => checkH2load({ requests: 10, contentBytes: 40_000 }, order), Error, "40000 bytes");
  assertThrows(() => checkH2load({ requests: 10, contentBytes: 9_000_000 }, order), Error, "9000000 bytes");
  assertThrows(() => checkH2load({ requests: 0, contentBytes: 0 }, order), Error, "no answer");
});

Deno.test("http2Url() names the other port when the server speaks HTTP/2 in cleartext there alone", () => {
  const ports = { httpPort: 10_240, clearHttp2Port: 10_241 };
  const url = "http://127.0.0.1:10240/4k.txt";
  for (
    const { hasClearHttp2Port, switches, want } of [
      { hasClearHttp2Port: true, switches: ["http2"], want: "http://127.0.0.1:10241/4k.txt" },
      { hasClearHttp2Port: true, switches: ["http2", "tls"], want: url },
      { hasClearHttp2Port: false, switches: ["http2"], want: url },
    ] as const
  ) {
    const place = { ...ports, switches: new Set(switches) };
    assertEquals(http2Url({ peer: { hasClearHttp2Port }, place }, url), want);
  }
});
