/**
 * How many scripts run and how many requests wait for their turn. Pure and separate, so that the bounds can be tested
 * without a process.
 */
import { Crowded, HttpError, RETRY_SOON } from "../http/message.ts";
import { networkOf } from "../ip_address.ts";

/** The place of one request in a queue, which alone changes it. */
export interface ScriptTurn {
  readonly address: string;
  /** That of the address; see `networkOf`. */
  readonly network: string;
  state: "admitted" | "waiting" | "running" | "ended";
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
  /** Requests whose content still comes. */
  spooling: number;
  /** Requests that wait or run. */
  places: number;
  running: number;
}

/** For each place so many requests may have content that still comes: slow ones keep nobody from a place. */
const SPOOLING_PER_PLACE = 4;

export class ScriptQueue {
  readonly #mostOfAll: Held;
  readonly #mostOfOne: Held;
  readonly #all: Held = { spooling: 0, places: 0, running: 0 };
  #isClosed = false;
  readonly #heldBy = new Map<string, Held>();
  /** In the order of their coming. */
  readonly #waiting = new Set<ScriptTurn>();

  constructor({ maxScripts, maxQueue, scriptSharePercent }: QueueOptions) {
    const shareOf = (count: number) => Math.ceil(count * scriptSharePercent / 100);
    const places = maxScripts + maxQueue;
    const spooling = SPOOLING_PER_PLACE * places;
    this.#mostOfAll = { spooling, places, running: maxScripts };
    this.#mostOfOne = { spooling: shareOf(spooling), places: shareOf(places), running: shareOf(maxScripts) };
  }

  /**
   * For a request of that address, which may still have content to spool; whoever gets it calls `end`. Throws HttpError 503
   * with Retry-After when too many of all, or of that address, have.
   */
  admit(address: string): ScriptTurn {
    if (this.#isClosed) throw scriptsUnavailable("The server stops");
    const network = networkOf(address);
    const held = this.#heldBy.get(network) ?? { spooling: 0, places: 0, running: 0 };
    this.#requireRoom("spooling", held, address);
    this.#heldBy.set(network, held);
    const turn: ScriptTurn = { address, network, state: "admitted", waiter: Promise.withResolvers<void>() };
    this.#count(turn, "spooling", 1);
    return turn;
  }

  /**
   * Takes a place. Null: the script may start now. Else resolves when it may; rejects with the error that `cancel` is given.
   * Throws HttpError 503 with Retry-After when all places are taken, or all that the address may have.
   */
  begin(turn: ScriptTurn): Promise<void> | null {
    if (this.#isClosed) throw scriptsUnavailable("The server stops");
    this.#requireRoom("places", this.#heldOf(turn), turn.address);
    this.#count(turn, "spooling", -1);
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
    this.#count(turn, "spooling", 1);
    turn.waiter.reject(error);
  }

  /** Gives the place free, to the one who has waited longest of those who may run. Idempotent. */
  end(turn: ScriptTurn): void {
    const { state } = turn;
    if (state === "ended") return;
    turn.state = "ended";
    this.#waiting.delete(turn);
    this.#count(turn, state === "admitted" ? "spooling" : "places", -1);
    if (state === "running") this.#count(turn, "running", -1);
    const held = this.#heldOf(turn);
    if (held.spooling + held.places === 0) this.#heldBy.delete(turn.network);
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

  #requireRoom(what: "spooling" | "places", held: Held, address: string): void {
    const isFull = this.#all[what] >= this.#mostOfAll[what];
    if (!isFull && held[what] < this.#mostOfOne[what]) return;
    const count = isFull ? `${this.#all[what]} requests` : `${held[what]} requests of ${address}`;
    throw new Crowded(`${count} for scripts ${what === "places" ? "are under way" : "have content that still comes"}`);
  }

  #mayRun(turn: ScriptTurn): boolean {
    return this.#all.running < this.#mostOfAll.running && this.#heldOf(turn).running < this.#mostOfOne.running;
  }

  #run(turn: ScriptTurn): void {
    this.#count(turn, "running", 1);
    turn.state = "running";
  }

  #count(turn: ScriptTurn, what: keyof Held, by: 1 | -1): void {
    this.#all[what] += by;
    this.#heldOf(turn)[what] += by;
  }

  #heldOf({ network }: ScriptTurn): Held {
    const held = this.#heldBy.get(network);
    if (held === undefined) throw new Error("A turn without a place");
    return held;
  }
}
