/** Puts the load of a row on a server, once, and measures what it did: one function for each kind of load. */
import { askAndCheck, type CheckedRequest } from "./ask.ts";
import type { Fleet, Server } from "./fleet.ts";
import { http2Url, runH2load } from "./h2load.ts";
import { runHandshakes } from "./handshakes.ts";
import { measureClients } from "./measure_clients.ts";
import { measureIdle } from "./measure_idle.ts";
import { measurePage } from "./measure_page.ts";
import type { Peer } from "./peers.ts";
import type {
  BesideScriptsLoad,
  H2loadLoad,
  HandshakesLoad,
  RequestShape,
  Row,
  WebSocketLoad,
  WrkLoad,
} from "./row.ts";
import type { Sample, Waits } from "./sample.ts";
import { awaitRest, emptyLog, rssOf, runWithCpu } from "./server_use.ts";
import { runWebSockets } from "./websocket.ts";
import { ALL_CORES, checkBytes, type ExpectedBytes, LOAD_CORE, runWrk, type WrkOrder, type WrkReport } from "./wrk.ts";

/** The means of a run. */
export interface RunContext {
  readonly fleet: Fleet;
  readonly seconds: number;
  /** Requests a second of a load that keeps to a rate; null where none is known yet. */
  readonly rate: number | null;
}

const MIB = 1024 * 1024;
/** The paced clients beside scripts: enough samples for a percentile, too few to be a load. */
const PACED = { connections: 4, pauseMs: 5 } as const;

/** Runs the load of `row` on `peer` once. Throws Error when an answer is wrong or the load counts an error. */
export async function runLoad(row: Row, peer: Peer, context: RunContext): Promise<Sample> {
  const { load } = row;
  switch (load.kind) {
    case "wrk":
      return await measureWrk(load, await context.fleet.share(peer, row.switches), context.seconds);
    case "h2load":
      return await measureH2load(load, await context.fleet.share(peer, row.switches), context.seconds);
    case "websocket":
      return await measureWebSockets(load, await context.fleet.share(peer, row.switches), context.seconds);
    case "handshakes":
      return await measureHandshakes(load, await context.fleet.share(peer, row.switches), context.seconds);
    case "beside_scripts":
      return await measureBesideScripts(load, await context.fleet.share(peer, row.switches), context.seconds);
    case "page":
      return await measurePage(load, await context.fleet.share(peer, row.switches), context.seconds);
    case "clients":
      return await measureClients(load, await context.fleet.share(peer, row.switches), context);
    case "idle_connections":
    case "idle_http2":
      return await withFreshServer(row, peer, context, (server) => measureIdle(load, server));
    case "first_answer":
      return await withFreshServer(row, peer, context, (server) => measureFirstAnswer(load.request, server));
    case "binary_size": {
      const { size } = await Deno.stat(peer.versionCommand[0]);
      return { value: size / 1e6, cpuUs: null, busy: null, loadBusy: null, waits: null, rssBytes: null };
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
  const { report, cpuUs, loadUs } = await runWithCpu(server, () => runWrk(order));
  checkBytes(report, { ...expectedOf(checked, load.request), underWay: connections * pipelined });
  await emptyLog(server);
  if (server.place.switches.has("cgi")) await awaitRest(server);
  // Of large files the parts that were under way at the end count too: the answers are its bytes in units of one answer.
  const answers = load.counts === "MiB" ? report.bytes / checked.wireBytes : report.requests;
  if (answers === 0) throw new Error("wrk got no answer");
  const counted = load.counts === "MiB" ? report.bytes / MIB : report.requests;
  const value = counted / (report.durationUs / 1e6);
  // wrk takes the time of a whole batch, which says nothing of one answer.
  const waits = pipelined > 1 || report.requests === 0 ? null : waitsOf(report);
  const figures = { value, waits, loadBusy: loadUs / report.durationUs, rssBytes: await rssOf(server) };
  // fcgiwrap and Apache do not wait for their scripts, so that the kernel adds the CPU time of those to nobody's.
  if (server.place.switches.has("cgi")) return { ...figures, cpuUs: null, busy: null };
  return { ...figures, cpuUs: cpuUs / answers, busy: cpuUs / report.durationUs };
}

async function measureH2load(load: H2loadLoad, server: Server, seconds: number): Promise<Sample> {
  const { connections, streams, request } = load;
  const url = http2Url(server, (await askAndCheck(server, request)).url);
  const contentBytes = "file" in request.content ? request.content.length : null;
  const isPlain = server.peer.name === "lisod-plain";
  const order = { url, connections, streams, seconds, contentBytes, isPlain };
  const begin = performance.now();
  const { report, cpuUs, loadUs } = await runWithCpu(server, () => runH2load(order));
  await emptyLog(server);
  const elapsedUs = (performance.now() - begin) * 1000;
  // Of large files the parts that were under way at the end count too.
  const answers = load.counts === "MiB" && contentBytes !== null ? report.contentBytes / contentBytes : report.requests;
  return {
    value: (load.counts === "MiB" ? report.contentBytes / MIB : answers) / report.seconds,
    cpuUs: cpuUs / answers,
    busy: cpuUs / elapsedUs,
    loadBusy: loadUs / elapsedUs,
    waits: null,
    rssBytes: await rssOf(server),
  };
}

async function measureWebSockets({ connections }: WebSocketLoad, server: Server, seconds: number): Promise<Sample> {
  const { site, httpPort } = server.place;
  const order = { program: `${site}/websocket`, port: httpPort, connections, seconds };
  const { report: { messages, durationUs }, cpuUs, loadUs } = await runWithCpu(server, () => runWebSockets(order));
  return {
    value: messages / (durationUs / 1e6),
    // With that of a handshake for each of the connections.
    cpuUs: cpuUs / messages,
    busy: null,
    loadBusy: loadUs / durationUs,
    waits: null,
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
  const waits = waitsOf(report);
  return { value: waits.p99, cpuUs: null, busy: null, loadBusy: null, waits, rssBytes: await rssOf(server) };
}

async function measureHandshakes(load: HandshakesLoad, server: Server, seconds: number): Promise<Sample> {
  const { wireBytes } = await askAndCheck(server, load.request);
  const order = { port: server.place.httpsPort, path: load.request.path, isResumed: load.isResumed, seconds };
  const begin = performance.now();
  const { report: count, cpuUs, loadUs } = await runWithCpu(server, () => runHandshakes({ ...order, wireBytes }));
  const elapsedUs = (performance.now() - begin) * 1000;
  return {
    value: count / (elapsedUs / 1e6),
    cpuUs: cpuUs / count,
    busy: cpuUs / elapsedUs,
    loadBusy: loadUs / elapsedUs,
    waits: null,
    rssBytes: await rssOf(server),
  };
}

/** The time in which the port opened, and then the first answer to a request. */
async function measureFirstAnswer(shape: RequestShape, server: Server): Promise<Sample> {
  const begin = performance.now();
  await askAndCheck(server, shape);
  const value = server.openedMs + performance.now() - begin;
  return { value, cpuUs: null, busy: null, loadBusy: null, waits: null, rssBytes: await rssOf(server) };
}

function waitsOf({ p50Us, p99Us, p999Us }: WrkReport): Waits {
  return { p50: p50Us / 1000, p99: p99Us / 1000, p999: p999Us / 1000 };
}

/** The check that fits a request: files and pages are answered alike each time, the few bytes of a small script not. */
function expectedOf(
  { wireBytes }: CheckedRequest,
  { path, content }: RequestShape,
): Pick<ExpectedBytes, "wireBytes" | "tolerance"> {
  return { wireBytes, tolerance: path.startsWith("/cgi/") && "text" in content ? 0.3 : 0.03 };
}
