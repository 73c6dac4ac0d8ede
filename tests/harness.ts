/**
 * What every end-to-end test uses: starts the compiled ./lisod over a site in a temporary folder, waits until its log says
 * that it listens, and stops it by its pid; runs lisod, curl or another program to its end. Nothing sleeps: the wait ends
 * with a change of the log, the end of the process or a deadline.
 */
import { dirname, join } from "@std/path";

const PROJECT = join(import.meta.dirname ?? ".", "..");
const LISOD = join(PROJECT, "lisod");

/** Longest time from start to listening: a binary of 94 MB may have to come from a slow disk that others use. */
const START_MS = 30_000;
/** Longest time from the signal to the end. */
const STOP_MS = 10_000;
/** Longest run of a program that ends by itself. */
const RUN_MS = 60_000;
const PROMPT_LOG = ["--log-flush-ms", "20ms"];

/** How servers of the tests reach the system: `--native on`, which is the default, or `--native off`. */
export type Way = "native" | "runtime";

let way: Way = "native";

/** From now on all servers, and what stands in the place of one, take that way. For native_off.ts, which plays suites again. */
export function takeWay(taken: Way): void {
  way = taken;
}

export function takenWay(): Way {
  return way;
}

let keepsWarm = false;

/** From now on programs are kept warm where they can be, or no more. For warm_suites_test.ts, which runs suites again. */
export function takeWarmth(isTaken: boolean): void {
  keepsWarm = isTaken;
}

export function takenWarmth(): boolean {
  return keepsWarm;
}

/** What makes ./lisod take the way, after or before its other arguments. */
export function wayArguments(): readonly string[] {
  return [...way === "native" ? [] : ["--native", "off"], ...keepsWarm ? ["--cgi-warm", "on"] : []];
}

export interface StartOptions {
  /** The site: content by path below its root. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** A folder to serve in place of `files`. */
  readonly root?: string;
  /** Where to listen. */
  readonly address?: string;
  /** Further arguments of the named form. */
  readonly args?: readonly string[];
  /** All arguments, in place of the named form. */
  readonly commandLine?: (place: Place) => readonly string[];
  /** A program, with its arguments, that becomes the server: `["prlimit", "--nofile=64"]`. */
  readonly through?: readonly string[];
  /** The path of another binary than ./lisod. */
  readonly binary?: string;
  /** Longest time from start to listening, where 10 s are not enough. */
  readonly startMs?: number;
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Lines of the log may wait as long as they do by default; without it they come soon, for so many tests wait for one. */
  readonly isLogPatient?: boolean;
}

/** Where a server's files are. */
export interface Place {
  /** Temporary, removed with the server. */
  readonly folder: string;
  readonly root: string;
  readonly log: string;
}

/** How a program ended, and what it printed. */
export interface Ended {
  /** Exit status; 128 and the signal's number after a signal. */
  readonly code: number;
  readonly signal: Deno.Signal | null;
  readonly stdout: Uint8Array<ArrayBuffer>;
  /** Standard output as text. */
  readonly text: string;
  readonly stderr: string;
}

/** Starts ./lisod on ports that the kernel chooses and returns when it listens; throws with its log when it does not. */
export async function startServer(options: StartOptions = {}): Promise<TestServer> {
  const folder = await Deno.makeTempDir({ prefix: "lisod-test-" });
  const place = { folder, root: options.root ?? join(folder, "www"), log: join(folder, "lisod.log") };
  await writeFiles(join(folder, "www"), options.files ?? { "index.html": "<!doctype html><title>Test</title>\n" });
  const named = ["--http", "0", "--root", place.root, "--log", place.log, "--foreground"];
  const own = options.args ?? [];
  const isLogLeft = options.isLogPatient || own.some((word) => word.startsWith("--log-flush-ms"));
  const given = options.commandLine?.(place) ??
    [...named, ...isLogLeft ? [] : PROMPT_LOG, "--listen", options.address ?? "127.0.0.1", ...own];
  const args = [...given, ...wayArguments()];
  const [program, ...before] = [...options.through ?? [], options.binary ?? LISOD];
  const process = new Deno.Command(program, {
    args: [...before, ...args],
    env: options.env,
    stdin: "null",
    stderr: "piped",
  }).spawn();
  const server = new TestServer(place, process);
  try {
    await server.waitUntilListening(args.includes("--https") ? ["http", "https"] : ["http"], options.startMs);
  } catch (error) {
    await server.stop("SIGKILL");
    await Deno.remove(folder, { recursive: true });
    throw error;
  }
  return server;
}

/** A running ./lisod. Disposing stops it, throws when it had ended by itself, and removes its folder. */
export class TestServer implements AsyncDisposable {
  readonly place: Place;
  readonly pid: number;
  readonly #process: Deno.ChildProcess;
  readonly #stderr: Promise<string>;
  #ended: Deno.CommandStatus | null = null;
  #isToldToStop = false;

  constructor(place: Place, process: Deno.ChildProcess) {
    this.place = place;
    this.pid = process.pid;
    this.#process = process;
    this.#stderr = new Response(process.stderr).text();
    process.status.then((status) => this.#ended = status);
  }

  /** Of the first listener, without a slash at the end: `http://127.0.0.1:PORT`. */
  get url(): string {
    return this.#listeners()[0].url;
  }

  /** Of the first listener with that scheme. */
  port(scheme: "http" | "https" = "http"): number {
    const found = this.#listeners().find((listener) => listener.scheme === scheme);
    if (found === undefined) throw new Error(`No listener for ${scheme} in the log:\n${this.logText()}`);
    return found.port;
  }

  /** All of the log so far; empty before there is one. */
  logText(): string {
    try {
      return Deno.readTextFileSync(this.place.log);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return "";
      throw error;
    }
  }

  /** Resolves when `isThere` holds for the log; rejects at the deadline or when the server has ended. */
  async waitForLog(isThere: (log: string) => boolean, deadlineMs = START_MS): Promise<void> {
    // Watched before it is read, so that no change is missed.
    using watcher = Deno.watchFs(dirname(this.place.log));
    const giveUp = Promise.withResolvers<"late">();
    const timer = setTimeout(giveUp.resolve, deadlineMs, "late");
    const events = watcher[Symbol.asyncIterator]();
    try {
      while (!isThere(this.logText())) {
        const event = await Promise.race([events.next(), this.#process.status, giveUp.promise]);
        if (event === "late" || "code" in event) throw new Error(await this.#describe(deadlineMs));
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Resolves when the log names a listener of each scheme. */
  async waitUntilListening(schemes: readonly string[], deadlineMs = START_MS): Promise<void> {
    const isListening = (scheme: string) => this.#listeners().some((found) => found.scheme === scheme);
    await this.waitForLog(() => schemes.every(isListening), deadlineMs);
  }

  /** Sends the signal and returns how the process ended; after a deadline it is killed and this throws. */
  async stop(signal: Deno.Signal = "SIGTERM"): Promise<Deno.CommandStatus & { readonly stderr: string }> {
    this.#isToldToStop = true;
    if (this.#ended === null) this.#process.kill(signal);
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.#process.kill("SIGKILL");
    }, STOP_MS);
    const status = await this.#process.status;
    clearTimeout(timer);
    const stderr = await this.#stderr;
    if (isLate) throw new Error(`Process ${this.pid} did not end within ${STOP_MS} ms of ${signal}\n${this.logText()}`);
    return { ...status, stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const endedByItself = this.#ended !== null && !this.#isToldToStop ? await this.#describe(0) : null;
    await this.stop();
    await Deno.remove(this.place.folder, { recursive: true });
    if (endedByItself !== null) throw new Error(endedByItself);
  }

  /** The lines `listening on SCHEME://ADDRESS:PORT` of the log. */
  #listeners(): { readonly url: string; readonly scheme: string; readonly port: number }[] {
    return [...this.logText().matchAll(/listening on ((https?):\/\/\S+:(\d+))/g)]
      .map(([, url, scheme, port]) => ({ url, scheme, port: Number(port) }));
  }

  async #describe(deadlineMs: number): Promise<string> {
    const state = this.#ended === null
      ? `has not logged what was expected within ${deadlineMs} ms`
      : `ended with exit status ${this.#ended.code}: ${await this.#stderr}`;
    return `Process ${this.pid} ${state}\nIts log:\n${this.logText()}`;
  }
}

/** Runs ./lisod with arguments that make it end by itself. */
export function runLisod(...args: readonly string[]): Promise<Ended> {
  return run(LISOD, args);
}

/** Runs curl, quiet but for errors, and without a proxy. */
export function curl(...args: readonly string[]): Promise<Ended> {
  return run("curl", ["--silent", "--show-error", "--noproxy", "*", "--max-time", "30", ...args]);
}

/** Runs a program to its end, without input; it is killed at a deadline, and this throws. */
export async function run(
  program: string,
  args: readonly string[],
  { timeoutMs = RUN_MS, ...options }: Pick<Deno.CommandOptions, "cwd" | "env" | "clearEnv"> & {
    /** In place of a minute. */
    readonly timeoutMs?: number;
  } = {},
): Promise<Ended> {
  const process = new Deno.Command(program, {
    args: [...args],
    ...options,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  })
    .spawn();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    process.kill("SIGKILL");
  }, timeoutMs);
  const { code, signal, stdout, stderr } = await process.output();
  clearTimeout(timer);
  if (isLate) throw new Error(`"${program} ${args.join(" ")}" did not end within ${timeoutMs} ms`);
  const decoder = new TextDecoder();
  return { code, signal, stdout, text: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Writes files below a folder, making the folders that it takes. */
export async function writeFiles(folder: string, files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    await Deno.mkdir(dirname(path), { recursive: true });
    await (typeof content === "string" ? Deno.writeTextFile(path, content) : Deno.writeFile(path, content));
  }
}
