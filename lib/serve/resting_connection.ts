/**
 * A connection of HTTP/1 whose client has been silent for a while between two requests: its socket, and what its next request
 * has to be served with. Apart from http1_connection.ts, for all else that serving takes is most of what thousands of silent
 * clients would cost, and is made anew for the one who comes back.
 */
import type { ConnectionInfo } from "../http/message.ts";
import type { Transport, Waking } from "../net/transport.ts";
import type { ConnectionServices } from "./connection_services.ts";
import type { OpenConnection, Protocol } from "./open_connection.ts";
import { connectionName } from "./socket_info.ts";

/** What one takes, measured at 5,000, with what the collector has not come to. */
const RESTING_BYTES = 2560;

/** Where a connection stands between two requests. */
export interface Rest {
  readonly transport: Transport;
  /** Both ends of the socket. */
  readonly info: ConnectionInfo;
  /** Whom the peer of the socket speaks for, as far as that is known before a request. */
  readonly client: ConnectionInfo;
  readonly services: ConnectionServices;
  /** By the clock: since when nothing has come, and until when something must. */
  readonly sinceMs: number;
  readonly deadlineMs: number;
}

export class RestingConnection implements OpenConnection, Waking {
  readonly protocol: Protocol = "http/1.1";
  readonly isIdle = true;
  readonly heldBytes = RESTING_BYTES;
  readonly #rest: Rest;
  readonly #resume: (rest: Rest) => OpenConnection;
  /** Resolves when it is woken, which may be before it runs, or closed. */
  readonly #ended = Promise.withResolvers<void>();
  #isClosed = false;

  /** What `resume` gives goes on with the connection as soon as something has come, were it the end. */
  constructor(rest: Rest, resume: (rest: Rest) => OpenConnection) {
    this.#rest = rest;
    this.#resume = resume;
  }

  get info(): ConnectionInfo {
    return this.#rest.info;
  }

  async run(): Promise<OpenConnection | null> {
    const { budget } = this.#rest.services;
    budget.take(RESTING_BYTES);
    await this.#ended.promise;
    budget.give(RESTING_BYTES);
    return this.#isClosed ? null : this.#resume(this.#rest);
  }

  wake(): void {
    this.#ended.resolve();
  }

  isLate(nowMs: number): boolean {
    return nowMs > this.#rest.deadlineMs && !this.#hasUnread;
  }

  sweep(nowMs: number): boolean {
    if (this.isLate(nowMs)) this.#close("timed out: keep_alive");
    return false;
  }

  drain(): boolean {
    return false;
  }

  closeIfIdle(reason: string, idleMs: number): boolean {
    if (this.#waitedMs < idleMs || this.#hasUnread) return false;
    this.#close(reason);
    return true;
  }

  get slowness(): number {
    return -this.#waitedMs;
  }

  giveWay(reason: string): boolean {
    this.#close(reason);
    return false;
  }

  abort(): void {
    this.#close("the server stops");
  }

  get #waitedMs(): number {
    return this.#rest.services.clock.nowMs - this.#rest.sinceMs;
  }

  get #hasUnread(): boolean {
    return this.#rest.transport.hasUnread?.() ?? false;
  }

  #close(reason: string): void {
    const { services, info, transport } = this.#rest;
    services.log.debug(connectionName(info), `Closed: ${reason}`);
    this.#isClosed = true;
    transport.close();
    this.wake();
  }
}
