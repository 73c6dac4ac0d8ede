/**
 * Both ends of a connection as its socket tells them. Separate from accepting, for this end is asked for only when somebody wants
 * to know it: programs and upstreams are told, and to find it out is a system call.
 */
import type { ConnectionInfo } from "../http/message.ts";
import type { AcceptedSocket } from "../net/transport.ts";

/** A class, for an object with such getters of its own takes 2 us to make: whoever makes another one of it names its fields. */
export class SocketInfo implements ConnectionInfo {
  readonly id: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly secure: boolean;
  readonly #socket: AcceptedSocket;

  constructor(socket: AcceptedSocket, { id, secure }: Pick<ConnectionInfo, "id" | "secure">) {
    const remote = socket.remoteAddr;
    this.id = id;
    this.remoteAddress = addressOf(remote);
    this.remotePort = portOf(remote);
    this.secure = secure;
    this.#socket = socket;
  }

  get localAddress(): string {
    return addressOf(this.#socket.localAddr);
  }

  get localPort(): number {
    return portOf(this.#socket.localAddr);
  }
}

/** A dual-stack listener tells of IPv4 clients in their IPv4-mapped form (RFC 4291 2.5.5.2). */
function addressOf(address: Deno.Addr): string {
  const hostname = "hostname" in address ? address.hostname : "";
  return hostname.includes(":") ? hostname.replace(/^::ffff:(?=\d+\.)/i, "") : hostname;
}

function portOf(address: Deno.Addr): number {
  return "port" in address ? address.port : 0;
}

/** Names the connection in messages. */
export function connectionName({ id, remoteAddress, remotePort }: ConnectionInfo): string {
  return remoteAddress === "" ? `unix:${id}` : `${remoteAddress}:${remotePort}`;
}
