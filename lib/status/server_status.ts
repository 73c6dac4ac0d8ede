/**
 * The state of the whole server: what its threads know, put together. It is what the page shows and what is told as JSON, name
 * by name. Pure.
 */
import type { WarmView } from "../warm/warm_script.ts";
import { CLASSES, type PlaceCount, type StatusClass } from "./counters.ts";
import { addTimes, countOf, NO_TIMES, type Times } from "./histogram.ts";
import { addLimits, type ReachedLimit } from "./limit_tally.ts";
import { addRates, type Rates } from "./rate_history.ts";
import type {
  CertificateStatus,
  ConnectionCount,
  ProcessStatus,
  ScriptsStatus,
  StatusParts,
  UpstreamStatus,
} from "./thread_status.ts";

export interface ServerStatus {
  readonly server: ProcessStatus;
  readonly uptimeSeconds: number;
  /** Threads that answered, of `server.workers`. */
  readonly answeringWorkers: number;
  readonly requests: number;
  readonly sentBytes: number;
  readonly underWay: number;
  readonly requestRates: Rates;
  readonly byteRates: Rates;
  readonly byClass: Readonly<Record<StatusClass, number>>;
  readonly connections: readonly ConnectionCount[];
  readonly accepted: number;
  readonly handshakes: Times;
  readonly failedHandshakes: number;
  readonly scripts: ScriptsStatus | null;
  readonly warm: readonly WarmView[];
  readonly upstreams: readonly UpstreamStatus[];
  /** Those with most requests first. */
  readonly places: readonly PlaceCount[];
  /** How many places are counted as one of these, "others". */
  readonly otherPlaces: number;
  readonly certificates: readonly CertificateStatus[];
  readonly limits: readonly ReachedLimit[];
  readonly waitingBytes: number;
  readonly heapBytes: number;
  readonly lostLines: number;
}

export function serverStatus({ server, threads, lostLines }: StatusParts): ServerStatus {
  const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
  const places = addPlaces(threads.flatMap((thread) => thread.places));
  const scripts = threads.flatMap((thread) => thread.scripts ?? []);
  return {
    server,
    uptimeSeconds: Math.max(0, (server.nowMs - server.startMs) / 1000),
    answeringWorkers: threads.length,
    requests: sum(places.map(requestsOf)),
    sentBytes: sum(threads.map((thread) => thread.sentBytes)),
    underWay: sum(threads.map((thread) => thread.underWay)),
    requestRates: addRates(threads.map((thread) => thread.requestRates)),
    byteRates: addRates(threads.map((thread) => thread.byteRates)),
    byClass: classesOf(places),
    connections: addConnections(threads.flatMap((thread) => thread.connections)),
    accepted: sum(threads.map((thread) => thread.accepted)),
    handshakes: threads.map((thread) => thread.handshakes).reduce(addTimes, NO_TIMES),
    failedHandshakes: sum(threads.map((thread) => thread.failedHandshakes)),
    scripts: scripts.length === 0 ? null : scripts.reduce(addScripts),
    warm: addWarm(threads.flatMap((thread) => thread.warm)),
    upstreams: addUpstreams(threads.flatMap((thread) => thread.upstreams)),
    places,
    // All threads have the same, unless one has not read the configuration anew yet.
    otherPlaces: Math.max(0, ...threads.map((thread) => thread.otherPlaces)),
    // The same here.
    certificates: (threads[0]?.certificates ?? []).toSorted((one, other) => one.notAfterMs - other.notAfterMs),
    limits: addLimits(threads.map((thread) => thread.limits)),
    waitingBytes: sum(threads.map((thread) => thread.waitingBytes)),
    heapBytes: sum(threads.map((thread) => thread.heapBytes)),
    lostLines: lostLines + sum(threads.map((thread) => thread.lostLines)),
  };
}

export function requestsOf({ answers }: PlaceCount): number {
  return answers.reduce((sum, answer) => sum + countOf(answer), 0);
}

function classesOf(places: readonly PlaceCount[]): ServerStatus["byClass"] {
  const byClass = { "1xx": 0, "2xx": 0, "3xx": 0, "4xx": 0, "5xx": 0 };
  for (const answer of places.flatMap(({ answers }) => answers)) byClass[answer.class] += countOf(answer);
  return byClass;
}

function addPlaces(all: readonly PlaceCount[]): readonly PlaceCount[] {
  const byName = Map.groupBy(all, ({ site, place }) => `${site} ${place}`);
  const places = [...byName.values()].map((each) => ({
    ...each[0],
    answers: CLASSES.flatMap((name) => addAnswers(each, name)),
  }));
  return places.toSorted((one, other) => requestsOf(other) - requestsOf(one));
}

function addAnswers(places: readonly PlaceCount[], name: StatusClass): PlaceCount["answers"] {
  const answers = places.flatMap((place) => place.answers.filter((answer) => answer.class === name));
  if (answers.length === 0) return [];
  const bytes = answers.reduce((sum, answer) => sum + answer.bytes, 0);
  return [{ class: name, ...answers.reduce(addTimes, NO_TIMES), bytes }];
}

function addConnections(all: readonly ConnectionCount[]): readonly ConnectionCount[] {
  return [...Map.groupBy(all, ({ protocol, isTls }) => `${protocol} ${isTls}`).values()].map((each) => ({
    ...each[0],
    open: each.reduce((sum, { open }) => sum + open, 0),
    idle: each.reduce((sum, { idle }) => sum + idle, 0),
  }));
}

function addScripts(one: ScriptsStatus, other: ScriptsStatus): ScriptsStatus {
  return {
    running: [...one.running, ...other.running],
    waiting: one.waiting + other.waiting,
    coming: one.coming + other.coming,
    most: one.most + other.most,
    starts: addTimes(one.starts, other.starts),
    runs: addTimes(one.runs, other.runs),
  };
}

/** Each thread has zygotes of its own; what has none is told once. */
function addWarm(all: readonly WarmView[]): readonly WarmView[] {
  const alike = Map.groupBy(all, ({ file, state, reason, pid }) => JSON.stringify([file, state, reason, pid]));
  return [...alike.values()].map((each) => ({
    ...each[0],
    modules: Math.max(...each.map(({ modules }) => modules)),
    warmRequests: each.reduce((sum, { warmRequests }) => sum + warmRequests, 0),
    plainRequests: each.reduce((sum, { plainRequests }) => sum + plainRequests, 0),
  }));
}

/** One that is not up for any thread is told as that thread sees it. */
function addUpstreams(all: readonly UpstreamStatus[]): readonly UpstreamStatus[] {
  return [...Map.groupBy(all, ({ text }) => text)].map(([text, each]) => ({
    text,
    open: each.reduce<number | null>((sum, { open }) => sum === null || open === null ? null : sum + open, 0),
    inUse: each.reduce((sum, { inUse }) => sum + inUse, 0),
    state: each.find(({ state }) => state !== "up")?.state ?? "up",
    requests: each.reduce((sum, { requests }) => sum + requests, 0),
    failures: each.reduce((sum, { failures }) => sum + failures, 0),
  }));
}
