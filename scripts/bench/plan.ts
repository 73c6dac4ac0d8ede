/** Decides which rows and servers take part: pure. */
import { isChosen, type Options } from "./options.ts";
import type { Peer } from "./peers.ts";
import type { Row } from "./row.ts";
import type { Switch } from "./switches.ts";

/** A row with those who are measured in it, the base first. */
export interface PlannedRow {
  readonly row: Row;
  readonly peers: readonly Peer[];
}

export interface Plan {
  readonly base: Peer;
  readonly rows: readonly PlannedRow[];
  /** Rows that were asked for and cannot be measured, with the reason. */
  readonly leftOut: readonly string[];
}

/** What there is to choose from. */
export interface Choices {
  readonly rows: readonly Row[];
  /** lisod among them unless it is not the base. */
  readonly peers: readonly Peer[];
}

/** Throws Error when a name is unknown or nothing is left to measure. */
export function makePlan({ rows, peers }: Choices, options: Pick<Options, "only" | "peers" | "base">): Plan {
  const base = peers.find(({ name }) => name === options.base);
  const known = peers.map(({ name }) => name);
  const unknown = [options.base, ...options.peers].find((name) => !known.some((one) => one === name));
  if (base === undefined || unknown !== undefined) throw new Error(`No server "${unknown}": ${known.join(", ")}`);
  for (const name of options.only) {
    if (!rows.some((row) => isChosen(row.name, [name]))) throw new Error(`No row "${name}"; --list shows all`);
  }
  const planned: PlannedRow[] = [];
  const leftOut: string[] = [];
  for (const row of rows.filter(({ name }) => isChosen(name, options.only))) {
    const lacks = row.switches.filter((name) => !base.supports.has(name));
    if (!takesPart(base, row)) leftOut.push(`${row.name}: not meant for ${base.name}`);
    else if (lacks.length > 0) leftOut.push(`${row.name}: ${base.name} cannot do ${lacks.join(", ")} yet`);
    else planned.push({ row, peers: [base, ...peers.filter((peer) => isOther(peer, row, options))] });
  }
  if (planned.length === 0) throw new Error(["There is nothing to measure", ...leftOut].join("\n"));
  return { base, rows: planned, leftOut };
}

/** lisod is measured in every row, the others where the row names them. */
function takesPart({ name }: Peer, row: Row): boolean {
  return name === "lisod" || name === "lisod-before" || row.peers.includes(name);
}

function isOther(peer: Peer, row: Row, { base, peers }: Pick<Options, "peers" | "base">): boolean {
  return peer.name !== base && takesPart(peer, row) && isChosen(peer.name, peers) &&
    row.switches.every((name) => peer.supports.has(name));
}

/** The rows in the order of the plan, those that are measured in the same rounds together: `groups` has their names. */
export function groupRows({ rows }: Plan, groups: readonly (readonly string[])[]): readonly (readonly PlannedRow[])[] {
  const grouped = new Map<string, PlannedRow[]>();
  for (const planned of rows) {
    const { name } = planned.row;
    const key = groups.find((names) => names.includes(name))?.[0] ?? name;
    grouped.set(key, [...grouped.get(key) ?? [], planned]);
  }
  return [...grouped.values()];
}

/** All that the rows of a plan ask servers for. */
export function switchesOf({ rows }: Plan): ReadonlySet<Switch> {
  return new Set(rows.flatMap(({ row }) => row.switches));
}

/** All servers of a plan, each once. */
export function peersOf({ rows }: Plan): readonly Peer[] {
  return [...new Set(rows.flatMap(({ peers }) => peers))];
}
