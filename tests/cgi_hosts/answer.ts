/**
 * One request to a host and what came back, read so leniently that whatever a host sends can be told. Apart from the points,
 * which say what to ask. tests/raw_http.ts is strict, as lisod must be; other hosts need not be.
 */
import { toText } from "../raw_http.ts";

/** A request in parts; the path of the program goes before `path`. */
export interface Request {
  /** GET unless given. */
  readonly method?: string;
  /** What follows the path of the program in the target, with the query. */
  readonly path?: string;
  /** Lines of the head beside Host and Connection, without their ends. */
  readonly fields?: readonly string[];
  /** In place of the Host field that all requests have. */
  readonly host?: string;
  /** Sent as it is, one byte a character; without a Content-Length of its own. */
  readonly body?: string;
  /** "1.1" unless given. */
  readonly version?: "1.0" | "1.1";
  /** Without "Connection: close", which all others have. */
  readonly keepsAlive?: boolean;
}

/** What came, one character a byte. */
export interface Answer {
  readonly statusLine: string;
  /** Null: no status line came. */
  readonly status: number | null;
  /** In order, as received; of the final response. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** Without the chunked coding, where that was whole. */
  readonly body: string;
  /** Interim responses that came before. */
  readonly interimCount: number;
  /** How it ended; "late": the host kept the connection open beyond `ANSWER_MS`. */
  readonly end: "closed" | "reset" | "late";
  /** From the first byte sent to the end. */
  readonly tookMs: number;
}

/** Longest wait for the end of an answer. */
export const ANSWER_MS = 6000;

/** The bytes of a request for `target`, one a character. */
export function requestText(target: string, request: Request = {}): string {
  const { method = "GET", fields = [], host = "h.example", body, version = "1.1", keepsAlive } = request;
  const head = [
    `${method} ${target} HTTP/${version}`,
    `Host: ${host}`,
    ...(keepsAlive === true ? [] : ["Connection: close"]),
    ...fields,
  ];
  return `${head.join("\r\n")}\r\n\r\n${body ?? ""}`;
}

/** Sends one character a byte, reads until the host closes or `limitMs` has passed, and closes. */
export async function exchange(port: number, input: string, limitMs = ANSWER_MS): Promise<Answer> {
  using client = await Client.connect(port);
  await client.send(input);
  return await client.readToEnd(limitMs);
}

/** One connection, for exchanges of several steps. Disposing closes it. */
export class Client implements Disposable {
  readonly #connection: Deno.Conn;
  readonly #startMs = performance.now();
  #received = "";
  #end: Answer["end"] | null = null;
  #isClosed = false;
  #reading: Promise<void> | null = null;

  private constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  /** To a port of 127.0.0.1. */
  static async connect(port: number): Promise<Client> {
    return new Client(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  /** One character a byte. */
  async send(text: string): Promise<void> {
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    try {
      for (let at = 0; at < bytes.length;) at += await this.#connection.write(bytes.subarray(at));
    } catch (error) {
      // The answer may tell why.
      if (!isPeersEnd(error)) throw error;
    }
  }

  /** Whether `mark` has come before `limitMs` had passed or the host closed. */
  async waitFor(mark: string, limitMs: number): Promise<boolean> {
    return await this.#readUntil(() => this.#received.includes(mark), limitMs);
  }

  /** All that came until the host closed, or until `limitMs` had passed. Nothing can be read after it. */
  async readToEnd(limitMs = ANSWER_MS): Promise<Answer> {
    await this.#readUntil(() => this.#end !== null, limitMs);
    this.#close();
    return { ...parseAnswer(this.#received), end: this.#end ?? "late", tookMs: performance.now() - this.#startMs };
  }

  /** Whether it is enough before `limitMs` has passed or the host closes. */
  async #readUntil(isEnough: () => boolean, limitMs: number): Promise<boolean> {
    let timer: number | undefined;
    const late = new Promise<"late">((resolve) => timer = setTimeout(resolve, limitMs, "late"));
    try {
      while (!isEnough() && this.#end === null) {
        // A read that has not ended goes on, for the next one who waits.
        this.#reading ??= this.#read();
        if (await Promise.race([this.#reading, late]) === "late") break;
      }
    } finally {
      clearTimeout(timer);
    }
    return isEnough();
  }

  /** One part of what the host sends, or its end. */
  async #read(): Promise<void> {
    const buffer = new Uint8Array(65_536);
    try {
      const count = await this.#connection.read(buffer);
      if (count === null) this.#end = "closed";
      else this.#received += toText(buffer.subarray(0, count));
    } catch (error) {
      if (!this.#isClosed && !isPeersEnd(error)) throw error;
      if (!this.#isClosed) this.#end = "reset";
    } finally {
      this.#reading = null;
    }
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#connection.close();
  }

  [Symbol.dispose](): void {
    this.#close();
  }
}

function isPeersEnd(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe;
}

/** Reads a head whatever its line ends and lines are. */
export function parseAnswer(text: string): Omit<Answer, "end" | "tookMs"> {
  const [, head, rest] = /^(.*?)\r?\n\r?\n(.*)$/s.exec(text) ?? ["", text, ""];
  const [statusLine, ...lines] = head.split(/\r?\n/);
  const status = /^HTTP\/\d\.\d +(\d{3})/.exec(statusLine)?.[1] ?? null;
  if (status !== null && status.startsWith("1") && status !== "101") {
    const final = parseAnswer(rest);
    return { ...final, interimCount: final.interimCount + 1 };
  }
  const fields = lines.map((line) => {
    const colon = line.indexOf(":");
    return colon < 0 ? [line, ""] as const : [line.slice(0, colon), line.slice(colon + 1).trim()] as const;
  });
  const isChunked = fields.some(([name, value]) => /^transfer-encoding$/i.test(name) && /chunked/i.test(value));
  return {
    statusLine,
    status: status === null ? null : Number(status),
    fields,
    body: isChunked ? withoutChunks(rest) : rest,
    interimCount: 0,
  };
}

/** The content of whole chunks; text that is none is left as it is. */
function withoutChunks(text: string): string {
  let content = "";
  for (let at = 0; at < text.length;) {
    const [line, digits] = /^([0-9A-Fa-f]+)[^\r\n]*\r\n/.exec(text.slice(at, at + 100)) ?? [];
    if (line === undefined) return content === "" ? text : content;
    const start = at + line.length;
    const size = parseInt(digits, 16);
    content += text.slice(start, start + size);
    if (size === 0) return content;
    at = start + size + 2;
  }
  return content;
}
