/**
 * What comes on a connection before HTTP does: the TLS handshake, or the header of a proxy that says for whom it speaks; and
 * which HTTP it is: over TLS that was negotiated, else the first bytes of HTTP/2 are no request of HTTP/1. What HTTP takes is
 * made only then, so that a connection that does not get so far costs little. RFC 8446, RFC 9113 3.2 and 3.3, and
 * proxy-protocol.txt of HAProxy.
 */
import { takeProxyHeader } from "../access/proxy_header.ts";
import { type ConnectionInfo, HttpError } from "../http/message.ts";
import type { Transport } from "../net/transport.ts";
import type { ConnectionServices } from "./connection_services.ts";
import { ConnectionSocket } from "./connection_socket.ts";
import { findPreface } from "../http2/frame_reader.ts";
import { Http1Connection } from "./http1_connection.ts";
import { Http2Connection } from "./http2_connection.ts";
import type { OpenConnection, Protocol } from "./open_connection.ts";

/** A connection that has been accepted; whoever gets it runs it or aborts it. */
export function beginConnection(
  transport: Transport,
  info: ConnectionInfo,
  services: ConnectionServices,
): OpenConnection {
  const socket = new ConnectionSocket(transport, info, services);
  // Over TLS a proxy's header would have to stand before the handshake, which the runtime reads.
  const hasBeginning = transport.handshake !== undefined || services.responseHeads !== null ||
    services.proxies.has(info.remoteAddress);
  return hasBeginning ? new BegunConnection(transport, socket, services) : new Http1Connection(socket, services);
}

/** One on which something comes before HTTP. */
class BegunConnection implements OpenConnection {
  readonly #transport: Transport;
  readonly #socket: ConnectionSocket;
  readonly #services: ConnectionServices;
  /** Null until HTTP begins. */
  #http: OpenConnection & Pick<Http1Connection, "serve"> | null = null;
  #isDraining = false;

  constructor(transport: Transport, socket: ConnectionSocket, services: ConnectionServices) {
    this.#transport = transport;
    this.#socket = socket;
    this.#services = services;
  }

  get info(): ConnectionInfo {
    return this.#socket.info;
  }

  get protocol(): Protocol {
    return this.#http?.protocol ?? "none";
  }

  get isIdle(): boolean {
    if (this.#http !== null) return this.#http.isIdle;
    const { reader, received } = this.#socket;
    return reader.wait === "head" && received.length === 0;
  }

  run(refusal: HttpError | null = null): Promise<OpenConnection | null> {
    return this.#socket.serve(this.#begin(refusal));
  }

  rest(idleMs: number): boolean {
    return this.#http?.rest?.(idleMs) ?? false;
  }

  isLate(nowMs: number): boolean {
    return this.#http === null ? this.#socket.isLate(nowMs) : this.#http.isLate(nowMs);
  }

  sweep(nowMs: number): boolean {
    if (this.#http !== null) return this.#http.sweep(nowMs);
    const { reader } = this.#socket;
    if (nowMs <= reader.deadlineMs) return false;
    if (reader.wait === "handshake") return this.#socket.giveUp("timed out: handshake");
    this.#socket.end(`timed out: ${reader.wait}`);
    return false;
  }

  drain(): boolean {
    if (this.#http !== null) return this.#http.drain();
    this.#isDraining = true;
    if (this.#socket.reader.wait !== "handshake") return false;
    // Closed and shut down: nobody counts any more, and where it cannot be shut down the process does not wait for it.
    this.#socket.end("the server stops");
    return true;
  }

  closeIfIdle(reason: string, idleMs: number): boolean {
    if (this.#http !== null) return this.#http.closeIfIdle(reason, idleMs);
    if (!this.isIdle || !this.#socket.isSilentFor(idleMs)) return false;
    this.#socket.end(reason);
    return true;
  }

  get slowness(): number | null {
    return this.#http === null ? this.#socket.slowness(this.isIdle) : this.#http.slowness;
  }

  get heldBytes(): number {
    return this.#http === null ? this.#socket.heldBytes : this.#http.heldBytes;
  }

  giveWay(reason: string): boolean {
    return this.#socket.giveWay(reason);
  }

  abort(): void {
    if (this.#http !== null) this.#http.abort();
    else this.#socket.end("the server stops");
  }

  /** What serves the connection is not awaited here: so nothing of this stays in memory as long as that goes on. */
  async #begin(refusal: HttpError | null): Promise<void> {
    const { handshakeMs } = this.#services.limits;
    if (this.#transport.handshake !== undefined) {
      this.#socket.reader.startWait("handshake", refusal === null ? handshakeMs : 0);
      const result = await this.#shake(this.#transport.handshake());
      return this.#serve(this.info, { refusal, isHttp2: protocolOf(result) === "h2" });
    }
    if (refusal !== null) return this.#serve(this.info, { refusal, isHttp2: false });
    const isProxy = this.#services.proxies.has(this.info.remoteAddress);
    const client = isProxy ? await this.#readProxyHeader() : this.info;
    if (client instanceof HttpError) return this.#serve(this.info, { refusal: client, isHttp2: false });
    return this.#serve(client, { refusal: null, isHttp2: await this.#hasPreface() });
  }

  /** Counts how long it takes, and what comes to nothing. */
  async #shake(handshake: Promise<unknown>): Promise<unknown> {
    const { clock, counters } = this.#services;
    const startMs = clock.nowMs;
    try {
      const result = await handshake;
      clock.update();
      counters.handshakes.observe(clock.nowMs - startMs);
      return result;
    } catch (error) {
      counters.failedHandshakeCount++;
      throw error;
    }
  }

  /** Not async: a promise less on each connection. */
  #serve(
    client: ConnectionInfo,
    { refusal, isHttp2 }: { readonly refusal: HttpError | null; readonly isHttp2: boolean },
  ): Promise<void> {
    const { responseHeads } = this.#services;
    this.#http = isHttp2 && responseHeads !== null
      ? new Http2Connection(this.#socket, { ...this.#services, responseHeads }, client)
      : new Http1Connection(this.#socket, this.#services, client);
    if (this.#isDraining) this.#http.drain();
    return this.#http.serve(refusal);
  }

  /** RFC 9113 3.3: a client that knows beforehand that the server speaks HTTP/2 begins with its preface. */
  async #hasPreface(): Promise<boolean> {
    if (this.#services.responseHeads === null) return false;
    const { reader, received } = this.#socket;
    reader.startWait("head", this.#services.limits.headMs);
    let found = findPreface(received);
    while (found === "unknown" && !received.hasEnded) {
      reader.accept(await reader.read());
      found = findPreface(received);
    }
    return found === true;
  }

  /** The client as the proxy tells of it, where the connection begins with a header; HttpError for one that is no good. */
  async #readProxyHeader(): Promise<ConnectionInfo | HttpError> {
    const { reader, received } = this.#socket;
    reader.startWait("head", this.#services.limits.headMs);
    try {
      let header = takeProxyHeader(received);
      while (header === null && !received.hasEnded) {
        reader.accept(await reader.read());
        header = takeProxyHeader(received);
      }
      if (header === null || header === "none" || header.client === null) return this.info;
      const { secure, ...client } = header.client;
      return { id: this.info.id, ...client, secure: secure ?? this.info.secure };
    } catch (error) {
      if (error instanceof HttpError) return error;
      throw error;
    }
  }
}

/** What a handshake has negotiated; null: nothing. RFC 7301. */
function protocolOf(result: unknown): unknown {
  return typeof result === "object" && result !== null && "alpnProtocol" in result ? result.alpnProtocol : null;
}
