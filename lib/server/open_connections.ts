/**
 * The connections that are open: how many in all and from each address, which of them may go when there are too many, and
 * who waits for one to end. Separate from accepting them. No I/O but timers.
 */
import { networkOf } from "../access/ip_address.ts";
import type { ConnectionInfo } from "../http/message.ts";

/** What is kept of a connection here. */
export interface OpenConnection {
  readonly info: ConnectionInfo;
  /** Closes it where no request has begun for at least so long; whether it did. */
  closeIfIdle(reason: string, idleMs: number): boolean;
}

/** So many idle connections are closed at once, so that looking for them costs little for each. */
const CLOSED_AT_ONCE = 64;

export class OpenConnections<Item extends OpenConnection> implements Iterable<Item> {
  readonly #items = new Set<Item>();
  readonly #countByNetwork = new Map<string, number>();
  /** Called, and forgotten, when a connection ends. */
  readonly #waiting = new Set<() => void>();

  get size(): number {
    return this.#items.size;
  }

  [Symbol.iterator](): IterableIterator<Item> {
    return this.#items.values();
  }

  /** How many are open from the address, or for IPv6 from its /64. */
  countFrom(address: string): number {
    return this.#countByNetwork.get(networkOf(address)) ?? 0;
  }

  add(item: Item): void {
    const network = networkOf(item.info.remoteAddress);
    this.#items.add(item);
    this.#countByNetwork.set(network, (this.#countByNetwork.get(network) ?? 0) + 1);
  }

  remove(item: Item): void {
    if (!this.#items.delete(item)) return;
    const network = networkOf(item.info.remoteAddress);
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
    for (const item of this.#items) {
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
