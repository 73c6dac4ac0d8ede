/**
 * What a row of the bench is: types alone. The rows stand in rows.ts, how a load is made in loads.ts, who the servers are
 * in peers.ts.
 */
import type { PeerName } from "./peers.ts";
import type { Switch } from "./switches.ts";

/** The content that an answer must have: a part of a file, a text, so many bytes of words, or whatever holds a text somewhere. */
export type ExpectedContent =
  | { readonly file: string; readonly from: number; readonly length: number }
  | { readonly text: string }
  | { readonly words: number }
  | { readonly holds: string };

/** A GET and the answer that makes it valid. */
export interface RequestShape {
  readonly path: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** Also sends the validators (ETag, Last-Modified) that the server gave before: each server has its own. */
  readonly isConditional: boolean;
  readonly status: number;
  /** As it is without its coding. */
  readonly content: ExpectedContent;
  /** What the answer must be compressed with; absent: with nothing. */
  readonly coding?: "gzip";
}

/** wrk with some keep-alive connections that each send the next request when the last one is answered. */
export interface WrkLoad {
  readonly kind: "wrk";
  readonly request: RequestShape;
  readonly connections: number;
  /** Requests that leave together before an answer is awaited. */
  readonly pipelined: number;
  /** What `value` counts a second: whole answers, or MiB for files of which few fit into a second. */
  readonly counts: "requests" | "MiB";
}

/** A few paced clients of a small file while wrk keeps scripts running; the value is the 99th percentile of their waits. */
export interface BesideScriptsLoad {
  readonly kind: "beside_scripts";
  readonly request: RequestShape;
  readonly script: RequestShape;
  readonly scriptConnections: number;
}

/** New TLS connections one after the other in four lines, each with one small request. */
export interface HandshakesLoad {
  readonly kind: "handshakes";
  readonly request: RequestShape;
  readonly isResumed: boolean;
}

/** h2load: connections of HTTP/2 with so many streams at once on each, or of HTTP/1.1 with the server that is "plain". */
export interface H2loadLoad {
  readonly kind: "h2load";
  readonly request: RequestShape;
  readonly connections: number;
  readonly streams: number;
  /** What `value` counts a second, as for wrk. */
  readonly counts: "requests" | "MiB";
}

/** WebSocket connections that each send the next message when the last one has come back; `value` counts messages a second. */
export interface WebSocketLoad {
  readonly kind: "websocket";
  readonly connections: number;
}

/**
 * Our own load (clients.c): connections that ask, beside others that were answered once and stay open. `value` counts answers a
 * second, or is the 99th percentile of the waits in ms where the pace is "half".
 */
export interface ClientsLoad {
  readonly kind: "clients";
  readonly request: RequestShape;
  /** How many files are asked for in turn: above 1 their names are numbers, from that of the request, which is 0, on. */
  readonly fileCount: number;
  readonly active: number;
  readonly idle: number;
  /** "most": each asks as soon as its last answer is there. "half": so often as half of what the slowest server of the row can. */
  readonly pace: "most" | "half";
}

/** Chromium that loads the page of page.ts with an empty cache, again and again; `value` is the median of the times in ms. */
export interface PageRowLoad {
  readonly kind: "page";
  /** The page itself. */
  readonly request: RequestShape;
  /** How far away the server seems to be; 0: it is asked by loopback. */
  readonly roundTripMs: number;
}

/** Connections that are answered once and then wait: of HTTP/1.1, or of HTTP/2 over TLS. */
export interface IdleLoad {
  readonly kind: "idle_connections" | "idle_http2";
  readonly request: RequestShape;
  readonly count: number;
}

export type Load =
  | ClientsLoad
  | H2loadLoad
  | WebSocketLoad
  | WrkLoad
  | BesideScriptsLoad
  | HandshakesLoad
  | IdleLoad
  | PageRowLoad
  | { readonly kind: "first_answer"; readonly request: RequestShape }
  | { readonly kind: "binary_size" };

export interface Row {
  /** As `--only` takes it. */
  readonly name: string;
  /** One phrase for the report. */
  readonly measures: string;
  /** Of the value. */
  readonly unit: string;
  /** Which figure the ratios compare: the value, or the CPU time of each request. */
  readonly judged: "value" | "cpu";
  /** Whether more or less of the judged figure is better. */
  readonly better: "more" | "less";
  /** What the servers are started with. */
  readonly switches: readonly Switch[];
  /** Who is measured beside lisod. */
  readonly peers: readonly PeerName[];
  /** The ratio of lisod to a peer that is aimed at: at least (more is better) or at most (less is better). */
  readonly goals: Readonly<Partial<Record<PeerName, number>>>;
  /** The most that lisod's own value may be, in `unit`; null when only ratios count. */
  readonly most: number | null;
  /** The least length of each run: some programs take so long to start that few would be answered. 0: any. */
  readonly leastSeconds: number;
  readonly load: Load;
}
