/**
 * One request on an SCGI connection, as lib/gateway/program_exchange.ts wants a program: its content follows the variables, its
 * answer ends with the connection. https://python.ca/scgi/protocol.txt
 */
import type { ByteSink, ByteSource } from "../child/child.ts";
import type { ForwardPeer } from "./forward_peer.ts";
import { scgiHead } from "./scgi_request.ts";
import type { UpstreamConnection } from "./upstream_connection.ts";

export class ScgiPeer implements ForwardPeer {
  readonly label: string;
  readonly input: ByteSink | null;
  readonly output: ByteSource;
  readonly done: Promise<boolean>;
  hasAnswered = false;
  readonly #connection: UpstreamConnection;
  readonly #setDone: (isUsable: boolean) => void;
  /** The write that is under way, or was. */
  #writing: boolean | Promise<boolean>;
  #isOver = false;

  /** The connection is used by nobody else until `done`, and closed then by whoever opened it. */
  constructor(
    connection: UpstreamConnection,
    variables: Readonly<Record<string, string>>,
    { label, hasContent }: { readonly label: string; readonly hasContent: boolean },
  ) {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.done = promise;
    this.#setDone = resolve;
    this.label = label;
    this.#connection = connection;
    // The application knows by its length where the content ends.
    this.input = hasContent ? { write: (bytes) => this.#write(bytes), close: () => {} } : null;
    this.output = {
      read: () => this.#read(),
      keepLast: () => connection.keepLast(),
      close: () => this.#end(),
    };
    this.#writing = connection.write(scgiHead(variables));
  }

  /** There is no word for it but the end of the connection. */
  end(): void {
    this.#end();
  }

  async #write(bytes: Uint8Array): Promise<boolean> {
    await this.#writing;
    if (this.#isOver) return false;
    return await (this.#writing = this.#connection.write(bytes));
  }

  async #read(): Promise<Uint8Array | null> {
    if (this.#isOver) return null;
    try {
      const bytes = await this.#connection.read();
      if (bytes === null) this.#end();
      else this.hasAnswered = true;
      return bytes;
    } catch (error) {
      if (this.#isOver) return null;
      this.#end();
      throw error;
    }
  }

  #end(): void {
    this.#isOver = true;
    this.#setDone(false);
  }
}
