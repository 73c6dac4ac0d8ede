/**
 * Tells when descriptors that the runtime does not know can be read or written: the server's plain sockets, and the pipes
 * of its scripts. Separate from those who use it, because it knows nothing of what is read.
 *
 * The thread that serves looks by itself as long as there are events. It must not stand still, for the runtime has timers, files
 * and TLS to look after: so the runtime watches for more (runtime_epoll.ts), or where that cannot be another thread waits.
 */
import { setImmediate } from "node:timers";
import { Epoll, EPOLLIN, EPOLLOUT, EPOLLRDHUP, type EventTarget, type ReadinessCalls } from "./epoll.ts";
import { O_CLOEXEC } from "./flags.ts";
import { PacedReadiness } from "./paced_readiness.ts";
import { RuntimeEpoll, type RuntimeEpollCalls } from "./runtime_epoll.ts";

/** Changes are told, and not what has been told before. */
const EPOLLET = 1 << 31;
/** The alarm only ends a wait. */
const NOBODY: EventTarget = { onEvents: () => {} };
/**
 * Nanoseconds for which the thread that serves waits itself before another one does: a client that was answered is often heard
 * again sooner than that one begins to wait for it. Before the runtime does, too, where there are programs, which keep all processors
 * busy (without it a file waited three times as long beside 32 of them), and while waits are short; else it costs more than it spares.
 */
const PATIENCE_NS = 50_000n;
/** A wait is short that ends within so long, with the way through the runtime. */
const SHORT_WAIT_MS = 0.1;

export class Readiness extends Epoll {
  /** An eventfd that wakes the thread that waits. */
  readonly #alarm: number;
  /** struct timespec { time_t seconds; long nanoseconds }. */
  readonly #patience = BigInt64Array.of(0n, PATIENCE_NS);
  readonly #now = new BigInt64Array(2);
  readonly #paced: PacedReadiness[] = [];
  /** Null: another thread waits. */
  #runtime: RuntimeEpoll | null = null;
  /** The last wait in the runtime. */
  #lastWaitMs = Infinity;
  #loop: Promise<void> | null = null;
  #isClosed = false;

  /** Whoever makes it calls `close`. */
  constructor(calls: ReadinessCalls) {
    super(calls);
    this.#alarm = calls.eventfd(0, O_CLOEXEC);
    if (this.#alarm < 0) throw new Error("No descriptor is left to watch others with");
    this.add(this.#alarm, { events: EPOLLIN, target: NOBODY });
  }

  /**
   * Tells `target` from now on whenever there is something new to be read from a connection. Returns its number for
   * `addWrites` and `remove`. Throws plain Error when the system has no room to watch it.
   */
  addReads(descriptor: number, target: EventTarget): number {
    const id = this.add(descriptor, { events: EPOLLIN | EPOLLRDHUP | EPOLLET, target });
    this.begin();
    return id;
  }

  /** Tells it from now on also when there is room to write, at once where there is. */
  addWrites(id: number, descriptor: number): void {
    this.change(descriptor, { events: EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, id });
  }

  /** Tells no more; closing the descriptor does the rest. */
  remove(id: number): void {
    this.forget(id);
  }

  /** For descriptors that need not be looked at more often than every `pauseMs` milliseconds. Is closed with this one. */
  paced(pauseMs: () => number): PacedReadiness {
    const paced = new PacedReadiness(this.calls, { outer: this, pauseMs });
    this.#paced.push(paced);
    return paced;
  }

  /**
   * Has the runtime wait from now on, where it can: false where it cannot. To be called once, while the runtime has all its
   * permissions.
   */
  async waitInRuntime(calls: Omit<RuntimeEpollCalls, keyof ReadinessCalls>): Promise<boolean> {
    this.#runtime = await RuntimeEpoll.open(this.descriptor, { ...this.calls, ...calls });
    return this.#runtime !== null;
  }

  /** Ends the wait. To be called when nothing is watched any more. Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const paced of this.#paced) await paced.close();
    // An eventfd counts: it takes a number of 8 bytes, and is readable when it is not 0.
    this.calls.write(this.#alarm, BigUint64Array.of(1n), 8n);
    await this.#loop;
    this.#runtime?.close();
    this.calls.close(this.#alarm);
    this.calls.close(this.descriptor);
  }

  protected begin(): void {
    this.#loop ??= this.#serve();
  }

  async #serve(): Promise<void> {
    for (;;) {
      // Whoever has called, or was told, acts first, and so does the runtime.
      await nextTurn();
      if (this.#isClosed) return;
      const isPatient = this.#runtime === null || this.#paced.length > 0 || this.#lastWaitMs < SHORT_WAIT_MS;
      const count = this.poll(isPatient ? this.#patience : this.#now);
      this.tell(count > 0 ? count : await this.#wait());
    }
  }

  /** Until there are events: how many. */
  async #wait(): Promise<number> {
    const waiting = this.#runtime?.wait() ?? null;
    if (waiting === null) return this.wait(-1);
    const startMs = performance.now();
    await waiting;
    this.#lastWaitMs = performance.now() - startMs;
    const count = this.poll(this.#now);
    // There was something a moment ago: a C library without epoll_pwait2 finds it by another thread.
    return count > 0 ? count : this.wait(0);
  }
}

/** Resolves when everything else that waits for this thread has had its turn. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
