/** Measures rows: all their servers in alternating rounds, and what the rounds say together. */
import { type RunContext, runLoad } from "./loads.ts";
import type { Peer, PeerName } from "./peers.ts";
import type { PlannedRow } from "./plan.ts";
import type { Row } from "./row.ts";
import type { Sample, Waits } from "./sample.ts";
import { orderOf, ratioOf, type Spread, spreadOf } from "./statistics.ts";

/** Of the runs that tell which rate is half of what a server can. */
const CALIBRATION_SECONDS = 2;

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
  readonly loadBusy: Spread | null;
  readonly waits: { readonly [percentile in keyof Waits]: Spread } | null;
  readonly rssBytes: Spread | null;
  /** The base's judged figure through this server's, round by round; null for the base itself. */
  readonly ratio: Spread | null;
  /** The same of the CPU time for each request: less is better. It suffers least when the machine has other work. */
  readonly cpuRatio: Spread | null;
}

export interface RowResult {
  readonly row: Row;
  /** Requests a second of a load that keeps to a rate; null for others. */
  readonly rate: number | null;
  readonly servers: readonly ServerResult[];
}

export interface MeasureOrder extends Pick<RunContext, "fleet" | "seconds"> {
  readonly base: PeerName;
  readonly rounds: number;
  /** Told about each run for the one who waits. */
  readonly tell: (message: string) => void;
}

/**
 * Measures rows together: each round has a run of every server in every row, so that the rows can be compared too.
 * Their order changes as that of the servers does: a row may leave a server otherwise than it was.
 */
export async function measureRows(planned: readonly PlannedRow[], order: MeasureOrder): Promise<readonly RowResult[]> {
  const measurements = planned.map((each) => new RowMeasurement(each, order));
  for (const measurement of measurements) await measurement.warmUp();
  for (let round = 0; round < order.rounds; round += 1) {
    for (const measurement of orderOf(measurements, round)) await measurement.runRound(round);
  }
  return measurements.map((measurement) => measurement.summarize());
}

/** One row while it is measured. A server that fails is left out of the rounds that follow; the others go on. */
class RowMeasurement {
  readonly #row: Row;
  readonly #peers: readonly Peer[];
  readonly #order: MeasureOrder;
  readonly #samples: ReadonlyMap<Peer, Sample[]>;
  readonly #failures = new Map<Peer, string>();
  #rate: number | null = null;

  constructor({ row, peers }: PlannedRow, order: MeasureOrder) {
    this.#row = row;
    this.#peers = peers;
    this.#order = order;
    this.#samples = new Map(peers.map((peer) => [peer, []]));
  }

  /** The first run of all warms compilers, caches and programs and is not counted. A rate that a load keeps to is found here. */
  async warmUp(): Promise<void> {
    const { kind } = this.#row.load;
    if (kind !== "wrk" && kind !== "h2load" && kind !== "clients") return;
    for (const peer of this.#peers) await this.#run(peer, 1);
    if (this.#row.load.kind === "clients" && this.#row.load.pace === "half") this.#rate = await this.#findRate();
  }

  async runRound(round: number): Promise<void> {
    // A file's size does not change from run to run.
    if (round > 0 && this.#row.load.kind === "binary_size") return;
    const { seconds, rounds, tell } = this.#order;
    for (const peer of orderOf(this.#peers, round)) {
      const sample = this.#failures.has(peer) ? null : await this.#run(peer, seconds);
      if (sample === null) continue;
      this.#samples.get(peer)?.push(sample);
      const { name, unit } = this.#row;
      tell(`${name} ${round + 1}/${rounds}: ${peer.name} ${sample.value.toPrecision(4)} ${unit}`);
    }
  }

  /** Half of what the slowest server of the row can, in requests a second; null when all have failed. */
  async #findRate(): Promise<number | null> {
    const rates: number[] = [];
    for (const peer of this.#peers) {
      const sample = this.#failures.has(peer) ? null : await this.#run(peer, CALIBRATION_SECONDS);
      if (sample !== null) rates.push(sample.value);
    }
    return rates.length === 0 ? null : Math.max(1, Math.floor(Math.min(...rates) / 2));
  }

  async #run(peer: Peer, wanted: number): Promise<Sample | null> {
    const { fleet, tell } = this.#order;
    const seconds = Math.max(wanted, this.#row.leastSeconds);
    try {
      return await runLoad(this.#row, peer, { fleet, seconds, rate: this.#rate });
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this.#failures.set(peer, error.message);
      tell(`${this.#row.name}: ${peer.name} FAILED: ${error.message}`);
      return null;
    }
  }

  summarize(): RowResult {
    const measured = { samples: this.#samples, failures: this.#failures, peers: this.#peers };
    return { row: this.#row, rate: this.#rate, servers: summarize(this.#row, this.#order.base, measured) };
  }
}

interface Measured {
  readonly peers: readonly Peer[];
  readonly samples: ReadonlyMap<Peer, readonly Sample[]>;
  readonly failures: ReadonlyMap<Peer, string>;
}

function summarize(row: Row, baseName: PeerName, measured: Measured): readonly ServerResult[] {
  const samplesOf = (peer: Peer): readonly Sample[] =>
    measured.failures.has(peer) ? [] : measured.samples.get(peer) ?? [];
  const base = samplesOf(findBase(measured.peers, baseName));
  return measured.peers.map((peer): ServerResult => {
    const samples = samplesOf(peer);
    const isBase = peer.name === baseName;
    const spread = (figure: Figure): Spread | null => {
      const figures = figuresOf(samples, figure);
      return figures.length === 0 ? null : spreadOf(figures);
    };
    return {
      ...{ name: peer.name, title: peer.title, samples, failure: measured.failures.get(peer) ?? null },
      value: spread(({ value }) => value),
      cpuUs: spread(({ cpuUs }) => cpuUs),
      busy: spread(({ busy }) => busy),
      loadBusy: spread(({ loadBusy }) => loadBusy),
      waits: waitsOf(samples),
      rssBytes: spread(({ rssBytes }) => rssBytes),
      ratio: isBase ? null : compare(judgedFigures(row, base), judgedFigures(row, samples)),
      cpuRatio: isBase
        ? null
        : compare(figuresOf(base, ({ cpuUs }) => cpuUs), figuresOf(samples, ({ cpuUs }) => cpuUs)),
    };
  });
}

function waitsOf(samples: readonly Sample[]): ServerResult["waits"] {
  const waits = samples.flatMap(({ waits }) => waits ?? []);
  if (waits.length === 0) return null;
  const spread = (percentile: keyof Waits) => spreadOf(waits.map((each) => each[percentile]));
  return { p50: spread("p50"), p99: spread("p99"), p999: spread("p999") };
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

function findBase(peers: readonly Peer[], base: PeerName): Peer {
  const found = peers.find(({ name }) => name === base);
  if (found === undefined) throw new Error(`The base ${base} is not among the servers of the row`);
  return found;
}
