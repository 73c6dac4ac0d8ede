/**
 * Tells when descriptors that the runtime does not know can be read or written: the server's plain sockets and the pipes
 * of its scripts, in one epoll instance. Separate from those who use it, because it knows nothing of what is read.
 * epoll(7). I/O.
 *
 * The thread that serves looks by itself as long as there are events; when there are none, it waits for some microseconds,
 * and then has another thread wait, for it must not stand still: the runtime has timers, files and TLS to look after.
 */
import { setImmediate } from "node:timers";
import { O_CLOEXEC } from "./flags.ts";

/** The functions of the C library that are needed for it; whoever opens the library stands above this folder. */
export const READINESS_CALLS = {
  close: { parameters: ["i32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  epoll_create1: { parameters: ["i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  /** glibc 2.35, Linux 5.11; without it another thread always waits. */
  epoll_pwait2: { parameters: ["i32", "buffer", "i32", "buffer", "pointer"], result: "i32", optional: true },
  /** Blocks a thread of its own. */
  epoll_wait: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32", nonblocking: true },
} as const satisfies Deno.ForeignLibraryInterface;

export type ReadinessCalls = Deno.DynamicLibrary<typeof READINESS_CALLS>["symbols"];

export type Direction = "readable" | "writable";

/** What has happened to a descriptor, as bits. Linux, sys/epoll.h. */
export const EPOLLIN = 1;
export const EPOLLOUT = 4;
export const EPOLLERR = 8;
export const EPOLLHUP = 0x10;
export const EPOLLRDHUP = 0x2000;

const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CTL_MOD = 3;
/** What is told once then rests until it is asked for again. */
const EPOLLONESHOT = 1 << 30;
/** Changes are told, and not what has been told before. */
const EPOLLET = 1 << 31;
const EVENT_OF: Readonly<Record<Direction, number>> = { readable: EPOLLIN, writable: EPOLLOUT };
/**
 * struct epoll_event { u32 events; u64 data }: without a gap on x86-64 alone. The data are a number as JavaScript has them,
 * for 32 bits of descriptors that were watched may be used up in some days.
 */
const DATA_OFFSET = Deno.build.arch === "x86_64" ? 4 : 8;
const EVENT_BYTES = DATA_OFFSET + 8;
/** Events that one wait brings at most. */
const MAX_EVENTS = 64;
/** The number of the alarm; descriptors count from 1. */
const ALARM = 0;
/**
 * Nanoseconds for which the thread that serves waits itself: a client that was answered is often heard again sooner than
 * another thread begins to wait for it.
 */
const PATIENCE_NS = 50_000n;

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

/** Who wants to know of each change of a descriptor. */
export interface EventTarget {
  /** `events`: the bits above. Must not throw. */
  onEvents(events: number): void;
}

export class Readiness {
  readonly #calls: ReadinessCalls;
  readonly #epoll: number;
  /** An eventfd that wakes the thread that waits. */
  readonly #alarm: number;
  readonly #targets = new Map<number, EventTarget>();
  readonly #events = new Uint8Array(MAX_EVENTS * EVENT_BYTES);
  readonly #eventView = new DataView(this.#events.buffer);
  readonly #event = new Uint8Array(EVENT_BYTES);
  readonly #newEventView = new DataView(this.#event.buffer);
  /** struct timespec { time_t seconds; long nanoseconds }. */
  readonly #patience = BigInt64Array.of(0n, PATIENCE_NS);
  #count = 0;
  #loop: Promise<void> | null = null;
  #isClosed = false;

  /** Whoever makes it calls `close`. */
  constructor(calls: ReadinessCalls) {
    this.#calls = calls;
    this.#epoll = calls.epoll_create1(O_CLOEXEC);
    this.#alarm = calls.eventfd(0, O_CLOEXEC);
    if (this.#epoll < 0 || this.#alarm < 0) throw new Error("No descriptors are left to watch others with");
    this.#control(EPOLL_CTL_ADD, this.#alarm, { events: EPOLLIN, id: ALARM });
  }

  /** For a descriptor that is asked about now and then. */
  watch(descriptor: number, direction: Direction): Watched {
    const id = ++this.#count;
    const events = EVENT_OF[direction] | EPOLLONESHOT;
    let state: "new" | "known" | "stopped" = "new";
    let tell: (() => void) | null = null;
    const target = { onEvents: () => tell?.() };
    return {
      ready: () => {
        if (state === "stopped") return Promise.resolve();
        this.#control(state === "new" ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, descriptor, { events, id });
        state = "known";
        this.#tell(id, target);
        return new Promise((resolve) => tell = resolve);
      },
      stop: () => {
        // Not left to close(2): a program that is being started has a copy of the descriptor for a moment.
        if (state === "known") this.#control(EPOLL_CTL_DEL, descriptor, { events, id });
        state = "stopped";
        this.#targets.delete(id);
        tell?.();
      },
    };
  }

  /**
   * Tells `target` from now on whenever there is something new to be read from a connection. Returns its number for
   * `addWrites` and `remove`. Throws plain Error when the system has no room to watch it.
   */
  add(descriptor: number, target: EventTarget): number {
    const id = ++this.#count;
    this.#control(EPOLL_CTL_ADD, descriptor, { events: EPOLLIN | EPOLLRDHUP | EPOLLET, id });
    this.#tell(id, target);
    return id;
  }

  /** Tells it from now on also when there is room to write, at once where there is. */
  addWrites(id: number, descriptor: number): void {
    this.#control(EPOLL_CTL_MOD, descriptor, { events: EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, id });
  }

  /** Tells no more; closing the descriptor does the rest. */
  remove(id: number): void {
    this.#targets.delete(id);
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

  #tell(id: number, target: EventTarget): void {
    this.#targets.set(id, target);
    this.#loop ??= this.#serve();
  }

  async #serve(): Promise<void> {
    const { epoll_wait } = this.#calls;
    for (;;) {
      // Whoever has called, or was told, acts first, and so does the runtime.
      await nextTurn();
      if (this.#isClosed) return;
      // Either gives -1 when a signal interrupts it: there is nothing to tell.
      const first = this.#poll();
      const count = first > 0 ? first : await epoll_wait(this.#epoll, this.#events, MAX_EVENTS, -1);
      for (let index = 0; index < count; index++) {
        const offset = index * EVENT_BYTES;
        const id = this.#eventView.getFloat64(offset + DATA_OFFSET);
        this.#targets.get(id)?.onEvents(this.#eventView.getUint32(offset, true));
      }
    }
  }

  /** How many events there are, now or in a moment. */
  #poll(): number {
    return this.#calls.epoll_pwait2?.(this.#epoll, this.#events, MAX_EVENTS, this.#patience, null) ?? 0;
  }

  #control(
    operation: number,
    descriptor: number,
    { events, id }: { readonly events: number; readonly id: number },
  ): void {
    this.#newEventView.setUint32(0, events, true);
    this.#newEventView.setFloat64(DATA_OFFSET, id);
    if (this.#calls.epoll_ctl(this.#epoll, operation, descriptor, this.#event) !== 0) {
      throw new Error(`Descriptor ${descriptor} cannot be watched`);
    }
  }
}

/** Resolves when everything else that waits for this thread has had its turn. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
