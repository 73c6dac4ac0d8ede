/** What a server with something of everything tells. */
import { Counters } from "../lib/status/counters.ts";
import { Histogram, NO_TIMES } from "../lib/status/histogram.ts";
import { RateHistory } from "../lib/status/rate_history.ts";
import type { StatusParts, ThreadStatus } from "../lib/status/thread_status.ts";

/** Names that come from outside, and what they must not become. */
export const HOSTILE = `/srv/<b>"x"&'y'\\z\n/`;

/** A thread that has answered 3 requests of place / and 1 of the hostile one. */
export function exampleThread(changes: Partial<ThreadStatus> = {}): ThreadStatus {
  const counters = new Counters();
  const place = counters.placeIndex({ site: "*", place: "/" });
  for (const status of [200, 200, 404]) counters.count(place, status, 100);
  const hostile = counters.placeIndex({ site: "example.org", place: HOSTILE });
  counters.countTimed(hostile, { status: 500, bytes: 20, ms: 1500 });
  const [history, starts] = [new RateHistory(), new Histogram()];
  history.note(0, 0);
  history.note(1000, 4);
  starts.observe(3);
  return {
    ...{ name: "main", places: counters.places, otherPlaces: 3, sentBytes: 320, underWay: 1 },
    ...{ requestRates: history.rates, byteRates: history.rates },
    connections: [
      { protocol: "http/1.1", isTls: false, open: 3, idle: 2 },
      { protocol: "http/2", isTls: true, open: 1, idle: 0 },
    ],
    ...{ accepted: 9, handshakes: starts.times, failedHandshakes: 1 },
    scripts: {
      running: [{ file: HOSTILE, pid: 4711, ageSeconds: 2.5, client: "192.0.2.7", cpuSeconds: 0.25 }],
      ...{ waiting: 2, coming: 1, most: 32, starts: starts.times, runs: NO_TIMES },
    },
    warm: [
      { file: HOSTILE, state: "plain", reason: "<i>", pid: null, modules: 0, warmRequests: 0, plainRequests: 5 },
      { file: "/srv/a.py", state: "warm", reason: null, pid: 12, modules: 40, warmRequests: 7, plainRequests: 1 },
    ],
    upstreams: [{ text: "http://[::1]:80/", open: null, inUse: 1, state: "up", requests: 8, failures: 2 }],
    certificates: [{ names: ["example.org", "www.example.org"], notAfterMs: 10 * 86_400_000 }],
    limits: [{ name: "rate", count: 2, lastMs: 500 }],
    ...{ waitingBytes: 4096, heapBytes: 1_000_000, lostLines: 0 },
    ...changes,
  };
}

export function exampleParts(threads: readonly ThreadStatus[] = [exampleThread()]): StatusParts {
  return {
    server: {
      ...{ version: "1.0.0", runtime: "Deno 2.7.11", pid: 42, startMs: 0, nowMs: 100_000, workers: threads.length },
      ...{ residentBytes: 80_000_000, cpuSeconds: 1.5, openDescriptors: 30, mostDescriptors: null },
    },
    threads,
    lostLines: 0,
  };
}
