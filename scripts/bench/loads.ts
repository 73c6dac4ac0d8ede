/** Puts the load of a row on a server, once, and measures what it did: one function for each kind of load. */
import { ask, askAndCheck, type CheckedRequest, closeQuietly, doorOf, openConnection } from "./ask.ts";
import { requestText } from "./answer.ts";
import type { Fleet, Server } from "./fleet.ts";
import { runH2load } from "./h2load.ts";
import { runHandshakes } from "./handshakes.ts";
import type { Peer } from "./peers.ts";
import { cpuMicrosecondsOf, listTree, rssBytesOf, withoutScripts } from "./process_stats.ts";
import type { BesideScriptsLoad, H2loadLoad, HandshakesLoad, RequestShape, Row, WrkLoad } from "./row.ts";
import { ALL_CORES, checkBytes, type ExpectedBytes, LOAD_CORE, runWrk, type WrkOrder } from "./wrk.ts";

/** What one run of a row gave. null where the figure has no meaning for the row. */
export interface Sample {
  /** In the unit of the row. */
  readonly value: number;
  /** CPU time of the server and its children for each request, in microseconds. */
  readonly cpuUs: number | null;
  /** CPU time of the server and its children as a share of the run: near 1 it had no core left to use. */
  readonly busy: number | null;
  /** 99th percentile of the waits for an answer in ms. */
  readonly p99Ms: number | null;
  /** Resident memory of the server and its own children, not of scripts, at the end of the run, in bytes. */
  readonly rssBytes: number | null;
}

/** The means of a run. */
export interface RunContext {
  readonly fleet: Fleet;
  readonly seconds: number;
}

const MIB = 1024 * 1024;
/** Connections that are opened at the same time for the idle ones; less than any listen backlog. */
const OPENING_AT_ONCE = 32;
/** The paced clients beside scripts: enough samples for a percentile, too few to be a load. */
const PACED = { connections: 4, pauseMs: 5 } as const;
/** How often resident memory is read for one figure, and the time between. */
const RSS_READINGS = 5;
const RSS_PAUSE_MS = 20;

/** Runs the load of `row` on `peer` once. Throws Error when an answer is wrong or the load counts an error. */
export async function runLoad(row: Row, peer: Peer, context: RunContext): Promise<Sample> {
  const { load } = row;
  switch (load.kind) {
    case "wrk":
      return await measureWrk(load, await context.fleet.share(peer, row.switches), context.seconds);
    case "h2load":
      return await measureH2load(load, await context.fleet.share(peer, row.switches), context.seconds);
    case "handshakes":
      return await measureHandshakes(load, await context.fleet.share(peer, row.switches), context.seconds);
    case "beside_scripts":
      return await measureBesideScripts(load, await context.fleet.share(peer, row.switches), context.seconds);
    case "idle_connections":
      return await withFreshServer(row, peer, context, (server) => measureIdle(load.request, load.count, server));
    case "first_answer":
      return await withFreshServer(row, peer, context, (server) => measureFirstAnswer(load.request, server));
    case "binary_size": {
      const { size } = await Deno.stat(peer.versionCommand[0]);
      return { value: size / 1e6, cpuUs: null, busy: null, p99Ms: null, rssBytes: null };
    }
  }
}

/** Runs `measure` on a server that nobody used before. */
async function withFreshServer(
  row: Row,
  peer: Peer,
  { fleet }: RunContext,
  measure: (server: Server) => Promise<Sample>,
): Promise<Sample> {
  const server = await fleet.start(peer, row.switches);
  try {
    return await measure(server);
  } finally {
    await fleet.stop(server);
  }
}

async function measureWrk(load: WrkLoad, server: Server, seconds: number): Promise<Sample> {
  const { connections, pipelined } = load;
  const checked = await askAndCheck(server, load.request);
  const cores = server.place.switches.has("both_cores") ? ALL_CORES : LOAD_CORE;
  const order: WrkOrder = { ...checked, connections, pipelined, pauseMs: 0, seconds, cores };
  const { report, cpuUs } = await runWithCpu(server, () => runWrk(order));
  checkBytes(report, { ...expectedOf(checked, load.request), underWay: connections * pipelined });
  await emptyLog(server);
  // Of large files the parts that were under way at the end count too: the answers are its bytes in units of one answer.
  const answers = load.counts === "MiB" ? report.bytes / checked.wireBytes : report.requests;
  if (answers === 0) throw new Error("wrk got no answer");
  const counted = load.counts === "MiB" ? report.bytes / MIB : report.requests;
  const value = counted / (report.durationUs / 1e6);
  // wrk takes the time of a whole batch, which says nothing of one answer.
  const p99Ms = pipelined > 1 || report.requests === 0 ? null : report.p99Us / 1000;
  const figures = { value, p99Ms, rssBytes: await rssOf(server) };
  // fcgiwrap and Apache do not wait for their scripts, so that the kernel adds the CPU time of those to nobody's.
  if (server.place.switches.has("cgi")) return { ...figures, cpuUs: null, busy: null };
  return { ...figures, cpuUs: cpuUs / answers, busy: cpuUs / report.durationUs };
}

async function measureH2load(load: H2loadLoad, server: Server, seconds: number): Promise<Sample> {
  const { connections, streams, request } = load;
  const { url } = await askAndCheck(server, request);
  const contentBytes = "file" in request.content ? request.content.length : null;
  const order = { url, connections, streams, seconds, contentBytes };
  const begin = performance.now();
  const { report, cpuUs } = await runWithCpu(server, () => runH2load(order));
  await emptyLog(server);
  const elapsedUs = (performance.now() - begin) * 1000;
  return {
    value: report.requests / report.seconds,
    cpuUs: cpuUs / report.requests,
    busy: cpuUs / elapsedUs,
    p99Ms: null,
    rssBytes: await rssOf(server),
  };
}

async function measureBesideScripts(load: BesideScriptsLoad, server: Server, seconds: number): Promise<Sample> {
  const script = await askAndCheck(server, load.script);
  const checked = await askAndCheck(server, load.request);
  const scripts: WrkOrder = { ...script, connections: load.scriptConnections, pipelined: 1, pauseMs: 0, seconds };
  const paced: WrkOrder = { ...checked, ...PACED, pipelined: 1, seconds };
  const [scriptReport, report] = await Promise.all([runWrk(scripts), runWrk(paced)]);
  checkBytes(scriptReport, { ...expectedOf(script, load.script), underWay: load.scriptConnections });
  checkBytes(report, { ...expectedOf(checked, load.request), underWay: PACED.connections });
  const p99Ms = report.p99Us / 1000;
  return { value: p99Ms, cpuUs: null, busy: null, p99Ms, rssBytes: await rssOf(server) };
}

async function measureHandshakes(load: HandshakesLoad, server: Server, seconds: number): Promise<Sample> {
  const { wireBytes } = await askAndCheck(server, load.request);
  const order = { port: server.place.httpsPort, path: load.request.path, isResumed: load.isResumed, seconds };
  const begin = performance.now();
  const { report: count, cpuUs } = await runWithCpu(server, () => runHandshakes({ ...order, wireBytes }));
  const elapsedUs = (performance.now() - begin) * 1000;
  return {
    value: count / (elapsedUs / 1e6),
    cpuUs: cpuUs / count,
    busy: cpuUs / elapsedUs,
    p99Ms: null,
    rssBytes: await rssOf(server),
  };
}

/** Memory that `count` connections add once each of them was answered and waits. */
async function measureIdle(shape: RequestShape, count: number, server: Server): Promise<Sample> {
  await askAndCheck(server, shape);
  const door = await doorOf(server);
  const request = requestText(shape.path, `${door.hostname}:${door.port}`, shape.fields);
  const before = await rssOf(server);
  const connections: Deno.Conn[] = [];
  const openSome = async (): Promise<void> => {
    for (let opened = 0; opened < Math.ceil(count / OPENING_AT_ONCE); opened += 1) {
      const connection = await openConnection(door);
      connections.push(connection);
      const { status } = await ask(connection, request);
      if (status !== shape.status) throw new Error(`A connection among ${connections.length} got status ${status}`);
    }
  };
  try {
    await Promise.all(Array.from({ length: OPENING_AT_ONCE }, openSome));
    const after = await rssOf(server);
    // The one that has waited longest must be there still.
    const { status } = await ask(connections[0], request);
    if (status !== shape.status) throw new Error(`The first connection got status ${status} in the end`);
    const value = (after - before) / connections.length / 1024;
    return { value, cpuUs: null, busy: null, p99Ms: null, rssBytes: after };
  } finally {
    for (const connection of connections) closeQuietly(connection);
  }
}

/** The time in which the port opened, and then the first answer to a request. */
async function measureFirstAnswer(shape: RequestShape, server: Server): Promise<Sample> {
  const begin = performance.now();
  await askAndCheck(server, shape);
  const value = server.openedMs + performance.now() - begin;
  return { value, cpuUs: null, busy: null, p99Ms: null, rssBytes: await rssOf(server) };
}

/** The check that fits a request: files and pages are answered alike each time, the few bytes of a small script not. */
function expectedOf(
  { wireBytes }: CheckedRequest,
  { path, content }: RequestShape,
): Pick<ExpectedBytes, "wireBytes" | "tolerance"> {
  return { wireBytes, tolerance: path.startsWith("/cgi/") && "text" in content ? 0.3 : 0.03 };
}

/** Runs `work` and gives its result with the CPU time that the server and its children used meanwhile. */
async function runWithCpu<Report>(
  server: Server,
  work: () => Promise<Report>,
): Promise<{ readonly report: Report; readonly cpuUs: number }> {
  const before = cpuMicrosecondsOf(treeOf(server));
  const report = await work();
  return { report, cpuUs: cpuMicrosecondsOf(treeOf(server)) - before };
}

function treeOf(server: Server): ReturnType<typeof listTree> {
  return listTree(server.processes.map(({ pid }) => pid));
}

/**
 * Resident memory of a server and its children now, without scripts that still run. A child between its fork and its
 * exec counts as its parent once more, so it is the least of some readings.
 */
export async function rssOf(server: Server): Promise<number> {
  const roots = server.processes.map(({ pid }) => pid);
  let least = Infinity;
  for (let reading = 0; reading < RSS_READINGS; reading += 1) {
    if (reading > 0) await new Promise((resolve) => setTimeout(resolve, RSS_PAUSE_MS));
    least = Math.min(least, rssBytesOf(withoutScripts(treeOf(server), roots)));
  }
  return least;
}

/** Log files grow by gigabytes otherwise. All servers append, so they go on at the start of the empty file. */
async function emptyLog({ place }: Server): Promise<void> {
  try {
    await Deno.truncate(place.log);
  } catch (error) {
    // A server without a log made no file.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
