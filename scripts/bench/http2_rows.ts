/** The rows of HTTP/2, data alone. Apart from rows.ts for their number. */
import { PAGE_FOLDER, pageText } from "./page.ts";
import type { Row } from "./row.ts";
import { fileRequest, KEEP_ALIVE } from "./row_parts.ts";

/** 32 streams at once are what a browser makes of a page. */
const HTTP2 = {
  ...KEEP_ALIVE,
  name: "http2",
  measures: "4 KiB file by HTTP/2 over TLS 1.3, 8 connections with 32 streams; CPU each is compared",
  judged: "cpu",
  better: "less",
  switches: ["tls", "http2"],
  peers: ["nginx", "lighttpd", "apache"],
  goals: { nginx: 0.45 },
  load: { kind: "h2load", request: fileRequest("4k.txt"), connections: 8, streams: 32, counts: "requests" },
} as const satisfies Row;

const PAGE = {
  ...HTTP2,
  name: "http2-page",
  measures:
    "a page with 60 images of 1 to 4 KiB over TLS until Chromium's load event, with an empty cache; plain: by HTTP/1.1",
  unit: "ms",
  judged: "value",
  peers: ["lisod-plain", "nginx"],
  goals: { "lisod-plain": 0.8 },
  // Three or four loads a second.
  leastSeconds: 5,
  load: {
    kind: "page",
    request: {
      ...{ path: `/${PAGE_FOLDER}/index.html`, fields: [], isConditional: false, status: 200 },
      content: { text: pageText() },
    },
    roundTripMs: 0,
  },
} as const satisfies Row;

export const HTTP2_ROWS: readonly Row[] = [
  HTTP2,
  {
    ...HTTP2,
    name: "http2-one",
    measures: "the same on one connection, one stream after the other",
    goals: { nginx: 1 },
    load: { ...HTTP2.load, connections: 1, streams: 1 },
  },
  {
    ...HTTP2,
    name: "http2-clear",
    measures: "4 KiB file by HTTP/2 in cleartext, 8 connections with 32 streams; CPU each is compared",
    switches: ["http2"],
    peers: ["nginx", "haproxy", "lighttpd", "apache"],
    goals: { nginx: 0.6, haproxy: 0.6, lighttpd: 1 },
  },
  {
    ...HTTP2,
    name: "http2-file-100m",
    measures: "100 MiB over TLS on one stream; plain: by HTTP/1.1",
    unit: "MiB/s",
    judged: "value",
    better: "more",
    peers: ["lisod-plain", "nginx"],
    goals: { "lisod-plain": 0.9 },
    // A few files a second.
    leastSeconds: 2,
    load: { ...HTTP2.load, request: fileRequest("100m.bin"), connections: 1, streams: 1, counts: "MiB" },
  },
  PAGE,
  {
    ...PAGE,
    name: "http2-page-far",
    measures: "the same of a server that a round trip of 20 ms is away",
    load: { ...PAGE.load, roundTripMs: 20 },
  },
  {
    ...HTTP2,
    name: "http2-idle-memory",
    measures: "resident memory for each of 1,000 idle connections of HTTP/2 over TLS that were answered once",
    // Short, for the lines of readme.txt: of each connection.
    unit: "KiB",
    judged: "value",
    goals: { nginx: 3 },
    most: 30,
    load: { kind: "idle_http2", request: fileRequest("1k.txt"), count: 1000 },
  },
];
