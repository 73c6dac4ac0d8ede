/**
 * A client that sends any bytes whatever, in any pieces, and shows what came back byte for byte: for the tests of what no
 * well-behaved client would send. Works over TCP and TLS.
 */
import { concatenate, parseResponses, type RawResponse, toBytes, toText } from "./raw_http.ts";

type Piece = string | Uint8Array;

export interface ExchangeOptions {
  /** Stop when so many final responses are there; without it, read until the server closes. */
  readonly count?: number;
  /** The methods of the requests in order, needed where one is HEAD. */
  readonly methods?: readonly string[];
  /** Longest time for the whole exchange. */
  readonly deadlineMs?: number;
}

/** What came back. */
export interface Received {
  /** Whole responses in order, interim ones (1xx) included. */
  readonly responses: readonly RawResponse[];
  /** Bytes after the last whole response: a response that was cut, or bytes that belong to none. */
  readonly rest: Uint8Array<ArrayBuffer>;
  /** How reading ended: enough responses, the server closed in good order, or it reset the connection. */
  readonly end: "count" | "closed" | "reset";
}

/** The input in pieces of one byte each. */
export function toSingleBytes(input: Piece): Uint8Array[] {
  return Array.from(typeof input === "string" ? toBytes(input) : input, (byte) => Uint8Array.of(byte));
}

/** Connects to a port of 127.0.0.1, sends the pieces one write each, reads the answers and closes. */
export async function exchange(
  port: number,
  input: Piece | readonly Piece[],
  options: ExchangeOptions = {},
): Promise<Received> {
  using client = await RawClient.connect(port);
  const pieces = typeof input === "string" || input instanceof Uint8Array ? [input] : input;
  // Reading starts at once: a server may answer and close before it has seen all.
  const [received] = await Promise.all([client.receive(options), client.send(...pieces)]);
  return received;
}

/** One connection, for exchanges of several steps. Disposing closes it. */
export class RawClient implements Disposable {
  readonly #connection: Deno.Conn;
  /** Received and not handed out yet. */
  #pending = new Uint8Array();
  #isClosed = false;

  /** Takes an open connection, of any kind, and owns it from now on. */
  constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  /** Connects over TCP; each piece leaves at once. */
  static async connect(port: number, hostname = "127.0.0.1"): Promise<RawClient> {
    const connection = await Deno.connect({ port, hostname });
    connection.setNoDelay(true);
    return new RawClient(connection);
  }

  /** Writes each piece by itself; stops quietly when the server has closed, which the answer then explains. */
  async send(...pieces: readonly Piece[]): Promise<void> {
    try {
      for (const piece of pieces) {
        const bytes = typeof piece === "string" ? toBytes(piece) : piece;
        for (let at = 0; at < bytes.length;) at += await this.#connection.write(bytes.subarray(at));
      }
    } catch (error) {
      if (!isClosedByPeer(error) && !this.#isClosed) throw error;
    }
  }

  /** Ends our half of the connection. */
  async closeWrite(): Promise<void> {
    await this.#connection.closeWrite();
  }

  /** Reads until there are `count` final responses or, without a count, until the server closes. */
  receive({ count, methods, deadlineMs }: ExchangeOptions = {}): Promise<Received> {
    const responses: RawResponse[] = [];
    return this.#readUntil((end) => {
      // What is whole is read once, however much comes after it.
      const finals = responses.filter(({ status }) => status >= 200).length;
      const left = { methods: methods?.slice(finals), count: count === undefined ? undefined : count - finals };
      const { responses: next, rest } = parseResponses(this.#pending, { ...left, isClosed: end !== null });
      responses.push(...next);
      this.#pending = rest;
      if (responses.filter(({ status }) => status >= 200).length === count) return { responses, rest, end: "count" };
      return end === null ? null : { responses, rest, end };
    }, deadlineMs);
  }

  /** Reads until `mark` has come, and returns what came through it as text; throws when the server closes before. */
  receiveThrough(mark: string, deadlineMs?: number): Promise<string> {
    return this.#readUntil((end) => {
      const text = toText(this.#pending);
      const at = text.indexOf(mark);
      if (at === -1 && end !== null) {
        throw new Error(`The server closed before ${JSON.stringify(mark)}: ${JSON.stringify(text)}`);
      }
      if (at === -1) return null;
      this.#pending = this.#pending.slice(at + mark.length);
      return text.slice(0, at + mark.length);
    }, deadlineMs);
  }

  /** Reads until the server closes and keeps nothing; returns how many bytes came. */
  async countToEnd(): Promise<number> {
    let count = this.#pending.length;
    for (let chunk; typeof (chunk = await this.#read()) !== "string";) count += chunk.length;
    this.#pending = new Uint8Array();
    return count;
  }

  /** Reads that many bytes, or a few more, and keeps none; throws when the server closes before. */
  async skip(count: number): Promise<void> {
    let skipped = this.#pending.length;
    this.#pending = new Uint8Array();
    while (skipped < count) {
      const chunk = await this.#read();
      if (typeof chunk === "string") throw new Error(`The server closed after ${skipped} of ${count} bytes`);
      skipped += chunk.length;
    }
  }

  /** Reads until `look` finds in what is pending what it looks for; it is told how the connection ended once it has. */
  async #readUntil<T>(look: (end: "closed" | "reset" | null) => T | null, deadlineMs = 10_000): Promise<T> {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.close();
    }, deadlineMs);
    try {
      let end: "closed" | "reset" | null = null;
      while (true) {
        const found = look(end);
        if (found !== null) return found;
        const chunk = await this.#read();
        if (isLate) {
          throw new Error(`Not answered within ${deadlineMs} ms; so far ${JSON.stringify(toText(this.#pending))}`);
        }
        if (typeof chunk === "string") end = chunk;
        else this.#pending = concatenate([this.#pending, chunk]);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** The next bytes, or how the connection ended. */
  async #read(): Promise<Uint8Array | "closed" | "reset"> {
    const buffer = new Uint8Array(65_536);
    try {
      const count = await this.#connection.read(buffer);
      return count === null ? "closed" : buffer.subarray(0, count);
    } catch (error) {
      if (this.#isClosed || isClosedByPeer(error)) return "reset";
      throw error;
    }
  }

  /** Closes the connection; bytes that were not read make it a reset. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#connection.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function isClosedByPeer(error: unknown): boolean {
  return error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.ConnectionAborted || error instanceof Deno.errors.NotConnected;
}
