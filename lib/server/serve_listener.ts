/**
 * All connections of the server: accepts them, sweeps their deadlines once a second, and ends them in order. One timer
 * for all, and an accept loop that no error of a single client ends.
 */
import type { ConnectionInfo } from "../http/message.ts";
import { type ConnectionServices, ServedConnection } from "./serve_connection.ts";

const SWEEP_MS = 1000;
/** After an accept that failed for want of descriptors, which it would do again at once. */
const ACCEPT_PAUSE_MS = 100;
/** What the kernel has queued for a listener is reset when it closes: this long it is still accepted. */
const LAST_ACCEPT_MS = 20;
/** How long connections that were cut may take to end, so that the log has them. */
const LAST_END_MS = 100;

/** What a listener's connections have that those of the others have not. */
export interface ListenerOptions {
  /** The connections are TLS. */
  readonly secure: boolean;
  /** In place of what all share. */
  readonly own?: Partial<Pick<ConnectionServices, "handler" | "headWriter">>;
}

interface ConnectionKind {
  readonly secure: boolean;
  readonly services: ConnectionServices;
}

export class Server {
  readonly #services: ConnectionServices;
  readonly #connections = new Set<ServedConnection>();
  readonly #listeners = new Set<Deno.Listener>();
  readonly #sweepTimer: number;
  #count = 0;
  #isDraining = false;
  /** Accept loops that wait until a connection ends. */
  readonly #waiting = new Set<() => void>();
  #isEmpty: (() => void) | null = null;

  constructor(services: ConnectionServices) {
    this.#services = services;
    this.#sweepTimer = setInterval(() => this.#sweep(), SWEEP_MS);
  }

  /** Connections that are open. */
  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Serves what the listener accepts, until it is closed. */
  async serve(listener: Deno.Listener, { secure, own }: ListenerOptions): Promise<void> {
    this.#listeners.add(listener);
    await this.#acceptAll(listener, { secure, services: { ...this.#services, ...own } });
    this.#listeners.delete(listener);
  }

  async #acceptAll(listener: Deno.Listener, kind: ConnectionKind): Promise<void> {
    let isFailing = false;
    for (;;) {
      try {
        if (this.#connections.size >= this.#services.limits.maxConnectionCount) await this.#waitForRoom();
        const socket = await listener.accept();
        isFailing = false;
        this.#start(socket, kind);
      } catch (error) {
        if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) return;
        // The client has gone between its connect and our accept: the runtime asks for its address and gets ENOTCONN.
        if (error instanceof Deno.errors.NotConnected || error instanceof Deno.errors.ConnectionAborted) continue;
        // EMFILE above all: the next accept would fail at once, and so on.
        if (!isFailing) this.#services.log.error("listener", "Cannot accept connections, trying on", error);
        isFailing = true;
        await new Promise((resolve) => setTimeout(resolve, ACCEPT_PAUSE_MS));
      }
    }
  }

  /** Takes what is queued, lets requests under way end within `limits.drainMs`, then cuts the rest. */
  async drain(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, LAST_ACCEPT_MS));
    for (const listener of this.#listeners) listener.close();
    this.#isDraining = true;
    this.#shutDown([...this.#connections].filter((connection) => connection.drain()));
    if (!await this.#empties(this.#services.limits.drainMs)) await this.#abort();
    clearInterval(this.#sweepTimer);
  }

  /** Cuts what is left. Where a socket cannot be shut down it ends with the process. */
  async #abort(): Promise<void> {
    const { log } = this.#services;
    log.warn("server", `${this.#connections.size} connections are cut: they did not end within the time for it`);
    const cut = [...this.#connections];
    for (const connection of cut) connection.abort();
    this.#shutDown(cut);
    await this.#empties(LAST_END_MS);
  }

  /** Resolves to true when no connection is left, to false after `limitMs`. */
  async #empties(limitMs: number): Promise<boolean> {
    if (this.#connections.size === 0) return true;
    let timer: number | undefined;
    const late = new Promise<false>((resolve) => timer = setTimeout(resolve, limitMs, false));
    const empty = new Promise<true>((resolve) => this.#isEmpty = () => resolve(true));
    const isEmpty = await Promise.race([empty, late]);
    clearTimeout(timer);
    return isEmpty;
  }

  #start(socket: Deno.Conn, { secure, services }: ConnectionKind): void {
    const info = describeConnection(socket, { id: ++this.#count, secure });
    const connection = new ServedConnection(socket, info, services);
    this.#connections.add(connection);
    connection.run().then(() => this.#remove(connection));
    if (this.#isDraining && connection.drain()) this.#shutDown([connection]);
  }

  #remove(connection: ServedConnection): void {
    this.#connections.delete(connection);
    for (const resume of this.#waiting) resume();
    if (this.#connections.size === 0) this.#isEmpty?.();
  }

  async #waitForRoom(): Promise<void> {
    const { log, limits } = this.#services;
    log.warn("listener", `${limits.maxConnectionCount} connections are open, accepting waits`);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    await promise;
    this.#waiting.delete(resolve);
  }

  #sweep(): void {
    const { clock } = this.#services;
    clock.update();
    this.#shutDown([...this.#connections].filter((connection) => connection.sweep(clock.nowMs)));
  }

  /** All at once: finding one socket takes as long as finding a thousand. */
  #shutDown(connections: readonly ServedConnection[]): void {
    if (connections.length > 0) this.#services.shutdownSockets(connections.map(({ info }) => info));
  }
}

function describeConnection(
  socket: Deno.Conn,
  { id, secure }: { readonly id: number; readonly secure: boolean },
): ConnectionInfo {
  const [remote, local] = [socket.remoteAddr, socket.localAddr];
  return {
    id,
    remoteAddress: addressOf(remote),
    remotePort: portOf(remote),
    localAddress: addressOf(local),
    localPort: portOf(local),
    secure,
  };
}

/** A dual-stack listener tells of IPv4 clients in their IPv4-mapped form (RFC 4291 2.5.5.2). */
function addressOf(address: Deno.Addr): string {
  return "hostname" in address ? address.hostname.replace(/^::ffff:(?=\d+\.)/i, "") : "";
}

function portOf(address: Deno.Addr): number {
  return "port" in address ? address.port : 0;
}
