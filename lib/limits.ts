/**
 * Every size, count and time that bounds what a peer or a program can make the server do: unit, default and the
 * server whose value was the model. A value stands here and nowhere else; `--help`, the options and the readers
 * all take it from this table.
 */

/** One limit as `--help` shows it: the option is the name in kebab-case, `maxLineBytes` is `--max-line-bytes`. */
export interface Limit {
  /** What the number counts: the name ends in it. */
  readonly unit: "bytes" | "ms" | "count";
  /** The default, in `unit`. */
  readonly value: number;
  /** What it bounds and what happens beyond it, in one sentence for `--help`. */
  readonly meaning: string;
  /** The setting of a well-known server that the default follows. */
  readonly precedent: string;
  /** The smallest and the largest value that make sense, both inclusive; 1 and what the unit can hold where absent. */
  readonly least?: number;
  readonly most?: number;
  /** A place may have its own. */
  readonly isOfPlace?: boolean;
}

export const LIMITS = {
  maxLineBytes: {
    unit: "bytes",
    value: 8192,
    meaning: "Longest request line (414 beyond) or field line (431 beyond), without its CRLF",
    precedent: "Apache LimitRequestLine and LimitRequestFieldSize 8190",
  },
  maxHeadBytes: {
    unit: "bytes",
    value: 65_536,
    meaning: "Longest request head, request line included (431 and close beyond)",
    precedent: "nginx large_client_header_buffers 4 x 8k; Node 16 KiB; lighttpd 8 KiB",
  },
  maxFieldCount: {
    unit: "count",
    value: 100,
    meaning: "Most fields in a request head (431 beyond) or a trailer section (400 beyond)",
    precedent: "Apache LimitRequestFields 100",
  },
  maxBodyBytes: {
    unit: "bytes",
    value: 1_073_741_824,
    meaning: "Longest request content (413 beyond)",
    precedent: "Apache LimitRequestBody 1 GiB",
    least: 0,
    isOfPlace: true,
  },
  maxChunkLineBytes: {
    unit: "bytes",
    value: 256,
    meaning: "Longest chunk-size line, extensions included (400 beyond)",
    precedent: "lighttpd 1.4 (1024); hyper caps extensions likewise",
  },
  maxTrailerBytes: {
    unit: "bytes",
    value: 8192,
    meaning: "Longest trailer section; trailers are read and dropped (400 beyond)",
    precedent: "as a line of the head",
    least: 0,
  },
  drainBytes: {
    unit: "bytes",
    value: 262_144,
    meaning: "Most unread request content that is read away to keep a connection (closed beyond)",
    precedent: "Go net/http 256 KiB",
    least: 0,
  },
  maxConnectionCount: {
    unit: "count",
    value: 10_000,
    meaning: "Most connections at once (idle ones give way, then 503 and close)",
    precedent: "nginx worker_connections 512 to 16384 in practice",
  },
  backlog: {
    unit: "count",
    value: 1024,
    meaning:
      "Connections that the system keeps for each port until they are accepted (the client's system asks again beyond)",
    precedent: "nginx and Apache 511; lighttpd 1024; the system's net.core.somaxconn bounds it",
    most: 2_147_483_647,
  },
  maxPerAddress: {
    unit: "count",
    value: 256,
    meaning:
      "Most connections at once from one address, or one IPv6 /64; beyond, the slowest or idlest of them gives way, and where none is slow the new one is answered 503; no bound for proxies, nor by the course's rules",
    precedent: "nginx limit_conn: none by default",
  },
  maxStreamCount: {
    unit: "count",
    value: 100,
    meaning: "Most requests at once of an HTTP/2 connection (refused beyond, for the client to ask again)",
    precedent: "nginx http2_max_concurrent_streams 128; Apache H2MaxSessionStreams 100; RFC 9113 6.5.2",
  },
  maxResetCount: {
    unit: "count",
    value: 200,
    meaning:
      "Most requests a second of an HTTP/2 connection that its client breaks off, or sends malformed (ended beyond)",
    precedent: "Node streamResetRate 33 a second after a burst of 1000; h2o and others by a delay",
  },
  maxControlFrameCount: {
    unit: "count",
    value: 1000,
    meaning: "Most frames a second of an HTTP/2 connection that ask for nothing (ended beyond)",
    precedent: "Go net/http 10,000 waiting; Node maxOutstandingPings 10",
  },
  maxStreamWindowBytes: {
    unit: "bytes",
    value: 1_048_576,
    meaning: "Most content of an HTTP/2 request that its client may send ahead of who reads it",
    precedent: "nginx http2_body_preread_size 64 KiB; Go net/http 1 MiB",
    least: 65_535,
    most: 1_073_741_824,
  },
  maxConnectionWindowBytes: {
    unit: "bytes",
    value: 8_388_608,
    meaning: "The same for all requests of an HTTP/2 connection, beyond the 64 KiB of each",
    precedent: "Go net/http 1 MiB; Envoy 24 MiB",
    least: 65_535,
    most: 1_073_741_824,
  },
  maxRate: {
    unit: "count",
    value: 0,
    meaning: "Most requests a second from one address, or one IPv6 /64 (429 beyond); 0 for no bound",
    precedent: "nginx limit_req: none by default",
    least: 0,
    isOfPlace: true,
  },
  maxGuessCount: {
    unit: "count",
    value: 10,
    meaning: "Most wrong passwords from one address, or one IPv6 /64, within --guess-ms (429 beyond)",
    precedent: "fail2ban maxretry 5 in findtime 10 min",
  },
  guessMs: {
    unit: "ms",
    value: 60_000,
    meaning: "Time after which as many wrong passwords may be tried again",
    precedent: "as above",
  },
  handshakeMs: {
    unit: "ms",
    value: 10_000,
    meaning: "Longest TLS handshake",
    precedent: "Go http.Server users' ReadHeaderTimeout 10 s",
  },
  headMs: {
    unit: "ms",
    value: 20_000,
    meaning: "Longest time from the first byte of a request head to its last (408)",
    precedent: "Apache RequestReadTimeout header=20-40",
  },
  keepAliveMs: {
    unit: "ms",
    value: 75_000,
    meaning: "Longest silence between two requests of a connection",
    precedent: "nginx keepalive_timeout 75s",
    least: 0,
  },
  bodyIdleMs: {
    unit: "ms",
    value: 60_000,
    meaning: "Longest silence within a request body (408)",
    precedent: "nginx client_body_timeout 60s",
  },
  writeIdleMs: {
    unit: "ms",
    value: 60_000,
    meaning: "Longest time that a write may make no progress",
    precedent: "nginx send_timeout 60s",
  },
  maxUnsentBytes: {
    unit: "bytes",
    value: 262_144,
    meaning: "Bytes of answers that the kernel keeps for a client that takes none (about; else up to 4 MiB each)",
    precedent: "none; others leave it to the kernel (net.ipv4.tcp_wmem)",
    least: 4096,
    most: 1_073_741_824,
  },
  minRateBytes: {
    unit: "bytes",
    value: 240,
    meaning: "Least bytes of content a second that a client must send or take, else its silences add up; 0 for none",
    precedent: "ASP.NET Kestrel 240; Apache RequestReadTimeout MinRate 500; Jetty none",
    least: 0,
  },
  lingerMs: {
    unit: "ms",
    value: 2_000,
    meaning: "Longest reading away after an answer that closes, so that the client can read it",
    precedent: "Apache lingering_close 2 s; nginx lingering_time 30s",
    least: 0,
  },
  halfClosedMs: {
    unit: "ms",
    value: 5_000,
    meaning: "Longest time a script may run on after the client has ended its side of the connection",
    precedent: "nginx and Go end the request at once; lighttpd never",
  },
  maxMessageBytes: {
    unit: "bytes",
    value: 1_048_576,
    meaning: "Longest message of a client to a WebSocket program (closed with 1009 beyond)",
    precedent: "Python's websockets 1 MiB; Tomcat 8 KiB; Node's ws 100 MiB",
  },
  websocketPingMs: {
    unit: "ms",
    value: 30_000,
    meaning:
      "Longest silence of a client of a WebSocket program until it is asked by a ping, and then until it answers",
    precedent: "Python's websockets ping_interval and ping_timeout 20 s",
  },
  websocketCloseMs: {
    unit: "ms",
    value: 5_000,
    meaning:
      "Longest time for a WebSocket client to answer a close, and for a program to end after its client has closed (SIGTERM beyond)",
    precedent: "Python's websockets close_timeout 10 s; websocketd closems 0.1 s",
  },
  websocketIdleMs: {
    unit: "ms",
    value: 600_000,
    meaning: "Longest silence, both ways, of a WebSocket connection that is handed on to an upstream (cut beyond)",
    precedent: "nginx proxy_read_timeout 60s; HAProxy timeout tunnel 1h in practice",
  },
  drainMs: {
    unit: "ms",
    value: 30_000,
    meaning: "Longest wait for requests under way when the server is told to stop",
    precedent: "Kubernetes terminationGracePeriodSeconds 30",
    least: 0,
  },
  daemonStartMs: {
    unit: "ms",
    value: 10_000,
    meaning: "Longest wait of the command until the daemon serves (killed beyond)",
    precedent: "systemd TimeoutStartSec 90 s",
  },
  fileCacheMs: {
    unit: "ms",
    value: 1_000,
    meaning: "Longest time for which a small file is answered without looking at the disk again; 0 looks each time",
    precedent: "nginx open_file_cache_valid (60s); lighttpd stat cache (1 s)",
    least: 0,
  },
  maxCachedFileBytes: {
    unit: "bytes",
    value: 1_048_576,
    meaning: "Largest file that is kept in memory (beyond 64 KiB when it is asked for a second time)",
    precedent: "Apache CacheMaxFileSize 1,000,000 (mod_cache_disk)",
  },
  compressWaitMs: {
    unit: "ms",
    value: 250,
    meaning:
      "Longest wait for a file that is being compressed for the first time; it is sent as it is where that takes longer",
    precedent: "nginx and Apache compress it anew for each client, who waits",
  },
  maxFileCacheBytes: {
    unit: "bytes",
    value: 67_108_864,
    meaning: "Most memory for files that are kept (the least wanted are dropped beyond)",
    precedent: "Squid cache_mem 256 MB",
  },
  maxCachedFileCount: {
    unit: "count",
    value: 16_384,
    meaning: "Most files whose facts are kept (the least wanted are dropped beyond)",
    precedent: "nginx open_file_cache max=1000 to 10000 in practice",
  },
  maxFileBufferBytes: {
    unit: "bytes",
    value: 16_777_216,
    meaning: "Most memory for reading big files in large steps (small steps beyond)",
    precedent: "nginx output_buffers 2 x 32k for each connection",
  },
  maxListedFileCount: {
    unit: "count",
    value: 10_000,
    meaning: "Most entries that the listing of a folder shows (cut beyond)",
    precedent: "lighttpd dir-listing.max-entries",
  },
  maxListingBytes: {
    unit: "bytes",
    value: 33_554_432,
    meaning:
      "Most memory for listings that are kept or being sent (one is cut there; beyond, those least read are given up)",
    precedent: "none; others make one for each client",
    least: 1_048_576,
  },
  maxReadmeBytes: {
    unit: "bytes",
    value: 65_536,
    meaning: "Most bytes of a readme that the listing of its folder shows (cut beyond); 0 shows none",
    precedent: "none; Apache ReadmeName has no bound",
    least: 0,
    most: 1_048_576,
  },
  maxRangeCount: {
    unit: "count",
    value: 100,
    meaning: "Most parts of a file in one answer (the nearest become one beyond); 0 answers with the whole file",
    precedent: "Apache MaxRanges 200; lighttpd 10, then joined; nginx max_ranges",
    least: 0,
  },
  maxWaitingBytes: {
    unit: "bytes",
    value: 268_435_456,
    meaning:
      "Most memory for what waits for clients: heads and contents that are not whole, answers not taken (who holds most and moves least is cut beyond)",
    precedent: "none; HAProxy counts buffers (tune.buffers.limit)",
  },
  scriptMs: {
    unit: "ms",
    value: 30_000,
    meaning: "Longest wait for the head of a script's response (504)",
    precedent: "Apache CGIDScriptTimeout 60 s; lighttpd cgi.limits read-timeout",
    isOfPlace: true,
  },
  scriptBodyMs: {
    unit: "ms",
    value: 60_000,
    meaning: "Longest silence within a script's response body (cut)",
    precedent: "nginx fastcgi_read_timeout 60s",
    isOfPlace: true,
  },
  scriptKillMs: {
    unit: "ms",
    value: 2_000,
    meaning: "Time that a script has to end after SIGTERM (SIGKILL to its process group beyond)",
    precedent: "Apache sends SIGKILL after 3 s",
    isOfPlace: true,
  },
  maxWarmCount: {
    unit: "count",
    value: 8,
    meaning: "Programs for which --cgi-warm keeps an interpreter (the others run plainly)",
    precedent: "none; gunicorn and uWSGI keep what they are told to",
    least: 0,
  },
  maxWarmRequestCount: {
    unit: "count",
    value: 1000,
    meaning: "Requests after which such an interpreter is replaced by a new one",
    precedent: "Apache MaxConnectionsPerChild, uWSGI max-requests: none by default, 1000 in practice",
  },
  warmMs: {
    unit: "ms",
    value: 3_600_000,
    meaning: "Time after which it is replaced",
    precedent: "uWSGI max-worker-lifetime: none by default",
  },
  warmIdleMs: {
    unit: "ms",
    value: 600_000,
    meaning: "Time without a request after which it ends",
    precedent: "php-fpm process_idle_timeout 10 s; Apache FcgidIdleTimeout 5 min",
  },
  warmStartMs: {
    unit: "ms",
    value: 20_000,
    meaning: "Longest time that it may take to import the modules of its program (which runs plainly beyond)",
    precedent: "php-fpm none; systemd DefaultTimeoutStartSec 90 s",
  },
  warmHangMs: {
    unit: "ms",
    value: 2_000,
    meaning:
      "Longest time that it may take to fork for a request (it is killed, and the request answered plainly, beyond)",
    precedent: "none",
  },
  scriptLingerMs: {
    unit: "ms",
    value: 30_000,
    meaning: "Longest silence of an output that a script's children hold open after its own end (broken off)",
    precedent: "nginx fastcgi_read_timeout 60s; Apache Timeout 60 s",
    isOfPlace: true,
  },
  maxScriptHeadBytes: {
    unit: "bytes",
    value: 65_536,
    meaning: "Longest head that a script may print (500 beyond)",
    precedent: "lighttpd 64 KiB; nginx fastcgi_buffer_size 4 to 8 KiB",
  },
  maxScriptFieldCount: {
    unit: "count",
    value: 200,
    meaning: "Most fields in the head that a script prints (500 beyond)",
    precedent: "none; twice those of a request",
  },
  maxScriptErrorBytes: {
    unit: "bytes",
    value: 65_536,
    meaning: "Most bytes of a script's standard error that reach the log (dropped beyond)",
    precedent: "none; others have no bound",
    least: 0,
  },
  scriptErrorMs: {
    unit: "ms",
    value: 600_000,
    meaning: "Longest time that a script's children may hold its standard error after its own end (closed beyond)",
    precedent: "none; others hand out their own log",
  },
  maxSpoolMemoryBytes: {
    unit: "bytes",
    value: 1_048_576,
    meaning: "Most memory for the content of a chunked request to a script (a temporary file beyond)",
    precedent: "nginx client_body_buffer_size 16 KiB",
    least: 0,
  },
  forwardConnectMs: {
    unit: "ms",
    value: 5_000,
    meaning: "Longest time that connecting to an upstream may take (504)",
    precedent: "nginx fastcgi_connect_timeout 60s; HAProxy timeout connect 5s in practice",
  },
  forwardKeepMs: {
    unit: "ms",
    value: 1_000,
    meaning:
      "Longest time from its opening for which a connection to a FastCGI application has one more request: until then it holds one of its processes",
    precedent: "nginx keepalive_timeout 60s where keepalive is given; none by default",
    least: 0,
  },
  forwardHttpIdleMs: {
    unit: "ms",
    value: 4_000,
    meaning: "Longest time for which an idle connection to an HTTP upstream is kept for the next request",
    precedent: "nginx keepalive_timeout 60s; Node, the upstream, ends it after 5 s",
    least: 0,
  },
  maxForwardHttpIdleCount: {
    unit: "count",
    value: 64,
    meaning: "Most of these for each HTTP upstream; 0: each request has a connection of its own",
    precedent: "nginx keepalive 32 in practice",
    least: 0,
  },
  maxForwardIdleCount: {
    unit: "count",
    value: 4,
    meaning: "Most of these for each upstream that wait for a request; 0: each request has its own",
    precedent: "nginx keepalive: none by default",
    least: 0,
  },
  maxForwardFailCount: {
    unit: "count",
    value: 3,
    meaning: "So many failures of one of several upstreams within --forward-fail-ms put it aside",
    precedent: "nginx max_fails 1; HAProxy fall 3",
  },
  forwardFailMs: {
    unit: "ms",
    value: 10_000,
    meaning: "That time, and how long it stays aside until one request tries it again",
    precedent: "nginx fail_timeout 10s",
  },
  forwardCheckMs: {
    unit: "ms",
    value: 5_000,
    meaning: "Time between two looks at the health of an upstream (check=), and the longest that one may take",
    precedent: "nginx Plus health_check interval=5; HAProxy inter 2s",
    least: 100,
  },
  scriptSharePercent: {
    unit: "count",
    value: 75,
    meaning:
      "How much of --cgi-max and --cgi-queue one address, or one IPv6 /64, may have at once, in percent; all of it by the course's rules",
    precedent: "none; Apache MaxConnPerIP of modules of others",
    least: 1,
    most: 100,
  },
  maxOutputMemoryBytes: {
    unit: "bytes",
    value: 16_777_216,
    meaning: "Most memory for what scripts have printed and slow clients have not taken (temporary files beyond)",
    precedent: "nginx fastcgi_buffers 8 x 8 KiB for each request",
    least: 0,
  },
  maxOutputFileBytes: {
    unit: "bytes",
    value: 1_073_741_824,
    meaning: "Most bytes of temporary files for that (scripts wait for their clients beyond)",
    precedent: "nginx fastcgi_max_temp_file_size 1 GiB for each request",
    least: 0,
  },
  spoolMs: {
    unit: "ms",
    value: 10_000,
    meaning: "Longest time for which the folder of --cgi-spool may let one call wait (503, or memory alone, beyond)",
    precedent: "none; others wait for ever",
  },
  logFlushMs: {
    unit: "ms",
    value: 1_000,
    meaning: "Longest time for which a log line waits in memory; an ERROR never waits",
    precedent: "nginx access_log flush=1s",
    most: 60_000,
  },
  logBufferBytes: {
    unit: "bytes",
    value: 65_536,
    meaning: "Log lines that wait in memory at most (written at once beyond)",
    precedent: "nginx access_log buffer=64k",
    most: 16_777_216,
  },
  maxLogHeldBytes: {
    unit: "bytes",
    value: 4_194_304,
    meaning: "Log lines that wait behind a write that hangs, for each file (lost and counted beyond)",
    precedent: "none; nginx and Apache stand still",
    least: 65_536,
    most: 1_073_741_824,
  },
  maxLogTextBytes: {
    unit: "bytes",
    value: 8192,
    meaning: "Longest part of a log line, such as the target (cut beyond)",
    precedent: "as a line of the head",
    least: 64,
    most: 1_048_576,
  },
  slowMs: {
    unit: "ms",
    value: 0,
    meaning: "Time beyond which a request is told in a WARN, with where it went; 0: none is",
    precedent: "php-fpm request_slowlog_timeout, PostgreSQL log_min_duration_statement: off",
    least: 0,
  },
  maxErrorPageBytes: {
    unit: "bytes",
    value: 262_144,
    meaning: "Longest page that --error-pages may hold, for each stays in memory (a start-up error beyond)",
    precedent: "none; the built-in pages take 1.5 KiB",
    most: 67_108_864,
  },
} as const satisfies Record<string, Limit>;

export type LimitName = keyof typeof LIMITS;

/** The limits in force: one number each, in the unit that ends its name. */
export type Limits = { readonly [name in LimitName]: number };

/** The limits when no option changes them. */
export const DEFAULT_LIMITS: Limits = Object.fromEntries(
  Object.entries(LIMITS).map(([name, limit]) => [name, limit.value]),
) as Limits;
