/** Opens listeners, so that what keeps one from opening becomes a word to the operator. I/O. */
import type { Credentials } from "./check_credentials.ts";
import type { ListenAddress } from "./listen_address.ts";
import { osProblem, StartError } from "../start_error.ts";

export interface ListenOptions {
  /** Another socket of this user that allows it may listen there too. Linux SO_REUSEPORT. */
  readonly isShared?: boolean;
  /** How many connections the system keeps until they are accepted; by default what the runtime says. listen(2). */
  readonly backlog?: number;
}

/**
 * Listens on the address for TCP connections; whoever calls closes the listener. Throws StartError where the port is
 * taken, forbidden, or the address is none of this machine.
 */
export function listenTcp(address: ListenAddress, { isShared = false, backlog }: ListenOptions = {}): Deno.TcpListener {
  return withEveryAddress(address, (hostname) => {
    try {
      const common = { hostname, port: address.port, tcpBacklog: backlog };
      // Only then, for the runtime ends the process when this is asked for without --unstable-net.
      return Deno.listen(isShared ? { ...common, reusePort: true } : common);
    } catch (error) {
      throw listenError(error, address);
    }
  });
}

type Pair = Pick<Credentials, "key" | "certificate">;

export interface TlsListenOptions extends ListenOptions {
  /**
   * A pair, or what finds it by the name that a client sends ("" for none): of that the listener asks once for each name, and
   * keeps the answer for ever.
   */
  readonly credentials: Pair | ((name: string) => Pair);
  /** Whether HTTP/2 may be negotiated, which then is preferred. */
  readonly isHttp2?: boolean;
}

/** Where the runtime looks for who chooses by name; it has no other word for that in this version. */
const SNI_RESOLVER = Symbol.for("unstableSniResolver");

function tlsOptions(credentials: TlsListenOptions["credentials"]) {
  const plain = ({ key, certificate }: Pair) => ({ key, cert: certificate });
  if (typeof credentials !== "function") return plain(credentials);
  const resolver = { [SNI_RESOLVER]: (name: string) => Promise.try(() => plain(credentials(name))) };
  // The pair for no name is what the runtime wants by type.
  return { ...plain(credentials("")), ...resolver };
}

/** The same for TLS connections. A client without ALPN is welcome. RFC 7301. */
export function listenTls(address: ListenAddress, options: TlsListenOptions): Deno.TlsListener {
  const { credentials, isHttp2 = false, isShared = false, backlog } = options;
  return withEveryAddress(address, (hostname) => {
    try {
      const protocols = { alpnProtocols: isHttp2 ? ["h2", "http/1.1"] : ["http/1.1"] };
      const common = {
        ...{ hostname, port: address.port, tcpBacklog: backlog, ...protocols },
        ...tlsOptions(credentials),
      };
      return Deno.listenTls(isShared ? { ...common, reusePort: true } : common);
    } catch (error) {
      throw listenError(error, address);
    }
  });
}

/**
 * Throws StartError where this user may not listen on a port that it, or root before it, listens on already: the system says
 * so before it says that the port is taken (bind(2)).
 */
export function refuseForbiddenPort(address: ListenAddress): void {
  try {
    listenTcp(address).close();
  } catch (error) {
    if (!(error instanceof StartError && error.cause instanceof Deno.errors.PermissionDenied)) return;
    const problem = "only root may listen there again, and the server has left root";
    throw new StartError({ ...error.problem, problem, remedy: "restart the server" }, { cause: error });
  }
}

/** Whether listening has failed because somebody else does. */
export function isPortInUse(error: unknown): boolean {
  return error instanceof StartError && error.cause instanceof Deno.errors.AddrInUse;
}

/** Without a hostname: `::` takes IPv4 too, and a machine without IPv6 has 0.0.0.0. */
function withEveryAddress<T>(address: ListenAddress, listen: (hostname: string) => T): T {
  if (address.hostname !== null) return listen(address.hostname);
  try {
    return listen("::");
  } catch (error) {
    if (isPortInUse(error)) throw error;
    return listen("0.0.0.0");
  }
}

function listenError(error: unknown, { argument, port, hostname }: ListenAddress): StartError {
  const where = hostname === null ? `${port}` : `${port} on ${hostname}`;
  return new StartError({
    argument,
    value: where,
    problem: osProblem(error),
    remedy: remedyOf(error, port),
  }, { cause: error });
}

function remedyOf(error: unknown, port: number): string {
  if (error instanceof Deno.errors.AddrInUse) {
    return `stop what uses it (ss -ltnp 'sport = :${port}'), or give another port`;
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return "ports below 1024 need root or CAP_NET_BIND_SERVICE (setcap cap_net_bind_service=+ep lisod); or give another port";
  }
  return "give --listen an address of this machine";
}
