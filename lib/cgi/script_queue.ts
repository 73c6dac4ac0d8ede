/**
 * How many scripts run and how many requests wait for their turn. Pure and separate, so that the bounds can be tested
 * without a process.
 */
import { HttpError, RETRY_SOON } from "../http/message.ts";

/** The place of one request in a queue, which alone changes it. */
export interface ScriptTurn {
  state: "admitted" | "waiting" | "running" | "ended";
  /** Settles the promise that `begin` gave. */
  readonly waiter: PromiseWithResolvers<void>;
}

/** The answer of a server that can start no script now, and might soon. */
export function scriptsUnavailable(message: string): HttpError {
  return new HttpError(503, message, { fields: RETRY_SOON });
}

export class ScriptQueue {
  readonly #maxScripts: number;
  readonly #maxPlaces: number;
  #placesTaken = 0;
  #running = 0;
  #isClosed = false;
  /** In the order of their coming. */
  readonly #waiting = new Set<ScriptTurn>();

  constructor({ maxScripts, maxQueue }: { readonly maxScripts: number; readonly maxQueue: number }) {
    this.#maxScripts = maxScripts;
    this.#maxPlaces = maxScripts + maxQueue;
  }

  /**
   * Takes a place for a request, which may still have content to spool; whoever gets it calls `end`. Throws HttpError
   * 503 with Retry-After when all places are taken.
   */
  admit(): ScriptTurn {
    if (this.#isClosed) throw scriptsUnavailable("The server stops");
    if (this.#placesTaken >= this.#maxPlaces) {
      throw scriptsUnavailable(`${this.#placesTaken} requests for scripts are under way`);
    }
    this.#placesTaken++;
    return { state: "admitted", waiter: Promise.withResolvers<void>() };
  }

  /** Null: the script may start now. Else resolves when it may; rejects with the error that `cancel` is given. */
  begin(turn: ScriptTurn): Promise<void> | null {
    if (this.#isClosed) throw scriptsUnavailable("The server stops");
    if (this.#running < this.#maxScripts) {
      this.#running++;
      turn.state = "running";
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

  /** Gives the place free, to the one who has waited longest. Idempotent. */
  end(turn: ScriptTurn): void {
    if (turn.state === "ended") return;
    const wasRunning = turn.state === "running";
    this.#waiting.delete(turn);
    turn.state = "ended";
    this.#placesTaken--;
    if (!wasRunning) return;
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#running--;
      return;
    }
    this.#waiting.delete(next);
    next.state = "running";
    next.waiter.resolve();
  }

  /** No script starts any more: those who wait are refused, and so is everyone who comes. */
  close(): void {
    this.#isClosed = true;
    for (const turn of this.#waiting) this.cancel(turn, scriptsUnavailable("The server stops"));
  }
}
