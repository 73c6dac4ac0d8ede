/**
 * Chromium by the Chrome DevTools Protocol, for what it measures of pages. Apart from tests/browser.ts, whose playwright listens to
 * every request of a page: here the browser does nothing for each that it would not do for a user.
 */

/** As the tests have it: without what it would ask of others by itself. */
const FLAGS = [
  ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"],
  ...["--disable-background-networking", "--disable-component-update", "--remote-debugging-port=0"],
];
/** Longest wait for the start, and for one answer or event. */
const STEP_MS = 20_000;
/** It has no file to write when it ends; a process that stays is killed. */
const STOP_MS = 5_000;
/** Most of its messages that is searched for the address. */
const MOST_CHARACTERS = 10_000;

/** An answer to a command, or an event. */
interface Message {
  readonly id?: number;
  readonly sessionId?: string;
  readonly method?: string;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message: string };
}

export interface ChromiumOptions {
  /** Where its profile is while it runs. */
  readonly folder: string;
  /** Of the key of a certificate that it trusts: SHA-256 in Base64. */
  readonly keyHash: string;
}

/** A running browser with an empty profile; disposing ends it. */
export class Chromium implements AsyncDisposable {
  readonly #program: Program;
  readonly #socket: WebSocket;
  readonly #waiting = new Set<(message: Message) => void>();
  #lastId = 0;

  private constructor(program: Program, socket: WebSocket) {
    this.#program = program;
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => {
      const message: Message = JSON.parse(data);
      for (const take of this.#waiting) take(message);
    });
  }

  static async launch(options: ChromiumOptions): Promise<Chromium> {
    const program = new Program(options);
    try {
      const socket = new WebSocket(await withLimit("start", program.address));
      await withLimit("take a connection", new Promise((resolve) => socket.addEventListener("open", resolve)));
      return new Chromium(program, socket);
    } catch (error) {
      await program.stop();
      throw error;
    }
  }

  /** What `script` gives once the page has had its load event, to a user with neither cache nor connections. */
  async loadPage(url: string, script: string): Promise<unknown> {
    const { browserContextId } = await this.#send("Target.createBrowserContext", {});
    try {
      const { targetId } = await this.#send("Target.createTarget", { url: "about:blank", browserContextId });
      const { sessionId } = await this.#send("Target.attachToTarget", { targetId, flatten: true });
      const session = String(sessionId);
      await this.#send("Page.enable", {}, session);
      const loaded = this.#await(
        "load a page",
        (message) => message.sessionId === session && message.method === "Page.loadEventFired",
      );
      const [{ errorText }] = await Promise.all([this.#send("Page.navigate", { url }, session), loaded]);
      if (errorText !== undefined) throw new Error(`Chromium cannot load "${url}": ${errorText}`);
      const evaluated = await this.#send("Runtime.evaluate", { expression: script, returnByValue: true }, session);
      return (evaluated.result as { readonly value?: unknown }).value;
    } finally {
      await this.#send("Target.disposeBrowserContext", { browserContextId });
    }
  }

  async #send(method: string, params: unknown, sessionId?: string): Promise<Readonly<Record<string, unknown>>> {
    this.#lastId += 1;
    const id = this.#lastId;
    const answered = this.#await(`answer ${method}`, (message) => message.id === id);
    this.#socket.send(JSON.stringify({ id, method, params, sessionId }));
    const { result, error } = await answered;
    if (result === undefined) throw new Error(`Chromium refuses ${method}: ${error?.message}`);
    return result;
  }

  /** The first message from now on that fits. */
  async #await(what: string, fits: (message: Message) => boolean): Promise<Message> {
    const { promise, resolve } = Promise.withResolvers<Message>();
    const take = (message: Message): void => {
      if (fits(message)) resolve(message);
    };
    this.#waiting.add(take);
    try {
      return await withLimit(what, promise);
    } finally {
      this.#waiting.delete(take);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await this.#program.stop();
  }
}

/** The processes of the browser and its profile. */
class Program {
  readonly #process: Deno.ChildProcess;
  readonly #profile: string;
  readonly #address = Promise.withResolvers<string>();
  readonly #output: Promise<void>;

  constructor({ folder, keyHash }: ChromiumOptions) {
    this.#profile = Deno.makeTempDirSync({ dir: folder, prefix: "chromium-" });
    const args = [...FLAGS, `--user-data-dir=${this.#profile}`, `--ignore-certificate-errors-spki-list=${keyHash}`];
    // It ends with the bench, also where that is killed.
    const words = ["--pdeathsig", "TERM", "chromium", ...args];
    const streams = { stdin: "null", stdout: "null", stderr: "piped" } as const;
    this.#process = new Deno.Command("setpriv", { args: words, ...streams }).spawn();
    this.#output = this.#readOutput();
  }

  /** Where it can be spoken to, as it says on its standard error; Error where it ends before. */
  get address(): Promise<string> {
    return this.#address.promise;
  }

  /** What follows the address is read and dropped. */
  async #readOutput(): Promise<void> {
    let text = "";
    for await (const chunk of this.#process.stderr.pipeThrough(new TextDecoderStream())) {
      if (text.length < MOST_CHARACTERS) text += chunk;
      const found = /^DevTools listening on (ws:\S+)\n/m.exec(text);
      if (found !== null) this.#address.resolve(found[1]);
    }
    this.#address.reject(new Error(`Chromium ended at once: ${text.slice(-300)}`));
  }

  async stop(): Promise<void> {
    this.#kill("SIGTERM");
    const timer = setTimeout(() => this.#kill("SIGKILL"), STOP_MS);
    await this.#process.status;
    clearTimeout(timer);
    // Its other processes end a little later and write into the profile until then; they have its standard error too.
    await withLimit("end", this.#output);
    await Deno.remove(this.#profile, { recursive: true });
  }

  #kill(signal: Deno.Signal): void {
    try {
      this.#process.kill(signal);
    } catch (error) {
      // It has ended by itself.
      if (!(error instanceof TypeError)) throw error;
    }
  }
}

async function withLimit<Value>(what: string, promise: Promise<Value>): Promise<Value> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`Chromium did not ${what} within ${STEP_MS} ms`)), STEP_MS);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
