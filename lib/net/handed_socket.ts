/**
 * Sockets that were opened by whoever started this process, such as systemd for a socket unit: what they are, and that they fit.
 * Through libc, for the runtime can take no descriptor over. sd_listen_fds(3). I/O.
 *
 * So there is no TLS on them, which is the runtime's. Tried with Deno 2.7.11: a listener for TLS was opened, and the socket put
 * in the place of its own (dup3). Nobody was accepted, for the runtime's epoll had waited for the other socket; when the entry for
 * that was made anew with what /proc/self/fdinfo had said of it, clients were served. That is not done: it stands on the inside of
 * the runtime, and nobody would be served where it is another one. (lib/system/runtime_epoll.ts does such a thing, but only after it
 * was tried, and another thread stands in for it.) https is refused (lib/config/listen_config.ts).
 */
import { O_NONBLOCK } from "../system/flags.ts";
import type { Libc } from "../system/libc.ts";
import { StartError } from "../start_error.ts";
import type { HandedSocket, ServedAddress } from "./listen_address.ts";
import { SocketAddress } from "./socket_address.ts";

/** Linux, asm-generic/socket.h, bits/socket_type.h and asm-generic/fcntl.h. */
const SOL_SOCKET = 1;
const SO_TYPE = 3;
const SO_ACCEPTCONN = 30;
const SOCK_STREAM = 1;
const F_SETFD = 2;
const F_SETFL = 4;
const FD_CLOEXEC = 1;

/**
 * Where it listens; it does not block from now on, and programs do not get it. Throws StartError for what is no socket that
 * listens for connections, and without libc.
 */
export function takeHandedSocket(libc: Libc, { descriptor, name }: HandedSocket): ServedAddress {
  const address = new SocketAddress();
  const refuse = (problem: string, remedy: string) => {
    const value = name === "" ? `${descriptor}` : `${descriptor} (${name})`;
    return new StartError({ argument: "LISTEN_FDS", value, problem, remedy });
  };
  if (libc.getsockname(descriptor, address.bytes, address.room()) !== 0) {
    const remedy = "start the server with the sockets that LISTEN_FDS counts, or without it";
    throw refuse(
      "no socket that the C library can take over",
      `${remedy}; --native off and other libraries than glibc cannot`,
    );
  }
  if (optionOf(libc, descriptor, SO_TYPE) !== SOCK_STREAM || optionOf(libc, descriptor, SO_ACCEPTCONN) !== 1) {
    throw refuse("no socket that listens for connections", "give the unit ListenStream= alone, and not Accept=yes");
  }
  libc.fcntl(descriptor, F_SETFL, O_NONBLOCK);
  libc.fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  const { path, hostname, port } = address;
  if (path !== null) return { scheme: "unix", path, origin: "handed", descriptor };
  return { scheme: "http", hostname, port, origin: "handed", descriptor };
}

function optionOf(libc: Libc, descriptor: number, name: number): number {
  const value = new Int32Array(1);
  const size = Uint32Array.of(value.byteLength);
  return libc.getsockopt(descriptor, SOL_SOCKET, name, new Uint8Array(value.buffer), size) === 0 ? value[0] : -1;
}
