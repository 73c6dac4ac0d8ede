/**
 * Opens what one thread accepts plain connections from: ports, socket files, and sockets that were handed over. Separate from
 * thread_server.ts, which serves them all alike. I/O.
 */
import type { Config } from "../config/config.ts";
import { takeHandedSocket } from "../net/handed_socket.ts";
import { listenTcp } from "../net/listen.ts";
import type {
  HandedSocket,
  ListenAddress,
  Part,
  ServedAddress,
  SharedPorts,
  SocketFile,
} from "../net/listen_address.ts";
import { ListeningPort } from "../net/listening_port.ts";
import { listenOnFile } from "../net/socket_file.ts";
import type { Listener } from "../net/transport.ts";
import { findOwner } from "../process/privileges.ts";
import type { Libc } from "../system/libc.ts";
import type { Way } from "./way.ts";

export interface PlainListener {
  readonly listener: Listener;
  readonly address: ServedAddress;
  /** Takes its name away; false where this user may not. Null for what has none, or is somebody else's. */
  readonly remove: (() => boolean) | null;
}

export interface PlainListenerOptions {
  readonly libc: Libc;
  readonly way: Way;
  readonly part: Part;
  /** Where another server listens that this one takes the place of. */
  readonly shared: SharedPorts | null;
}

/** All of that configuration; whoever calls closes and removes them. Rejects with StartError. */
export async function openPlainListeners(
  config: Config,
  options: PlainListenerOptions & { readonly onOpen: (opened: PlainListener) => void },
): Promise<readonly PlainListener[]> {
  const all: PlainListener[] = [];
  const add = (opened: PlainListener) => {
    all.push(opened);
    options.onOpen(opened);
  };
  for (const address of config.http) add(openPort(address, config, options));
  for (const socket of config.handedSockets) add(takeHanded(socket, config, options));
  for (const file of config.socketFiles) add(await openFile(file, config, options));
  return all;
}

/** Each thread has a socket of its own on the port. */
function openPort(
  address: ListenAddress,
  { limits }: Config,
  { libc, part, shared, way }: PlainListenerOptions,
): PlainListener {
  const before = new ListeningPort(libc, address.port).descriptors;
  const listener = listenTcp(address, { isShared: part.index > 0 || shared !== null, backlog: limits.backlog });
  const { hostname, port } = listener.addr;
  const socket = new ListeningPort(libc, port, hostname);
  socket.limitUnsent(limits.maxUnsentBytes);
  if (part.count > 1) socket.share();
  const [descriptor] = socket.descriptors.filter((found) => !before.includes(found));
  return {
    listener: way.takeOver(listener, descriptor),
    address: { scheme: "http", hostname, port, origin: "opened", descriptor: null },
    remove: null,
  };
}

/** All threads accept from the same socket, and so may others who have it. */
function takeHanded(handed: HandedSocket, { limits }: Config, { libc, way }: PlainListenerOptions): PlainListener {
  const address = takeHandedSocket(libc, handed);
  if (address.scheme !== "unix") {
    new ListeningPort(libc, address.port, address.hostname).limitUnsent(limits.maxUnsentBytes);
  }
  return { listener: way.accept(handed.descriptor), address, remove: null };
}

/** All threads accept from the socket of the first. */
async function openFile(
  file: SocketFile,
  config: Config,
  { libc, way, part }: PlainListenerOptions,
): Promise<PlainListener> {
  const { path } = file;
  const address = { scheme: "unix", path, origin: "opened" } as const;
  if (file.descriptor !== null) {
    const { descriptor } = file;
    return { listener: way.accept(descriptor), address: { ...address, descriptor }, remove: null };
  }
  // Without names of its own the file is for whom the server becomes.
  const owner = findOwner({
    user: file.owner ?? config.user,
    group: file.group ?? (file.owner === null ? config.group : null),
  });
  const { listener, descriptor, remove } = await listenOnFile(file, { owner, libc });
  if (descriptor === undefined || part.count === 1) {
    return { listener: way.takeOver(listener, descriptor), address: { ...address, descriptor: null }, remove };
  }
  const shared = way.accept(descriptor);
  listener.close();
  return { listener: shared, address: { ...address, descriptor: shared.descriptor }, remove };
}
