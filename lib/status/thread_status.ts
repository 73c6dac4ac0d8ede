/**
 * What one thread knows of itself, in a form that passes from thread to thread, and what is known of the server. Separate from
 * what is made of it (server_status.ts), for several threads are put together there. Types alone.
 */
import type { PlaceCount } from "./counters.ts";
import type { Times } from "./histogram.ts";
import type { ReachedLimit } from "./limit_tally.ts";
import type { WarmView } from "../warm/warm_script.ts";
import type { Rates } from "./rate_history.ts";

/** What a connection speaks; "none": nothing yet, as in its handshake. */
export type Protocol = "http/1.1" | "http/2" | "none";

/** Connections that are open, of one kind. */
export interface ConnectionCount {
  readonly protocol: Protocol;
  readonly isTls: boolean;
  readonly open: number;
  /** Those of them on which no request has begun. */
  readonly idle: number;
}

export interface RunningScript {
  /** Absolute path. */
  readonly file: string;
  readonly pid: number;
  readonly ageSeconds: number;
  /** Address; "" for a client of a Unix socket. */
  readonly client: string;
  /** Of the processor, with that of children that have ended; null: nobody can tell. */
  readonly cpuSeconds: number | null;
}

export interface ScriptsStatus {
  readonly running: readonly RunningScript[];
  /** Requests that wait for their turn; and whose content still comes before that. */
  readonly waiting: number;
  readonly coming: number;
  readonly most: number;
  /** From the call to the program's first instruction, and from then until it was done. */
  readonly starts: Times;
  readonly runs: Times;
}

/** Somebody to whom requests are handed on. What nobody knows is null. */
export interface UpstreamStatus {
  /** As it was written. */
  readonly text: string;
  /** Connections that are open; requests that are under way. */
  readonly open: number | null;
  readonly inUse: number;
  /** "up", or what else is known of it, in a word. */
  readonly state: string;
  readonly requests: number;
  /** Requests that it did not answer: 502, 503, 504. */
  readonly failures: number;
}

export interface CertificateStatus {
  readonly names: readonly string[];
  /** Since 1970. */
  readonly notAfterMs: number;
}

export interface ThreadStatus {
  /** "main", "worker 1". */
  readonly name: string;
  readonly places: readonly PlaceCount[];
  /** How many places are counted as one of these, "others". */
  readonly otherPlaces: number;
  readonly sentBytes: number;
  readonly underWay: number;
  readonly requestRates: Rates;
  readonly byteRates: Rates;
  readonly connections: readonly ConnectionCount[];
  readonly accepted: number;
  readonly handshakes: Times;
  readonly failedHandshakes: number;
  /** Null where no program is named. */
  readonly scripts: ScriptsStatus | null;
  readonly warm: readonly WarmView[];
  readonly upstreams: readonly UpstreamStatus[];
  readonly certificates: readonly CertificateStatus[];
  readonly limits: readonly ReachedLimit[];
  /** Of what waits for clients. */
  readonly waitingBytes: number;
  readonly heapBytes: number;
  /** Lines of this thread's log. */
  readonly lostLines: number;
}

/** What all threads share. What nobody can tell is null. */
export interface ProcessStatus {
  readonly version: string;
  readonly runtime: string;
  readonly pid: number;
  /** Since 1970. */
  readonly startMs: number;
  readonly nowMs: number;
  readonly residentBytes: number;
  readonly cpuSeconds: number | null;
  readonly openDescriptors: number | null;
  readonly mostDescriptors: number | null;
  /** Threads that serve. */
  readonly workers: number;
}

/** All that there is to tell. */
export interface StatusParts {
  readonly server: ProcessStatus;
  /** Of those threads that answered in time. */
  readonly threads: readonly ThreadStatus[];
  /** Lines of the log that could not be written, beside those of threads. */
  readonly lostLines: number;
}
