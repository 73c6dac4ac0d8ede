/** Measures one row: all its servers in alternating rounds, and what the rounds say together. */
import { type RunContext, runLoad, type Sample } from "./loads.ts";
import type { Peer, PeerName } from "./peers.ts";
import type { Row } from "./row.ts";
import { orderOf, ratioOf, type Spread, spreadOf } from "./statistics.ts";

/** What a row says of one server. The spreads are null where the row has no such figure, or the server failed. */
export interface ServerResult {
  readonly name: PeerName;
  readonly title: string;
  /** One a round. */
  readonly samples: readonly Sample[];
  /** Why the server could not be measured to the end; null when it could. */
  readonly failure: string | null;
  readonly value: Spread | null;
  readonly cpuUs: Spread | null;
  readonly busy: Spread | null;
  readonly p99Ms: Spread | null;
  readonly rssBytes: Spread | null;
  /** The base's judged figure through this server's, round by round; null for the base itself. */
  readonly ratio: Spread | null;
  /** The same of the CPU time for each request: less is better. It suffers least when the machine has other work. */
  readonly cpuRatio: Spread | null;
}

export interface RowResult {
  readonly row: Row;
  readonly servers: readonly ServerResult[];
}

export interface MeasureOrder extends RunContext {
  /** All that are measured, the base among them. */
  readonly peers: readonly Peer[];
  readonly base: PeerName;
  readonly rounds: number;
  /** Told about each run for the one who waits. */
  readonly tell: (message: string) => void;
}

/** Measures `row`. A server that fails is left out of the rounds that follow; the others go on. */
export async function measureRow(row: Row, order: MeasureOrder): Promise<RowResult> {
  const samples = new Map<Peer, Sample[]>(order.peers.map((peer) => [peer, []]));
  const failures = new Map<Peer, string>();
  const run = async (peer: Peer, seconds: number): Promise<Sample | null> => {
    try {
      return await runLoad(row, peer, { fleet: order.fleet, seconds });
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      failures.set(peer, error.message);
      order.tell(`${row.name}: ${peer.name} FAILED: ${error.message}`);
      return null;
    }
  };
  // The first run of all warms compilers and caches and is not counted.
  if (row.load.kind === "wrk" || row.load.kind === "h2load") { for (const peer of order.peers) await run(peer, 1); }
  for (let round = 0; round < roundsOf(row, order.rounds); round += 1) {
    for (const peer of orderOf(order.peers, round)) {
      const sample = failures.has(peer) ? null : await run(peer, order.seconds);
      if (sample === null) continue;
      samples.get(peer)?.push(sample);
      order.tell(`${row.name} ${round + 1}/${order.rounds}: ${peer.name} ${sample.value.toPrecision(4)} ${row.unit}`);
    }
  }
  return summarize(row, order, { samples, failures });
}

/** A file's size does not change from run to run. */
function roundsOf(row: Row, rounds: number): number {
  return row.load.kind === "binary_size" ? 1 : rounds;
}

interface Measured {
  readonly samples: ReadonlyMap<Peer, readonly Sample[]>;
  readonly failures: ReadonlyMap<Peer, string>;
}

function summarize(row: Row, order: MeasureOrder, measured: Measured): RowResult {
  const samplesOf = (peer: Peer): readonly Sample[] =>
    measured.failures.has(peer) ? [] : measured.samples.get(peer) ?? [];
  const base = samplesOf(findBase(order));
  const servers = order.peers.map((peer): ServerResult => {
    const samples = samplesOf(peer);
    const isBase = peer.name === order.base;
    const spread = (figure: Figure): Spread | null => {
      const figures = figuresOf(samples, figure);
      return figures.length === 0 ? null : spreadOf(figures);
    };
    return {
      ...{ name: peer.name, title: peer.title, samples, failure: measured.failures.get(peer) ?? null },
      value: spread(({ value }) => value),
      cpuUs: spread(({ cpuUs }) => cpuUs),
      busy: spread(({ busy }) => busy),
      p99Ms: spread(({ p99Ms }) => p99Ms),
      rssBytes: spread(({ rssBytes }) => rssBytes),
      ratio: isBase ? null : compare(judgedFigures(row, base), judgedFigures(row, samples)),
      cpuRatio: isBase
        ? null
        : compare(figuresOf(base, ({ cpuUs }) => cpuUs), figuresOf(samples, ({ cpuUs }) => cpuUs)),
    };
  });
  return { row, servers };
}

/** The figures that a row compares, one a round. */
export function judgedFigures({ judged }: Row, samples: readonly Sample[]): readonly number[] {
  return figuresOf(samples, ({ value, cpuUs }) => judged === "cpu" ? cpuUs : value);
}

type Figure = (sample: Sample) => number | null;

function figuresOf(samples: readonly Sample[], figure: Figure): readonly number[] {
  return samples.map(figure).filter((value) => value !== null);
}

/** null when one of the two has no figures. */
function compare(ours: readonly number[], theirs: readonly number[]): Spread | null {
  return ours.length === 0 || theirs.length === 0 ? null : ratioOf(ours, theirs);
}

function findBase({ peers, base }: MeasureOrder): Peer {
  const found = peers.find(({ name }) => name === base);
  if (found === undefined) throw new Error(`The base ${base} is not among the servers of the row`);
  return found;
}
