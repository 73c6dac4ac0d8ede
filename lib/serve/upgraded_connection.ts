/**
 * A connection that speaks another protocol than HTTP from its 101 on: bytes both ways with the limits of its socket, and an end
 * when the server stops. Apart from the exchange, for nothing of HTTP holds here; what is spoken is for whoever was given it.
 * RFC 9110 7.8.
 */
import type { Soon, TakeBytes } from "../http/message.ts";
import type { ConnectionServices } from "./connection_services.ts";
import type { ConnectionSocket } from "./connection_socket.ts";
import type { SwitchedStream } from "./exchange.ts";

/** Bytes that one read takes at most, once reads have shown that so many come. */
const MOST_READ_BYTES = 65_536;

export class UpgradedConnection implements SwitchedStream {
  readonly draining: Promise<void>;
  readonly #drain: () => void;
  readonly #socket: ConnectionSocket;
  readonly #budget: ConnectionServices["budget"];
  readonly #counters: Pick<ConnectionServices["counters"], "send">;
  #silenceMs = Infinity;
  #isEnding = false;
  #heldBytes = 0;
  #sentBytes = 0;

  /** Of a socket that nobody else reads or writes from now on, but for a read that may be under way. */
  constructor(socket: ConnectionSocket, { budget, counters }: Pick<ConnectionServices, "budget" | "counters">) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.draining = promise;
    this.#drain = resolve;
    this.#socket = socket;
    this.#budget = budget;
    this.#counters = counters;
    // Somebody may still be writing what was read when the connection ends.
    socket.received.keep();
  }

  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** Memory that waits for the peer, beside that of the socket. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** The server stops. */
  drain(): void {
    this.#drain();
  }

  /** What has come before 101 comes first. */
  async read(): Promise<Uint8Array | null> {
    const { received, reader } = this.#socket;
    while (received.length === 0) {
      if (received.hasEnded) return null;
      await reader.startRead(MOST_READ_BYTES);
    }
    this.#renew();
    return received.take(received.length);
  }

  async flow(take: TakeBytes): Promise<void> {
    const { received, reader } = this.#socket;
    const takeOn: TakeBytes = (bytes) => {
      this.#renew();
      return take(bytes);
    };
    for (;;) {
      // First what came with the request, and by the read that looked whether its client is still there.
      const isToRead = received.length > 0 || received.hasEnded || reader.isReading;
      const flowing = isToRead ? null : reader.flow(takeOn);
      if (flowing !== null) return await flowing;
      const bytes = await this.read();
      if (bytes === null || !await take(bytes)) return;
    }
  }

  write(bytes: Uint8Array): Soon<void> {
    if (bytes.length === 0) return;
    const { writer } = this.#socket;
    const count = writer.writeAtOnce(bytes);
    const { length } = bytes;
    if (count < length) return writer.sendBytes(bytes.slice(count)).then(() => this.#sent(length));
    this.#sent(length);
  }

  #sent(length: number): void {
    this.#sentBytes += length;
    this.#counters.send(length);
    this.#renew();
  }

  limitSilence(ms: number): void {
    this.#silenceMs = ms;
    this.#renew();
  }

  endWithin(ms: number): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#socket.reader.endWait();
    this.#socket.reader.startWait("closing", ms);
  }

  hold(bytes: number): void {
    this.#budget.take(bytes - this.#heldBytes);
    this.#heldBytes = bytes;
  }

  cut(reason: string): void {
    this.#socket.end(reason);
  }

  /** Something has passed. */
  #renew(): void {
    if (this.#isEnding) return;
    const { reader } = this.#socket;
    reader.endWait();
    reader.startWait("upgraded", this.#silenceMs);
  }
}
