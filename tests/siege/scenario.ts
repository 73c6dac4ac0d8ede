/**
 * What a scenario of the siege is and how it is played: a fair client in calm and beside the load, what the server holds
 * before and after, and the verdict.
 */
import { type Besieged, forgetPeak, look, peakOf } from "./besieged.ts";
import { Crowd, type CrowdOptions, type CrowdReport } from "./crowd.ts";
import { askFairly, type Experience, percentile, type Question } from "./fair_client.ts";

export const MIB = 1 << 20;

/** What a scenario is worth and may cost. */
export interface Effort {
  /** Of the full count of clients or seconds, above 0 and at most 1. */
  readonly share: number;
  /** What the server has taken must come back within `restMs`: judged where that is long enough. */
  readonly isMemoryJudged: boolean;
  readonly restMs: number;
}

/** What a scenario came to. */
export interface Result {
  readonly name: string;
  readonly peakBytes: number;
  readonly beforeBytes: number;
  readonly afterBytes: number;
  readonly calmP99Ms: number;
  readonly loadP99Ms: number;
  /** Of all requests beside the load: who waits long asks less often, which a percentile does not show. */
  readonly longestMs: number;
  /** Requests of the fair client, and those of them that had no right answer. */
  readonly askedCount: number;
  readonly lostCount: number;
  readonly descriptorsBefore: number;
  readonly descriptorsAfter: number;
  /** What became of the load, in words. */
  readonly load: string;
  /** Empty: passed. */
  readonly problems: readonly string[];
}

/** One load against one server. */
export interface Siege {
  readonly name: string;
  readonly server: Besieged;
  readonly question: Omit<Question, "port">;
  /** Plays the load, to its end; says what became of it, and what was wrong with that. */
  readonly load: () => Promise<{ readonly told: string; readonly problems: readonly string[] }>;
  /** The peak may have so much resident memory. */
  readonly mostBytes?: number;
  /** The peak may have so much more than there was before. */
  readonly mostGrowthBytes?: number;
  readonly effort: Effort;
  /** Of the fair client, where that is known. */
  readonly calm?: Experience;
}

/** In a full siege, and at least. */
const CALM_MS = 1500;
const LEAST_CALM_MS = 500;
const LOOK_MS = 50;
/** Descriptors come back within that; a machine under load may take long. */
const DESCRIPTORS_MS = 60_000;
/** Resident memory may stay so far above what it was. */
const KEPT_BYTES = 32 * MIB;

/** What a fair client experiences while nobody else is there. */
export function askInCalm(question: Question, { share }: Effort): Promise<Experience> {
  return askFairly(question, isLater(Math.max(LEAST_CALM_MS, share * CALM_MS)));
}

export async function besiege(siege: Siege): Promise<Result> {
  const { name, server, question, load, mostBytes = Infinity, mostGrowthBytes = Infinity, effort } = siege;
  const asked = { ...question, port: server.port };
  const calm = siege.calm ?? await askInCalm(asked, effort);
  forgetPeak(server);
  const before = look(server);
  let isOver = false;
  const [beside, { told, problems }] = await Promise.all([
    askFairly(asked, () => isOver),
    load().finally(() => isOver = true),
  ]);
  await until(() => look(server).descriptors <= before.descriptors, DESCRIPTORS_MS);
  const mostKeptBytes = before.bytes + KEPT_BYTES;
  await until(() => look(server).bytes <= mostKeptBytes, effort.restMs);
  const [after, peakBytes] = [look(server), peakOf(server)];
  const last = await askFairly(asked, () => true);
  const lost = [calm, beside, last].flatMap((experience: Experience) => experience.lost);
  const complaint = server.complaint();
  return {
    ...{ name, peakBytes, beforeBytes: before.bytes, afterBytes: after.bytes, load: told },
    calmP99Ms: percentile(calm.timesMs, 99),
    loadP99Ms: percentile(beside.timesMs, 99),
    longestMs: percentile(beside.timesMs, 100),
    askedCount: calm.timesMs.length + beside.timesMs.length + last.timesMs.length + lost.length,
    lostCount: lost.length,
    descriptorsBefore: before.descriptors,
    descriptorsAfter: after.descriptors,
    problems: [
      ...problems,
      ...lost.length > 0 ? [`the fair client lost requests, the first one: ${lost[0]}`] : [],
      ...after.descriptors > before.descriptors ? ["descriptors did not come back"] : [],
      ...peakBytes > mostBytes ? [`more than ${mostBytes / MIB} MiB at the peak`] : [],
      ...peakBytes - before.bytes > mostGrowthBytes
        ? [`more than ${mostGrowthBytes / MIB} MiB beside what it had`]
        : [],
      ...effort.isMemoryJudged && after.bytes > mostKeptBytes
        ? [`more than ${KEPT_BYTES / MIB} MiB kept after ${effort.restMs / 1000} s`]
        : [],
      ...complaint === null ? [] : [complaint],
    ],
  };
}

/** How a crowd is led. */
export interface CrowdLoad extends Omit<CrowdOptions, "port"> {
  /** Once all are there, so long they stay, but for those that read all. */
  readonly holdMs: number;
  /** Null: as the load should have gone. */
  readonly judge: (report: CrowdReport) => string | null;
}

/** A crowd comes, stays and goes. Longer than that it does not take to come. */
const GATHER_MS = 240_000;

export async function playCrowd(
  port: number,
  { holdMs, judge, ...options }: CrowdLoad,
): Promise<{ readonly told: string; readonly problems: readonly string[] }> {
  await using crowd = await Crowd.gather({ ...options, port });
  const isReady = await crowd.isReady(GATHER_MS);
  // Who has its answer is no load any more, and would only make the fair client's times look better.
  if (options.reads !== "all") await pause(holdMs);
  const report = await crowd.leave();
  const answers = Object.entries(report.answers).map(([status, count]) => `${count} x ${status}`);
  const told = [`${report.opened} clients`, ...report.cut > 0 ? [`${report.cut} cut`] : [], ...answers].join(", ");
  const problem = judge(report);
  return {
    told,
    problems: [
      ...isReady ? [] : [`the load was not there after ${GATHER_MS / 1000} s`],
      ...report.opened === options.count ? [] : [`only ${report.opened} of ${options.count} clients came`],
      ...report.wrong === null ? [] : [`the load was answered ${JSON.stringify(report.wrong)}`],
      ...problem === null ? [] : [problem],
    ],
  };
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function isLater(ms: number): () => boolean {
  const end = performance.now() + ms;
  return () => performance.now() >= end;
}

/** Resolves when it is so, or after that time. */
export async function until(isSo: () => boolean, limitMs: number): Promise<void> {
  for (const isOver = isLater(limitMs); !isSo() && !isOver();) await pause(LOOK_MS);
}
