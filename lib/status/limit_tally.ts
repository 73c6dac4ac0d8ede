/**
 * Which limits were reached, how often, and when last: what an operator looks for when clients complain. Separate from whoever
 * has the limits, who tells it here in a word. Pure: the time is handed in.
 */

/** What is told of each; `options` are those that say where it lies. */
export const REACHED = {
  connections: { meaning: "Connections refused for want of room", options: "--max-connection-count" },
  address: { meaning: "Connections from one address beyond its share", options: "--max-per-address" },
  memory: { meaning: "Connections cut for want of memory", options: "--max-waiting-bytes" },
  slow: { meaning: "Clients too slow to send (408)", options: "--head-ms, --body-idle-ms, --min-rate-bytes" },
  content: { meaning: "Contents too long (413)", options: "--max-body-bytes" },
  line: { meaning: "Targets too long (414)", options: "--max-line-bytes" },
  rate: { meaning: "Too many requests or guesses (429)", options: "--max-rate, --max-guess-count" },
  head: { meaning: "Heads too long (431)", options: "--max-head-bytes, --max-line-bytes, --max-field-count" },
  room: { meaning: "No room for a program or an upstream (503)", options: "--cgi-max, --cgi-queue" },
  time: { meaning: "Programs or upstreams too slow (504)", options: "--script-ms, --forward-connect-ms" },
  spool: { meaning: "No room for a content (507)", options: "--cgi-spool" },
} as const;

export type LimitName = keyof typeof REACHED;

/** Of errors that the server answers with; a program's own answers with these statuses are not among them. */
const BY_STATUS: { readonly [status: number]: LimitName } = {
  408: "slow",
  413: "content",
  414: "line",
  429: "rate",
  431: "head",
  503: "room",
  504: "time",
  507: "spool",
};

/** The limit that an error of that status tells of; null: none. */
export function limitOf(status: number): LimitName | null {
  return BY_STATUS[status] ?? null;
}

export interface ReachedLimit {
  readonly name: LimitName;
  readonly count: number;
  /** Since 1970. */
  readonly lastMs: number;
}

export class LimitTally {
  readonly #reached = new Map<LimitName, { count: number; lastMs: number }>();

  reach(name: LimitName, nowMs: number): void {
    const known = this.#reached.get(name);
    if (known === undefined) this.#reached.set(name, { count: 1, lastMs: nowMs });
    else {
      known.count++;
      known.lastMs = nowMs;
    }
  }

  get reached(): readonly ReachedLimit[] {
    return [...this.#reached].map(([name, { count, lastMs }]) => ({ name, count, lastMs }));
  }
}

/** What several threads have met, those of the latest first. */
export function addLimits(all: readonly (readonly ReachedLimit[])[]): readonly ReachedLimit[] {
  const byName = Map.groupBy(all.flat(), ({ name }) => name);
  return [...byName].map(([name, each]) => ({
    name,
    count: each.reduce((sum, { count }) => sum + count, 0),
    lastMs: Math.max(...each.map(({ lastMs }) => lastMs)),
  })).toSorted((one, other) => other.lastMs - one.lastMs);
}
