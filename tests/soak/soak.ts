/**
 * `deno task soak [SECONDS]` (900 without it): the compiled binary under everything at once, files, TLS, scripts, uploads,
 * clients that go away and reloads with new certificates, so many a second and no more. Tells its memory as it goes, and
 * ends with a verdict: every answer was right, nothing was logged as an error, descriptors, processes and spooled files
 * are what they were, and memory has not grown. The last line is "N passed, N failed", the exit status 1 when one failed.
 */
import { join } from "@std/path";
import { countDescriptors } from "../descriptors.ts";
import { childrenOf, memoryOf } from "../cgi/server.ts";
import { writeFiles } from "../harness.ts";
import { HttpsServer, makeCertificates } from "../https.ts";
import { FILES, type Load, LOADS, SCRIPT, type Site } from "./loads.ts";
import { measureGrowth, type Sample } from "./memory.ts";

const MIB = 1 << 20;
/** Every so often the server reads its certificate again, every second time a new one. */
const RELOAD_SECONDS = 10;
const SAMPLE_SECONDS = 1;
const LEAST_SECONDS = 10;
/** How many lines of a soak tell of its memory. */
const REPORT_COUNT = 15;
/** The server is at rest when nothing has changed for CALM_MS; REST_MS is the longest wait for that. */
const CALM_MS = 6_000;
const REST_MS = 30_000;
const LOOK_MS = 40;

/** What a server holds; what it was at rest must be so again. */
interface Holdings {
  readonly descriptors: number;
  readonly children: number;
  readonly spooled: number;
}

/** The server, and where it spools. */
interface Soaked {
  readonly https: HttpsServer;
  readonly spool: string;
}

interface Check {
  readonly name: string;
  /** Null: passed. */
  readonly problem: string | null;
}

/** What became of a load. */
interface Played {
  readonly name: string;
  readonly turns: number;
  readonly failures: readonly string[];
}

function look({ https: { server }, spool }: Soaked): Holdings {
  return {
    descriptors: countDescriptors(server.pid),
    children: childrenOf(server.pid).length,
    spooled: [...Deno.readDirSync(spool)].length,
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Begins the turns of a load in time, none before the last one has ended, and none once the time is over. */
async function playLoad(load: Load, site: Site, seconds: number): Promise<Played> {
  const start = performance.now();
  const failures: string[] = [];
  let turns = 0;
  for (let turn = 0; turn < seconds * load.perSecond; turn++) {
    await pause(Math.max(0, start + 1000 * turn / load.perSecond - performance.now()));
    if (performance.now() - start >= 1000 * seconds) break;
    turns += 1;
    try {
      await load.play(site, turn);
    } catch (error) {
      failures.push(`turn ${turn}: ${error instanceof Error ? error.message : error}`);
    }
  }
  return { name: load.name, turns, failures };
}

/** Reloads again and again; how many certificates were new. */
async function reload({ server, certificates }: HttpsServer, seconds: number): Promise<number> {
  let renewed = 0;
  for (let turn = 1; turn * RELOAD_SECONDS < seconds; turn++) {
    await pause(1000 * RELOAD_SECONDS);
    if (turn % 2 === 0) {
      // Another name: what is still good for its names is not made again.
      await makeCertificates(certificates.folder, "localhost", `turn${turn}.example`);
      renewed += 1;
    }
    Deno.kill(server.pid, "SIGHUP");
  }
  return renewed;
}

/** Takes a sample a second, and prints some. */
async function sample(soaked: Soaked, seconds: number): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  const start = performance.now();
  const step = Math.ceil(seconds / REPORT_COUNT);
  for (let at = 0; at <= seconds; at += SAMPLE_SECONDS) {
    await pause(Math.max(0, start + 1000 * at - performance.now()));
    const bytes = memoryOf(soaked.https.server.pid, "VmRSS");
    samples.push({ seconds: at, bytes });
    if (at % step !== 0) continue;
    const { descriptors, children } = look(soaked);
    const told = [`${at} s`, `${(bytes / MIB).toFixed(1)} MiB`, `${descriptors} descriptors`, `${children} processes`];
    console.log(told.map((text) => text.padStart(16)).join(""));
  }
  return samples;
}

/** What the server holds once that has not changed for a while, with no script and no file, or after the longest wait. */
async function rest(soaked: Soaked): Promise<Holdings> {
  const start = performance.now();
  for (let [holdings, since] = [look(soaked), start];; await pause(LOOK_MS)) {
    const [now, nowMs] = [look(soaked), performance.now()];
    if (!areSame(now, holdings)) [holdings, since] = [now, nowMs];
    const isCalm = nowMs - since >= CALM_MS && now.children + now.spooled === 0;
    if (isCalm || nowMs - start >= REST_MS) return now;
  }
}

function areSame(a: Holdings, b: Holdings): boolean {
  return a.descriptors === b.descriptors && a.children === b.children && a.spooled === b.spooled;
}

function isMore(now: Holdings, before: Holdings): boolean {
  return now.descriptors > before.descriptors || now.children > before.children || now.spooled > before.spooled;
}

async function soak(soaked: Soaked, seconds: number): Promise<readonly Check[]> {
  const { https } = soaked;
  // What the first turns leave for good, such as a helper process, is no leak.
  await withClient(https, async (site) => {
    for (const load of LOADS) await load.play(site, 0);
  });
  const before = await rest(soaked);
  const [samples, renewed, played] = await withClient(https, (site) =>
    Promise.all([
      sample(soaked, seconds),
      reload(https, seconds),
      Promise.all(LOADS.map((load) => playLoad(load, site, seconds))),
    ]));
  return [
    ...played.map(checkLoad),
    checkHoldings(before, await rest(soaked)),
    checkLog(https.server.logText(), renewed),
    checkMemory(samples),
  ];
}

/** With connections of its own, which are closed then. */
async function withClient<Result>(https: HttpsServer, work: (site: Site) => Promise<Result>): Promise<Result> {
  using client = Deno.createHttpClient({ caCerts: [await Deno.readTextFile(https.certificates.root)] });
  return await work({ https, client });
}

function checkLoad({ name, turns, failures }: Played): Check {
  const problem = turns === 0
    ? "nothing was asked"
    : failures.length === 0
    ? null
    : `${failures.length} failed, ${failures[0]}`;
  return { name: `${name}: ${turns} turns`, problem };
}

function checkHoldings(before: Holdings, after: Holdings): Check {
  const [was, is] = [before, after].map((holdings) => JSON.stringify(holdings));
  return { name: `at rest: ${is}`, problem: isMore(after, before) ? `it was ${was}` : null };
}

function checkLog(text: string, renewed: number): Check {
  const errors = text.split("\n").filter((line) => / ERROR /.test(line));
  const taken = text.split("\n").filter((line) => line.includes("new certificate for")).length;
  const problem = errors.length > 0
    ? `${errors.length} errors, ${errors[0]}`
    : taken < renewed
    ? `${taken} of ${renewed} new certificates were taken`
    : null;
  return { name: `log: no error, ${taken} new certificates`, problem };
}

function checkMemory(samples: readonly Sample[]): Check {
  const { warmBytes, endBytes, allowedBytes } = measureGrowth(samples);
  const [warm, end, allowed] = [warmBytes, endBytes, allowedBytes].map((bytes) => `${(bytes / MIB).toFixed(1)} MiB`);
  const name = `memory: ${warm} when warm, ${end} at the end`;
  return { name, problem: endBytes - warmBytes > allowedBytes ? `more than ${allowed} of growth` : null };
}

async function main(seconds: number): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "lisod-soak-" });
  try {
    await writeFiles(folder, { "cgi/script": SCRIPT });
    await Deno.chmod(join(folder, "cgi/script"), 0o755);
    const spool = join(folder, "spool");
    await Deno.mkdir(spool);
    const args = ["--cgi", join(folder, "cgi"), "--max-per-address", "1000"];
    await using https = await HttpsServer.start({ files: FILES, args: [...args, "--cgi-spool", spool] });
    const checks = await soak({ https, spool }, seconds);
    for (const { name, problem } of checks) console.log(problem === null ? name : `${name}: FAILED, ${problem}`);
    const failed = checks.filter(({ problem }) => problem !== null).length;
    console.log(`${checks.length - failed} passed, ${failed} failed`);
    Deno.exitCode = failed === 0 ? 0 : 1;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) {
  const [seconds = 900, ...others] = Deno.args.map(Number);
  if (!Number.isInteger(seconds) || seconds < LEAST_SECONDS || others.length > 0) {
    console.error(`Usage: deno task soak [SECONDS], at least ${LEAST_SECONDS}`);
    Deno.exit(2);
  }
  await main(seconds);
}
