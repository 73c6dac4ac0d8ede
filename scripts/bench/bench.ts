/**
 * The benchmark: measures lisod beside other servers, as NOTES.md says. This file puts the parts together: arguments,
 * programs, the site, the servers, the rows, the reports. It runs with all permissions because Deno opens /proc to
 * nothing less.
 */
import { renderChart } from "./chart.ts";
import { Fleet, type Server } from "./fleet.ts";
import { renderGrowthChart } from "./growth_chart.ts";
import { GROWTH_FAMILIES, GROWTH_GROUPS } from "./growth_rows.ts";
import { measureRows, type RowResult } from "./measure_row.ts";
import { type Options, readOptions, USAGE } from "./options.ts";
import { ensurePrograms, PHP_FPM, PYTHON_MODULES, WARM_MODULES } from "./packages.ts";
import { type LisodBinary, lisodPeer, listPeers, type Peer } from "./peers.ts";
import { groupRows, makePlan, peersOf, type Plan, switchesOf } from "./plan.ts";
import { renderReadmeTable } from "./readme_table.ts";
import { type BenchResult, type MemoryGrowth, renderReport } from "./report.ts";
import { ROWS } from "./rows.ts";
import { rssOf } from "./server_use.ts";
import { makeSite, type Site } from "./site.ts";
import { LOAD_CORE } from "./wrk.ts";
import { describeMachine, otherWork, readCpuUse, readVersions } from "./surroundings.ts";
import { lisodSwitches, type Switch } from "./switches.ts";

const PROJECT = `${import.meta.dirname}/../..`;
const ARTEFACTS = `${PROJECT}/artefacts`;
/** Exit status after SIGINT or SIGTERM, as a shell gives it for the first. */
const INTERRUPTED = 130;
/** Programs that some rows need beside the servers. */
const TOOLS: Readonly<Record<Switch, readonly string[]>> = {
  access_log: [],
  tls: ["openssl"],
  http2: ["h2load"],
  cgi: ["cc", "python3"],
  blog: PYTHON_MODULES,
  both_cores: [],
  workers: [],
  native_off: [],
  many_places: [],
  status: [],
  warm: WARM_MODULES,
  forward: ["nginx"],
  php: [PHP_FPM],
  gzip: ["gzip"],
  websocket: ["cc"],
  many_files: [],
  many_scripts: [],
  many_open: [],
};

/** Progress, for the one who waits. */
function tell(message: string): void {
  console.error(message);
}

/** All servers that can take part; lisod only when it is the base. */
async function findPeers({ base, lisod, before }: Options): Promise<readonly Peer[]> {
  if (base !== "lisod") return listPeers();
  const own = await findLisod("lisod", lisod ?? `${PROJECT}/lisod`);
  const earlier = before === null ? [] : [await findLisod("lisod-before", before)];
  const plain = await findLisod("lisod-plain", lisod ?? `${PROJECT}/lisod`);
  return [own, ...earlier, plain, ...listPeers()];
}

/** A build of lisod with what its help says that it can do. */
async function findLisod(name: LisodBinary["name"], path: string): Promise<Peer> {
  try {
    const { stdout } = await new Deno.Command(path, { args: ["--help"], signal: AbortSignal.timeout(10_000) }).output();
    const supports = lisodSwitches(new TextDecoder().decode(stdout));
    return lisodPeer({ name, path: await Deno.realPath(path), supports });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error(`There is no "${path}": run ./scripts/build, or compare others with --base nginx`);
  }
}

/** Installs what is missing and measures the plan. */
async function measurePlan(plan: Plan, options: Options): Promise<BenchResult> {
  const switches = switchesOf(plan);
  const peers = peersOf(plan);
  const programs = peers.map(({ versionCommand }) => versionCommand[0]).filter((name) => !name.includes("/"));
  const needs = [...switches].flatMap((name) => [...TOOLS[name], ...peers.flatMap((peer) => peer.needs[name] ?? [])]);
  const loads = new Set(plan.rows.map(({ row }) => row.load.kind));
  const isOwnLoad = loads.has("clients");
  const loadPrograms = [...(isOwnLoad ? ["cc"] : []), ...(loads.has("page") ? ["chromium", "setpriv"] : [])];
  await ensurePrograms(["taskset", "wrk", ...loadPrograms, ...needs, ...programs]);
  const { rounds, seconds } = options;
  const versions = await readVersions(peers);
  const date = new Date().toISOString();
  await pinItself();
  const before = await readCpuUse();
  const measured = await withFleet(
    () => makeSite(switches, { isOwnLoad }),
    (fleet) => measurePlanned(plan, options, fleet),
  );
  // The servers have ended, so their CPU time is known.
  const others = `${
    Math.round(otherWork(before, await readCpuUse()) * 100)
  } % of all cores went to other programs meanwhile`;
  const machine = [await describeMachine(), others];
  return { date, base: plan.base.name, rounds, seconds, machine, versions, leftOut: plan.leftOut, ...measured };
}

/** Moves the bench to the core of the load, so that it never takes time from a server. */
async function pinItself(): Promise<void> {
  const args = ["--all-tasks", "--cpu-list", "--pid", LOAD_CORE, String(Deno.pid)];
  const { success, stderr } = await new Deno.Command("taskset", { args, stdout: "null", stderr: "piped" }).output();
  if (!success) throw new Error(`Cannot use core ${LOAD_CORE}: ${new TextDecoder().decode(stderr).trim()}`);
}

/** Gives `work` a site and its servers, and leaves neither a process nor a file behind, also when it is interrupted. */
async function withFleet<Result>(
  makeItsSite: () => Promise<Site>,
  work: (fleet: Fleet) => Promise<Result>,
): Promise<Result> {
  const site = await makeItsSite();
  const fleet = new Fleet(site);
  const cleanUp = async (): Promise<void> => {
    await fleet.close();
    await Deno.remove(site.folder, { recursive: true });
  };
  const interrupt = (): void => void cleanUp().finally(() => Deno.exit(INTERRUPTED));
  for (const name of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(name, interrupt);
  try {
    return await work(fleet);
  } finally {
    for (const name of ["SIGINT", "SIGTERM"] as const) Deno.removeSignalListener(name, interrupt);
    await cleanUp();
  }
}

async function measurePlanned(
  plan: Plan,
  { rounds, seconds }: Options,
  fleet: Fleet,
): Promise<Pick<BenchResult, "rows" | "memory">> {
  const rows: RowResult[] = [];
  for (const group of groupRows(plan, GROWTH_GROUPS)) {
    rows.push(...await measureRows(group, { fleet, seconds, base: plan.base.name, rounds, tell }));
  }
  return { rows, memory: await Promise.all(fleet.sharedServers.map(growthOf)) };
}

/** The growth of a server that served several rows, while it still runs. */
async function growthOf(server: Server): Promise<MemoryGrowth> {
  const endBytes = await rssOf(server);
  return {
    title: server.peer.title,
    switches: [...server.place.switches],
    startBytes: server.startRssBytes,
    endBytes,
  };
}

/** Writes JSON and report into artefacts/, the charts into `charts`, and the report to standard output. */
async function publish(result: BenchResult, charts: string): Promise<void> {
  await Deno.mkdir(ARTEFACTS, { recursive: true });
  await Deno.writeTextFile(`${ARTEFACTS}/bench.json`, JSON.stringify(result, null, 2) + "\n");
  await Deno.mkdir(charts, { recursive: true });
  await Deno.writeTextFile(`${charts}/bench.svg`, renderChart(result));
  for (const family of GROWTH_FAMILIES) {
    const chart = renderGrowthChart(family, result);
    if (chart !== null) await Deno.writeTextFile(`${charts}/bench-${family.name}.svg`, chart);
  }
  const report = renderReport(result);
  await Deno.writeTextFile(`${ARTEFACTS}/bench.md`, report);
  console.log(report);
}

/** The result that publish() left; throws Error when there is none. */
async function readLastResult(): Promise<BenchResult> {
  try {
    return JSON.parse(await Deno.readTextFile(`${ARTEFACTS}/bench.json`));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error("There is no artefacts/bench.json: run deno task bench");
  }
}

/** Exit status: 0 when every row was measured, 1 when a server failed in one. */
async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (options.mode === "help") {
    console.log(USAGE);
    return 0;
  }
  if (options.mode === "list") {
    for (const { name, measures, peers } of ROWS) console.log(`${name.padEnd(18)} ${measures} (${peers.join(", ")})`);
    return 0;
  }
  if (options.mode === "readme") {
    await Deno.stdout.write(new TextEncoder().encode(renderReadmeTable(await readLastResult())));
    return 0;
  }
  const plan = makePlan({ rows: ROWS, peers: await findPeers(options) }, options);
  const result = await measurePlan(plan, options);
  await publish(result, options.charts ?? ARTEFACTS);
  const failures = result.rows.flatMap(({ row, servers }) =>
    servers.filter(({ failure }) => failure !== null).map(({ name, failure }) => `${row.name}, ${name}: ${failure}`)
  );
  for (const failure of failures) tell(`Failed: ${failure}`);
  return failures.length === 0 ? 0 : 1;
}

if (import.meta.main) {
  try {
    Deno.exitCode = await main(Deno.args);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    tell(error.message);
    Deno.exitCode = 1;
  }
}
