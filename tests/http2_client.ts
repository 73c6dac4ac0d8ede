/** A client that sends frames as a test makes them, over a plain socket or TLS, and reads what comes. */
import { join as joinPath } from "@std/path";
import { HeaderDecoder } from "../lib/http2/header_decoder.ts";
import { HttpsServer } from "./https.ts";
import { F, frame, join, PREFACE, type ReadFrame, readFrames, settings, T } from "./http2_frames.ts";

/** Longest wait for frames that have to come. */
const WAIT_MS = 20_000;

export interface Http2Target {
  readonly port: number;
  /** Over TLS, with these authorities in PEM. */
  readonly caCerts?: readonly string[];
}

export class Http2Client implements Disposable {
  readonly #socket: Deno.Conn;
  readonly #decoder = new HeaderDecoder();
  readonly #statuses = new Map<number, readonly number[]>();
  readonly #fields = new Map<number, readonly string[]>();
  #rest: Uint8Array = new Uint8Array(0);
  #block: Uint8Array = new Uint8Array(0);
  #pingCount = 0;
  #isClosed = false;
  readonly frames: ReadFrame[] = [];
  hasEnded = false;

  private constructor(socket: Deno.Conn) {
    this.#socket = socket;
  }

  /** Connects and sends the preface and SETTINGS; with `isRaw` nothing. */
  static async connect({ port, caCerts }: Http2Target, isRaw = false): Promise<Http2Client> {
    const address = { hostname: "localhost", port };
    const socket = caCerts === undefined
      ? await Deno.connect({ ...address, hostname: "127.0.0.1" })
      : await Deno.connectTls({ ...address, caCerts: [...caCerts], alpnProtocols: ["h2"] });
    const client = new Http2Client(socket);
    if (!isRaw) await client.send(PREFACE, settings());
    return client;
  }

  /** False where the server has ended the connection, which what it has sent explains. */
  async send(...parts: readonly Uint8Array[]): Promise<boolean> {
    const bytes = join(...parts);
    try {
      for (let at = 0; at < bytes.length;) at += await this.#socket.write(bytes.subarray(at));
      return true;
    } catch (error) {
      if (!(error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.ConnectionReset)) throw error;
      return false;
    }
  }

  /** Reads until that holds or the server ends the connection; throws with the frames so far where neither comes. */
  async until(holds: () => boolean): Promise<void> {
    const buffer = new Uint8Array(65_536);
    let timer: number | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`Waited in vain; came: ${this.summary}`)), WAIT_MS);
    });
    try {
      while (!this.hasEnded && !holds()) {
        const count = await Promise.race([this.#socket.read(buffer).catch(() => null), late]);
        if (count === null) this.hasEnded = true;
        else this.#take(buffer.slice(0, count));
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #take(bytes: Uint8Array): void {
    const { frames, rest } = readFrames(join(this.#rest, bytes));
    this.#rest = rest;
    for (const one of frames) {
      this.frames.push(one);
      if (one.type === T.headers || one.type === T.continuation) this.#takeBlock(one);
    }
  }

  #takeBlock({ streamId, flags, payload }: ReadFrame): void {
    this.#block = join(this.#block, payload);
    if ((flags & F.endHeaders) === 0) return;
    const fields: string[] = [];
    const block = this.#block;
    this.#block = new Uint8Array(0);
    this.#decoder.decode(block, { start: 0, end: block.length }, {
      add: ({ bytes, nameLength, value }) =>
        fields.push(`${new TextDecoder("latin1").decode(bytes.subarray(0, nameLength))}: ${value}`),
    });
    const status = Number(fields[0].replace(":status: ", ""));
    this.#statuses.set(streamId, [...this.statusesOf(streamId), status]);
    this.#fields.set(streamId, fields);
  }

  /** Waits until the server has handled all that was sent. */
  async ping(): Promise<void> {
    const text = `ping${String(++this.#pingCount).padStart(4, "0")}`;
    await this.send(frame(T.ping, 0, 0, text));
    const isAck = ({ type, flags, payload }: ReadFrame) =>
      type === T.ping && flags === F.ack && new TextDecoder().decode(payload) === text;
    await this.until(() => this.frames.some(isAck));
  }

  async whenEnded(streamId: number): Promise<void> {
    await this.until(() => this.isAtEnd(streamId));
  }

  isAtEnd(id: number): boolean {
    return this.frames.some(({ type, flags, streamId }) =>
      streamId === id && (type === T.reset || ((type === T.data || type === T.headers) && (flags & F.endStream) !== 0))
    );
  }

  /** The last status on the stream. */
  statusOf(streamId: number): number | undefined {
    return this.statusesOf(streamId).at(-1);
  }

  /** All that came on the stream, interim ones too: several may come in one read. */
  statusesOf(streamId: number): readonly number[] {
    return this.#statuses.get(streamId) ?? [];
  }

  /** The last head on the stream, as lines. */
  fieldsOf(streamId: number): readonly string[] {
    return this.#fields.get(streamId) ?? [];
  }

  contentOf(id: number): Uint8Array {
    return join(
      ...this.frames.filter(({ type, streamId }) => type === T.data && streamId === id).map(({ payload }) => payload),
    );
  }

  /** Of the first frame of that type, for the stream; undefined where none came. */
  find(type: number, streamId: number): ReadFrame | undefined {
    return this.frames.find((one) => one.type === type && one.streamId === streamId);
  }

  get summary(): string {
    return this.frames.map(({ type, flags, streamId, payload }) => `${type}/${flags} on ${streamId}: ${payload.length}`)
      .join(", ");
  }

  /** Closes the socket; idempotent. */
  [Symbol.dispose](): void {
    if (!this.#isClosed) this.#socket.close();
    this.#isClosed = true;
  }
}

/** A server of HTTP and HTTPS with these programs below /cgi/. Disposing stops it and removes all files. */
export class Http2Server implements AsyncDisposable {
  readonly https: HttpsServer;
  readonly #programs: string;

  private constructor(https: HttpsServer, programs: string) {
    this.https = https;
    this.#programs = programs;
  }

  static async start(
    { programs, files, args = [] }: {
      readonly programs: Readonly<Record<string, string>>;
      readonly files: Readonly<Record<string, string | Uint8Array>>;
      readonly args?: readonly string[];
    },
  ): Promise<Http2Server> {
    const folder = await Deno.makeTempDir({ prefix: "lisod-programs-" });
    for (const [name, text] of Object.entries(programs)) {
      await Deno.writeTextFile(joinPath(folder, name), text, { mode: 0o755 });
    }
    return new Http2Server(await HttpsServer.start({ files, args: ["--cgi", folder, ...args] }), folder);
  }

  /** Both ways to it: plain, and over TLS. */
  async targets(): Promise<readonly (Http2Target & { readonly name: string; readonly url: string })[]> {
    const { server, certificates, port, url } = this.https;
    const caCerts = [await Deno.readTextFile(certificates.root)];
    return [{ name: "plain", port: server.port(), url: server.url }, { name: "TLS", port, caCerts, url }];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.https[Symbol.asyncDispose]();
    await Deno.remove(this.#programs, { recursive: true });
  }
}
