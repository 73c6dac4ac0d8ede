/** What the bench measures: one row each, data alone, so that this file reads as the list. row.ts says what a row is. */
import type { RequestShape, Row } from "./row.ts";
import { GROWTH_ROWS } from "./growth_rows.ts";
import { HTTP2_ROWS } from "./http2_rows.ts";
import { CGI_BASE, CLIENTS, fileRequest, KEEP_ALIVE, SCRIPT_TEXT, scriptRequest, WORDS_BYTES } from "./row_parts.ts";

/** The fields that a desktop browser sends with a navigation, in its order and of usual length. */
const BROWSER_FIELDS: RequestShape["fields"] = [
  ["Connection", "keep-alive"],
  ["Cache-Control", "max-age=0"],
  ["sec-ch-ua", '"Chromium";v="128", "Not;A=Brand";v="24", "Google Chrome";v="128"'],
  ["sec-ch-ua-mobile", "?0"],
  ["sec-ch-ua-platform", '"Linux"'],
  ["Upgrade-Insecure-Requests", "1"],
  [
    "User-Agent",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36",
  ],
  ["Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"],
  ["Sec-Fetch-Site", "same-origin"],
  ["Sec-Fetch-Mode", "navigate"],
  ["Sec-Fetch-User", "?1"],
  ["Sec-Fetch-Dest", "document"],
  ["Referer", "http://www.example.org/articles/2024/a-page-with-a-long-name.html"],
  ["Accept-Encoding", "gzip, deflate, br, zstd"],
  ["Accept-Language", "en-GB,en;q=0.9,de;q=0.8,fr;q=0.7"],
  ["Cookie", "session=5f2b8c1e9a7d4f3b8c1e9a7d4f3b5f2b; theme=dark; consent=2024-08-01T12:00:00Z"],
];

/** A GET of the first page of the blog. Its links are the server's own, so it is known by the title of its last entry. */
const BLOG_REQUEST: RequestShape = {
  path: "/cgi/wsgi_wrapper.py/",
  fields: [],
  isConditional: false,
  status: 200,
  content: { holds: "Drafts, tags and a search" },
};

/** What clients wait for where the servers have time left. */
const FIXED = {
  ...KEEP_ALIVE,
  name: "keep-alive-fixed",
  measures: "99th percentile of the 1 KiB file at half of what the slowest can, 64 connections",
  unit: "ms",
  better: "less",
  peers: ["nginx", "lighttpd"],
  goals: { nginx: 1 },
  load: { ...CLIENTS, pace: "half" },
} as const satisfies Row;

/** Two cores for server and load together: the second worker is worth what the ratio of the second row keeps of the first. */
const WORKER_ROWS: readonly Row[] = [
  {
    ...KEEP_ALIVE,
    name: "workers-1",
    measures: "1 KiB file, 64 keep-alive connections, server and load share both cores",
    switches: ["both_cores"],
    peers: ["nginx", "nginx-tuned"],
    goals: { nginx: 1.25 },
  },
  {
    ...KEEP_ALIVE,
    name: "workers-2",
    measures: "the same with two workers each",
    switches: ["both_cores", "workers"],
    peers: ["nginx", "nginx-tuned"],
    goals: { nginx: 1.25 },
  },
  {
    ...FIXED,
    name: "workers-2-fixed",
    measures: "99th percentile of the same at half of what the slowest can",
    switches: ["both_cores", "workers"],
    peers: ["nginx", "nginx-tuned"],
  },
];

/** Small answers over plain HTTP. */
const SMALL_ROWS: readonly Row[] = [
  KEEP_ALIVE,
  FIXED,
  {
    ...KEEP_ALIVE,
    name: "keep-alive-off",
    measures: "the same with --native off: by the runtime's sockets alone",
    switches: ["native_off"],
    peers: ["nginx", "deno-serve", "bare-loop"],
    goals: {},
  },
  {
    ...KEEP_ALIVE,
    name: "keep-alive-status",
    measures: "the same of a server that shows its status",
    switches: ["status"],
    peers: ["lisod-plain"],
    goals: { "lisod-plain": 0.98 },
  },
  {
    ...KEEP_ALIVE,
    name: "many-places",
    measures: "the same from the last of 10,000 places of the last of 1,000 sites",
    judged: "cpu",
    better: "less",
    switches: ["many_places"],
    peers: ["lisod-plain"],
    goals: { "lisod-plain": 1.05 },
    load: {
      ...KEEP_ALIVE.load,
      request: { ...fileRequest("1k.txt"), path: "/p9/1k.txt" },
    },
  },
  {
    ...KEEP_ALIVE,
    name: "access-log",
    measures: "the same with an access log in Combined Log Format",
    switches: ["access_log"],
    peers: ["nginx", "nginx-tuned", "lighttpd", "apache"],
    goals: { nginx: 1.3, lighttpd: 0.7 },
  },
  {
    ...KEEP_ALIVE,
    name: "browser-head",
    measures: "the same without a log, with the request head of a browser",
    peers: ["nginx", "nginx-tuned", "lighttpd", "apache", "deno-serve"],
    goals: { nginx: 1.3, lighttpd: 0.75 },
    load: { ...KEEP_ALIVE.load, request: fileRequest("1k.bin", BROWSER_FIELDS) },
  },
  {
    ...KEEP_ALIVE,
    name: "pipelined",
    measures: "1 KiB file, 64 connections, 16 requests sent together",
    peers: ["nginx", "nginx-tuned", "lighttpd", "apache", "deno-serve"],
    goals: { lighttpd: 3 },
    load: { ...KEEP_ALIVE.load, pipelined: 16 },
  },
  {
    ...KEEP_ALIVE,
    name: "connection-each",
    measures: "1 KiB file, 16 clients, a new connection for each request",
    goals: { nginx: 0.95 },
    load: { ...KEEP_ALIVE.load, connections: 16, request: fileRequest("1k.txt", [["Connection", "close"]]) },
  },
  {
    ...KEEP_ALIVE,
    name: "not-modified",
    measures: "304 answers to the validators of the 1 KiB file, 64 connections",
    peers: ["nginx", "nginx-tuned", "lighttpd", "apache"],
    goals: {},
    load: {
      ...KEEP_ALIVE.load,
      request: {
        ...fileRequest("1k.txt"),
        isConditional: true,
        status: 304,
        content: { text: "" },
      },
    },
  },
  {
    ...KEEP_ALIVE,
    name: "range",
    measures: "206 answers with 1 KiB from the middle of the 1 MiB file, 64 connections",
    peers: ["nginx", "nginx-tuned", "lighttpd", "apache"],
    goals: {},
    load: {
      ...KEEP_ALIVE.load,
      request: {
        ...fileRequest("1m.bin", [["Range", "bytes=500000-501023"]]),
        status: 206,
        content: { file: "1m.bin", from: 500_000, length: 1024 },
      },
    },
  },
];

/** A row of a larger file, measured in MiB a second. */
function fileRow(
  file: string,
  facts: Pick<Row, "name" | "measures" | "goals"> & { readonly connections: number },
): Row {
  const { connections, ...named } = facts;
  return {
    ...KEEP_ALIVE,
    ...named,
    unit: "MiB/s",
    peers: ["nginx", "lighttpd", "apache", "deno-serve"],
    load: { ...KEEP_ALIVE.load, request: fileRequest(file), connections, counts: "MiB" },
  };
}

const FILE_ROWS: readonly Row[] = [
  fileRow("100k.bin", { name: "file-100k", measures: "100 KiB file, 16 clients", goals: {}, connections: 16 }),
  fileRow("1m.bin", {
    name: "file-1m",
    measures: "1 MiB file, 16 clients",
    goals: { nginx: 1.3, lighttpd: 0.5 },
    connections: 16,
  }),
  fileRow("100m.bin", {
    name: "file-100m",
    measures: "100 MiB file, 4 clients",
    goals: { nginx: 1.2 },
    connections: 4,
  }),
];

const IDLE_PEERS: Row["peers"] = ["nginx", "lighttpd", "apache", "deno-serve", "bare-loop"];
const IDLE_COUNT = 5_000;

/** What it costs to have the server at all. */
const FOOTPRINT_ROWS: readonly Row[] = [
  {
    ...KEEP_ALIVE,
    name: "idle-memory",
    measures: "resident memory for each of 5,000 idle connections that were answered once",
    unit: "KiB/connection",
    better: "less",
    peers: IDLE_PEERS,
    goals: {},
    most: 3,
    load: { kind: "idle_connections", request: fileRequest("1k.txt"), count: IDLE_COUNT },
  },
  {
    ...KEEP_ALIVE,
    name: "first-answer",
    measures: "from starting the program to its first whole answer",
    unit: "ms",
    better: "less",
    peers: ["nginx", "lighttpd", "apache"],
    goals: {},
    most: 120,
    load: { kind: "first_answer", request: fileRequest("1k.txt") },
  },
  {
    ...KEEP_ALIVE,
    name: "binary-size",
    measures: "size of the one file that is the program",
    unit: "MB",
    better: "less",
    peers: [],
    goals: {},
    most: 110,
    load: { kind: "binary_size" },
  },
];

/** A certificate with an ECDSA P-256 key; TLS 1.3 is what all of them agree on. */
const TLS_KEEP_ALIVE = {
  ...KEEP_ALIVE,
  name: "tls-keep-alive",
  measures: "1 KiB file over TLS 1.3, 64 keep-alive connections",
  switches: ["tls"],
  peers: ["nginx", "lighttpd", "apache", "deno-serve", "bare-loop"],
  goals: { nginx: 1.25, lighttpd: 1.05 },
} as const satisfies Row;

const TLS_ROWS: readonly Row[] = [
  TLS_KEEP_ALIVE,
  {
    ...TLS_KEEP_ALIVE,
    name: "tls-handshake",
    measures: "full handshakes (TLS 1.3, ECDSA), one request each; CPU each is compared",
    unit: "handshakes/s",
    judged: "cpu",
    better: "less",
    goals: { nginx: 0.75 },
    load: { kind: "handshakes", request: fileRequest("1k.txt"), isResumed: false },
  },
  {
    ...TLS_KEEP_ALIVE,
    name: "tls-many-sites",
    measures: "full handshakes where 1,000 sites share one certificate; CPU each is compared",
    unit: "handshakes/s",
    judged: "cpu",
    better: "less",
    switches: ["tls", "many_places"],
    peers: ["lisod-plain"],
    goals: { "lisod-plain": 1.05 },
    load: { kind: "handshakes", request: fileRequest("1k.txt"), isResumed: false },
  },
  {
    ...TLS_KEEP_ALIVE,
    name: "tls-resumed",
    measures: "resumed handshakes (TLS 1.3), one request each; CPU each is compared",
    unit: "handshakes/s",
    judged: "cpu",
    better: "less",
    peers: ["nginx", "lighttpd", "apache", "deno-serve"],
    goals: {},
    load: { kind: "handshakes", request: fileRequest("1k.txt"), isResumed: true },
  },
  {
    ...TLS_KEEP_ALIVE,
    name: "tls-file-100m",
    measures: "100 MiB file over TLS 1.3, 4 clients",
    unit: "MiB/s",
    peers: ["nginx", "lighttpd", "apache", "deno-serve"],
    goals: { nginx: 0.9 },
    load: { ...KEEP_ALIVE.load, request: fileRequest("100m.bin"), connections: 4, counts: "MiB" },
  },
  {
    ...TLS_KEEP_ALIVE,
    name: "tls-idle-memory",
    measures: "resident memory for each of 5,000 idle TLS connections that were answered once",
    unit: "KiB/connection",
    better: "less",
    peers: IDLE_PEERS,
    goals: {},
    most: 60,
    load: { kind: "idle_connections", request: fileRequest("1k.txt"), count: IDLE_COUNT },
  },
];

/** What the rows ask scripts for, by the name in the row, with the goals at 8 clients. */
const SCRIPTS: readonly (Pick<Row, "switches" | "goals"> & {
  readonly label: string;
  readonly title: string;
  readonly request: RequestShape;
})[] = [
  {
    ...{ label: "c", title: "C program", switches: ["cgi"], request: scriptRequest("hello-c") },
    goals: { lighttpd: 0.85, apache: 1.2, nginx: 1 },
  },
  { label: "shell", title: "shell script", switches: ["cgi"], request: scriptRequest("hello.sh"), goals: {} },
  {
    ...{ label: "python", title: "Python script", switches: ["cgi"], request: scriptRequest("hello.py") },
    goals: { lighttpd: 0.95, apache: 0.95, nginx: 0.95 },
  },
  {
    ...{ label: "blog", title: "first page of the blog", switches: ["cgi", "blog"], request: BLOG_REQUEST },
    goals: { lighttpd: 0.95, apache: 0.95, nginx: 0.95 },
  },
];

/** Programs that are kept warm; those that keep applications have Flask's and Django's. */
const WARM_SCRIPTS: readonly (Pick<Row, "switches" | "goals" | "peers" | "leastSeconds"> & {
  readonly label: string;
  readonly title: string;
  readonly request: RequestShape;
})[] = [
  {
    ...{ label: "flask", title: "page of Flask", request: scriptRequest("flask_hello.py/"), leastSeconds: 8 },
    ...{ switches: ["cgi", "warm"], peers: ["lighttpd", "gunicorn", "uwsgi"], goals: { lighttpd: 18 } },
  },
  {
    ...{ label: "django", title: "page of Django", request: scriptRequest("django_hello.py/"), leastSeconds: 8 },
    ...{ switches: ["cgi", "warm"], peers: ["lighttpd", "gunicorn", "uwsgi"], goals: { lighttpd: 9 } },
  },
  {
    ...{ label: "blog", title: "first page of the blog, made anew", request: BLOG_REQUEST, leastSeconds: 6 },
    ...{ switches: ["cgi", "blog", "warm"], peers: ["lighttpd"], goals: { lighttpd: 8 } },
  },
  {
    ...{
      label: "python",
      title: "Python script with json, urllib and html",
      request: scriptRequest("modules.py"),
      leastSeconds: 4,
    },
    ...{ switches: ["cgi", "warm"], peers: ["lighttpd"], goals: { lighttpd: 8 } },
  },
  {
    ...{ label: "perl", title: "Perl script with CGI.pm", request: scriptRequest("cgi_pm.pl"), leastSeconds: 4 },
    ...{ switches: ["cgi", "warm"], peers: ["lighttpd"], goals: { lighttpd: 6 } },
  },
];

const CGI_ROWS: readonly Row[] = [
  ...SCRIPTS.flatMap(({ label, title, switches, request, goals }) =>
    [1, 8, 32].map((connections): Row => ({
      ...CGI_BASE,
      name: `cgi-${label}-${connections}`,
      measures: `CGI, ${title}, ${connections} ${connections === 1 ? "client" : "clients"}`,
      switches,
      goals: connections === 8 ? goals : {},
      load: { ...KEEP_ALIVE.load, request, connections },
    }))
  ),
  ...WARM_SCRIPTS.map(({ label, title, switches, request, goals, peers, leastSeconds }): Row => ({
    ...CGI_BASE,
    name: `cgi-warm-${label}-8`,
    measures: `CGI, ${title}, 8 clients, kept warm (--cgi-warm on)`,
    switches,
    goals,
    peers,
    leastSeconds,
    load: { ...KEEP_ALIVE.load, request, connections: 8 },
  })),
  {
    ...CGI_BASE,
    name: "cgi-c-8-off",
    measures: "CGI, C program, 8 clients, with --native off: started by the runtime",
    switches: ["cgi", "native_off"],
    goals: {},
    load: { ...KEEP_ALIVE.load, request: scriptRequest("hello-c"), connections: 8 },
  },
  {
    ...CGI_BASE,
    name: "static-beside-cgi",
    measures: "99th percentile of the 1 KiB file while 32 clients keep C programs running",
    unit: "ms",
    better: "less",
    goals: { nginx: 1.5 },
    load: {
      kind: "beside_scripts",
      request: fileRequest("1k.txt"),
      script: scriptRequest("hello-c"),
      scriptConnections: 32,
    },
  },
];

/** Requests that are handed on: to an nginx, and to php-fpm, which run beside the load. */
const FORWARD = {
  ...KEEP_ALIVE,
  name: "forward-http",
  measures: "1 KiB answer of an HTTP upstream, 64 keep-alive connections",
  switches: ["forward"],
  peers: ["nginx"],
  goals: { nginx: 1 },
  load: { ...KEEP_ALIVE.load, request: { ...fileRequest("1k.txt"), path: "/forward/1k.txt" } },
} as const satisfies Row;

const FORWARD_ROWS: readonly Row[] = [
  FORWARD,
  {
    ...FORWARD,
    name: "forward-http-100m",
    measures: "100 MiB answer of an HTTP upstream, 4 clients",
    unit: "MiB/s",
    goals: { nginx: 0.8 },
    load: {
      ...KEEP_ALIVE.load,
      request: { ...fileRequest("100m.bin"), path: "/forward/100m.bin" },
      connections: 4,
      counts: "MiB",
    },
  },
  {
    ...FORWARD,
    name: "forward-websocket",
    measures: "messages that a WebSocket upstream sends back, 1,000 connections",
    unit: "messages/s",
    switches: ["websocket"],
    load: { kind: "websocket", connections: 1000 },
  },
  {
    ...FORWARD,
    name: "forward-php-fpm",
    measures: "page of php-fpm, 8 clients",
    switches: ["php"],
    goals: { nginx: 0.9 },
    load: {
      ...KEEP_ALIVE.load,
      request: { path: "/hello.php", fields: [], isConditional: false, status: 200, content: { text: SCRIPT_TEXT } },
      connections: 8,
    },
  },
];

/** Text for clients that take gzip. */
const COMPRESS = {
  ...KEEP_ALIVE,
  name: "compress-static",
  measures: "100 KiB of text as a file, compressed with gzip, 16 clients; nginx has it compressed on its disk",
  switches: ["gzip"],
  peers: ["nginx", "nginx-gzip"],
  goals: { nginx: 0.9, "nginx-gzip": 3 },
  load: {
    ...KEEP_ALIVE.load,
    request: {
      ...{ path: "/words.txt", isConditional: false, status: 200, content: { words: WORDS_BYTES }, coding: "gzip" },
      fields: [["Accept-Encoding", "gzip"]],
    },
    connections: 16,
  },
} as const satisfies Row;

const COMPRESS_ROWS: readonly Row[] = [
  COMPRESS,
  {
    ...COMPRESS,
    name: "compress-cgi",
    measures: "the same text from a shell script, compressed as it comes (--compress all), 8 clients",
    switches: ["cgi", "gzip"],
    peers: ["lighttpd"],
    goals: { lighttpd: 1 },
    load: { ...COMPRESS.load, request: { ...COMPRESS.load.request, path: "/cgi/words.sh" }, connections: 8 },
  },
];

/** All rows in the order of the report. */
export const ROWS: readonly Row[] = [
  ...SMALL_ROWS,
  ...WORKER_ROWS,
  ...FILE_ROWS,
  ...FOOTPRINT_ROWS,
  ...TLS_ROWS,
  ...HTTP2_ROWS,
  ...CGI_ROWS,
  ...FORWARD_ROWS,
  ...COMPRESS_ROWS,
  ...GROWTH_ROWS,
];
