/**
 * All connections of the server: accepts them, refuses those for which there is no room, sweeps their deadlines once a
 * second, and ends them in order. One timer for all, and an accept loop that no error of a single client ends.
 */
import { type ConnectionInfo, HttpError, RETRY_SOON } from "../http/message.ts";
import { OpenConnections, type Place } from "./open_connections.ts";
import { beginConnection } from "./begin_connection.ts";
import type { ConnectionServices } from "./connection_services.ts";
import type { OpenConnection } from "./open_connection.ts";
import { SocketInfo } from "./socket_info.ts";
import { hasOwnLimit } from "../ip_address.ts";
import type { AcceptedSocket, Listener } from "../net/transport.ts";

const SWEEP_MS = 1000;
const SWEPT_AT_ONCE = 32;
/** For want of memory. */
const CUT_AT_ONCE = 64;
/** After an accept that failed for want of descriptors, which it would do again at once. */
const ACCEPT_PAUSE_MS = 100;
/** A client waits so long for room before it, and whoever comes then, is refused. */
const ROOM_WAIT_MS = 1000;
/** Who has been silent between two requests for so long gives way to somebody new. */
const IDLE_MS = 1000;
/** Who has been for so long rests: to go on from there takes 20 us, which those who ask every few seconds need not pay. */
const REST_MS = 10_000;
/** So much of the memory may be held once room has been made. */
const ROOM_SHARE = 0.9;
/** After so long without any the next slow connection that gives way is told. */
const TOLD_AGAIN_MS = 1000;
/** Until then a connection that was too young to be cut has become older (LEAST_MS of connection_socket.ts). */
const LOOK_AGAIN_MS = 50;
/** At most so many connections are being refused at once; any more are just closed. They come on top of all others. */
const MAX_REFUSED = 16;
/**
 * What the kernel has queued for a listener is reset when it closes: so it is still accepted for so long, and for so long
 * again while there is somebody, for a busy thread does not come to all of them; but not for ever, for clients may never cease.
 */
const LAST_ACCEPT_MS = 20;
const MOST_LAST_ACCEPTS = 10;
/**
 * What has come may not have been read, or not been looked at, when a timer calls, above all after a pause of the process. A
 * connection that is idle now and so much later has nothing from before the server was told to stop, and is closed; one that
 * is late now and so much later is.
 */
const LAST_READ_MS = 10;
/** How long connections that were cut may take to end, so that the log has them. */
const LAST_END_MS = 100;

/** What a listener's connections have that those of the others have not. */
export interface ListenerOptions {
  /** The connections are TLS. */
  readonly secure: boolean;
  /** In place of what all share. */
  readonly own?: Partial<Pick<ConnectionServices, "handler" | "headWriter" | "responseHeads">>;
}

interface ConnectionKind {
  readonly secure: boolean;
  readonly services: ConnectionServices;
}

export class Server {
  readonly #services: ConnectionServices;
  readonly #connections = new OpenConnections<OpenConnection>();
  /** Those that get no more than a refusal. */
  readonly #refused = new OpenConnections<OpenConnection>();
  /** TLS connections that were closed before their handshake, which the runtime leaves open. */
  #unshaken: ConnectionInfo[] = [];
  readonly #listeners = new Set<Listener>();
  #sweepTimer: number | undefined = undefined;
  #count = 0;
  #isDraining = false;
  /** There was no room, and nobody has left since. */
  #isCrowded = false;
  #isMakingRoom = false;
  /** By the clock. */
  #lookAgainMs = 0;
  /** Connections that were cut for want of memory and have not come to their end, with what they held then; and the sum of it. */
  readonly #leaving = new Map<OpenConnection, number>();
  #leavingBytes = 0;
  /** Connections that were cut for want of memory, and were not told; and when some were, by the clock. */
  #cutCount = 0;
  #toldCutMs = -Infinity;
  /** When a slow connection last gave way, by the clock. */
  #toldSlowMs = -Infinity;

  private constructor(services: ConnectionServices) {
    this.#services = services;
  }

  /** A server that sweeps from now on; whoever opens it drains or closes it. */
  static open(services: ConnectionServices): Server {
    const server = new Server(services);
    server.#sweepTimer = setInterval(() => server.#sweep(), SWEEP_MS);
    services.budget.onFull = () => server.#makeRoomSoon();
    return server;
  }

  /** Sweeps no more, so that nothing open has a limit of time any longer. Idempotent. */
  close(): void {
    clearInterval(this.#sweepTimer);
  }

  /** Connections that are open. */
  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Those that are served. */
  get connections(): Iterable<OpenConnection> {
    return this.#connections;
  }

  /** Serves what the listener accepts, until it is closed. */
  async serve(listener: Listener, { secure, own }: ListenerOptions): Promise<void> {
    this.#listeners.add(listener);
    await this.#acceptAll(listener, { secure, services: { ...this.#services, ...own } });
    this.#listeners.delete(listener);
  }

  async #acceptAll(listener: Listener, kind: ConnectionKind): Promise<void> {
    let isFailing = false;
    for (;;) {
      try {
        const socket = await listener.accept();
        isFailing = false;
        const waiting = this.#admit(socket, kind);
        if (waiting !== null) await waiting;
      } catch (error) {
        if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) return;
        // The client has gone between its connect and our accept: the runtime asks for its address and gets ENOTCONN.
        if (error instanceof Deno.errors.NotConnected || error instanceof Deno.errors.ConnectionAborted) continue;
        // EMFILE above all: the next accept would fail at once, and so on.
        if (!isFailing) this.#services.log.error("listener", "Cannot accept connections, trying on", error);
        isFailing = true;
        this.#connections.closeIdle(NO_ROOM, 0);
        await pause(ACCEPT_PAUSE_MS);
      }
    }
  }

  /** Serves the connection when there is room for it, else refuses it; null: done, otherwise accepting waits meanwhile. */
  #admit(socket: AcceptedSocket, kind: ConnectionKind): Promise<void> | null {
    const { limits, proxies } = this.#services;
    const info = new SocketInfo(socket, { id: ++this.#count, secure: kind.secure });
    this.#services.counters.acceptedCount++;
    // Where nobody sends, it is as old as the last sweep, and the client would have so much less time.
    this.#services.clock.update();
    const connection = beginConnection(socket, info, kind.services);
    const { remoteAddress } = info;
    const isMany = hasOwnLimit(remoteAddress) && this.#connections.countFrom(remoteAddress) >= limits.maxPerAddress &&
      !proxies.has(remoteAddress);
    if (isMany) this.#services.reached("address");
    if (isMany && !this.#endSlowest(remoteAddress)) {
      this.#refuse(connection, "Too many connections from one address");
      return null;
    }
    if (this.#connections.size >= limits.maxConnectionCount) return this.#admitLater(connection);
    this.#start(connection);
    return null;
  }

  /** Not at once: whoever takes memory is in the middle of something, and might be the one to go. */
  #makeRoomSoon(): void {
    if (this.#isMakingRoom || this.#services.clock.nowMs < this.#lookAgainMs) return;
    this.#isMakingRoom = true;
    queueMicrotask(() => this.#makeRoom());
  }

  /** Ends those that hold most and move least, until nine tenths of the memory are held. */
  async #makeRoom(): Promise<void> {
    const { budget, clock } = this.#services;
    const leastBytes = ROOM_SHARE * budget.maxBytes;
    // What was cut gives its memory back when it has come to its end; until then each byte more would cut one more.
    const stayingBytes = () => budget.heldBytes - this.#leavingBytes;
    if (stayingBytes() > budget.maxBytes) {
      clock.update();
      const heaviest = this.#connections.byWeight();
      let count = 0;
      for (let first = 0; first < heaviest.length && stayingBytes() > leastBytes; first += CUT_AT_ONCE) {
        if (first > 0) await pause(0);
        count += this.#cut(heaviest.slice(first, first + CUT_AT_ONCE), stayingBytes() - leastBytes);
      }
      this.#tellCut();
      // Where none may go yet, as when all have just come, to look at each of them for every byte more would take all the time.
      this.#lookAgainMs = count === 0 ? clock.nowMs + LOOK_AGAIN_MS : 0;
    }
    this.#isMakingRoom = false;
  }

  /** Ends them one after another until so much has been given way; how many. */
  #cut(connections: readonly OpenConnection[], excessBytes: number): number {
    let count = 0;
    const hanging: ConnectionInfo[] = [];
    let leftBytes = excessBytes;
    for (const connection of connections) {
      if (leftBytes <= 0) break;
      const { heldBytes } = connection;
      // What it holds may have grown since it was cut, and is none the more to be waited for; it may have ended meanwhile, too.
      if (this.#leaving.has(connection) || connection.slowness === null) continue;
      leftBytes -= heldBytes;
      this.#leavingBytes += heldBytes;
      this.#leaving.set(connection, heldBytes);
      count++;
      this.#services.reached("memory");
      if (connection.giveWay("no memory is left for what waits for clients")) hanging.push(connection.info);
    }
    this.#shutDown(hanging);
    this.#cutCount += count;
    return count;
  }

  #tellCut(): void {
    const { clock, log } = this.#services;
    if (this.#cutCount === 0 || clock.nowMs - this.#toldCutMs < TOLD_AGAIN_MS) return;
    const what = `${this.#cutCount} connections that held most and moved least were cut`;
    log.warn("server", `${what}: --max-waiting-bytes wait for clients`);
    this.#toldCutMs = clock.nowMs;
    this.#cutCount = 0;
  }

  /** Whoever else is behind that address is not to be kept out by clients that are slow. */
  #endSlowest(address: string): boolean {
    const { clock, limits, log } = this.#services;
    const slowest = this.#connections.slowestFrom(address);
    if (slowest === null) return false;
    const reason = `${limits.maxPerAddress} connections are open from ${address}: the slowest gives way to a new one`;
    if (clock.nowMs - this.#toldSlowMs >= TOLD_AGAIN_MS) log.info("listener", reason);
    this.#toldSlowMs = clock.nowMs;
    if (slowest.giveWay(reason)) this.#shutDown([slowest.info]);
    return true;
  }

  async #admitLater(connection: OpenConnection): Promise<void> {
    if (await this.#startWhenRoom(connection)) return;
    this.#services.reached("connections");
    await this.#refused.fewerThan(MAX_REFUSED, ROOM_WAIT_MS);
    this.#refuse(connection, NO_ROOM);
  }

  /** Starts the connection, once idle ones have been closed or somebody has left where it must be; false without room. */
  async #startWhenRoom(connection: OpenConnection): Promise<boolean> {
    const { clock, log, limits: { maxConnectionCount } } = this.#services;
    const endMs = performance.now() + (this.#isCrowded ? 0 : ROOM_WAIT_MS);
    while (this.#connections.size >= maxConnectionCount) {
      // Where nobody sends, it is as old as the last sweep, and who was silent all the while would seem to have come just now.
      clock.update();
      const areLeaving = this.#connections.closeIdle(NO_ROOM, IDLE_MS) > 0;
      const leftMs = endMs - performance.now();
      if (!areLeaving && leftMs <= 0) {
        if (!this.#isCrowded) log.warn("listener", `${maxConnectionCount} connections are busy, others are refused`);
        this.#isCrowded = true;
        return false;
      }
      await this.#connections.fewerThan(maxConnectionCount, areLeaving ? ROOM_WAIT_MS : leftMs);
    }
    // Nothing is awaited since the last look, for a client of another listener may have waited for the same place.
    this.#start(connection);
    return true;
  }

  #start(connection: OpenConnection): void {
    this.#run(connection, this.#connections.add(connection));
  }

  #run(connection: OpenConnection, place: Place<OpenConnection>): void {
    connection.run().then((next) => {
      if (this.#leaving.size > 0) this.#forgetLeaving(connection);
      if (next !== null) {
        this.#connections.replace(place, next);
        return this.#run(next, place);
      }
      this.#connections.remove(place);
      this.#isCrowded = false;
    });
    if (this.#isDraining && connection.drain()) this.#shutDown([connection.info]);
  }

  #forgetLeaving(connection: OpenConnection): void {
    this.#leavingBytes -= this.#leaving.get(connection) ?? 0;
    this.#leaving.delete(connection);
  }

  #refuse(connection: OpenConnection, reason: string): void {
    if (this.#refused.size < MAX_REFUSED) {
      const place = this.#refused.add(connection);
      connection.run(new HttpError(503, reason, { fields: RETRY_SOON })).then(() => this.#refused.remove(place));
      return;
    }
    connection.abort();
    if (!connection.info.secure) return;
    this.#unshaken.push(connection.info);
    if (this.#unshaken.length >= MAX_REFUSED) this.#shutDownUnshaken();
  }

  /** Takes what is queued and accepts no more; what is open is served as ever. Idempotent. */
  async closeListeners(): Promise<void> {
    if (this.#listeners.size === 0) return;
    await this.#acceptLast();
    for (const listener of this.#listeners) listener.close();
  }

  /**
   * Takes what is queued, lets requests under way end within `limits.drainMs`, then cuts the rest. Connections are closed that are
   * idle for so long: a client that is sending its next request just now would lose it.
   */
  async drain(idleMs = 0): Promise<void> {
    await this.closeListeners();
    this.#isDraining = true;
    this.#shutDown(this.#connections.filter((connection) => connection.drain()).map(({ info }) => info));
    let idle: ReadonlySet<OpenConnection> = new Set();
    const closing = setInterval(() => idle = this.#closeIdle(idle, idleMs), LAST_READ_MS);
    if (!await this.#isEmptyWithin(this.#services.limits.drainMs)) await this.#abort();
    clearInterval(closing);
    this.close();
  }

  async #acceptLast(): Promise<void> {
    for (let round = 0; round < MOST_LAST_ACCEPTS; round++) {
      const before = this.#count;
      await pause(LAST_ACCEPT_MS);
      if (this.#count === before) return;
    }
  }

  /** Resolves to true as soon as nothing is open, to false after that time, of which a pause of the process is no part. */
  async #isEmptyWithin(limitMs: number): Promise<boolean> {
    const { clock } = this.#services;
    const endMs = clock.nowMs + limitMs;
    for (let leftMs = limitMs; leftMs > 0; leftMs = endMs - clock.nowMs) {
      if (await this.#connections.fewerThan(1, leftMs)) return true;
      clock.update();
    }
    return false;
  }

  /** Closes those that were idle before and still are; returns the others that are idle. */
  #closeIdle(before: ReadonlySet<OpenConnection>, idleMs: number): ReadonlySet<OpenConnection> {
    if (idleMs > 0) this.#services.clock.update();
    const idle = this.#connections.filter(({ isIdle }) => isIdle);
    return new Set(idle.filter((connection) => !before.has(connection) || !connection.closeIfIdle(STOPS, idleMs)));
  }

  /** Cuts what is left. Where a socket cannot be shut down it ends with the process. */
  async #abort(): Promise<void> {
    const { log } = this.#services;
    log.warn("server", `${this.#connections.size} connections are cut: they did not end within the time for it`);
    const cut = [...this.#connections];
    for (const connection of cut) connection.abort();
    this.#shutDown(cut.map(({ info }) => info));
    await this.#connections.fewerThan(1, LAST_END_MS);
  }

  /** Once a second; in portions, for answering a thousand late clients at once would keep everybody else waiting. */
  async #sweep(): Promise<void> {
    const { clock } = this.#services;
    clock.update();
    this.#shutDownUnshaken();
    this.rest(REST_MS);
    const { nowMs } = clock;
    if (this.#lateAt(nowMs).length === 0) return;
    await pause(LAST_READ_MS);
    const late = this.#lateAt(nowMs);
    const hanging: ConnectionInfo[] = [];
    for (const [index, connection] of late.entries()) {
      if (connection.sweep(nowMs)) hanging.push(connection.info);
      if (index % SWEPT_AT_ONCE === SWEPT_AT_ONCE - 1) await pause(0);
    }
    this.#shutDown(hanging);
  }

  /** Has those rest who have been silent between two requests for so long; in portions, as the sweep has it. */
  async rest(idleMs: number): Promise<void> {
    const { counters } = this.#services;
    for (const connection of this.#connections.filter(({ isIdle, rest }) => rest !== undefined && isIdle)) {
      if (connection.rest?.(idleMs) && ++counters.restedCount % SWEPT_AT_ONCE === 0) await pause(0);
    }
  }

  #lateAt(nowMs: number): readonly OpenConnection[] {
    const isLate = (connection: OpenConnection) => connection.isLate(nowMs);
    return [...this.#connections.filter(isLate), ...this.#refused.filter(isLate)];
  }

  #shutDownUnshaken(): void {
    this.#shutDown(this.#unshaken);
    this.#unshaken = [];
  }

  /** All at once: finding one socket takes as long as finding a thousand. */
  #shutDown(connections: readonly ConnectionInfo[]): void {
    if (connections.length > 0) this.#services.shutdownSockets(connections);
  }
}

const STOPS = "the server stops";
const NO_ROOM = "No room for another connection";

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
