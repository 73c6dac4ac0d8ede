/**
 * A door to a server as if it were far away, for a browser: bytes take their time, both ways, a connection takes a round trip
 * until it can be used, and TCP's slow start holds back what is sent at first. The kernel's netem would do it with packets; not
 * every kernel has it. Nothing is lost here, and a path has all the bandwidth that there is.
 */

/** RFC 6928: ten segments that fit into 1,500 bytes. */
const FIRST_WINDOW_BYTES = 14_600;
const MOST_READ_BYTES = 16_384;

export interface FarDoorOptions {
  /** Of the server, on 127.0.0.1. */
  readonly port: number;
  readonly roundTripMs: number;
}

/** What one end of a connection may send before it hears from the other: RFC 5681 3.1, where nothing is ever lost. */
export class SlowStart {
  #windowBytes = FIRST_WINDOW_BYTES;
  #underWayBytes = 0;

  /** How much can be sent now. */
  get roomBytes(): number {
    return this.#windowBytes - this.#underWayBytes;
  }

  send(bytes: number): void {
    this.#underWayBytes += bytes;
  }

  /** The window grows by all that arrives, so it doubles with each round trip. */
  acknowledge(bytes: number): void {
    this.#underWayBytes -= bytes;
    this.#windowBytes += bytes;
  }
}

/** Listens until it is disposed of. */
export class FarDoor implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #connections = new Set<Deno.TcpConn>();
  readonly #work: Promise<void>;
  readonly #options: FarDoorOptions;
  #isClosed = false;

  constructor(options: FarDoorOptions) {
    this.#options = options;
    this.#work = this.#accept();
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  async #accept(): Promise<void> {
    const carried: Promise<void>[] = [];
    for await (const client of this.#listener) carried.push(this.#connect(client));
    await Promise.all(carried);
  }

  async #connect(client: Deno.TcpConn): Promise<void> {
    const { port, roundTripMs } = this.#options;
    // The client believes that it is connected, which a server so far away would have told it later.
    const openMs = performance.now() + roundTripMs;
    const server = await Deno.connect({ hostname: "127.0.0.1", port });
    for (const each of [client, server]) {
      each.setNoDelay(true);
      this.#connections.add(each);
    }
    if (!this.#isClosed) {
      await Promise.all([
        carry(client, server, { roundTripMs, openMs }),
        carry(server, client, { roundTripMs, openMs }),
      ]);
    }
    for (const each of [client, server]) this.#close(each);
  }

  #close(connection: Deno.TcpConn): void {
    if (this.#connections.delete(connection)) connection.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#listener.close();
    for (const connection of [...this.#connections]) this.#close(connection);
    await this.#work;
  }
}

/** Carries bytes one way until they end, and then the end; at once where one of the two was closed. */
async function carry(
  from: Deno.Conn,
  to: Deno.Conn,
  { roundTripMs, openMs }: { readonly roundTripMs: number; readonly openMs: number },
): Promise<void> {
  const slowStart = new SlowStart();
  let hasRoom = Promise.withResolvers<void>();
  let delivered = Promise.resolve();
  let acknowledged = Promise.resolve();
  try {
    for (;;) {
      while (slowStart.roomBytes <= 0) await hasRoom.promise;
      const bytes = new Uint8Array(Math.min(slowStart.roomBytes, MOST_READ_BYTES));
      const count = await from.read(bytes);
      if (count === null) break;
      slowStart.send(count);
      const leavesMs = Math.max(performance.now(), openMs);
      const before = delivered;
      delivered = (async () => {
        await wait(leavesMs + roundTripMs / 2);
        await before;
        await writeAll(to, bytes.subarray(0, count));
      })();
      // What fails is told by the next one that waits for it.
      delivered.catch(() => {});
      acknowledged = wait(leavesMs + roundTripMs).then(() => {
        slowStart.acknowledge(count);
        hasRoom.resolve();
        hasRoom = Promise.withResolvers();
      });
    }
    await delivered;
    await to.closeWrite();
  } catch (error) {
    if (!isEnd(error)) throw error;
  } finally {
    await Promise.allSettled([delivered, acknowledged]);
  }
}

/** Whether somebody has closed the connection: a browser does with those that it no longer needs. */
function isEnd(error: unknown): boolean {
  return [
    Deno.errors.BadResource,
    Deno.errors.BrokenPipe,
    Deno.errors.ConnectionReset,
    Deno.errors.Interrupted,
    Deno.errors.NotConnected,
  ].some((kind) => error instanceof kind);
}

async function writeAll(to: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await to.write(bytes.subarray(sent));
}

/** Until performance.now() says so much. */
function wait(untilMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, untilMs - performance.now())));
}
