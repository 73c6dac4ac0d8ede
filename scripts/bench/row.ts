/**
 * What a row of the bench is: types alone. The rows stand in rows.ts, how a load is made in loads.ts, who the servers are
 * in peers.ts.
 */
import type { PeerName, Switch } from "./peers.ts";

/** The content that an answer must have: a part of a file, a text, or whatever holds a text somewhere. */
export type ExpectedContent =
  | { readonly file: string; readonly from: number; readonly length: number }
  | { readonly text: string }
  | { readonly holds: string };

/** A GET and the answer that makes it valid. */
export interface RequestShape {
  readonly path: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** Also sends the validators (ETag, Last-Modified) that the server gave before: each server has its own. */
  readonly isConditional: boolean;
  readonly status: number;
  readonly content: ExpectedContent;
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

/** h2load: connections of HTTP/2 with so many streams at once on each; `value` counts answers a second. */
export interface H2loadLoad {
  readonly kind: "h2load";
  readonly request: RequestShape;
  readonly connections: number;
  readonly streams: number;
}

export type Load =
  | H2loadLoad
  | WrkLoad
  | BesideScriptsLoad
  | HandshakesLoad
  | { readonly kind: "idle_connections"; readonly request: RequestShape; readonly count: number }
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
  readonly load: Load;
}
