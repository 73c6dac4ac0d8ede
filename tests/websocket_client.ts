/** A client of WebSocket that sends any frames whatever and shows what the server says, over TCP or TLS. */
import { closing, joinBytes, ServerFrames, text } from "./websocket_frames.ts";

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
/** Longest wait for what the server is to say. */
const DEADLINE_MS = 10_000;

export interface OpenOptions {
  /** Fields beside those of the handshake. */
  readonly fields?: readonly string[];
  /** Sent behind the head in the same write. */
  readonly early?: Uint8Array;
  readonly connection?: Deno.Conn;
}

/** The head of a handshake. */
export function handshake(path: string, fields: readonly string[] = []): string {
  return [
    `GET ${path} HTTP/1.1`,
    "Host: localhost",
    "Connection: keep-alive, Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Key: ${KEY}`,
    ...fields,
    "",
    "",
  ].join("\r\n");
}

/** One connection. Disposing closes it. */
export class WebSocketClient implements Disposable {
  /** Of the answer, up to its empty line. */
  readonly head: string;
  readonly #connection: Deno.Conn;
  readonly #frames = new ServerFrames();
  #said: string[] = [];
  #hasEnded = false;

  private constructor(connection: Deno.Conn, head: string, rest: Uint8Array) {
    this.#connection = connection;
    this.head = head;
    this.#take(rest);
  }

  /** Throws where the answer is not 101 with the right key. */
  static async open(port: number, path: string, options: OpenOptions = {}): Promise<WebSocketClient> {
    const client = await WebSocketClient.ask(port, path, options);
    const isRight = client.head.startsWith("HTTP/1.1 101 ") &&
      client.head.includes(`Sec-WebSocket-Accept: ${ACCEPT}\r\n`);
    if (isRight) return client;
    client[Symbol.dispose]();
    throw new Error(`Not switched: ${client.head}`);
  }

  /** The same, whatever the answer is. */
  static async ask(port: number, path: string, options: OpenOptions = {}): Promise<WebSocketClient> {
    const { fields, early = new Uint8Array(), connection = await Deno.connect({ port, hostname: "127.0.0.1" }) } =
      options;
    await writeAll(connection, joinBytes(new TextEncoder().encode(handshake(path, fields)), early));
    for (let bytes = new Uint8Array();;) {
      const end = new TextDecoder("latin1").decode(bytes).indexOf("\r\n\r\n");
      if (end >= 0) {
        const head = new TextDecoder("latin1").decode(bytes.subarray(0, end + 4));
        return new WebSocketClient(connection, head, bytes.slice(end + 4));
      }
      const part = await read(connection);
      if (part === null) throw new Error(`No head: ${new TextDecoder().decode(bytes)}`);
      bytes = joinBytes(bytes, part);
    }
  }

  async send(...frames: readonly Uint8Array[]): Promise<void> {
    await writeAll(this.#connection, joinBytes(...frames));
  }

  /** Sends a text and resolves to what the server says next. */
  async say(words: string): Promise<string> {
    await this.send(text(words));
    return await this.next();
  }

  /** What the server says next; "end" when it has closed. Throws at a deadline. */
  async next(): Promise<string> {
    while (this.#said.length === 0 && !this.#hasEnded) await this.#read();
    return this.#said.shift() ?? "end";
  }

  /**
   * All that it says until it closes, which it does with a close of the protocol, or else "end" stands at the end. Its close is
   * answered, as by whoever keeps to the protocol.
   */
  async rest(): Promise<readonly string[]> {
    let isAnswered = false;
    while (!this.#hasEnded) {
      if (!isAnswered && this.#said.at(-1)?.startsWith("close")) {
        isAnswered = true;
        await this.send(closing());
      }
      await this.#read();
    }
    const said = this.#said.splice(0);
    return said.at(-1)?.startsWith("close") ? said : [...said, "end"];
  }

  async #read(): Promise<void> {
    const part = await read(this.#connection);
    if (part === null) this.#hasEnded = true;
    else this.#take(part);
  }

  #take(part: Uint8Array): void {
    // What is no answer of WebSocket has no frames.
    if (!this.head.startsWith("HTTP/1.1 101 ")) return;
    this.#said.push(...this.#frames.push(part));
  }

  [Symbol.dispose](): void {
    try {
      this.#connection.close();
    } catch {
      // Closed before.
    }
  }
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  try {
    for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
  } catch (error) {
    // The server has closed, which what it said explains.
    if (!(error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.ConnectionReset)) throw error;
  }
}

async function read(connection: Deno.Conn): Promise<Uint8Array | null> {
  const buffer = new Uint8Array(65_536);
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`The server was silent for ${DEADLINE_MS} ms`)), DEADLINE_MS);
  try {
    const count = await Promise.race([connection.read(buffer), late.promise]);
    return count === null ? null : buffer.slice(0, count);
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionReset) return null;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
