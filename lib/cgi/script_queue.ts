/**
 * How many scripts run and how many requests wait for their turn. Pure and separate, so that the bounds can be tested
 * without a process.
 */
import { Crowded, HttpError, RETRY_SOON } from "../http/message.ts";
import { hasOwnLimit, networkOf } from "../ip_address.ts";

/** The place of one request in a queue, which alone changes it. */
export interface ScriptTurn {
  readonly address: string;
  /** That of the address; see `networkOf`. */
  readonly network: string;
  state: "admitted" | "waiting" | "running" | "ended";
  /** Its content still comes: before its script starts, or to a script that runs. */
  comes: "spooling" | "feeding" | null;
  /** Its script is talked with, for nobody knows how long. */
  isTalk: boolean;
  /** Settles the promise that `begin` gave. */
  readonly waiter: PromiseWithResolvers<void>;
}

/** The answer of a server that can start no script now, and might soon. */
export function scriptsUnavailable(message: string): HttpError {
  return new HttpError(503, message, { fields: RETRY_SOON });
}

export interface QueueOptions {
  /** That run at once. */
  readonly maxScripts: number;
  /** Requests that wait beside those. */
  readonly maxQueue: number;
  /** How much of both one address, or one IPv6 /64, may have, in percent. */
  readonly scriptSharePercent: number;
}

/** What one network has, or all. */
interface Held {
  /** Requests whose content still comes, and that have no place. */
  spooling: number;
  /** Of those that run, the ones whose content still comes. */
  feeding: number;
  /** Of all, the ones that are talked with. */
  talking: number;
  /** Requests that wait or run. */
  places: number;
  running: number;
}

/** For each place so many requests may have content that still comes: slow ones keep nobody from a place. */
const SPOOLING_PER_PLACE = 4;
/** Scripts that wait for their clients may have so much of the places, and never the last one. */
const FEEDING_SHARE = 1 / 4;
/** Scripts that are talked with may have so much of the places, and never the last one but where there is no other. */
const TALKING_SHARE = 1 / 2;

export class ScriptQueue {
  readonly #mostOfAll: Held;
  readonly #mostOfOne: Held;
  readonly #all: Held = nothingHeld();
  #isClosed = false;
  readonly #heldBy = new Map<string, Held>();
  /** In the order of their coming. */
  readonly #waiting = new Set<ScriptTurn>();

  constructor({ maxScripts, maxQueue, scriptSharePercent }: QueueOptions) {
    const shareOf = (count: number) => Math.ceil(count * scriptSharePercent / 100);
    const places = maxScripts + maxQueue;
    const spooling = SPOOLING_PER_PLACE * places;
    const feeding = Math.min(maxScripts - 1, Math.max(1, Math.floor(FEEDING_SHARE * maxScripts)));
    const talking = Math.max(1, Math.floor(TALKING_SHARE * maxScripts));
    this.#mostOfAll = { spooling, feeding, talking, places, running: maxScripts };
    this.#mostOfOne = {
      spooling: shareOf(spooling),
      feeding: shareOf(feeding),
      talking: shareOf(talking),
      places: shareOf(places),
      running: shareOf(maxScripts),
    };
  }

  get waitingCount(): number {
    return this.#waiting.size;
  }

  /** Requests whose content still comes, and that have no place. */
  get comingCount(): number {
    return this.#all.spooling;
  }

  /**
   * For a request of that address; whoever gets it calls `end`. Throws HttpError 503 with Retry-After when it has content that
   * may still come and too many of all, or of that address, do.
   */
  admit(address: string, hasContent: boolean): ScriptTurn {
    if (this.#isClosed) throw scriptsUnavailable("The server stops");
    const network = networkOf(address);
    const waiter = Promise.withResolvers<void>();
    const turn: ScriptTurn = { address, network, state: "admitted", comes: null, isTalk: false, waiter };
    if (hasContent) {
      this.#requireRoom("spooling", turn);
      this.#setComing(turn, "spooling");
    }
    return turn;
  }

  /**
   * Takes a place for a script that may start now and is fed while its content comes; false where that would keep places from
   * others: its content is to be taken in first, and then it begins. Whoever has fed it all calls `endFeeding`.
   */
  beginFeeding(turn: ScriptTurn): boolean {
    if (this.#isClosed || !this.#hasRoom("places", turn) || !this.#mayRun(turn)) return false;
    if (!this.#hasRoom("feeding", turn)) return false;
    this.#setComing(turn, "feeding");
    this.#count(turn, "places", 1);
    this.#run(turn);
    return true;
  }

  /**
   * The script is to be talked with, until the turn ends. Throws HttpError 503 with Retry-After where too many are, or too many of
   * the address: nobody knows when one of them ends, so none waits for that.
   */
  beginTalk(turn: ScriptTurn): void {
    this.#requireRoom("talking", turn);
    turn.isTalk = true;
    this.#count(turn, "talking", 1);
  }

  /** The content of a turn that may run has come, or nobody wants it. Idempotent. */
  endFeeding(turn: ScriptTurn): void {
    this.#setComing(turn, null);
  }

  /**
   * Takes a place; all of the content is there. Null: the script may start now. Else resolves when it may; rejects with the
   * error that `cancel` is given. Throws HttpError 503 with Retry-After when all places are taken, or all that the address may have.
   */
  begin(turn: ScriptTurn): Promise<void> | null {
    if (this.#isClosed) throw scriptsUnavailable("The server stops");
    this.#requireRoom("places", turn);
    this.#setComing(turn, null);
    this.#count(turn, "places", 1);
    if (this.#mayRun(turn)) {
      this.#run(turn);
      return null;
    }
    turn.state = "waiting";
    this.#waiting.add(turn);
    return turn.waiter.promise;
  }

  /** Ends the waiting of a turn, and gives its place free; does nothing to one that does not wait. */
  cancel(turn: ScriptTurn, error: unknown): void {
    if (!this.#waiting.delete(turn)) return;
    turn.state = "admitted";
    this.#count(turn, "places", -1);
    turn.waiter.reject(error);
  }

  /** Gives the place free, to the one who has waited longest of those who may run. Idempotent. */
  end(turn: ScriptTurn): void {
    const { state } = turn;
    if (state === "ended") return;
    turn.state = "ended";
    this.#waiting.delete(turn);
    this.#setComing(turn, null);
    if (turn.isTalk) this.#count(turn, "talking", -1);
    if (state !== "admitted") this.#count(turn, "places", -1);
    if (state === "running") this.#count(turn, "running", -1);
    if (state !== "running") return;
    for (const next of this.#waiting) {
      if (!this.#mayRun(next)) continue;
      this.#waiting.delete(next);
      this.#run(next);
      next.waiter.resolve();
      return;
    }
  }

  /** No script starts any more: those who wait are refused, and so is everyone who comes. */
  close(): void {
    this.#isClosed = true;
    for (const turn of this.#waiting) this.cancel(turn, scriptsUnavailable("The server stops"));
  }

  #requireRoom(what: keyof typeof CROWDS, turn: ScriptTurn): void {
    if (this.#hasRoom(what, turn)) return;
    const isFull = this.#all[what] >= this.#mostOfAll[what];
    const count = isFull ? `${this.#all[what]} requests` : `${this.#heldOf(turn)[what]} requests of ${turn.address}`;
    throw new Crowded(`${count} for scripts ${CROWDS[what]}`);
  }

  /** Whether one more fits, of all and of its network. */
  #hasRoom(what: keyof Held, turn: ScriptTurn): boolean {
    if (this.#all[what] >= this.#mostOfAll[what]) return false;
    return !hasOwnLimit(turn.address) || this.#heldOf(turn)[what] < this.#mostOfOne[what];
  }

  #mayRun(turn: ScriptTurn): boolean {
    return this.#hasRoom("running", turn);
  }

  #run(turn: ScriptTurn): void {
    this.#count(turn, "running", 1);
    turn.state = "running";
  }

  #setComing(turn: ScriptTurn, comes: ScriptTurn["comes"]): void {
    const before = turn.comes;
    turn.comes = comes;
    if (comes !== null) this.#count(turn, comes, 1);
    if (before !== null) this.#count(turn, before, -1);
  }

  #count({ network }: ScriptTurn, what: keyof Held, by: 1 | -1): void {
    const held = this.#heldBy.get(network) ?? nothingHeld();
    held[what] += by;
    this.#all[what] += by;
    if (Object.values(held).every((count) => count === 0)) this.#heldBy.delete(network);
    else this.#heldBy.set(network, held);
  }

  #heldOf({ network }: ScriptTurn): Readonly<Held> {
    return this.#heldBy.get(network) ?? nothingHeld();
  }
}

const CROWDS = {
  places: "are under way",
  spooling: "have content that still comes",
  talking: "are WebSocket connections",
} as const;

function nothingHeld(): Held {
  return { spooling: 0, feeding: 0, talking: 0, places: 0, running: 0 };
}
