/**
 * A socket to an upstream, and the runtime's made one: of those nobody can tell whether their peer has ended them, but by a read
 * that waits. Separate from upstream_connection.ts, which knows neither way to the system. I/O.
 */
import type { Soon } from "../http/message.ts";
import type { Transport } from "../net/transport.ts";
import type { UpstreamAddress } from "./upstream.ts";

/** What a connection needs of its socket; those of lib/net/socket.ts fit as they are. */
export interface UpstreamSocket extends Transport {
  /** Whether nothing has come that was not read, neither bytes nor the end, as far as `watch` has had it told. */
  readonly isQuiet: boolean;
  watch(): void;
  /** What leaves without waiting, in bytes; 0 where none does. */
  writeAtOnce(bytes: Uint8Array): number;
}

/** The server's own sockets. Null for what they cannot connect to. Rejects with TimedOut alone. */
export type Connect = (address: UpstreamAddress, limitMs: number) => Soon<UpstreamSocket | null>;

export interface ConnectOptions {
  /** How long connecting may take. */
  readonly connectMs: number;
  /** Null: there is the runtime's way alone. */
  readonly connect: Connect | null;
  /** Ends what the runtime cannot: a TCP connection on which a write hangs. */
  readonly shutDown: (connection: Deno.TcpConn) => void;
}

/** Rejects as Deno.connect does, and with TimedOut. What is connected at once needs no promise. */
export function openUpstreamSocket(address: UpstreamAddress, options: ConnectOptions): Soon<UpstreamSocket> {
  const own = options.connect?.(address, options.connectMs) ?? null;
  return own === null || own instanceof Promise ? orByRuntime(own, address, options) : own;
}

async function orByRuntime(
  connecting: Promise<UpstreamSocket | null> | null,
  address: UpstreamAddress,
  options: ConnectOptions,
): Promise<UpstreamSocket> {
  const own = await connecting;
  if (own !== null) return own;
  const socket = await connectByRuntime(address, options.connectMs);
  if ("setNoDelay" in socket) (socket as Deno.TcpConn).setNoDelay(true);
  return new RuntimeSocket(socket, options.shutDown);
}

async function connectByRuntime(address: UpstreamAddress, limitMs: number): Promise<Deno.Conn> {
  const connecting: Promise<Deno.Conn> = address.transport === "unix"
    ? Deno.connect({ transport: "unix", path: address.path })
    : Deno.connect({ hostname: address.hostname, port: address.port });
  let timer: number | undefined;
  const late = new Promise<"late">((resolve) => timer = setTimeout(resolve, limitMs, "late"));
  const socket = await Promise.race([connecting, late]).finally(() => clearTimeout(timer));
  if (socket !== "late") return socket;
  connecting.then((socket) => socket.close(), () => {});
  throw new Deno.errors.TimedOut(`no connection within ${limitMs} ms`);
}

/** Bytes that a read takes which looks whether something comes: no more than whoever reads has room for. */
const LOOK_BYTES = 16_384;

class RuntimeSocket implements UpstreamSocket {
  readonly #socket: Deno.Conn;
  readonly #shutDown: ConnectOptions["shutDown"];
  /** Ends the read that waits. */
  #cut: () => void = () => {};
  /** A read that was begun to see whether the upstream ends the connection; whoever reads goes on with it. */
  #look: Promise<number | null> | null = null;
  #lookBytes: Uint8Array | null = null;
  #isLookSettled = false;
  #writeCount = 0;
  #isClosed = false;

  constructor(socket: Deno.Conn, shutDown: ConnectOptions["shutDown"]) {
    this.#socket = socket;
    this.#shutDown = shutDown;
  }

  get isQuiet(): boolean {
    return this.#look !== null && !this.#isLookSettled && !this.#isClosed;
  }

  watch(): void {
    if (this.#look !== null) return;
    this.#isLookSettled = false;
    this.#lookBytes ??= new Uint8Array(LOOK_BYTES);
    const settle = () => this.#isLookSettled = true;
    (this.#look = this.#socket.read(this.#lookBytes)).then(settle, settle);
  }

  /** Null at the end, and once it is closed. */
  async read(into: Uint8Array): Promise<number | null> {
    const look = this.#look;
    if (look === null) return await this.#orCut(this.#socket.read(into));
    this.#look = null;
    const count = await this.#orCut(look);
    if (count !== null && this.#lookBytes !== null) into.set(this.#lookBytes.subarray(0, count));
    return count;
  }

  /** The runtime does not say so before it has written. */
  writeAtOnce(): number {
    return 0;
  }

  async write(bytes: Uint8Array): Promise<number> {
    this.#writeCount++;
    try {
      return await this.#socket.write(bytes);
    } finally {
      this.#writeCount--;
    }
  }

  closeWrite(): Promise<void> {
    return this.#socket.closeWrite();
  }

  /** Ends a read and a write that wait. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cut();
    const { remoteAddr } = this.#socket;
    // The runtime leaves a socket open for as long as a write waits.
    if (this.#writeCount > 0 && remoteAddr.transport === "tcp") this.#shutDown(this.#socket as Deno.TcpConn);
    this.#socket.close();
  }

  /** As a race would do it, which keeps something for each read until the connection is closed. */
  #orCut(reading: Promise<number | null>): Promise<number | null> {
    return new Promise((resolve, reject) => {
      this.#cut = () => resolve(null);
      reading.then(resolve, reject);
    });
  }
}
