/**
 * Runs clients.c as a load, pinned to the core of the load, in steps: all connections are opened first, so that what a server
 * spends on that is not taken for the cost of requests, and they stay open until its memory was looked at.
 */
import { LOAD_CORE } from "./wrk.ts";

export interface ClientsOrder {
  /** Compiled. */
  readonly program: string;
  readonly port: number;
  /** Connections that ask. */
  readonly active: number;
  /** Connections that were answered once and stay open. */
  readonly idle: number;
  readonly seconds: number;
  /** Requests a second of all together; null: each asks as soon as its last answer is there. */
  readonly rate: number | null;
  /** Of each answer. */
  readonly contentBytes: number;
  /** A file with the paths that are asked for in turn, one a line. */
  readonly paths: string;
  /** LOAD_CORE unless given. */
  readonly cores?: string;
}

/** What was counted, times in microseconds. */
export interface ClientsReport {
  /** That came within the time of the load. */
  readonly answers: number;
  readonly durationUs: number;
  /** From when a request was due: half of the waits, 99 % and 99.9 % were no longer. */
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  /** CPU time of the load itself. */
  readonly cpuUs: number;
}

/** Longest time for all that is not the load: opening the connections, and waiting for the last answers. */
const EXTRA_MS = 40_000;

/** Connections that are open. Dispose of it in the end: that closes them. */
export class Clients {
  readonly #process: Deno.ChildProcess;
  readonly #messages: Promise<string>;
  readonly #output: ReadableStreamDefaultReader<string>;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  #text = "";

  private constructor(process: Deno.ChildProcess) {
    this.#process = process;
    this.#messages = new Response(process.stderr).text();
    this.#output = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
    this.#input = process.stdin.getWriter();
  }

  /** Opens all of them. Throws Error when one cannot be opened, or an idle one is not answered. */
  static async open(order: ClientsOrder): Promise<Clients> {
    const signal = AbortSignal.timeout(order.seconds * 1000 + EXTRA_MS);
    const args = ["-c", order.cores ?? LOAD_CORE, ...clientsCommand(order)];
    const streams = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
    const clients = new Clients(new Deno.Command("taskset", { args, signal, ...streams }).spawn());
    try {
      await clients.#readLine();
      return clients;
    } catch (error) {
      await clients[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Puts the load, once. Throws Error when an answer was wrong, or none came. */
  async load(): Promise<ClientsReport> {
    await this.#input.write(new TextEncoder().encode("\n"));
    return readClientsReport(await this.#readLine());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // One that has failed does not read any more.
    await this.#input.close().catch(() => {});
    await this.#output.cancel();
    await this.#process.status;
    await this.#messages;
  }

  async #readLine(): Promise<string> {
    while (!this.#text.includes("\n")) {
      const { value, done } = await this.#output.read();
      if (done) throw new Error(`The load failed: ${(await this.#messages).trim() || "it took too long"}`);
      this.#text += value;
    }
    const [line] = this.#text.split("\n", 1);
    this.#text = this.#text.slice(line.length + 1);
    return line;
  }
}

/** The command for an order. */
export function clientsCommand(order: Omit<ClientsOrder, "cores">): readonly string[] {
  const { program, port, active, idle, seconds, rate, contentBytes, paths } = order;
  return [program, ...[port, active, idle, seconds, rate ?? 0, contentBytes].map(String), paths];
}

/** Reads the line of JSON. Throws Error where an error was counted, or no answer. */
export function readClientsReport(line: string): ClientsReport {
  const { errors, ...report }: ClientsReport & { readonly errors: Readonly<Record<string, number>> } = JSON.parse(line);
  const counted = Object.entries(errors).filter(([_kind, count]) => count > 0);
  if (counted.length > 0) {
    throw new Error(`The load counted errors: ${counted.map(([kind, count]) => `${kind} ${count}`).join(", ")}`);
  }
  if (report.answers === 0) throw new Error("The load got no answer");
  return report;
}
