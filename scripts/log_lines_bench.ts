/** What an access line costs: `deno bench scripts/log_lines_bench.ts`. Read the smallest of several runs. */
import type { AccessRecord } from "../lib/log/access_record.ts";
import { COMBINED, jsonFormat } from "../lib/log/access_format.ts";
import { LogLines } from "../lib/log/log_lines.ts";

const FORMATS = [
  { inWhat: "Combined Log Format", format: COMBINED },
  { inWhat: "JSON", format: { isJson: true, access: jsonFormat() } },
];

const PEERS = [
  { name: "a load generator", referer: null, userAgent: null },
  {
    name: "a browser",
    referer: "http://www.example.org/index.html",
    userAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
  },
];

for (const { name, referer, userAgent } of PEERS) {
  const records = Array.from({ length: 512 }, (_, index): AccessRecord => ({
    remoteAddress: "192.0.2.7",
    remoteUser: null,
    method: "GET",
    target: `/images/${index}.png`,
    version: "1.1",
    status: 200,
    bodyBytes: 1024,
    referer,
    userAgent,
  }));
  for (const { inWhat, format } of FORMATS) {
    const lines = new LogLines({ bufferBytes: 65_536, maxTextBytes: 8192, now: Date.now, format });
    let index = 0;
    Deno.bench(`access line of ${name} in ${inWhat}`, () => {
      lines.addAccess(records[index++ % records.length]);
      if (lines.isFull) lines.clear();
    });
  }
}
