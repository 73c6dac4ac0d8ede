/**
 * One running script: its process, its process group and its three pipes. Separate from what HTTP makes of it, because
 * here stands all that must be right lest a process, a zombie or a descriptor be left behind.
 */
import process from "node:process";

/** What is run, and how. */
export interface ScriptCommand {
  /** Words in front of the program: the session starter first. */
  readonly prefix: readonly string[];
  /** The program, then its arguments. */
  readonly words: readonly string[];
  /** Current directory. */
  readonly folder: string;
  /** The whole environment. */
  readonly environment: Record<string, string>;
  /** Whether there is content for standard input; without, it is /dev/null. */
  readonly hasInput: boolean;
}

/** How a script ended, for the log; `isSuccess`: exit status 0. */
export interface ScriptEnd {
  readonly isSuccess: boolean;
  readonly description: string;
}

/** Most scripts print little, and each read counts its whole buffer as new memory for the garbage collector. */
const SMALL_READ_BYTES = 4096;
/** What a pipe holds: for a script that has filled a small buffer. */
const LARGE_READ_BYTES = 65_536;

export class ScriptProcess {
  readonly pid: number;
  /** Resolves when the process has been reaped; its children may live on. Never rejects. */
  readonly ended: Promise<ScriptEnd>;
  readonly #child: Deno.ChildProcess;
  readonly #output: ReadableStreamBYOBReader;
  readonly #errors: ReadableStreamBYOBReader;
  readonly #input: WritableStreamDefaultWriter<Uint8Array> | null;
  #buffer = new Uint8Array(SMALL_READ_BYTES);
  #hasOutputEnded = false;
  #hasEnded = false;

  /** Throws what Deno.Command throws when the first word of all cannot be run. */
  constructor({ prefix, words, folder, environment, hasInput }: ScriptCommand) {
    const [program, ...args] = [...prefix, ...words];
    this.#child = new Deno.Command(program, {
      args,
      cwd: folder,
      clearEnv: true,
      env: environment,
      // /dev/null for no content: making a pipe and closing it costs a tenth of starting a small program.
      stdin: hasInput ? "piped" : "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.pid = this.#child.pid;
    this.#output = this.#child.stdout.getReader({ mode: "byob" });
    this.#errors = this.#child.stderr.getReader({ mode: "byob" });
    this.#input = hasInput ? this.#child.stdin.getWriter() : null;
    // An input that breaks is told by the next write; nothing else waits for it.
    this.#input?.closed.catch(() => {});
    this.ended = this.#waitForEnd();
  }

  /** Standard error, for one reader. */
  get errors(): ReadableStreamBYOBReader {
    return this.#errors;
  }

  async #waitForEnd(): Promise<ScriptEnd> {
    try {
      const { success, code, signal } = await this.#child.status;
      return { isSuccess: success, description: signal === null ? `exit status ${code}` : `signal ${signal}` };
    } catch (error) {
      // The runtime has no name for a real-time signal, and reaps the process all the same.
      return { isSuccess: false, description: error instanceof Error ? error.message : String(error) };
    } finally {
      this.#hasEnded = true;
    }
  }

  /** The next bytes of standard output, valid until the next call; null at its end. One call at a time. */
  async read(): Promise<Uint8Array | null> {
    if (this.#hasOutputEnded) return null;
    const { done, value } = await this.#output.read(this.#buffer);
    if (done) {
      this.#hasOutputEnded = true;
      return null;
    }
    // Reading has moved the memory to `value`.
    const isFull = value.length === SMALL_READ_BYTES;
    this.#buffer = isFull ? new Uint8Array(LARGE_READ_BYTES) : new Uint8Array(value.buffer);
    return value;
  }

  /**
   * Writes all of `bytes` to standard input, which must not change before this resolves. False when the script no
   * longer reads; the write that first meets that may still give true.
   */
  async write(bytes: Uint8Array): Promise<boolean> {
    if (this.#input === null) return false;
    try {
      await this.#input.write(bytes);
      return true;
    } catch {
      // A script may end or close its input without having read it all. RFC 3875 4.2: it need not read any of it.
      return false;
    }
  }

  /** Ends standard input after what was written. */
  async endInput(): Promise<void> {
    try {
      await this.#input?.close();
    } catch {
      // The pipe is closed or broken already, which is what was wanted.
    }
  }

  /** Closes standard input at once, whatever is being written. */
  abortInput(): void {
    // As above.
    this.#input?.abort().catch(() => {});
  }

  /** Closes standard output; a read under way gives null. Idempotent. */
  cancelOutput(): void {
    // A pipe that failed is closed already, and whoever read it was told.
    this.#output.cancel().catch(() => {});
  }

  /** Closes standard error. Idempotent. */
  cancelErrors(): void {
    // As above.
    this.#errors.cancel().catch(() => {});
  }

  /** Whether a process of the group is left. */
  hasGroup(): boolean {
    return send(-this.pid, 0);
  }

  /**
   * Sends a signal to the whole process group; false when there is none any more. While a process of the group lives
   * no other process can get its number, and a number that has become free is not given out again for thousands of
   * processes: far beyond the seconds for which this object is used.
   */
  signalGroup(signal: "SIGTERM" | "SIGKILL"): boolean {
    // 0 and 1 would mean this server's own group, and every process there is.
    if (this.pid <= 1) throw new Error(`Not the process of a script: ${this.pid}`);
    if (send(-this.pid, signal)) return true;
    // For a moment after its start the process is not yet the leader of a group.
    return !this.#hasEnded && send(this.pid, signal);
  }
}

/** False when there is nobody to send it to; signal 0 only asks. Through node:process, for Deno.kill has no signal 0. */
function send(pid: number, signal: "SIGTERM" | "SIGKILL" | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ESRCH") return false;
    throw error;
  }
}
