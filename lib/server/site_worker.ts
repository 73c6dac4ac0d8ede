/**
 * The worker that serves a part of the clients: does what the main thread orders, and answers each order once. What it
 * logs goes to the main thread, which alone has the files. A file of its own because a worker is one; it acts when it is
 * loaded. I/O (messages).
 */
import type { Limits } from "../limits.ts";
import { type Config, type ListenAddress, parseCommandLine, type Surroundings } from "./config.ts";
import { describeError } from "./describe_error.ts";
import { type Libc, openLibc } from "./libc.ts";
import { loadConfigFile } from "./load_config_file.ts";
import { Log, type LogPart } from "./log.ts";
import { holdRights, restRights } from "./low_ports.ts";
import { logUncaughtErrors, type ServedAddress, type Serving, SiteServer } from "./site_server.ts";
import { type Part, shareConfig } from "./share_config.ts";
import { StartError, type StartProblem } from "./start_error.ts";

/** What the configuration is read from once more: it holds objects that cannot be sent. */
export interface ConfigSource extends Omit<Surroundings, "loadConfigFile"> {
  readonly args: readonly string[];
}

/** The ports that were found free; null where there is none to listen on. */
export interface Ports {
  readonly http: number | null;
  readonly https: number | null;
}

/** Reads everything and listens nowhere. */
export interface PrepareOrder {
  readonly kind: "prepare";
  readonly source: ConfigSource;
  /** Of the whole process. */
  readonly limits: Limits;
  readonly part: Part;
  readonly ports: Ports;
}

export type Order =
  | PrepareOrder
  | { readonly kind: "listen" | "hold_rights" | "rest_rights" | "reload" | "stop" | "kill" };

export interface OrderMessage {
  readonly id: number;
  readonly order: Order;
}

/** What the worker says: the end of an order, or lines for the log. */
export type WorkerMessage =
  | { readonly kind: "done"; readonly id: number; readonly result: OrderResult }
  | { readonly kind: "refused"; readonly id: number; readonly problem: StartProblem }
  | { readonly kind: "failed"; readonly id: number; readonly message: string }
  | { readonly kind: "log"; readonly part: LogPart; readonly lines: Uint8Array<ArrayBuffer> };

/** Where it listens, whether all was reloaded, or nothing. */
export type OrderResult = readonly ServedAddress[] | boolean | null;

/** The part of a worker's global object that is used here. */
interface WorkerScope {
  onmessage: (event: MessageEvent<OrderMessage>) => void;
  postMessage(message: WorkerMessage, transfer?: readonly Transferable[]): void;
}

const scope = globalThis as unknown as WorkerScope;

class SiteWorker {
  readonly #log: Log;
  readonly #libc: Libc | null;
  readonly #serving: Serving;

  /** Throws StartError. */
  constructor({ source, limits, part, ports }: PrepareOrder) {
    const command = parseCommandLine(source.args, { ...source, loadConfigFile });
    if (command.kind !== "serve") throw new Error(`No order to serve: ${command.kind}`);
    const config = shareConfig({ ...command.config, limits, ...withPorts(command.config, ports) }, part);
    this.#log = Log.open(config, {
      program: null,
      openSink: (logPart) => ({ writeSync: sender(logPart), close() {} }),
    });
    logUncaughtErrors(this.#log, part);
    this.#libc = openLibc();
    this.#serving = new SiteServer(config, { log: this.#log, libc: this.#libc, part });
  }

  async obey(kind: Exclude<Order["kind"], "prepare">): Promise<OrderResult> {
    switch (kind) {
      case "listen":
        return await this.#serving.listen();
      case "hold_rights":
        if (this.#libc !== null) holdRights(this.#libc);
        return null;
      case "rest_rights":
        if (this.#libc !== null) restRights(this.#libc);
        return null;
      case "reload":
        return await this.#serving.reload();
      case "stop":
      case "kill":
        await this.#serving[kind]();
        this.#log.flush();
        return null;
    }
  }
}

function withPorts({ http, https }: Config, ports: Ports): Pick<Config, "http" | "https"> {
  const at = (address: ListenAddress | null, port: number | null) =>
    address === null || port === null ? null : { ...address, port };
  return { http: at(http, ports.http), https: at(https, ports.https) };
}

/** Sends a copy, for the log uses its buffer again. */
function sender(part: LogPart): (lines: Uint8Array) => number {
  return (lines) => {
    const copy = lines.slice();
    scope.postMessage({ kind: "log", part, lines: copy }, [copy.buffer]);
    return lines.length;
  };
}

let worker: SiteWorker | null = null;

async function obey(order: Order): Promise<OrderResult> {
  if (order.kind !== "prepare") return await worker?.obey(order.kind) ?? null;
  worker = new SiteWorker(order);
  return null;
}

scope.onmessage = async ({ data: { id, order } }) => {
  try {
    scope.postMessage({ kind: "done", id, result: await obey(order) });
  } catch (error) {
    if (error instanceof StartError) scope.postMessage({ kind: "refused", id, problem: error.problem });
    else scope.postMessage({ kind: "failed", id, message: describeError(error, { withStack: true }).join("\n") });
  }
};
