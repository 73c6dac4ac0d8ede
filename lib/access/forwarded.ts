/**
 * Whom a request is from when proxies stand between: X-Forwarded-For and X-Forwarded-Proto, believed as far as they were
 * written by a proxy that the operator has named. Anybody else may write what he likes into them. Pure.
 */
import type { HeaderFields } from "../http/header_fields.ts";
import type { ConnectionInfo } from "../http/message.ts";
import { type AddressRange, formatAddress, parseAddress } from "../ip_address.ts";

/** The addresses of the proxies that are believed. */
export class TrustedProxies {
  readonly #ranges: readonly AddressRange[];

  constructor(ranges: readonly AddressRange[]) {
    this.#ranges = ranges;
  }

  /** `address` as text. */
  has(address: string): boolean {
    const bytes = this.#ranges.length === 0 ? null : parseAddress(address);
    return bytes !== null && this.#ranges.some((range) => range.contains(bytes));
  }

  /**
   * The connection as it looks from before the proxies. Each proxy adds the address that it was asked from at the end of
   * X-Forwarded-For: so the last address that is none of a proxy is the client, and what stands before it is hearsay.
   * Text that is no address ends the search. X-Forwarded-Proto says of its last proxy whether that was asked over TLS.
   * `connection` comes back as it is where its remote address is not that of a proxy.
   */
  seeThrough(connection: ConnectionInfo, fields: HeaderFields): ConnectionInfo {
    if (!this.has(connection.remoteAddress)) return connection;
    let { remoteAddress, remotePort, secure } = connection;
    for (const hop of listOf(fields, "x-forwarded-for").reverse()) {
      const found = readHop(hop);
      if (found === null) break;
      ({ remoteAddress, remotePort } = found);
      if (!this.has(remoteAddress)) break;
    }
    const scheme = listOf(fields, "x-forwarded-proto").at(-1)?.toLowerCase();
    if (scheme === "http" || scheme === "https") secure = scheme === "https";
    return { ...connection, remoteAddress, remotePort, secure };
  }
}

function listOf(fields: HeaderFields, name: string): string[] {
  const value = fields.get(name);
  return value === null ? [] : value.split(",").map((element) => element.trim());
}

/** An address, perhaps in brackets and with a port, which some proxies add; a port of 0 where there is none. */
function readHop(text: string): { readonly remoteAddress: string; readonly remotePort: number } | null {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? [null, null, text];
  const address = parseAddress(bracketed ?? plain ?? "");
  return address === null ? null : { remoteAddress: formatAddress(address), remotePort: Number(port ?? 0) };
}
