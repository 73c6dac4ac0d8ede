/** What the rows of a family say together: how much of its rate a server keeps as the work grows. Pure. */
import type { GrowthFamily, GrowthPoint } from "./growth_rows.ts";
import type { ServerResult } from "./measure_row.ts";
import type { BenchResult } from "./report.ts";
import type { Sample } from "./sample.ts";
import { ratioOf, type Spread, spreadOf } from "./statistics.ts";

/** A server at one number of its family. */
export interface GrowthFigures extends GrowthPoint {
  /** Answers a second. */
  readonly rate: Spread;
  /** CPU time of a request, in microseconds; null where that is nobody's. */
  readonly cpuUs: Spread | null;
  /** 99 % of the waits were no longer, in ms. */
  readonly p99: Spread;
  /** Through the same at the first point, round by round; null there, and where that has another number of rounds. */
  readonly rateKept: Spread | null;
  readonly cpuGrown: Spread | null;
  readonly p99Grown: Spread | null;
}

export interface GrowthLine {
  readonly server: Pick<ServerResult, "name" | "title">;
  /** At least two. */
  readonly figures: readonly GrowthFigures[];
}

/** A line for each server that was measured at two points or more. */
export function growthLines(family: GrowthFamily, { rows }: Pick<BenchResult, "rows">): readonly GrowthLine[] {
  const servers = new Map<string, GrowthLine["server"]>();
  const measured = family.points.flatMap((point) =>
    rows.filter(({ row }) => row.name === point.row).map((result) => ({ point, result }))
  );
  for (const { result } of measured) for (const { name, title } of result.servers) servers.set(name, { name, title });
  return [...servers.values()].flatMap((server) => {
    const own = measured.flatMap(({ point, result }) => {
      const found = result.servers.find(({ name, samples }) => name === server.name && samples.length > 0);
      return found === undefined ? [] : [{ point, samples: found.samples }];
    });
    return own.length < 2 ? [] : [{ server, figures: own.map((each) => figuresAt(each, own[0])) }];
  });
}

interface Measured {
  readonly point: GrowthPoint;
  readonly samples: readonly Sample[];
}

function figuresAt(here: Measured, first: Measured): GrowthFigures {
  const rates = ({ samples }: Measured) => samples.map(({ value }) => value);
  const p99s = ({ samples }: Measured) => samples.flatMap(({ waits }) => waits?.p99 ?? []);
  const cpus = ({ samples }: Measured) => samples.flatMap(({ cpuUs }) => cpuUs ?? []);
  const hasCpu = cpus(here).length > 0;
  const isComparable = here !== first && here.samples.length === first.samples.length;
  return {
    ...here.point,
    rate: spreadOf(rates(here)),
    cpuUs: hasCpu ? spreadOf(cpus(here)) : null,
    p99: spreadOf(p99s(here)),
    rateKept: isComparable ? ratioOf(rates(here), rates(first)) : null,
    cpuGrown: isComparable && hasCpu ? ratioOf(cpus(here), cpus(first)) : null,
    p99Grown: isComparable ? ratioOf(p99s(here), p99s(first)) : null,
  };
}
