/**
 * Whom a request is from, which port it was sent to and what it is known by, when proxies stand between: X-Forwarded-For, -Proto
 * and -Port, X-Request-Id, believed as far as they were written by a proxy that the operator has named. Anybody else may write what he likes into them. Pure.
 */
import type { HeaderFields } from "../http/header_fields.ts";
import type { ConnectionInfo } from "../http/message.ts";
import { parseAuthority } from "../http/target.ts";
import { type AddressRange, formatAddress, parseAddress } from "../ip_address.ts";
import { isRequestId } from "../request_id.ts";

/** The addresses of the proxies that are believed. */
export class TrustedProxies {
  readonly #ranges: readonly AddressRange[];
  readonly #hasUnixSockets: boolean;

  /** `hasUnixSockets`: whoever comes through a Unix socket is one too. */
  constructor(ranges: readonly AddressRange[], hasUnixSockets = false) {
    this.#ranges = ranges;
    this.#hasUnixSockets = hasUnixSockets;
  }

  /** `address` as text; "" for a client of a Unix socket. */
  has(address: string): boolean {
    if (address === "") return this.#hasUnixSockets;
    const bytes = this.#ranges.length === 0 ? null : parseAddress(address);
    return bytes !== null && this.#ranges.some((range) => range.contains(bytes));
  }

  /**
   * The connection as it looks from before the proxies. Each proxy adds the address that it was asked from at the end of
   * X-Forwarded-For: so the last address that is none of a proxy is the client, and what stands before it is hearsay.
   * Text that is no address ends the search. X-Forwarded-Proto says of its last proxy whether that was asked over TLS, and
   * X-Forwarded-Port on which port; without it that follows from the scheme and from Host, which a proxy passes on.
   * X-Request-Id is what the last proxy knows the request by.
   * `peer` is whoever sends on the connection, where that is a proxy that has said by its PROXY header for whom it speaks:
   * then X-Forwarded-For and X-Request-Id are what the client wrote, unless the client is a proxy too, and the other fields say
   * what the header has not. `connection` comes back as it is where the peer's address is not that of a proxy.
   */
  seeThrough(connection: ConnectionInfo, fields: HeaderFields, peer = connection): ConnectionInfo {
    if (!this.has(peer.remoteAddress)) return connection;
    let { remoteAddress, remotePort } = connection;
    for (const hop of listOf(fields, "x-forwarded-for").reverse()) {
      const found = this.has(remoteAddress) ? readHop(hop) : null;
      if (found === null) break;
      ({ remoteAddress, remotePort } = found);
    }
    const isToldByHeader = peer !== connection && connection.secure;
    const { id, localAddress, localPort, secure } = connection;
    return {
      ...{ id, remoteAddress, remotePort, localAddress, localPort, secure },
      ...(isToldByHeader ? {} : serverOf(connection, fields)),
      ...(this.has(connection.remoteAddress) ? requestIdOf(fields) : {}),
    };
  }
}

/** The scheme and the port that the last proxy was asked with. */
function serverOf(connection: ConnectionInfo, fields: HeaderFields): Pick<ConnectionInfo, "secure" | "localPort"> {
  const scheme = listOf(fields, "x-forwarded-proto").at(-1)?.toLowerCase();
  const isTold = scheme === "http" || scheme === "https";
  const secure = isTold ? scheme === "https" : connection.secure;
  const port = readPort(listOf(fields, "x-forwarded-port").at(-1) ?? "");
  if (port !== null) return { secure, localPort: port };
  if (!isTold) return { secure, localPort: connection.localPort };
  // RFC 9110 4.2.1, 4.2.2: the ports of a URI without one.
  return { secure, localPort: parseAuthority(fields.get("host") ?? "")?.port ?? (secure ? 443 : 80) };
}

/** Two in a row are one of no shape. */
function requestIdOf(fields: HeaderFields): Pick<ConnectionInfo, "requestId"> {
  const requestId = fields.get("x-request-id");
  return requestId !== null && isRequestId(requestId) ? { requestId } : {};
}

function listOf(fields: HeaderFields, name: string): string[] {
  const value = fields.get(name);
  return value === null ? [] : value.split(",").map((element) => element.trim());
}

/** Null where it is none that a client can have asked. */
function readPort(text: string): number | null {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port > 0 && port <= 65_535 ? port : null;
}

/** An address, perhaps in brackets and with a port, which some proxies add; a port of 0 where it is not known. */
function readHop(text: string): { readonly remoteAddress: string; readonly remotePort: number } | null {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? [null, null, text];
  const address = parseAddress(bracketed ?? plain ?? "");
  return address === null ? null : { remoteAddress: formatAddress(address), remotePort: readPort(port ?? "") ?? 0 };
}
