/**
 * A FastCGI application that says what a test tells it to, byte for byte, and writes down what it is told. Its records are read
 * and written here and not by the server's own code.
 */

export interface Received {
  /** Of the connection: 0 for the first that was accepted. */
  readonly connection: number;
  readonly keeps: boolean;
  readonly variables: Readonly<Record<string, string>>;
  /** All of the content; resolves at its end, or to null where the connection ends before. */
  readonly content: Promise<Uint8Array | null>;
  /** Resolves when the server aborts the request, or the connection ends. */
  readonly aborted: Promise<"aborted" | "closed">;
  /** Resolves when the connection has ended. */
  readonly closed: Promise<void>;
  send(...records: readonly Uint8Array[]): Promise<void>;
  close(): void;
}

/** What an application does with a request. */
export type Answer = (received: Received) => Promise<void> | void;

export class FastCgiApplication implements AsyncDisposable {
  readonly requests: Received[] = [];
  connectionCount = 0;
  readonly #listener: Deno.Listener;
  readonly #answer: Answer;
  readonly #connections = new Set<Deno.Conn>();

  private constructor(listener: Deno.Listener, answer: Answer) {
    this.#listener = listener;
    this.#answer = answer;
    this.#accept();
  }

  static onUnix(path: string, answer: Answer): FastCgiApplication {
    return new FastCgiApplication(Deno.listen({ transport: "unix", path }), answer);
  }

  static onTcp(answer: Answer): FastCgiApplication {
    return new FastCgiApplication(Deno.listen({ hostname: "127.0.0.1", port: 0 }), answer);
  }

  get port(): number {
    return (this.#listener.addr as Deno.NetAddr).port;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#connections) closeQuietly(connection);
    return Promise.resolve();
  }

  async #accept(): Promise<void> {
    try {
      for await (const connection of this.#listener) this.#serve(connection, this.connectionCount++);
    } catch {
      // Closed.
    }
  }

  async #serve(connection: Deno.Conn, id: number): Promise<void> {
    this.#connections.add(connection);
    const closed = Promise.withResolvers<void>();
    let [params, content]: [number[], Uint8Array[]] = [[], []];
    let keeps = false;
    let ended = Promise.withResolvers<Uint8Array | null>();
    let aborted = Promise.withResolvers<"aborted" | "closed">();
    try {
      for await (const { type, bytes } of records(connection)) {
        if (type === 1) {
          [params, content, keeps] = [[], [], (bytes[2] & 1) === 1];
          ended = Promise.withResolvers();
          aborted = Promise.withResolvers();
        } else if (type === 2) aborted.resolve("aborted");
        else if (type === 4 && bytes.length > 0) params.push(...bytes);
        else if (type === 4) {
          const received: Received = {
            ...{ connection: id, keeps, variables: decode(Uint8Array.from(params)) },
            ...{ content: ended.promise, aborted: aborted.promise, closed: closed.promise },
            send: async (...records) => {
              for (const record of records) {
                for (let at = 0; at < record.length;) at += await connection.write(record.subarray(at));
              }
            },
            close: () => closeQuietly(connection),
          };
          this.requests.push(received);
          Promise.resolve(this.#answer(received)).catch(() => {});
        } else if (type === 5 && bytes.length > 0) content.push(bytes);
        else if (type === 5) ended.resolve(new Uint8Array(await new Blob(content as BlobPart[]).arrayBuffer()));
      }
    } catch {
      // Broken: as good as ended.
    }
    ended.resolve(null);
    aborted.resolve("closed");
    closed.resolve();
    closeQuietly(connection);
  }
}

function closeQuietly(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // It is closed.
  }
}

/** A record of the application. */
export function record(type: number, content: string | Uint8Array = "", padding = 0): Uint8Array {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const { length } = bytes;
  return Uint8Array.from([1, type, 0, 1, length >> 8, length & 255, padding, 0, ...bytes, ...new Uint8Array(padding)]);
}

export function output(content: string | Uint8Array): Uint8Array {
  return record(6, content, 3);
}

export function errors(content: string): Uint8Array {
  return record(7, content);
}

export function end(applicationStatus = 0, protocolStatus = 0): Uint8Array {
  return record(3, Uint8Array.of(0, 0, 0, applicationStatus, protocolStatus, 0, 0, 0));
}

async function* records(connection: Deno.Conn): AsyncGenerator<{ readonly type: number; readonly bytes: Uint8Array }> {
  for (;;) {
    const header = await exactly(connection, 8);
    if (header === null) return;
    const bytes = await exactly(connection, header[4] * 256 + header[5]);
    const padding = await exactly(connection, header[6]);
    if (bytes === null || padding === null) return;
    yield { type: header[1], bytes };
  }
}

async function exactly(connection: Deno.Conn, count: number): Promise<Uint8Array | null> {
  const bytes = new Uint8Array(count);
  for (let at = 0; at < count;) {
    const read = await connection.read(bytes.subarray(at));
    if (read === null) return null;
    at += read;
  }
  return bytes;
}

function decode(bytes: Uint8Array): Record<string, string> {
  const variables: Record<string, string> = {};
  const text = (start: number, length: number) => new TextDecoder().decode(bytes.subarray(start, start + length));
  for (let at = 0; at < bytes.length;) {
    const lengths = [0, 0].map(() => {
      if (bytes[at] < 128) return bytes[at++];
      at += 4;
      return (bytes[at - 4] - 128) * 2 ** 24 + bytes[at - 3] * 2 ** 16 + bytes[at - 2] * 256 + bytes[at - 1];
    });
    variables[text(at, lengths[0])] = text(at + lengths[0], lengths[1]);
    at += lengths[0] + lengths[1];
  }
  return variables;
}
