/** Puts the load of clients.c on a server, once, and measures what it did. Apart from loads.ts for its steps. */
import { askAndCheck } from "./ask.ts";
import { Clients, type ClientsOrder, type ClientsReport } from "./clients.ts";
import type { Server } from "./fleet.ts";
import type { ClientsLoad } from "./row.ts";
import { numberedFile } from "./row_parts.ts";
import type { Sample } from "./sample.ts";
import { awaitRest, type CpuOfRun, emptyLog, rssOf, runWithCpu } from "./server_use.ts";
import { clientsProgram, expectedBytes } from "./site.ts";
import { ALL_CORES, LOAD_CORE } from "./wrk.ts";

interface ClientsRun {
  readonly seconds: number;
  /** Of a load that keeps to one; null: as many as can be. */
  readonly rate: number | null;
}

/** The value is the 99th percentile where there is a rate. Throws Error when an answer is wrong. */
export async function measureClients(load: ClientsLoad, server: Server, run: ClientsRun): Promise<Sample> {
  const { request, active, idle, pace } = load;
  if ("holds" in request.content) throw new Error("The load must know the length of its answers");
  const { place } = server;
  await askAndCheck(server, request);
  const paths = `${place.folder}/paths`;
  await Deno.writeTextFile(paths, pathsOf(load).map((path) => `${path}\n`).join(""));
  const rate = pace === "half" ? run.rate : null;
  const { report, cpuUs, rssBytes } = await runClients(server, {
    ...{ program: clientsProgram(place.site), port: place.httpPort, active, idle, seconds: run.seconds, rate, paths },
    contentBytes: expectedBytes(request.content).length,
    cores: place.switches.has("both_cores") ? ALL_CORES : LOAD_CORE,
  });
  await emptyLog(server);
  const waits = { p50: report.p50Us / 1000, p99: report.p99Us / 1000, p999: report.p999Us / 1000 };
  const figures = {
    value: rate === null ? report.answers / (report.durationUs / 1e6) : waits.p99,
    waits,
    loadBusy: report.cpuUs / report.durationUs,
    rssBytes,
  };
  // As with wrk: the CPU time of scripts is nobody's.
  if (place.switches.has("cgi")) return { ...figures, cpuUs: null, busy: null };
  return { ...figures, cpuUs: cpuUs / report.answers, busy: cpuUs / report.durationUs };
}

/** The load and the memory that the server has while all connections are open; ends when it has seen all of them go. */
async function runClients(
  server: Server,
  order: ClientsOrder,
): Promise<CpuOfRun<ClientsReport> & { readonly rssBytes: number }> {
  try {
    await using clients = await Clients.open(order);
    await awaitRest(server);
    const measured = await runWithCpu(server, () => clients.load());
    return { ...measured, rssBytes: await rssOf(server) };
  } finally {
    await awaitRest(server);
  }
}

/** All that are asked for in turn. */
export function pathsOf({ request, fileCount }: Pick<ClientsLoad, "request" | "fileCount">): readonly string[] {
  if (fileCount === 1) return [request.path];
  const folder = request.path.slice(0, request.path.lastIndexOf("/"));
  return Array.from({ length: fileCount }, (_, number) => `${folder}/${numberedFile(number)}`);
}
