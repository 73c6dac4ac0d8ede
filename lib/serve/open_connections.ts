/**
 * The connections that are open: how many in all and from each address, which of them may go when there are too many, and
 * who waits for one to end. Separate from accepting them. No I/O but timers.
 */
import { networkOf } from "../ip_address.ts";
import { type Linked, LinkedList } from "../linked_list.ts";
import type { OpenConnection } from "./open_connection.ts";

/** What is asked of a connection here. */
export type CountedConnection = Pick<OpenConnection, "info" | "closeIfIdle" | "slowness" | "heldBytes">;

/** Where an open connection stands. */
export interface Place<Item> extends Linked<Place<Item>> {
  item: Item;
  readonly network: string;
}

/** So many idle connections are closed at once, so that looking for them costs little for each. */
const CLOSED_AT_ONCE = 64;

/** Whoever holds less would make no room. */
const LEAST_HELD_BYTES = 16_384;

export class OpenConnections<Item extends CountedConnection> implements Iterable<Item> {
  readonly #places = new LinkedList<Place<Item>>();
  readonly #countByNetwork = new Map<string, number>();
  /** Called, and forgotten, when a connection ends. */
  readonly #waiting = new Set<() => void>();

  get size(): number {
    return this.#places.size;
  }

  *[Symbol.iterator](): Generator<Item> {
    for (const { item } of this.#places) yield item;
  }

  /** Those for which `test` holds; the quick way, for it is asked once a second of thousands. */
  filter(test: (item: Item) => boolean): readonly Item[] {
    const found: Item[] = [];
    for (let { first: place } = this.#places; place !== null; place = place.after) {
      if (test(place.item)) found.push(place.item);
    }
    return found;
  }

  /** How many are open from the address, or for IPv6 from its /64. */
  countFrom(address: string): number {
    return this.#countByNetwork.get(networkOf(address)) ?? 0;
  }

  /** The one from there that goes first, null where all stay. */
  slowestFrom(address: string): Item | null {
    const network = networkOf(address);
    let slowest: Item | null = null;
    let least = Infinity;
    let left = this.#countByNetwork.get(network) ?? 0;
    for (let { first: place } = this.#places; place !== null && left > 0; place = place.after) {
      if (place.network !== network) continue;
      left--;
      const { slowness } = place.item;
      if (slowness === null || slowness >= least) continue;
      [slowest, least] = [place.item, slowness];
    }
    return slowest;
  }

  /** Those whose clients are waited for: first who holds most memory for each byte a second that it moves. */
  byWeight(): readonly Item[] {
    const weighed = [...this].flatMap((item) => {
      const { slowness, heldBytes } = item;
      if (slowness === null || heldBytes < LEAST_HELD_BYTES) return [];
      return { item, weight: heldBytes / (1 + Math.max(0, slowness)) };
    });
    return weighed.sort((one, other) => other.weight - one.weight).map(({ item }) => item);
  }

  /** What it returns is for `remove`. */
  add(item: Item): Place<Item> {
    const network = networkOf(item.info.remoteAddress);
    const place: Place<Item> = { item, network, before: null, after: null };
    this.#places.add(place);
    this.#countByNetwork.set(network, (this.#countByNetwork.get(network) ?? 0) + 1);
    return place;
  }

  /** Another one has that place from now on. */
  replace(place: Place<Item>, item: Item): void {
    place.item = item;
  }

  /** Once for each place. */
  remove(place: Place<Item>): void {
    const { network } = place;
    this.#places.remove(place);
    const count = (this.#countByNetwork.get(network) ?? 0) - 1;
    if (count === 0) this.#countByNetwork.delete(network);
    else this.#countByNetwork.set(network, count);
    for (const resume of this.#waiting) resume();
  }

  /**
   * Closes some of those on which no request has begun for at least so long, the oldest first, and says how many. RFC 9112
   * 9.5: a server may close a connection at any time.
   */
  closeIdle(reason: string, idleMs: number): number {
    let count = 0;
    for (const item of this) {
      if (item.closeIfIdle(reason, idleMs) && ++count === CLOSED_AT_ONCE) break;
    }
    return count;
  }

  /** Resolves to true as soon as fewer than `count` are open, to false after `limitMs`. */
  async fewerThan(count: number, limitMs: number): Promise<boolean> {
    if (this.size < count) return true;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, limitMs);
    const look = () => this.size < count && resolve();
    this.#waiting.add(look);
    await promise;
    this.#waiting.delete(look);
    clearTimeout(timer);
    return this.size < count;
  }
}
