/**
 * The socket of a connection with what serving it takes, whatever is spoken on it: a reader and what has arrived, a writer,
 * and every way to its end. Every failure of a connection ends here, in the one catch, and costs that connection alone.
 */
import { BrokenAnswer, type ConnectionInfo, HttpError } from "../http/message.ts";
import { ReceiveBuffer } from "../http/receive_buffer.ts";
import { isPeerGone } from "../net/is_peer_gone.ts";
import type { Transport, Waking } from "../net/transport.ts";
import type { ConnectionServices } from "./connection_services.ts";
import type { OpenConnection } from "./open_connection.ts";
import { connectionName } from "./socket_info.ts";
import { SocketReader } from "./socket_reader.ts";
import { SocketWriter } from "./socket_writer.ts";

/** So long a connection stays in any case, and one that has just answered: a fair client has sent its request by then. */
const LEAST_MS = 100;
const SECOND_MS = 1000;
/**
 * What a connection takes beside its buffers. Measured at 9,900 that wait for their clients in the middle of an answer, which
 * take most: 7 KiB of objects, what the runtime has of each, and what the collector has not come to.
 */
const CONNECTION_BYTES = 12_288;

export class ConnectionSocket {
  readonly info: ConnectionInfo;
  /** What has arrived and was not taken. */
  readonly received: ReceiveBuffer;
  readonly reader: SocketReader;
  readonly writer: SocketWriter;
  readonly transport: Transport;
  readonly #budget: ConnectionServices["budget"];
  readonly #log: ConnectionServices["log"];
  readonly #clock: ConnectionServices["clock"];
  /** By the clock. */
  readonly #startMs: number;
  #isEnded = false;
  #isClosed = false;
  #next: OpenConnection | null = null;

  constructor(transport: Transport, info: ConnectionInfo, services: ConnectionServices) {
    this.transport = transport;
    this.info = info;
    this.#budget = services.budget;
    this.received = new ReceiveBuffer(services.budget);
    this.#log = services.log;
    this.#clock = services.clock;
    this.#startMs = services.clock.nowMs;
    this.reader = new SocketReader(transport, this.received, services.clock);
    this.writer = new SocketWriter(transport, services);
  }

  /**
   * Resolves when `serving` has come to its end, whichever, and the socket is closed, or to whom it was left. Never rejects: what
   * `serving` fails with is told here.
   */
  async serve(serving: Promise<void>): Promise<OpenConnection | null> {
    this.#budget.take(CONNECTION_BYTES);
    try {
      await serving;
    } catch (error) {
      this.reportFailure(error);
      await this.#sendWhatWaits();
    } finally {
      this.writer.release();
      if (this.#next === null) this.#close();
      this.reader.release();
      this.#budget.give(CONNECTION_BYTES);
    }
    return this.#next;
  }

  /**
   * Leaves the socket to `next` where it waits for something to come, and says whether: what serves it is to end then, and may no longer
   * use it.
   */
  leaveTo(next: OpenConnection & Waking): boolean {
    if (this.transport.rest?.(next) !== true) return false;
    this.#next = next;
    return true;
  }

  /** Whether it has been left. */
  get isLeft(): boolean {
    return this.#next !== null;
  }

  /** Whether a read or a write has waited beyond its limit. */
  isLate(nowMs: number): boolean {
    return nowMs > this.writer.deadlineMs || this.isReadLate(nowMs);
  }

  /** Whether a read has; not where the next request is there, and would be lost. */
  isReadLate(nowMs: number): boolean {
    return nowMs > this.reader.deadlineMs && !(this.reader.wait === "keep_alive" && this.#hasUnread);
  }

  /** After the last write: ends our side, and reads away what comes, about so many bytes of it. RFC 9112 9.6. */
  async linger(limitMs: number, mostBytes = Infinity): Promise<void> {
    await this.transport.closeWrite();
    this.reader.startWait("linger", limitMs);
    await this.readAway(mostBytes);
  }

  /** Reads away what comes, about so many bytes of it, until the peer has ended its side. */
  async readAway(mostBytes = Infinity): Promise<void> {
    const endCount = this.reader.byteCount + mostBytes;
    while (!this.received.hasEnded && this.reader.byteCount <= endCount) {
      await this.reader.startRead();
      this.received.discard();
    }
  }

  /** Ends our side. */
  closeWrite(): Promise<void> {
    return this.transport.closeWrite();
  }

  /** Cuts the connection from outside of what serves it, which then fails and cleans up. */
  end(reason: string): void {
    this.debug(`Closed: ${reason}`);
    this.#isEnded = true;
    this.#close();
  }

  /**
   * As `end`; true: leaves the socket to the caller, for closing it now would leave it open, and out of every count. To find it
   * among 10,000 descriptors takes 15 ms.
   */
  giveUp(reason: string): boolean {
    if (this.transport.closesAtOnce === true) {
      this.end(reason);
      return false;
    }
    this.debug(`Closed: ${reason}`);
    this.#isEnded = true;
    this.#endWaits();
    return true;
  }

  /** Whether bytes have come that were not read, as far as anybody can tell: with a pause of the process much may have. */
  get #hasUnread(): boolean {
    return this.transport.hasUnread?.() ?? false;
  }

  /** Whether the peer has been silent for so long, and still is. */
  isSilentFor(idleMs: number): boolean {
    return this.reader.waitedMs >= idleMs && !this.#hasUnread;
  }

  /** As OpenConnection has it; `isIdle`: no request has begun; `isAwaited`: something of the client is waited for. */
  slowness(isIdle: boolean, isAwaited = false): number | null {
    const { reader, writer } = this;
    // What lingers has its answer.
    const waitedMs = isIdle || reader.wait === "linger" ? reader.waitedMs : 0;
    if (waitedMs >= LEAST_MS) return -waitedMs;
    const ageMs = this.#clock.nowMs - this.#startMs;
    // Who may be silent, or is silent because he has had enough, is not waited for.
    const isSilent = reader.wait === "half_closed" || reader.wait === "upgraded";
    const isClientAwaited = isAwaited || writer.isWriting || (reader.deadlineMs !== Infinity && !isSilent);
    if (isIdle || !isClientAwaited || ageMs < LEAST_MS) return null;
    return SECOND_MS * (reader.byteCount + writer.byteCount) / ageMs;
  }

  /** As OpenConnection has it. */
  get heldBytes(): number {
    return CONNECTION_BYTES + this.received.bytes.length + this.writer.heldBytes;
  }

  /** As OpenConnection has it. */
  giveWay(reason: string): boolean {
    if (this.writer.isWriting || this.reader.wait === "handshake") return this.giveUp(reason);
    this.end(reason);
    return false;
  }

  /** Logs what happened on the connection. */
  debug(text: string): void {
    this.#log.debug(connectionName(this.info), text);
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#next = null;
    this.#endWaits();
    this.transport.close();
  }

  #endWaits(): void {
    this.reader.endWait();
    this.writer.deadlineMs = Infinity;
  }

  /** After a failure: the answers before the one that failed are whole, and the client must see that this one is not. */
  async #sendWhatWaits(): Promise<void> {
    try {
      await this.writer.flush();
    } catch (error) {
      this.reportFailure(error);
    }
  }

  /** The one place where the failure of a connection, or of one of its streams, is told. */
  reportFailure(error: unknown): void {
    if (this.#isEnded && isPeerGone(error)) return; // told already
    // 4xx: the client broke off the content that its answer was being made of.
    const isPeersFault = (error instanceof HttpError && error.status < 500) || error instanceof Deno.errors.InvalidData;
    if (isPeersFault || isPeerGone(error)) this.debug(String(error));
    else if (error instanceof BrokenAnswer) this.#log.error(connectionName(this.info), error.message);
    else this.#log.error(connectionName(this.info), "The connection failed", error);
  }
}
