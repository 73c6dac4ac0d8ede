/**
 * Connections to one upstream that are open and idle: for the next request, as long as the upstream lets them be and they are not
 * too old. Separate from the protocols. The time comes from whoever asks; nothing here reads a clock.
 */
import type { UpstreamConnection } from "./upstream_connection.ts";

/** As much of a connection as this needs. */
export type IdleConnection = Pick<UpstreamConnection, "openedMs" | "watch" | "isQuiet" | "close">;

export interface PoolLimits {
  /** Connections that are idle at once; none with 0. */
  readonly maxIdleCount: number;
  /** How long one is there for a next request. */
  readonly keepMs: number;
  /** From when on. */
  readonly keptFrom: "opening" | "last_use";
}

export class ConnectionPool<Connection extends IdleConnection> {
  readonly #limits: PoolLimits;
  /** The one used last stands at the end. */
  readonly #idle: { readonly connection: Connection; readonly endMs: number }[] = [];
  #isClosed = false;

  constructor(limits: PoolLimits) {
    this.#limits = limits;
  }

  get idleCount(): number {
    return this.#idle.length;
  }

  /** One that its upstream has not ended, as far as that is known; null where there is none. Whoever takes it closes it or puts it back. */
  take(nowMs: number): Connection | null {
    for (let found; (found = this.#idle.pop()) !== undefined;) {
      const { connection, endMs } = found;
      if (connection.isQuiet && nowMs < endMs) return connection;
      connection.close();
    }
    return null;
  }

  /** Keeps a connection on which nothing is under way, or closes it. */
  put(connection: Connection, nowMs: number): void {
    const { maxIdleCount, keepMs, keptFrom } = this.#limits;
    const endMs = keepMs + (keptFrom === "opening" ? connection.openedMs : nowMs);
    if (this.#isClosed || this.#idle.length >= maxIdleCount || nowMs >= endMs) return connection.close();
    this.#idle.push({ connection, endMs });
    connection.watch();
  }

  /** To be called now and then: closes those that are too old, or that their upstream has ended, which waits for that. */
  sweep(nowMs: number): void {
    for (let at = this.#idle.length - 1; at >= 0; at--) {
      const { connection, endMs } = this.#idle[at];
      if (nowMs < endMs && connection.isQuiet) continue;
      this.#idle.splice(at, 1);
      connection.close();
    }
  }

  close(): void {
    this.#isClosed = true;
    this.closeIdle();
  }

  closeIdle(): void {
    for (const { connection } of this.#idle.splice(0)) connection.close();
  }
}
