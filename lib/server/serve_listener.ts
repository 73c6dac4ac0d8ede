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

export class Server {
  readonly #services: ConnectionServices;
  readonly #connections = new Set<ServedConnection>();
  readonly #listeners = new Set<Deno.Listener>();
  readonly #sweepTimer: number;
  #count = 0;
  #isDraining = false;
  #hasRoom: (() => void) | null = null;
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
  async serve(listener: Deno.Listener, { secure }: { readonly secure: boolean }): Promise<void> {
    this.#listeners.add(listener);
    let isFailing = false;
    for (;;) {
      try {
        if (this.#connections.size >= this.#services.limits.maxConnectionCount) await this.#waitForRoom();
        const socket = await listener.accept();
        isFailing = false;
        this.#start(socket, secure);
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
    for (const connection of this.#connections) connection.drain();
    if (this.#connections.size > 0) {
      const empty = new Promise<void>((resolve) => this.#isEmpty = resolve);
      const timer = setTimeout(() => this.#abort(), this.#services.limits.drainMs);
      await empty;
      clearTimeout(timer);
    }
    clearInterval(this.#sweepTimer);
  }

  #abort(): void {
    const { log } = this.#services;
    log.warn("server", `${this.#connections.size} connections are cut: they did not end within the time for it`);
    for (const connection of this.#connections) connection.abort();
  }

  #start(socket: Deno.Conn, secure: boolean): void {
    const info = describeConnection(socket, { id: ++this.#count, secure });
    // Two small writes in a row would wait for an acknowledgement between them; TLS connections have no such switch.
    if (isTcp(socket)) socket.setNoDelay(true);
    const connection = new ServedConnection(socket, info, this.#services);
    this.#connections.add(connection);
    connection.run().then(() => this.#remove(connection));
    if (this.#isDraining) connection.drain();
  }

  #remove(connection: ServedConnection): void {
    this.#connections.delete(connection);
    this.#hasRoom?.();
    if (this.#connections.size === 0) this.#isEmpty?.();
  }

  async #waitForRoom(): Promise<void> {
    const { log, limits } = this.#services;
    log.warn("listener", `${limits.maxConnectionCount} connections are open, accepting waits`);
    await new Promise<void>((resolve) => this.#hasRoom = resolve);
    this.#hasRoom = null;
  }

  #sweep(): void {
    const { clock } = this.#services;
    clock.update();
    for (const connection of this.#connections) connection.sweep(clock.nowMs);
  }
}

function isTcp(socket: Deno.Conn): socket is Deno.TcpConn {
  return "setNoDelay" in socket;
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
