/**
 * Which of several upstreams is asked next. Separate from those who connect to them, so that it is tested with numbers alone. Pure.
 */

/** Who gets the next request: whoever has the fewest under way; each in turn; always the same one for a client's address. */
export type Balance = "least" | "round" | "client";

export const BALANCES: readonly Balance[] = ["least", "round", "client"];

/** An upstream, as far as that matters. */
export interface Candidate {
  /** Tells it from the others. */
  readonly text: string;
  readonly isBackup: boolean;
  /** Requests under way. */
  readonly underWayCount: number;
  /** Whether it may be asked now. */
  isOpen(nowMs: number): boolean;
}

export interface Choice<One extends Candidate> {
  /** The client's address; "" where it has none. */
  readonly client: string;
  readonly nowMs: number;
  /** Those that were asked for the same request. */
  readonly tried: ReadonlySet<One> | null;
}

export class Balancer<One extends Candidate> {
  readonly #all: readonly One[];
  readonly #balance: Balance;
  #turn = 0;

  constructor(all: readonly One[], balance: Balance) {
    this.#all = all;
    this.#balance = balance;
  }

  /** Null where none is left. */
  choose({ client, nowMs, tried }: Choice<One>): One | null {
    const isLeft = (one: One) => !tried?.has(one) && one.isOpen(nowMs);
    const [only] = this.#all;
    if (this.#all.length === 1) return isLeft(only) ? only : null;
    const left = this.#all.filter(isLeft);
    const first = left.filter(({ isBackup }) => !isBackup);
    return this.#pick(first.length > 0 ? first : left, client);
  }

  #pick(left: readonly One[], client: string): One | null {
    if (left.length === 0) return null;
    if (this.#balance === "client" && client !== "") return nearest(left, client);
    const turn = this.#turn++;
    // Among those with the same number each has its turn.
    const inTurn = left.map((_, at) => left[(turn + at) % left.length]);
    if (this.#balance === "round") return inTurn[0];
    return inTurn.reduce((best, one) => one.underWayCount < best.underWayCount ? one : best);
  }
}

/**
 * The one whose name makes the highest number with that of the client: when another one goes or comes, no client changes but those of
 * that one (rendezvous hashing).
 */
function nearest<One extends Candidate>(left: readonly One[], client: string): One {
  return left.reduce((best, one) => hash(`${client} ${one.text}`) > hash(`${client} ${best.text}`) ? one : best);
}

/** FNV-1a with its bits mixed at the end, for addresses of neighbours differ in the last ones alone. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
