/**
 * The streams of a connection: those that are open, and what is known of all others by their numbers. Clients count their
 * streams up, so a number tells whether it was used. RFC 9113 5.1 and 5.1.1.
 */
import type { Stream } from "./stream.ts";

/**
 * idle: not used yet. skipped: closed without having been used. reset: we have sent RST_STREAM, and what comes may have been sent
 * before the client knew. closed: any other that has been open.
 */
export type Standing = "idle" | "skipped" | "reset" | "closed";

/** Numbers are remembered of the last streams that were reset here; it is a matter of a moment that more comes for them. */
const MOST_RESET = 512;
/** Clients do not skip numbers but by mistake. */
const MOST_SKIPPED = 32;

export class StreamTable {
  readonly #open = new Map<number, Stream>();
  #reset: Set<number> | null = null;
  #skipped: (readonly [first: number, last: number])[] | null = null;
  #lastId = 0;

  /** The highest that the client has opened; 0: none. */
  get lastId(): number {
    return this.#lastId;
  }

  /** How many are open, or still being answered. */
  get count(): number {
    return this.#open.size;
  }

  get open(): Iterable<Stream> {
    return this.#open.values();
  }

  find(id: number): Stream | undefined {
    return this.#open.get(id);
  }

  /** Of one that is not in the table. */
  standingOf(id: number): Standing {
    // RFC 9113 5.1.1: clients use odd numbers, and the server opens none.
    if (id > this.#lastId || id % 2 === 0) return "idle";
    if (this.#reset?.has(id)) return "reset";
    return this.#skipped?.some(([first, last]) => id >= first && id <= last) ? "skipped" : "closed";
  }

  /** The client has opened a stream with that number, which is higher than all before. */
  use(id: number): void {
    const next = this.#lastId === 0 ? 1 : this.#lastId + 2;
    if (id > next && (this.#skipped?.length ?? 0) < MOST_SKIPPED) (this.#skipped ??= []).push([next, id - 2]);
    this.#lastId = id;
  }

  add(stream: Stream): void {
    this.#open.set(stream.id, stream);
  }

  remove(stream: Stream): void {
    this.#open.delete(stream.id);
    if (stream.isResetHere) this.rememberReset(stream.id);
  }

  /** Of one that never came into the table, too. */
  rememberReset(id: number): void {
    const reset = this.#reset ??= new Set();
    reset.add(id);
    if (reset.size <= MOST_RESET) return;
    for (const oldest of reset) {
      reset.delete(oldest);
      return;
    }
  }
}
