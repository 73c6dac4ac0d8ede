/** An HTTP upstream whose every byte a test decides. */

/** To the head of a request, and how many there were with it. What is said is sent as it is; the connection stays unless `closes`. */
export type RawAnswer = (request: string, number: number) => Answered | Promise<Answered>;

interface Answered {
  readonly bytes: string;
  readonly closes?: boolean;
}

/** Answers each request with what `answer` gives for its number, and closes where that is null. */
export class RawUpstream implements AsyncDisposable {
  readonly requests: string[] = [];
  connectionCount = 0;
  /** Of those that the server has ended, or this one. */
  endCount = 0;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #answer: RawAnswer;

  constructor(answer: RawAnswer) {
    this.#answer = answer;
    this.#accept();
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    return Promise.resolve();
  }

  async #accept(): Promise<void> {
    try {
      for await (const connection of this.#listener) {
        this.connectionCount++;
        this.#serve(connection).catch(() => {}).finally(() => {
          this.endCount++;
          try {
            connection.close();
          } catch {
            // It is closed.
          }
        });
      }
    } catch {
      // Closed.
    }
  }

  async #serve(connection: Deno.Conn): Promise<void> {
    const buffer = new Uint8Array(65_536);
    for (let text = "";;) {
      const count = await connection.read(buffer);
      if (count === null) return;
      text += new TextDecoder("latin1").decode(buffer.subarray(0, count));
      const end = text.indexOf("\r\n\r\n");
      if (end < 0) continue;
      this.requests.push(text.slice(0, end));
      const { bytes, closes = false } = await this.#answer(text.slice(0, end), this.requests.length);
      text = text.slice(end + 4);
      for (let sent = new TextEncoder().encode(bytes); sent.length > 0;) {
        sent = sent.subarray(await connection.write(sent));
      }
      if (closes) return;
    }
  }
}
