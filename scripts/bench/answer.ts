/**
 * Asks a server once and reads the whole answer, so that the bench can check what it is about to measure. It shares no
 * code with the server under test on purpose. Knows what the peers send: Content-Length, chunked, and content that ends
 * with the connection (RFC 9112 6.3).
 */

/** An answer with its content decoded from the framing. */
export interface Answer {
  readonly status: number;
  /** Values by field name in lower case; of repeated fields the last. */
  readonly fields: ReadonlyMap<string, string>;
  readonly content: Uint8Array;
  /** Bytes of the answer on the connection: head, framing and content. */
  readonly wireBytes: number;
}

/** What is read from: a Deno.Conn fits. */
export interface ByteSource {
  read(into: Uint8Array): Promise<number | null>;
}

/** A GET of HTTP/1.1 as wrk sends it: Host first, then the given fields. */
export function requestText(path: string, host: string, fields: readonly (readonly [string, string])[]): string {
  const lines = [["Host", host], ...fields].map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`;
}

/** Bytes that arrive, kept from the start of the answer: `take` hands out what has not been taken yet. */
class Inbox {
  #bytes = new Uint8Array(65_536);
  #end = 0;
  #taken = 0;
  readonly #source: ByteSource;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  get takenBytes(): number {
    return this.#taken;
  }

  /** The next `count` bytes; throws Error when the connection ends before. */
  async take(count: number): Promise<Uint8Array> {
    while (this.#end - this.#taken < count) {
      if (!await this.#fill()) throw new Error(`The answer ended ${count - this.#end + this.#taken} bytes early`);
    }
    const taken = this.#bytes.subarray(this.#taken, this.#taken + count);
    this.#taken += count;
    return taken;
  }

  /** The bytes up to the next `delimiter` as text without it; throws Error when the connection ends before. */
  async takeUntil(delimiter: string): Promise<string> {
    const decoder = new TextDecoder("latin1");
    for (let scanned = 0;;) {
      const text = decoder.decode(this.#bytes.subarray(this.#taken, this.#end));
      const at = text.indexOf(delimiter, scanned);
      if (at >= 0) {
        this.#taken += at + delimiter.length;
        return text.slice(0, at);
      }
      scanned = Math.max(0, text.length - delimiter.length);
      if (!await this.#fill()) throw new Error("The answer ended within its head");
    }
  }

  /** All that comes until the connection ends. */
  async takeRest(): Promise<Uint8Array> {
    while (await this.#fill());
    return await this.take(this.#end - this.#taken);
  }

  async #fill(): Promise<boolean> {
    if (this.#end === this.#bytes.length) {
      const larger = new Uint8Array(this.#bytes.length * 2);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    const count = await this.#source.read(this.#bytes.subarray(this.#end));
    if (count === null) return false;
    this.#end += count;
    return true;
  }
}

/** Reads one answer to a GET. Throws Error when it ends early or is no HTTP/1 answer. */
export async function readAnswer(source: ByteSource): Promise<Answer> {
  const inbox = new Inbox(source);
  const [statusLine, ...fieldLines] = (await inbox.takeUntil("\r\n\r\n")).split("\r\n");
  const match = /^HTTP\/1\.[01] (\d{3})( |$)/.exec(statusLine);
  if (match === null) throw new Error(`This is no status line: "${statusLine}"`);
  const status = Number(match[1]);
  const fields = new Map<string, string>();
  for (const line of fieldLines) {
    const colon = line.indexOf(":");
    fields.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  const content = await readContent(inbox, status, fields);
  return { status, fields, content, wireBytes: inbox.takenBytes };
}

/** RFC 9112 6.3: no content with 204 and 304, else chunked before Content-Length before the end of the connection. */
async function readContent(inbox: Inbox, status: number, fields: ReadonlyMap<string, string>): Promise<Uint8Array> {
  if (status === 204 || status === 304) return new Uint8Array(0);
  if (fields.get("transfer-encoding")?.toLowerCase() === "chunked") return await readChunks(inbox);
  const length = fields.get("content-length");
  return length === undefined ? await inbox.takeRest() : await inbox.take(Number(length));
}

async function readChunks(inbox: Inbox): Promise<Uint8Array> {
  const content: number[] = [];
  for (;;) {
    const size = Number.parseInt(await inbox.takeUntil("\r\n"), 16);
    if (!(size >= 0)) throw new Error("A chunk has no size");
    // Chunked answers are those of small scripts, so copying byte by byte does not matter.
    content.push(...await inbox.take(size));
    await inbox.takeUntil("\r\n");
    if (size === 0) return Uint8Array.from(content);
  }
}
