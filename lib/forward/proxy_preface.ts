/**
 * The header of the PROXY protocol, version 2, by which an upstream is told of the client before the request. Separate from the
 * request, which it is no part of. Pure. https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt 2.2
 */
import type { ConnectionInfo } from "../http/message.ts";
import { parseAddress } from "../ip_address.ts";

const SIGNATURE = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];
/** Version 2, and a connection made for somebody else, or for the sender itself. */
const PROXY = 0x21;
const LOCAL = 0x20;
/** Address family and protocol: nothing, TCP over IPv4, TCP over IPv6. */
const UNSPECIFIED = 0x00;
const TCP4 = 0x11;
const TCP6 = 0x21;
const IPV4_BYTES = 4;

/** What a connection for that client begins with. LOCAL where the client, as one of a Unix socket, has no address. */
export function proxyPreface(client: ConnectionInfo): Uint8Array {
  const remote = parseAddress(client.remoteAddress);
  const local = parseAddress(client.localAddress);
  if (remote === null || local === null) return Uint8Array.from([...SIGNATURE, LOCAL, UNSPECIFIED, 0, 0]);
  const isOld = remote.length === IPV4_BYTES && local.length === IPV4_BYTES;
  const [from, to] = isOld ? [remote, local] : [mapped(remote), mapped(local)];
  const addresses = [...from, ...to, ...portBytes(client.remotePort), ...portBytes(client.localPort)];
  return Uint8Array.from([...SIGNATURE, PROXY, isOld ? TCP4 : TCP6, 0, addresses.length, ...addresses]);
}

/** RFC 4291 2.5.5.2: both addresses are of one family. */
function mapped(address: readonly number[]): readonly number[] {
  return address.length === IPV4_BYTES ? [...new Array<number>(10).fill(0), 255, 255, ...address] : address;
}

function portBytes(port: number): readonly number[] {
  return [port >> 8, port & 255];
}
