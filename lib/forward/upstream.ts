/**
 * Where requests are handed on to, and in which protocol, as an operator writes it. Separate because options, permissions and
 * whoever connects ask for parts of it. Pure.
 */

/** What a socket is connected to. */
export type UpstreamAddress =
  | { readonly transport: "unix"; readonly path: string }
  | { readonly transport: "tcp"; readonly hostname: string; readonly port: number };

export interface Upstream {
  readonly protocol: "fastcgi" | "scgi" | "http";
  readonly address: UpstreamAddress;
  /** Of HTTP: what stands before the rest of a path, encoded and without a slash at its end; else "". */
  readonly basePath: string;
  /** As it was written; its name in the log. */
  readonly text: string;
}

const GATEWAYS = ["fastcgi", "scgi"] as const;
const PROTOCOLS = [...GATEWAYS, "http"] as const;

/** How one is written, for whoever is told that his is none. */
export const UPSTREAM_EXAMPLES = "fastcgi:unix:/run/php/php-fpm.sock, scgi:127.0.0.1:9000 or http://127.0.0.1:3000/";

/**
 * `fastcgi:unix:/PATH`, `fastcgi:HOST:PORT`, the same with `scgi`, `http://HOST:PORT/BASE/`, `http:unix:/PATH`; an IPv6 address
 * stands in brackets. Null for anything else.
 */
export function parseUpstream(text: string): Upstream | null {
  if (text.startsWith("http:")) return parseHttp(text);
  const protocol = GATEWAYS.find((name) => text.startsWith(`${name}:`));
  if (protocol === undefined) return null;
  const address = parseAddress(text.slice(protocol.length + 1));
  return address === null ? null : { protocol, address, basePath: "", text };
}

/** Why a text is no upstream, and what to write in its place. */
export interface UpstreamFault {
  readonly problem: string;
  readonly remedy: string;
}

/** What is wrong with the protocol of a text that is no upstream; null where it has one, and something else is wrong. */
export function protocolFault(text: string): UpstreamFault | null {
  const accepted = `give ${UPSTREAM_EXAMPLES}`;
  if (/^https:/i.test(text)) {
    return {
      problem: "upstreams are not spoken to over TLS",
      remedy:
        "give http:// where the way to it is safe, else let a program on this machine, such as stunnel, speak TLS to it",
    };
  }
  const [, protocol] = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?/.exec(text) ?? [];
  if (PROTOCOLS.some((known) => known === protocol)) return null;
  const isAddress = protocol === undefined || protocol === "unix" || /^[^:]*:\d+(?:$|[/?#,\s])/.test(text);
  if (isAddress) return { problem: "not an upstream, which begins with its protocol", remedy: accepted };
  return { problem: `"${protocol}" is no protocol of upstreams`, remedy: accepted };
}

function parseHttp(text: string): Upstream | null {
  const [, authority, base = ""] = /^http:\/\/([^/?#]+)(\/[!$-.0-;=@-Z_a-z~/]*)?$/.exec(text) ?? [];
  const isUnix = text.startsWith("http:unix:");
  const withPort = authority !== undefined && /:\d+$/.test(authority) ? authority : `${authority}:80`;
  const address = isUnix
    ? parseAddress(text.slice("http:".length))
    : authority === undefined
    ? null
    : parseAddress(withPort);
  return address === null ? null : { protocol: "http", address, basePath: base.replace(/\/+$/, ""), text };
}

/** Bytes of a path that the system takes for a socket (sockaddr_un has 108, the last one is 0). */
const MAX_SOCKET_PATH_BYTES = 107;

function parseAddress(text: string): UpstreamAddress | null {
  if (text.startsWith("unix:")) {
    const path = text.slice("unix:".length);
    const isPath = /^\/[^\0]+$/.test(path) && new TextEncoder().encode(path).length <= MAX_SOCKET_PATH_BYTES;
    return isPath ? { transport: "unix", path } : null;
  }
  const [, address, name, portText] = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(portText);
  if (!(port >= 1 && port <= 65_535)) return null;
  return { transport: "tcp", hostname: address ?? name, port };
}
