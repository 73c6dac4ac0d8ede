/**
 * What listens for HTTPS, on one port or several, and its certificates: opens it, gives it new certificates without losing a
 * connection, and warns before a certificate ends. What is accepted is served like any other connection. I/O. RFC 9110
 * 4.2.2, RFC 7301 (ALPN).
 */
import type { Limits } from "../limits.ts";
import { type Credentials, expiryWarning } from "./check_credentials.ts";
import { silenceKeyLog } from "./key_log.ts";
import { type Libc, NO_LIBC } from "../system/libc.ts";
import { ListeningPort } from "./listening_port.ts";
import { isPortInUse, listenTls, refuseForbiddenPort, type TlsListenOptions } from "./listen.ts";
import type { ListenAddress, Part, SharedPorts } from "./listen_address.ts";
import type { Log } from "../log/log.ts";
import { withLowPorts, withSocketsOf } from "../system/capabilities.ts";
import type { HostCredentials } from "./load_credentials.ts";
import { NamedCredentials } from "./named_credentials.ts";
import type { StartError } from "../start_error.ts";

export interface HttpsOptions {
  /** At least one. */
  readonly addresses: readonly ListenAddress[];
  /** Of each host, at least one; the first is that of clients that name none. */
  readonly credentials: readonly HostCredentials[];
  readonly limits: Pick<Limits, "maxUnsentBytes" | "backlog">;
  /** Whether HTTP/2 may be negotiated. */
  readonly usesHttp2: boolean;
  readonly log: Log;
  /** Where another server listens that this one takes the place of; null: nobody may. */
  readonly shared: SharedPorts | null;
  /** Of several that share the ports; their listeners are opened in the order of their indexes, and replaced one by one. */
  readonly part: Part;
  /**
   * Called when clients have sent so many names that `renew` is wanted: the runtime keeps each for as long as it listens. May be
   * called again.
   */
  readonly onManyNames: () => void;
  /** Without libc a new certificate costs the connections that come while the port is closed for a moment. */
  readonly libc: Libc;
}

const DAY_MS = 86_400_000;
/** How long the old listener serves what the kernel had queued for it, and handshakes of TCP that were under way. */
const HANDOVER_MS = 1_000;
/** So often all who wait have their turn after that, before it is closed. */
const LAST_TURNS = 8;
/** How often, and after what time each, it is looked whether the old socket is gone. */
const CLOSE_TURNS = 100;
const CLOSE_TURN_MS = 10;

/** One port, and what accepts there now. */
interface Bound {
  readonly address: ListenAddress;
  readonly listener: Deno.TlsListener;
}

export class HttpsListener {
  readonly #options: HttpsOptions;
  #credentials: NamedCredentials;
  #bounds: readonly Bound[];
  /** The last replacement; the next one waits for it. */
  #handover: Promise<void> = Promise.resolve();
  #expiryTimer: number | undefined = undefined;

  private constructor(options: HttpsOptions, credentials: NamedCredentials, bounds: readonly Bound[]) {
    this.#options = options;
    this.#credentials = credentials;
    this.#bounds = bounds;
  }

  /** Names and end of each that clients get now. */
  get certificates(): readonly Pick<Credentials, "names" | "notAfterMs">[] {
    return this.#credentials.all.map(({ names, notAfterMs }) => ({ names, notAfterMs }));
  }

  /**
   * Reads keys and certificates and listens; whoever opens it closes it. Throws StartError, whose line tells the operator what
   * is wrong.
   */
  static open(options: HttpsOptions): HttpsListener {
    const { addresses, limits: { backlog }, usesHttp2: isHttp2, log, part, shared, libc } = options;
    const keyLogWarning = silenceKeyLog(libc);
    if (keyLogWarning !== null) log.warn("https", keyLogWarning);
    const credentials = NamedCredentials.load(options.credentials, Date.now());
    warn(credentials, log);
    const bounds: Bound[] = [];
    try {
      for (const address of addresses) {
        const listen = () =>
          listenTls(address, {
            ...{ isHttp2, isShared: part.index > 0 || shared !== null, backlog },
            credentials: credentialsFor(credentials, options),
          });
        bounds.push({ address, listener: shared === null ? listen() : withSocketsOf(libc, shared.userId, listen) });
      }
    } catch (error) {
      for (const { listener } of bounds) listener.close();
      throw error;
    }
    const https = new HttpsListener(options, credentials, bounds);
    for (const bound of bounds) {
      if (part.count > 1) https.#socketOf(bound).share();
      https.#adjustSocket(bound);
    }
    https.#expiryTimer = setInterval(() => https.#warnOfExpiry(), DAY_MS);
    Deno.unrefTimer(https.#expiryTimer);
    return https;
  }

  /** Accepts no more, and warns no more. Idempotent. */
  close(): void {
    clearInterval(this.#expiryTimer);
    for (const { listener } of this.#bounds) closeUnlessClosed(listener);
  }

  /** What accepts now, in the order of the addresses; `replace` changes it. Whoever serves one may close it. */
  get listeners(): readonly Deno.TlsListener[] {
    return this.#bounds.map(({ listener }) => listener);
  }

  /** Names and addresses that the certificates are for. */
  get names(): readonly string[] {
    return this.#credentials.names;
  }

  /** Resolves when the last replacement has come to its end: the old listeners are closed. */
  get handedOver(): Promise<void> {
    return this.#handover;
  }

  /**
   * Reads keys and certificates again and listens with them. Resolves to the listeners that now have to be served as well;
   * the old ones still serve what is queued for them and are then closed here. None where nothing has changed. Rejects with
   * StartError when a pair that is new is no good; then everything stays as it was. One that was good before stays alone as it
   * was, and `refused` is told.
   */
  async replace(
    hosts: readonly HostCredentials[],
    refused: (problem: StartError) => void,
  ): Promise<readonly Deno.TlsListener[]> {
    await this.#untilHandedOver();
    const { log } = this.#options;
    const { loaded, problems } = this.#credentials.reload(hosts, Date.now());
    problems.forEach(refused);
    warn(loaded, log);
    const old = new Map(this.#credentials.all.map((credentials) => [credentials.certificate, credentials]));
    if (loaded.isSameAs(this.#credentials)) return [];
    await this.#listenWith(loaded);
    for (const { certificate, notAfterMs, names } of loaded.all) {
      if (old.has(certificate)) continue;
      const end = new Date(notAfterMs).toISOString().slice(0, 10);
      const whom = names.length === 0 ? "no name" : names.join(", ");
      log.info("https", `new certificate for ${whom}, until ${end}`);
    }
    return this.listeners;
  }

  /** Listens anew with what it has, as `replace` does. */
  async renew(): Promise<readonly Deno.TlsListener[]> {
    await this.#untilHandedOver();
    await this.#listenWith(this.#credentials);
    return this.listeners;
  }

  async #untilHandedOver(): Promise<void> {
    for (let before; before !== this.#handover;) await (before = this.#handover);
  }

  async #listenWith(credentials: NamedCredentials): Promise<void> {
    this.#bounds = this.#handOver(credentials) ?? await this.#reopen(credentials);
    for (const bound of this.#bounds) this.#adjustSocket(bound);
    this.#credentials = credentials;
  }

  /** Old and new listeners all listen for a moment; null where the system cannot do that. */
  #handOver(credentials: NamedCredentials): readonly Bound[] | null {
    const old = this.#bounds;
    const sockets = old.map((bound) => this.#socketOf(bound));
    if (!sockets.every((socket) => socket.share())) return null;
    const bounds: Bound[] = [];
    try {
      for (const bound of old) bounds.push(this.#listenAgain(bound, { credentials, isShared: true }));
    } catch (error) {
      for (const { listener } of bounds) listener.close();
      throw error;
    }
    if (sockets.some((socket) => !socket.passOn(this.#options.part))) {
      this.#options.log.warn("https", "The kernel gives some connections to the old listener: they may be lost");
    }
    this.#handover = this.#endHandover(old, sockets);
    return bounds;
  }

  /** Resolves when the old sockets are gone: one more that began to listen before that would not get its number. */
  async #endHandover(old: readonly Bound[], sockets: readonly ListeningPort[]): Promise<void> {
    await pause(HANDOVER_MS);
    // A thread that was held up for so long has its timers before its clients: those who wait are taken first.
    for (let turn = 0; turn < LAST_TURNS; turn++) await pause(CLOSE_TURN_MS);
    for (const { listener } of old) closeUnlessClosed(listener);
    // The runtime closes a socket in a later turn of its event loop.
    const { count } = this.#options.part;
    const isOpen = ({ socketCount }: ListeningPort) => socketCount > count;
    for (let turn = 0; sockets.some(isOpen) && turn < CLOSE_TURNS; turn++) await pause(CLOSE_TURN_MS);
  }

  /** Closes, then listens; clients that connect meanwhile are refused. Rejects before that where this user may not listen. */
  async #reopen(credentials: NamedCredentials): Promise<readonly Bound[]> {
    for (const bound of this.#bounds) refuseForbiddenPort(againAddress(bound));
    const bounds: Bound[] = [];
    for (const bound of this.#bounds) {
      closeUnlessClosed(bound.listener);
      bounds.push(await this.#reopenOne(bound, credentials));
    }
    return bounds;
  }

  async #reopenOne(bound: Bound, credentials: NamedCredentials): Promise<Bound> {
    for (let turn = 0;; turn++) {
      // The runtime lets go of the port in a later turn of its event loop.
      await pause(turn === 0 ? 0 : CLOSE_TURN_MS);
      try {
        return this.#listenAgain(bound, { credentials, isShared: false });
      } catch (error) {
        if (turn === CLOSE_TURNS || !isPortInUse(error)) throw error;
      }
    }
  }

  #listenAgain(
    bound: Bound,
    { credentials: named, isShared }: { readonly credentials: NamedCredentials; readonly isShared: boolean },
  ): Bound {
    const { libc, limits: { backlog }, usesHttp2: isHttp2 } = this.#options;
    const credentials = credentialsFor(named, this.#options);
    const address = againAddress(bound);
    const listener = withLowPorts(libc, () => listenTls(address, { credentials, isHttp2, isShared, backlog }));
    return { address, listener };
  }

  #adjustSocket(bound: Bound): void {
    this.#socketOf(bound).setNoDelay();
    this.#socketOf(bound).limitUnsent(this.#options.limits.maxUnsentBytes);
  }

  #socketOf({ listener }: Bound): ListeningPort {
    return new ListeningPort(this.#options.libc, listener.addr.port, listener.addr.hostname);
  }

  #warnOfExpiry(): void {
    for (const credentials of this.#credentials.all) {
      const warning = expiryWarning(credentials, Date.now());
      if (warning !== null) this.#options.log.warn("https", warning);
    }
  }
}

function againAddress({ address, listener }: Bound): ListenAddress {
  return { ...address, port: listener.addr.port };
}

function warn({ all }: NamedCredentials, log: Log): void {
  for (const { warnings } of all) for (const warning of warnings) log.warn("https", warning);
}

/**
 * So many names of clients are kept, about 3.5 KB each, before another listener is wanted; without libc that one refuses clients
 * for a moment, so that it comes later.
 */
export const MAX_NAME_COUNT = 1_000;
const MAX_NAME_COUNT_WITHOUT_LIBC = 20_000;

/** For one listener. */
function credentialsFor(named: NamedCredentials, { libc, onManyNames }: HttpsOptions): TlsListenOptions["credentials"] {
  if (named.isOne) return named.first;
  const most = libc === NO_LIBC ? MAX_NAME_COUNT_WITHOUT_LIBC : MAX_NAME_COUNT;
  let count = 0;
  return (name) => {
    if (++count % most === 0) onManyNames();
    return named.of(name);
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** The server may have stopped meanwhile and closed it. */
function closeUnlessClosed(listener: Deno.TlsListener): void {
  try {
    listener.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}
