/**
 * Connects a socket of socket.ts. Separate from it because only upstreams are connected to, and clients accepted. What goes wrong is
 * not told here: the runtime, which knows errors by name, is asked to connect then. I/O. connect(2), timer.
 */
import type { Soon } from "../http/message.ts";
import { O_CLOEXEC, O_NONBLOCK } from "../system/flags.ts";
import { Socket, type SocketServices } from "./socket.ts";
import { AF_UNIX, encodeAddress, type PeerAddress, SocketAddress } from "./socket_address.ts";

/** Linux, bits/socket.h, bits/socket_type.h. */
const SOCK_STREAM = 1;
const SOL_SOCKET = 1;
const SO_ERROR = 4;

interface ConnectOptions {
  readonly services: SocketServices;
  readonly limitMs: number;
}

/**
 * Connected, and closed by whoever asked; without a promise where that is known at once. Null where it is not: nobody listens, no
 * descriptor is left, the host is a name. Rejects with TimedOut after `limitMs`.
 */
export function connectSocket(address: PeerAddress, options: ConnectOptions): Soon<Socket | null> {
  const encoded = encodedOf(address);
  if (encoded === null) return null;
  const { calls } = options.services;
  const descriptor = calls.socket(encoded[0], SOCK_STREAM | O_NONBLOCK | O_CLOEXEC, 0);
  if (descriptor < 0) return null;
  if (calls.connect(descriptor, encoded, encoded.length) === 0) return socketOf(descriptor, address, options);
  if (encoded[0] !== AF_UNIX) return finishConnecting(descriptor, address, options);
  // A Unix socket connects at once or not at all (EAGAIN: its queue is full, and nobody tells when it is not).
  calls.close(descriptor);
  return null;
}

/** An upstream has one address, and a connection for each request where it keeps none. */
const ENCODED = new WeakMap<PeerAddress, ReturnType<typeof encodeAddress>>();

function encodedOf(address: PeerAddress): ReturnType<typeof encodeAddress> {
  const known = ENCODED.get(address);
  if (known !== undefined) return known;
  const encoded = encodeAddress(address);
  ENCODED.set(address, encoded);
  return encoded;
}

function socketOf(descriptor: number, address: PeerAddress, { services }: ConnectOptions): Socket {
  const socket = new Socket(descriptor, address.transport === "tcp" ? address : NO_ADDRESS, services);
  // What has come all the same is told when it is watched.
  socket.expectNothing();
  return socket;
}

const NO_ADDRESS = { transport: "tcp", hostname: "", port: 0 } as const;

async function finishConnecting(
  descriptor: number,
  address: PeerAddress,
  options: ConnectOptions,
): Promise<Socket | null> {
  let isConnected = false;
  try {
    isConnected = await awaitConnection(descriptor, options);
  } finally {
    if (!isConnected) options.services.calls.close(descriptor);
  }
  return isConnected ? socketOf(descriptor, address, options) : null;
}

async function awaitConnection(
  descriptor: number,
  { services, limitMs }: ConnectOptions,
): Promise<boolean> {
  if (hasFailed(descriptor, services)) return false;
  // On this machine it is there as soon as it was asked for.
  if (isPeered(descriptor, services)) return true;
  const watched = services.readiness.watch(descriptor, "writable");
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    watched.stop();
  }, limitMs);
  try {
    await watched.ready();
    if (isLate) throw new Deno.errors.TimedOut(`no connection within ${limitMs} ms`);
    return !hasFailed(descriptor, services) && isPeered(descriptor, services);
  } finally {
    clearTimeout(timer);
    watched.stop();
  }
}

function hasFailed(descriptor: number, { calls }: SocketServices): boolean {
  const error = new Uint8Array(4);
  return calls.getsockopt(descriptor, SOL_SOCKET, SO_ERROR, error, Uint32Array.of(error.length)) !== 0 ||
    error.some((byte) => byte !== 0);
}

function isPeered(descriptor: number, { calls }: SocketServices): boolean {
  const address = new SocketAddress();
  return calls.getpeername(descriptor, address.bytes, address.room()) === 0;
}
