/**
 * The state of the server as JSON: the same numbers as on the page, for programs; times in seconds, dates as ISO 8601. Separate
 * from the record that threads make, so that its names stay when that changes. Pure.
 */
import { BOUNDS, countOf, type Times } from "./histogram.ts";
import { REACHED } from "./limit_tally.ts";
import { SPANS } from "./rate_history.ts";
import { requestsOf, type ServerStatus } from "./server_status.ts";

/** On one line, which ends in a line feed; numbers have three digits after the point at most. */
export function statusJson(status: ServerStatus): string {
  const round = (_: string, value: unknown) => typeof value === "number" ? Math.round(value * 1000) / 1000 : value;
  return JSON.stringify(viewOf(status), round) + "\n";
}

function viewOf(status: ServerStatus): unknown {
  const { server, requestRates, byteRates, scripts } = status;
  const { version, runtime, pid, workers, residentBytes, cpuSeconds, openDescriptors, mostDescriptors } = server;
  return {
    ...{ version, runtime, pid, started: isoOf(server.startMs), uptimeSeconds: status.uptimeSeconds },
    workers: { count: workers, answering: status.answeringWorkers },
    requests: { total: status.requests, underWay: status.underWay, perSecond: spansOf(requestRates.means) },
    bytes: { total: status.sentBytes, perSecond: spansOf(byteRates.means) },
    curves: {
      lastMinute: { requests: requestRates.minute, bytes: byteRates.minute },
      lastQuarter: { requests: requestRates.quarter, bytes: byteRates.quarter },
    },
    answers: status.byClass,
    connections: {
      accepted: status.accepted,
      open: status.connections.reduce((sum, { open }) => sum + open, 0),
      idle: status.connections.reduce((sum, { idle }) => sum + idle, 0),
      kinds: status.connections.map(({ protocol, isTls, open, idle }) => ({ protocol, tls: isTls, open, idle })),
      handshakes: { ...timesOf(status.handshakes), failed: status.failedHandshakes },
    },
    scripts: scripts === null ? null : { ...scripts, starts: timesOf(scripts.starts), runs: timesOf(scripts.runs) },
    warm: status.warm,
    upstreams: status.upstreams,
    places: status.places.map((place) => ({
      ...{ site: place.site, place: place.place, requests: requestsOf(place) },
      seconds: place.answers.reduce((sum, { sumMs }) => sum + sumMs, 0) / 1000,
      bytes: place.answers.reduce((sum, { bytes }) => sum + bytes, 0),
      answers: Object.fromEntries(place.answers.map((answer) => [answer.class, timesOf(answer)])),
    })),
    placesCountedTogether: status.otherPlaces,
    certificates: status.certificates.map(({ names, notAfterMs }) => ({
      names,
      notAfter: isoOf(notAfterMs),
      daysLeft: daysLeft(notAfterMs, server.nowMs),
    })),
    limits: status.limits.map(({ name, count, lastMs }) => ({
      ...{ name, count, last: isoOf(lastMs) },
      ...REACHED[name],
    })),
    log: { lostLines: status.lostLines },
    memory: { residentBytes, heapBytes: status.heapBytes, waitingBytes: status.waitingBytes },
    ...{ cpuSeconds, descriptors: { open: openDescriptors, most: mostDescriptors } },
  };
}

/** Whole days; below 0 it has ended. */
export function daysLeft(notAfterMs: number, nowMs: number): number {
  return Math.floor((notAfterMs - nowMs) / 86_400_000);
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}

/** `{"1": 12.5, "60": 3.1, "900": 0.4}` */
function spansOf(means: readonly number[]): Readonly<Record<string, number>> {
  return Object.fromEntries(SPANS.map((seconds, at) => [seconds, means[at] ?? 0]));
}

/** `upTo`: how many took no longer than each bound, `[0.005, 12]`, as Prometheus counts. */
function timesOf(times: Times) {
  let count = 0;
  const upTo = BOUNDS.map((bound, at) => {
    count += times.buckets[at];
    return [bound, count];
  });
  return { count: countOf(times), seconds: times.sumMs / 1000, upTo };
}
