/**
 * `deno task siege [--peers] [SECONDS] [NAME]` (900 s without it): scenarios of load and of broken surroundings against the compiled
 * binary, each with a server of its own, and misuses of HTTP/2 against one for all; each with a fair client that goes on asking,
 * and one line of what it came to. With fewer seconds there are fewer clients, as many fewer; NAME plays the scenarios whose names
 * have it. The times of the fair client are told and not judged. The last line is "N passed, N failed", the exit status 1 when one
 * failed. slowhttptest has tests of its own (tests/slow_clients_test.ts). With --peers nginx and lighttpd bear the loads that they
 * can, and are not judged.
 */
import { type Breakage, BREAKAGES } from "./breakages.ts";
import { CROWDS, type CrowdScenario, SMALL } from "./crowds.ts";
import { besiege, type Effort, MIB, playCrowd, type Result } from "./scenario.ts";
import { playMisuses } from "./misuses.ts";
import { BesiegedPeer, PEERS } from "./peers.ts";
import { BesiegedLisod, Site } from "./site.ts";

/** With so many all clients come. */
const FULL_SECONDS = 900;
const LEAST_SECONDS = 10;
/** What a peer keeps is told as it is then. */
const PEER_REST_MS = 10_000;
const NAME_CHARACTERS = 22;
/** A crowd stays so long once it is there, in a full siege. */
const HOLD_MS = 20_000;
/** Memory has so long to come back, in a full siege. */
const REST_MS = 120_000;

function effortOf(seconds: number): Effort {
  const share = Math.min(1, seconds / FULL_SECONDS);
  return { share, isMemoryJudged: share === 1, restMs: share * REST_MS };
}

async function playScenario(scenario: CrowdScenario, effort: Effort): Promise<Result> {
  const { name, files, args, path = "/small", mostBytes } = scenario;
  const count = Math.ceil(effort.share * scenario.fullCount);
  await using site = await Site.make(files);
  await using server = await BesiegedLisod.start(site, { args });
  const holdMs = effort.share * HOLD_MS;
  const load = () => playCrowd(server.port, { ...scenario.load(count), count, holdMs });
  return await besiege({ ...{ name, server, load, mostBytes, effort }, question: { path, want: SMALL } });
}

/** Prints what scenarios came to, and counts them. */
class Report {
  passed = 0;
  failed = 0;

  tell(result: Result): void {
    const { problems } = result;
    console.log(`${describe(result)}: ${problems.length === 0 ? "passed" : `FAILED, ${problems.join("; ")}`}`);
    if (problems.length === 0) this.passed++;
    else this.failed++;
  }

  /** What could not even be played has failed. */
  async play(name: string, playing: Promise<void>): Promise<void> {
    try {
      await playing;
    } catch (error) {
      console.log(`${name.padEnd(NAME_CHARACTERS)} FAILED, ${error instanceof Error ? error.message : error}`);
      this.failed++;
    }
  }
}

function describe(result: Result): string {
  const mib = (bytes: number) => `${(bytes / MIB).toFixed(0)} MiB`;
  return [
    result.name.padEnd(NAME_CHARACTERS),
    `peak ${mib(result.peakBytes)}, ${mib(result.beforeBytes)} before, ${mib(result.afterBytes)} after;`,
    `p99 ${result.calmP99Ms.toFixed(1)} ms calm, ${result.loadP99Ms.toFixed(1)} ms under load, longest ${
      result.longestMs.toFixed(0)
    } ms;`,
    `lost ${result.lostCount} of ${result.askedCount};`,
    `descriptors ${result.descriptorsBefore} before, ${result.descriptorsAfter} after; ${result.load}`,
  ].join(" ");
}

/** What a peer loses or keeps is told, and no failure of this program. */
async function playPeers(scenario: CrowdScenario, effort: Effort): Promise<void> {
  if (!scenario.isForPeers) return;
  const { name, files, mostBytes } = scenario;
  const count = Math.ceil(effort.share * scenario.fullCount);
  for (const peer of PEERS) {
    await using site = await Site.make(files);
    await using server = await BesiegedPeer.start(peer, site);
    const holdMs = effort.share * HOLD_MS;
    const load = () => playCrowd(server.port, { ...scenario.load(count), count, holdMs });
    const question = { path: "/small", want: SMALL };
    const result = await besiege({
      name,
      server,
      question,
      load,
      mostBytes,
      effort: { ...effort, restMs: PEER_REST_MS },
    });
    console.log(`${peer.padEnd(8)} ${describe(result)}`);
  }
}

async function main(seconds: number, { part, hasPeers }: { part: string; hasPeers: boolean }): Promise<void> {
  const effort = effortOf(seconds);
  const scenarios: readonly Breakage[] = [
    ...CROWDS.map((scenario) => ({ name: scenario.name, play: () => playScenario(scenario, effort) })),
    ...BREAKAGES,
  ];
  const report = new Report();
  for (const { name, play } of scenarios.filter((scenario) => scenario.name.includes(part))) {
    await report.play(name, play(name, effort).then((result) => report.tell(result)));
    const crowd = CROWDS.find((scenario) => scenario.name === name);
    if (hasPeers && crowd !== undefined) await playPeers(crowd, effort);
  }
  await report.play("misuses of HTTP/2", playMisuses(effort, { part, tell: (result) => report.tell(result) }));
  console.log(`${report.passed} passed, ${report.failed} failed`);
  Deno.exitCode = report.failed === 0 ? 0 : 1;
}

if (import.meta.main) {
  const hasPeers = Deno.args[0] === "--peers";
  const [seconds = `${FULL_SECONDS}`, part = "", ...others] = hasPeers ? Deno.args.slice(1) : Deno.args;
  if (!(Number(seconds) >= LEAST_SECONDS) || others.length > 0) {
    console.error(`Usage: deno task siege [--peers] [SECONDS] [NAME], at least ${LEAST_SECONDS}`);
    Deno.exit(2);
  }
  await main(Number(seconds), { part, hasPeers });
}
