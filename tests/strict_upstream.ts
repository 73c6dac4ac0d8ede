/**
 * An HTTP/1.1 server that answers each request with its query, and notes as a fault whatever RFC 9112 lets nobody send: what
 * a gateway passes on must have one meaning only. RFC 9112 3 (request line), 5 (fields), 6 (content), 7.1 (chunks).
 */

export interface StrictUpstream {
  readonly port: number;
  /** The queries it has seen; rejects where a request had a fault. */
  readonly seen: () => Promise<readonly string[]>;
  readonly stop: () => Promise<void>;
}

const REQUEST_LINE = /^[A-Z]+ \/[\x21-\x22\x24-\x7e]* HTTP\/1\.1$/;
const FIELD_LINE =
  /^[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\x21-\x7e\x80-\xff](?:[\t \x21-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?$/;

export function startStrictUpstream(): StrictUpstream {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const queries: string[] = [];
  const faults: string[] = [];
  const serving = (async () => {
    const open: Promise<void>[] = [];
    for await (const connection of listener) {
      open.push(
        serve(new ByteReader(connection), queries)
          .catch((error) => void faults.push(String(error)))
          .finally(() => connection.close()),
      );
    }
    await Promise.all(open);
  })();
  return {
    port: listener.addr.port,
    seen: async () => {
      // lisod has ended, and with it each connection.
      listener.close();
      await serving;
      if (faults.length > 0) throw new Error(faults.join("\n"));
      return queries;
    },
    stop: async () => {
      try {
        listener.close();
      } catch (error) {
        if (!(error instanceof Deno.errors.BadResource)) throw error;
      }
      await serving;
    },
  };
}

async function serve(reader: ByteReader, queries: string[]): Promise<void> {
  for (let head; (head = await reader.through("\r\n\r\n")) !== null;) {
    const [requestLine, ...lines] = head.slice(0, -4).split("\r\n");
    if (!REQUEST_LINE.test(requestLine)) throw new Error(`Request line ${JSON.stringify(requestLine)}`);
    for (const line of lines) if (!FIELD_LINE.test(line)) throw new Error(`Field ${JSON.stringify(line)}`);
    // A gateway that is cut off in the middle of a content has to close.
    if (!await skipContent(reader, lines)) return;
    const query = requestLine.split(" ")[1].split("?")[1] ?? "";
    queries.push(query);
    const isHead = requestLine.startsWith("HEAD ");
    await reader.answer(`HTTP/1.1 200 OK\r\nContent-Length: ${query.length}\r\n\r\n${isHead ? "" : query}`);
  }
}

/** False when the connection ends before. */
async function skipContent(reader: ByteReader, lines: readonly string[]): Promise<boolean> {
  const valuesOf = (name: string) =>
    lines.filter((line) => line.toLowerCase().startsWith(`${name}: `)).map((line) => line.slice(name.length + 2));
  const [lengths, codings, hosts] = ["content-length", "transfer-encoding", "host"].map(valuesOf);
  if (hosts.length !== 1) throw new Error(`${hosts.length} hosts`);
  if (lengths.length + codings.length > 1) throw new Error(`Lengths ${lengths}, codings ${codings}`);
  if (codings.length === 1) {
    if (codings[0] !== "chunked") throw new Error(`Coding ${codings[0]}`);
    return await skipChunks(reader);
  }
  if (lengths.length === 0) return true;
  if (!/^[0-9]{1,15}$/.test(lengths[0])) throw new Error(`Length ${lengths[0]}`);
  return await reader.skip(Number(lengths[0]));
}

async function skipChunks(reader: ByteReader): Promise<boolean> {
  for (let line; (line = await reader.through("\r\n")) !== null;) {
    if (!/^[0-9a-f]{1,12}\r\n$/.test(line)) throw new Error(`Chunk ${JSON.stringify(line)}`);
    const length = parseInt(line, 16);
    if (!await reader.skip(length)) return false;
    const end = await reader.through("\r\n");
    if (end === null) return false;
    if (end !== "\r\n") throw new Error(`After a chunk ${JSON.stringify(end)}`);
    if (length === 0) return true;
  }
  return false;
}

class ByteReader {
  readonly #connection: Deno.Conn;
  readonly #buffer = new Uint8Array(65_536);
  /** One character a byte. */
  #pending = "";

  constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  /** Null at the end. */
  async through(mark: string): Promise<string | null> {
    let at;
    while ((at = this.#pending.indexOf(mark)) === -1) if (!await this.#fill()) return null;
    const text = this.#pending.slice(0, at + mark.length);
    this.#pending = this.#pending.slice(at + mark.length);
    return text;
  }

  async skip(count: number): Promise<boolean> {
    while (this.#pending.length < count) if (!await this.#fill()) return false;
    this.#pending = this.#pending.slice(count);
    return true;
  }

  async answer(text: string): Promise<void> {
    await this.#connection.write(new TextEncoder().encode(text));
  }

  async #fill(): Promise<boolean> {
    const count = await this.#connection.read(this.#buffer);
    if (count === null) return false;
    this.#pending += String.fromCharCode(...this.#buffer.subarray(0, count));
    return true;
  }
}
