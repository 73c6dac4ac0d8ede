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
import { nameOf, type ServedAddress, type SharedPorts } from "../net/listen_address.ts";
import { makeStandstill, STANDSTILL_MS, whileStanding } from "./standstill.ts";
import { StartError } from "../start_error.ts";

/** A worker that has not answered for so long is told. */
const HANG_MS = 10_000;
/** How long workers may take to end their scripts when the server ends at once. */
const KILL_MS = 500;

/** How long workers may take to tell of themselves. */
const STATUS_MS = 1000;

export interface PoolOptions {
  /** Where the workers read the same configuration. */
  readonly source: ConfigSource;
  readonly log: Log;
  /** Of ThreadOptions. */
  readonly shared: SharedPorts | null;
  /** The programs of all workers. */
  readonly own: OwnChildren;
  /** In place of the worker that serves: for tests of what becomes of one that fails. */
  readonly startWorker?: (name: string) => Worker;
  /** When a worker that does not answer is told, for tests too. */
  readonly hangMs?: number;
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
          ...{ startWorker, hangMs: HANG_MS, ...options, fail: resolve },
          onManyNames: (worker) => this.#renewListener(worker),
          onAskStatus: (worker, asked) => this.#tellStatus(worker, asked),
        }),
    );
  }

  /** One after the other: a listener is known by its place in that order, and the first one finds out whether it may. */
  async listen(): Promise<readonly ServedAddress[]> {
    const { source, shared, own: { memory: children } } = this.#options;
    const { limits, cgi: { maxScripts } } = this.#config;
    let addresses: readonly ServedAddress[] = [];
    for (const [index, worker] of this.#workers.entries()) {
      const part = { index, count: this.#workers.length };
      ({ addresses } = await worker.order({
        ...{ kind: "listen", source, limits, maxScripts, part, shared, addresses, children },
      }));
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

  /** One that is busy for longer is left out, and the page says so. */
  async #tellStatus(worker: ServingWorker, asked: number): Promise<void> {
    const late = Promise.withResolvers<null>();
    const timer = setTimeout(() => late.resolve(null), STATUS_MS);
    const all = this.#workers.map(async (each) => (await each.order({ kind: "read_status" })).status ?? null);
    const threads = await Promise.all(all.map((status) => Promise.race([status.catch(() => null), late.promise])));
    clearTimeout(timer);
    const { lostLineCount: lostLines } = this.#options.log;
    const told = threads.filter((thread) => thread !== null);
    // It answers nothing more than that it has been told; one that has failed ends the service anyway.
    worker.order({ kind: "take_status", asked, threads: told, lostLines }).catch(() => {});
  }

  readonly answers = async (): Promise<void> => {
    await Promise.all(this.#workers.map((worker) => worker.answers()));
  };

  /** The kernel puts the last of all sockets of a port in the place of one that closes: so those of the new server move up by one. */
  async leavePorts(choose: (index: number) => void): Promise<void> {
    for (const [index, worker] of [...this.#workers.entries()].reverse()) {
      choose(index + 1);
      await worker.order({ kind: "close_listeners" });
    }
  }

  async stop(isReplaced = false): Promise<void> {
    await this.#orderAll(isReplaced ? "stop_replaced" : "stop");
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
  readonly #name: string;
  readonly #log: Log;
  readonly #hangMs: number;
  readonly #worker: Worker;
  readonly #pending = new Map<number, PromiseWithResolvers<OrderResult>>();
  #lastId = 0;

  constructor(name: string, { log, startWorker, fail, onManyNames, onAskStatus, hangMs }: {
    readonly log: Log;
    readonly hangMs: number;
    readonly startWorker: (name: string) => Worker;
    readonly fail: (error: Error) => void;
    readonly onManyNames: (worker: ServingWorker) => void;
    readonly onAskStatus: (worker: ServingWorker, asked: number) => void;
  }) {
    this.#name = name;
    this.#log = log;
    this.#hangMs = hangMs;
    this.#worker = startWorker(name);
    this.#worker.onmessage = ({ data }: MessageEvent<WorkerMessage>) => {
      if (data.kind === "log") log.append(data.part, data.lines);
      else if (data.kind === "many_names") onManyNames(this);
      else if (data.kind === "ask_status") onAskStatus(this, data.id);
      else this.#settle(data);
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      const error = new Error(`${name} has failed: ${event.message}`);
      for (const { reject } of this.#pending.values()) reject(error);
      fail(error);
    };
  }

  /** Resolves when it has answered that it serves; says in the log that it hangs, and that it has come back. Never rejects. */
  async answers(): Promise<void> {
    const askedMs = performance.now();
    const since = () => `for ${Math.round((performance.now() - askedMs) / 1000)} s`;
    let isTold = false;
    const timer = setTimeout(() => {
      isTold = true;
      this.#log.error("main", `${this.#name} has not answered ${since()}: it hangs, and its clients wait`);
    }, this.#hangMs);
    // One that has failed ends the service anyway.
    await this.order({ kind: "answer" }).catch(() => {});
    clearTimeout(timer);
    if (isTold) this.#log.warn("main", `${this.#name} answers again, and did not ${since()}`);
  }

  /** Rejects with StartError, or with plain Error when the worker fails. */
  order(order: Order): Promise<OrderResult> {
    const id = ++this.#lastId;
    const waiting = Promise.withResolvers<OrderResult>();
    this.#pending.set(id, waiting);
    this.#worker.postMessage({ id, order } satisfies OrderMessage);
    return waiting.promise;
  }

  #settle(message: Exclude<WorkerMessage, { kind: "log" | "many_names" | "ask_status" }>): void {
    const waiting = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if (message.kind === "done") waiting?.resolve(message.result);
    else waiting?.reject(message.kind === "refused" ? new StartError(message.problem) : new Error(message.message));
  }
}
