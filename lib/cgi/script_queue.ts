/**
 * How many scripts run and how many requests wait for their turn. Pure and separate, so that the bounds can be tested
 * without a process.
 */
import { Crowded, HttpError, RETRY_SOON } from "../http/message.ts";
import { networkOf } from "../ip_address.ts";

/** The place of one request in a queue, which alone changes it. */
export interface ScriptTurn {
  /** Of its client; see `networkOf`. */
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

/** What one network has. */
interface Held {
  places: number;
  running: number;
}

export class ScriptQueue {
  readonly #maxScripts: number;
  readonly #maxPlaces: number;
  readonly #most: Held;
  #placesTaken = 0;
  #running = 0;
  #isClosed = false;
  readonly #heldBy = new Map<string, Held>();
  /** In the order of their coming. */
  readonly #waiting = new Set<ScriptTurn>();

  constructor({ maxScripts, maxQueue, scriptSharePercent }: QueueOptions) {
    const shareOf = (count: number) => Math.ceil(count * scriptSharePercent / 100);
    this.#maxScripts = maxScripts;
    this.#maxPlaces = maxScripts + maxQueue;
    this.#most = { places: shareOf(this.#maxPlaces), running: shareOf(maxScripts) };
  }

  /**
   * Takes a place for a request of that address, which may still have content to spool; whoever gets it calls `end`. Throws
   * HttpError 503 with Retry-After when all places are taken, or all that the address may have.
   */
  admit(address: string): ScriptTurn {
    if (this.#isClosed) throw scriptsUnavailable("The server stops");
    const network = networkOf(address);
    const held = this.#heldBy.get(network) ?? { places: 0, running: 0 };
    if (this.#placesTaken >= this.#maxPlaces || held.places >= this.#most.places) {
      const whose = this.#placesTaken >= this.#maxPlaces ? "" : ` of ${address}`;
      throw new Crowded(
        `${whose === "" ? this.#placesTaken : held.places} requests${whose} for scripts are under way`,
      );
    }
    this.#placesTaken++;
    held.places++;
    this.#heldBy.set(network, held);
    return { network, state: "admitted", waiter: Promise.withResolvers<void>() };
  }

  /** Null: the script may start now. Else resolves when it may; rejects with the error that `cancel` is given. */
  begin(turn: ScriptTurn): Promise<void> | null {
    if (this.#isClosed) throw scriptsUnavailable("The server stops");
    if (this.#mayRun(turn)) {
      this.#run(turn);
      return null;
    }
    turn.state = "waiting";
    this.#waiting.add(turn);
    return turn.waiter.promise;
  }

  /** Ends the waiting of a turn; does nothing to one that does not wait. */
  cancel(turn: ScriptTurn, error: unknown): void {
    if (!this.#waiting.delete(turn)) return;
    turn.state = "admitted";
    turn.waiter.reject(error);
  }

  /** Gives the place free, to the one who has waited longest of those who may run. Idempotent. */
  end(turn: ScriptTurn): void {
    if (turn.state === "ended") return;
    const held = this.#heldOf(turn);
    this.#placesTaken--;
    if (--held.places === 0) this.#heldBy.delete(turn.network);
    this.#waiting.delete(turn);
    const wasRunning = turn.state === "running";
    turn.state = "ended";
    if (!wasRunning) return;
    this.#running--;
    held.running--;
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

  #mayRun(turn: ScriptTurn): boolean {
    return this.#running < this.#maxScripts && this.#heldOf(turn).running < this.#most.running;
  }

  #run(turn: ScriptTurn): void {
    this.#running++;
    this.#heldOf(turn).running++;
    turn.state = "running";
  }

  #heldOf({ network }: ScriptTurn): Held {
    const held = this.#heldBy.get(network);
    if (held === undefined) throw new Error("A turn without a place");
    return held;
  }
}
