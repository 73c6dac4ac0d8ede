/** Plain connections as the server has them, with a client of the runtime at the other end. */
import { ListeningPort } from "../lib/net/listening_port.ts";
import { openLibc } from "../lib/system/libc.ts";
import type { Socket } from "../lib/net/socket.ts";
import { SocketListener } from "../lib/net/socket_listener.ts";
import { Readiness } from "../lib/system/readiness.ts";
import { SOCKET_CALLS, type SocketCalls } from "../lib/system/socket_calls.ts";
import { readinessCalls } from "./cgi/system_calls.ts";

/** Open as long as the tests run. */
export const socketCalls: SocketCalls = Deno.dlopen("libc.so.6", SOCKET_CALLS).symbols;
const libc = openLibc();

export interface SocketsUnderTest {
  readonly listener: SocketListener;
  readonly port: number;
  connect(): Promise<Deno.TcpConn>;
  /** A connection and its client. */
  pair(): Promise<{ readonly socket: Socket; readonly client: Deno.TcpConn }>;
}

interface SocketOptions {
  readonly hostname?: string;
  /** Others accept from the same socket. */
  readonly isShared?: boolean;
  /** In place of the real ones. */
  readonly calls?: Partial<SocketCalls>;
  readonly areProgramsStarting?: () => boolean;
}

/** Runs `test` with a listener; whatever happens, all that was opened is closed. */
export async function withSockets(
  { hostname = "127.0.0.1", isShared = false, calls = {}, areProgramsStarting = () => false }: SocketOptions,
  test: (under: SocketsUnderTest) => Promise<void>,
): Promise<void> {
  const readiness = new Readiness(readinessCalls);
  const opened = Deno.listen({ hostname, port: 0 });
  const { port } = opened.addr;
  const [descriptor] = new ListeningPort(libc, port).descriptors;
  const services = { calls: { ...socketCalls, ...calls }, readiness, areProgramsStarting };
  const listener = SocketListener.open(descriptor, services, isShared);
  opened.close();
  const ends: { close(): void }[] = [listener];
  const connect = async () => {
    const client = await Deno.connect({ hostname: hostname === "::" ? "127.0.0.1" : hostname, port });
    ends.push(client);
    return client;
  };
  const pair = async () => {
    const [client, socket] = await Promise.all([connect(), listener.accept()]);
    ends.push(socket);
    return { client, socket };
  };
  try {
    await test({ listener, port, connect, pair });
  } finally {
    for (const end of ends) closeQuietly(end);
    await readiness.close();
  }
}

/** The test may have closed it. */
function closeQuietly(end: { close(): void }): void {
  try {
    end.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}
