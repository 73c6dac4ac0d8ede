/** A crowd of clients in a process of its own (crowd.py), for a load that is no part of what a fair client measures. */
import { join } from "@std/path";
import { PrintedText } from "../printed_text.ts";

/** What each client of a crowd does; all have the same request. */
export interface CrowdOptions {
  readonly port: number;
  readonly count: number;
  /** Latin-1. */
  readonly request: string;
  /** "all": to the end of the answer, which must be that of the connection. */
  readonly reads: "nothing" | "slowly" | "all";
}

/** What became of the clients. */
export interface CrowdReport {
  /** Connections that were established. */
  readonly opened: number;
  /** Connections that the server ended before the answer was whole. */
  readonly cut: number;
  /** Whole answers by status. */
  readonly answers: Readonly<Record<string, number>>;
  /** The beginning of what was no answer. */
  readonly wrong: string | null;
}

/** Below the limit of connections that one address may have (--max-per-address). */
const PER_ADDRESS = 100;
/** Fewer than the kernel queues for a listener. */
const AT_ONCE = 200;

/** Clients that hold on until they are told to leave. */
export class Crowd implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #printed: PrintedText;
  #isLeaving = false;

  private constructor(process: Deno.ChildProcess) {
    this.#process = process;
    this.#stdin = process.stdin.getWriter();
    this.#printed = new PrintedText(process.stdout);
  }

  static async gather(options: CrowdOptions): Promise<Crowd> {
    const crowd = new Crowd(
      new Deno.Command("python3", {
        args: [join(import.meta.dirname ?? ".", "crowd.py")],
        ...{ stdin: "piped", stdout: "piped", stderr: "inherit" } as const,
      }).spawn(),
    );
    const told = JSON.stringify({ ...options, perAddress: PER_ADDRESS, atOnce: AT_ONCE });
    await crowd.#stdin.write(new TextEncoder().encode(`${told}\n`));
    return crowd;
  }

  /** Resolves to true when each client has sent its request or was cut, or has its answer; to false after that time. */
  async isReady(limitMs: number): Promise<boolean> {
    const late = Promise.withResolvers<null>();
    const timer = setTimeout(late.resolve, limitMs, null);
    const line = await Promise.race([this.#line(), late.promise]);
    clearTimeout(timer);
    return line === "ready";
  }

  /** Closes every connection that is left, and tells what became of all. */
  async leave(): Promise<CrowdReport> {
    this.#isLeaving = true;
    await this.#stdin.close();
    for (;;) {
      const line = await this.#line();
      if (line === null) throw new Error("The crowd ended without a report");
      if (line !== "ready") return JSON.parse(line);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isLeaving) this.#process.kill("SIGKILL");
    await this.#process.status;
  }

  /** Null at its end. */
  #line(): Promise<string | null> {
    return this.#printed.line().catch(() => null);
  }
}
