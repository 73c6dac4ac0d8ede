/**
 * The worker that serves a part of the clients: does what the main thread orders, and answers each order once. What it
 * logs goes to the main thread, which alone has the files. A file of its own because a worker is one; it acts when it is
 * loaded. I/O (messages).
 */
import { OwnChildren } from "../child/own_children.ts";
import type { Limits } from "../limits.ts";
import { recordedFiles } from "../config/file_record.ts";
import { type ConfigSource, parseAgain } from "../process/renew_config.ts";
import { type Config, parseCommandLine } from "../config/config.ts";
import { describeError } from "../log/describe_error.ts";
import { type Libc, openLibc } from "../system/libc.ts";
import { Log, type LogPart } from "../log/log.ts";
import type { EscapedLines } from "../log/log_lines.ts";
import { keepLowPorts } from "../system/capabilities.ts";
import { logUncaughtErrors, ThreadServer } from "./thread_server.ts";
import { shareConfig } from "../config/share_config.ts";
import type { Part, ServedAddress, SharedPorts } from "../net/listen_address.ts";
import { type SharedStandstill, standStill, STANDSTILL_MS } from "./standstill.ts";
import type { StatusParts, ThreadStatus } from "../status/thread_status.ts";
import { StartError, type StartProblem } from "../start_error.ts";

/** The first order: reads everything, and listens. */
export interface ListenOrder {
  readonly kind: "listen";
  readonly source: ConfigSource;
  /** Of the whole process. */
  readonly limits: Limits;
  readonly maxScripts: number;
  readonly part: Part;
  /** Of ThreadOptions. */
  readonly shared: SharedPorts | null;
  /** Where the others listen already; none for the first. */
  readonly addresses: readonly ServedAddress[];
  /** Of OwnChildren. */
  readonly children: SharedArrayBuffer;
}

/** Keeps, over the change of the user that happens while it stands, what a new listener needs. */
export interface KeepRightsOrder {
  readonly kind: "keep_rights";
  readonly standstill: SharedStandstill;
}

/** Reads again; `source` is right, and null where it has not changed. */
export interface ReloadOrder {
  readonly kind: "reload";
  readonly source: ConfigSource | null;
}

/** The answer to the worker's own question of that number: what all threads say of themselves. */
export interface StatusOrder extends Omit<StatusParts, "server"> {
  readonly kind: "take_status";
  readonly asked: number;
}

export interface PlainOrder {
  readonly kind: "answer" | "close_listeners" | "renew_listener" | "read_status" | "stop" | "stop_replaced" | "kill";
}

export type Order = ListenOrder | KeepRightsOrder | ReloadOrder | StatusOrder | PlainOrder;

export interface OrderMessage {
  readonly id: number;
  readonly order: Order;
}

/** What the worker says: the end of an order, or lines for the log. */
export type WorkerMessage =
  | { readonly kind: "done"; readonly id: number; readonly result: OrderResult }
  | { readonly kind: "refused"; readonly id: number; readonly problem: StartProblem }
  | { readonly kind: "failed"; readonly id: number; readonly message: string }
  | { readonly kind: "many_names" }
  | { readonly kind: "ask_status"; readonly id: number }
  | { readonly kind: "log"; readonly part: LogPart; readonly lines: EscapedLines };

export interface OrderResult {
  /** Where it listens, once it was told to. */
  readonly addresses: readonly ServedAddress[];
  /** False where a reload left something as it was. */
  readonly isDone: boolean;
  /** What it was asked for. */
  readonly status?: ThreadStatus;
}

/** The part of a worker's global object that is used here. */
interface WorkerScope {
  onmessage: (event: MessageEvent<OrderMessage>) => void;
  postMessage(message: WorkerMessage, transfer?: readonly Transferable[]): void;
}

const DONE: OrderResult = { addresses: [], isDone: true };

const scope = globalThis as unknown as WorkerScope;

class WorkerThread {
  readonly #log: Log;
  readonly #libc: Libc;
  readonly #serving: ThreadServer;
  #config: Config;
  /** Questions of its own that wait for an answer, by their numbers. */
  readonly #asked = new Map<number, (parts: StatusOrder) => void>();
  #lastAsked = 0;

  /** Throws StartError. */
  constructor({ source, limits, maxScripts, part, shared, addresses, children }: ListenOrder) {
    const command = parseCommandLine(source.args, { ...source, configFiles: recordedFiles(source.record) });
    if (command.kind !== "serve") throw new Error(`No order to serve: ${command.kind}`);
    const whole = atAddresses(command.config, addresses);
    const config = shareConfig({ ...whole, limits, cgi: { ...whole.cgi, maxScripts } }, part);
    this.#log = Log.open(config, {
      program: null,
      openSink: (logPart) => ({ write: sender(logPart), close() {} }),
    });
    this.#config = config;
    logUncaughtErrors(this.#log, part);
    this.#libc = openLibc(config.usesNative);
    const own = new OwnChildren(children);
    this.#serving = new ThreadServer(config, {
      ...{ log: this.#log, libc: this.#libc, part, shared, own },
      gatherThreads: () => this.#askStatus(),
      onManyNames: () => scope.postMessage({ kind: "many_names" }),
    });
  }

  #askStatus(): Promise<StatusOrder> {
    const id = ++this.#lastAsked;
    scope.postMessage({ kind: "ask_status", id });
    return new Promise((resolve) => this.#asked.set(id, resolve));
  }

  #takeStatus(order: StatusOrder): void {
    this.#asked.get(order.asked)?.(order);
    this.#asked.delete(order.asked);
  }

  #reload(source: ConfigSource | null): Promise<boolean> {
    if (source === null) return this.#serving.reload(null);
    this.#config = parseAgain(this.#config, source).config;
    return this.#serving.reload({ config: this.#config, source });
  }

  async obey(order: Order): Promise<OrderResult> {
    switch (order.kind) {
      case "listen":
        return { ...DONE, addresses: await this.#serving.listen() };
      case "answer":
        return DONE;
      case "close_listeners":
        await this.#serving.closeListeners();
        return DONE;
      case "keep_rights":
        keepLowPorts(this.#libc, () => standStill(order.standstill, STANDSTILL_MS));
        return DONE;
      case "reload":
        return { ...DONE, isDone: await this.#reload(order.source) };
      case "read_status":
        return { ...DONE, status: this.#serving.readStatus() };
      case "take_status":
        this.#takeStatus(order);
        return DONE;
      case "renew_listener":
        await this.#serving.renewListener();
        return DONE;
      case "stop_replaced":
        await this.#serving.stop(true);
        await this.#log.flush();
        return DONE;
      case "stop":
      case "kill":
        await this.#serving[order.kind]();
        await this.#log.flush();
        return DONE;
    }
  }
}

/** The same with the ports of the others in place of port 0, and what they have opened. */
function atAddresses(config: Config, addresses: readonly ServedAddress[]): Config {
  if (addresses.length === 0) return config;
  const opened = addresses.filter(({ origin }) => origin === "opened");
  const portsOf = (scheme: "http" | "https") =>
    opened.flatMap((address) => address.scheme === scheme ? [address.port] : []);
  const [httpPorts, httpsPorts] = [portsOf("http"), portsOf("https")];
  const descriptors = opened.flatMap((address) => address.scheme === "unix" ? [address.descriptor] : []);
  return {
    ...config,
    http: config.http.map((address, index) => ({ ...address, port: httpPorts[index] })),
    https: config.https.map((address, index) => ({ ...address, port: httpsPorts[index] })),
    socketFiles: config.socketFiles.map((file, index) => ({ ...file, descriptor: descriptors[index] })),
  };
}

/** Sends a copy, for the log may look at its lines again. What it is given comes from LogLines. */
function sender(part: LogPart): (lines: Uint8Array) => Promise<number> {
  return (lines) => {
    const copy = lines.slice() as EscapedLines;
    scope.postMessage({ kind: "log", part, lines: copy }, [copy.buffer]);
    return Promise.resolve(lines.length);
  };
}

let worker: WorkerThread | null = null;

scope.onmessage = async ({ data: { id, order } }) => {
  try {
    if (order.kind === "listen") worker = new WorkerThread(order);
    // One that could not begin has nothing to end.
    scope.postMessage({ kind: "done", id, result: await worker?.obey(order) ?? DONE });
  } catch (error) {
    if (error instanceof StartError) scope.postMessage({ kind: "refused", id, problem: error.problem });
    else scope.postMessage({ kind: "failed", id, message: describeError(error, { withStack: true }).join("\n") });
  }
};
