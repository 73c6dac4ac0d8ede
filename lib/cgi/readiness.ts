/**
 * Tells when descriptors that the runtime does not know can be read or written: one epoll instance, waited for in a thread
 * beside the one that serves. Separate from the pipes that use it, because it knows nothing of what is read. epoll(7).
 */
import { O_CLOEXEC, type SystemCalls } from "./system_calls.ts";

export type Direction = "readable" | "writable";

/** Linux, sys/epoll.h. What is watched is told once and then rests until it is asked for again. */
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CTL_MOD = 3;
const EPOLLONESHOT = 1 << 30;
const EVENT_OF: Readonly<Record<Direction, number>> = { readable: 1, writable: 4 };

/** struct epoll_event { u32 events; u64 data }: without a gap on x86-64 alone. */
const DATA_OFFSET = Deno.build.arch === "x86_64" ? 4 : 8;
const EVENT_BYTES = DATA_OFFSET + 8;
/** Events that one wait brings at most. */
const MAX_EVENTS = 64;
/** The number of the alarm; descriptors count from 1. */
const ALARM = 0;

/** One descriptor that is watched. */
export interface Watched {
  /**
   * Resolves when the descriptor is ready or broken, or `stop` is called. One call at a time. Throws plain Error when
   * the system has no room to watch it.
   */
  ready(): Promise<void>;
  /** To be called before the descriptor is closed. Idempotent. */
  stop(): void;
}

export class Readiness {
  readonly #calls: SystemCalls;
  readonly #epoll: number;
  /** An eventfd that wakes the thread that waits. */
  readonly #alarm: number;
  readonly #waiting = new Map<number, () => void>();
  readonly #events = new Uint8Array(MAX_EVENTS * EVENT_BYTES);
  readonly #eventView = new DataView(this.#events.buffer);
  readonly #event = new Uint8Array(EVENT_BYTES);
  readonly #newEventView = new DataView(this.#event.buffer);
  #count = 0;
  #loop: Promise<void> | null = null;
  #isClosed = false;

  /** Whoever makes it calls `close`. */
  constructor(calls: SystemCalls) {
    this.#calls = calls;
    this.#epoll = calls.epoll_create1(O_CLOEXEC);
    this.#alarm = calls.eventfd(0, O_CLOEXEC);
    if (this.#epoll < 0 || this.#alarm < 0) throw new Error("No descriptors are left to watch scripts with");
    this.#control(EPOLL_CTL_ADD, this.#alarm, { events: EVENT_OF.readable, id: ALARM });
  }

  watch(descriptor: number, direction: Direction): Watched {
    const id = ++this.#count;
    const events = EVENT_OF[direction] | EPOLLONESHOT;
    let state: "new" | "known" | "stopped" = "new";
    return {
      ready: () => {
        if (state === "stopped") return Promise.resolve();
        this.#control(state === "new" ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, descriptor, { events, id });
        state = "known";
        this.#loop ??= this.#wait();
        return new Promise((resolve) => this.#waiting.set(id, resolve));
      },
      stop: () => {
        // Not left to close(2): a program that is being started has a copy of the descriptor for a moment.
        if (state === "known") this.#control(EPOLL_CTL_DEL, descriptor, { events, id });
        state = "stopped";
        this.#tell(id);
      },
    };
  }

  /** Ends the thread. To be called when nothing is watched any more. Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // An eventfd counts: it takes a number of 8 bytes, and is readable when it is not 0.
    this.#calls.write(this.#alarm, BigUint64Array.of(1n), 8n);
    await this.#loop;
    this.#calls.close(this.#alarm);
    this.#calls.close(this.#epoll);
  }

  async #wait(): Promise<void> {
    while (!this.#isClosed) {
      // -1 when a signal interrupted it: there is nothing to tell.
      const count = await this.#calls.epoll_wait(this.#epoll, this.#events, MAX_EVENTS, -1);
      for (let index = 0; index < count; index++) {
        this.#tell(this.#eventView.getUint32(index * EVENT_BYTES + DATA_OFFSET, true));
      }
    }
  }

  #tell(id: number): void {
    const resolve = this.#waiting.get(id);
    if (resolve === undefined) return;
    this.#waiting.delete(id);
    resolve();
  }

  #control(
    operation: number,
    descriptor: number,
    { events, id }: { readonly events: number; readonly id: number },
  ): void {
    this.#newEventView.setUint32(0, events, true);
    this.#newEventView.setUint32(DATA_OFFSET, id, true);
    if (this.#calls.epoll_ctl(this.#epoll, operation, descriptor, this.#event) !== 0) {
      throw new Error(`Descriptor ${descriptor} cannot be watched`);
    }
  }
}
