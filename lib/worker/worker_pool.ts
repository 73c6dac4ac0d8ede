/**
 * Serves the site in several threads: starts the workers, gives them their orders, and writes what they log. Each has
 * listeners of its own on the same ports, among which the kernel shares the clients out (SO_REUSEPORT), and they share
 * nothing. A worker that fails ends the service: whoever started the server starts it anew. I/O. Linux socket(7).
 */
import type { OwnChildren } from "../child/own_children.ts";
import type { Config } from "../config/config.ts";
import { needsLowPort } from "../process/leave_root.ts";
import type { Log } from "../log/log.ts";
import type { Renewed, Serving } from "./thread_server.ts";
import type { ConfigSource } from "../process/renew_config.ts";
import type { Order, OrderMessage, OrderResult, PlainOrder, WorkerMessage } from "./worker_thread.ts";
import { nameOf, type ServedAddress } from "../net/listen_address.ts";
import { makeStandstill, STANDSTILL_MS, whileStanding } from "./standstill.ts";
import { StartError } from "../start_error.ts";

/** How long workers may take to end their scripts when the server ends at once. */
const KILL_MS = 500;

export interface PoolOptions {
  /** Where the workers read the same configuration. */
  readonly source: ConfigSource;
  readonly log: Log;
  /** The programs of all workers. */
  readonly own: OwnChildren;
  /** In place of the worker that serves: for tests of what becomes of one that fails. */
  readonly startWorker?: (name: string) => Worker;
}

export class WorkerPool implements Serving {
  readonly failed: Promise<Error>;
  readonly #config: Config;
  readonly #options: PoolOptions;
  readonly #workers: readonly ServingWorker[];
  /** The last reload; the next one waits for it. */
  #reloading: Promise<unknown> = Promise.resolve();
  #addresses: readonly ServedAddress[] = [];

  /** Starts the threads. */
  constructor(config: Config, options: PoolOptions) {
    const { promise, resolve } = Promise.withResolvers<Error>();
    const count = config.workerCount;
    this.failed = promise;
    this.#config = config;
    this.#options = options;
    this.#workers = Array.from(
      { length: count },
      (_, index) =>
        new ServingWorker(nameOf({ index, count }), {
          ...{ startWorker, ...options, fail: resolve },
          onManyNames: (worker) => this.#renewListener(worker),
        }),
    );
  }

  /** One after the other: a listener is known by its place in that order, and the first one finds out whether it may. */
  async listen(): Promise<readonly ServedAddress[]> {
    const { source, own: { memory: children } } = this.#options;
    const { limits, cgi: { maxScripts } } = this.#config;
    let addresses: readonly ServedAddress[] = [];
    for (const [index, worker] of this.#workers.entries()) {
      const part = { index, count: this.#workers.length };
      ({ addresses } = await worker.order({ kind: "listen", source, limits, maxScripts, part, addresses, children }));
    }
    this.#addresses = addresses;
    return addresses;
  }

  /**
   * A thread has rights of its own: each keeps and gives up its own. In between none does anything else, for a thread of
   * the runtime's pool that it made then would keep all that root may do.
   */
  async changeUser(change: () => void): Promise<void> {
    const ports = this.#addresses.flatMap((address) => address.scheme === "https" ? [address.port] : []);
    if (!needsLowPort(ports)) return change();
    const standstill = makeStandstill();
    const kept = Promise.all(this.#workers.map((worker) => worker.order({ kind: "keep_rights", standstill })));
    // The change fails where a worker does.
    kept.catch(() => {});
    whileStanding(standstill, { count: this.#workers.length, boundMs: STANDSTILL_MS, act: change });
    await kept;
  }

  /** One worker after the other, so that all but one listener of a port are never replaced. */
  reload(renewed: Renewed | null): Promise<boolean> {
    const source = renewed?.source ?? null;
    const reloading = this.#reloading.then(async () => {
      const results: OrderResult[] = [];
      for (const worker of this.#workers) results.push(await worker.order({ kind: "reload", source }));
      return results.every(({ isDone }) => isDone);
    });
    this.#reloading = reloading.catch(() => {});
    return reloading;
  }

  /** In turn with reloads, for the same reason. */
  #renewListener(worker: ServingWorker): void {
    const renewing = this.#reloading.then(() => worker.order({ kind: "renew_listener" }));
    this.#reloading = renewing.catch((error) => this.#options.log.error("https", "Cannot listen anew", error));
  }

  async stop(): Promise<void> {
    await this.#orderAll("stop");
  }

  async kill(): Promise<void> {
    let timer: number | undefined;
    const late = new Promise((resolve) => timer = setTimeout(resolve, KILL_MS));
    // One that has failed does not answer.
    await Promise.race([Promise.allSettled(this.#workers.map((worker) => worker.order({ kind: "kill" }))), late]);
    clearTimeout(timer);
  }

  async #orderAll(kind: PlainOrder["kind"]): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.order({ kind })));
  }
}

/** Without permissions of its own: it has those of the main thread, also when they are narrowed later. */
function startWorker(name: string): Worker {
  return new Worker(new URL("./worker_thread.ts", import.meta.url), { type: "module", name });
}

/** A worker, and what it has been ordered. */
class ServingWorker {
  readonly #worker: Worker;
  readonly #pending = new Map<number, PromiseWithResolvers<OrderResult>>();
  #lastId = 0;

  constructor(name: string, { log, startWorker, fail, onManyNames }: {
    readonly log: Log;
    readonly startWorker: (name: string) => Worker;
    readonly fail: (error: Error) => void;
    readonly onManyNames: (worker: ServingWorker) => void;
  }) {
    this.#worker = startWorker(name);
    this.#worker.onmessage = ({ data }: MessageEvent<WorkerMessage>) => {
      if (data.kind === "log") log.append(data.part, data.lines);
      else if (data.kind === "many_names") onManyNames(this);
      else this.#settle(data);
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      const error = new Error(`${name} has failed: ${event.message}`);
      for (const { reject } of this.#pending.values()) reject(error);
      fail(error);
    };
  }

  /** Rejects with StartError, or with plain Error when the worker fails. */
  order(order: Order): Promise<OrderResult> {
    const id = ++this.#lastId;
    const waiting = Promise.withResolvers<OrderResult>();
    this.#pending.set(id, waiting);
    this.#worker.postMessage({ id, order } satisfies OrderMessage);
    return waiting.promise;
  }

  #settle(message: Exclude<WorkerMessage, { kind: "log" | "many_names" }>): void {
    const waiting = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if (message.kind === "done") waiting?.resolve(message.result);
    else waiting?.reject(message.kind === "refused" ? new StartError(message.problem) : new Error(message.message));
  }
}
