/**
 * Tells when descriptors that the runtime does not know can be read or written: the server's plain sockets, and the pipes
 * of its scripts. Separate from those who use it, because it knows nothing of what is read.
 *
 * The thread that serves looks by itself as long as there are events; when there are none, it waits for some microseconds,
 * and then has another thread wait, for it must not stand still: the runtime has timers, files and TLS to look after.
 */
import { setImmediate } from "node:timers";
import { Epoll, EPOLLIN, EPOLLOUT, EPOLLRDHUP, type EventTarget, type ReadinessCalls } from "./epoll.ts";
import { O_CLOEXEC } from "./flags.ts";
import { PacedReadiness } from "./paced_readiness.ts";

/** Changes are told, and not what has been told before. */
const EPOLLET = 1 << 31;
/** The number of the alarm; descriptors count from 1. */
const ALARM = 0;
/**
 * Nanoseconds for which the thread that serves waits itself: a client that was answered is often heard again sooner than
 * another thread begins to wait for it.
 */
const PATIENCE_NS = 50_000n;

export class Readiness extends Epoll {
  /** An eventfd that wakes the thread that waits. */
  readonly #alarm: number;
  /** struct timespec { time_t seconds; long nanoseconds }. */
  readonly #patience = BigInt64Array.of(0n, PATIENCE_NS);
  readonly #paced: PacedReadiness[] = [];
  #loop: Promise<void> | null = null;
  #isClosed = false;

  /** Whoever makes it calls `close`. */
  constructor(calls: ReadinessCalls) {
    super(calls);
    this.#alarm = calls.eventfd(0, O_CLOEXEC);
    if (this.#alarm < 0) throw new Error("No descriptor is left to watch others with");
    this.add(this.#alarm, { events: EPOLLIN, id: ALARM, target: null });
  }

  /**
   * Tells `target` from now on whenever there is something new to be read from a connection. Returns its number for
   * `addWrites` and `remove`. Throws plain Error when the system has no room to watch it.
   */
  addReads(descriptor: number, target: EventTarget): number {
    const id = this.nextId();
    this.add(descriptor, { events: EPOLLIN | EPOLLRDHUP | EPOLLET, id, target });
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

  /** Ends the thread. To be called when nothing is watched any more. Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const paced of this.#paced) await paced.close();
    // An eventfd counts: it takes a number of 8 bytes, and is readable when it is not 0.
    this.calls.write(this.#alarm, BigUint64Array.of(1n), 8n);
    await this.#loop;
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
      const count = this.poll(this.#patience);
      this.tell(count > 0 ? count : await this.wait(-1));
    }
  }
}

/** Resolves when everything else that waits for this thread has had its turn. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
