/**
 * One instance of epoll, through the C library: descriptors that the runtime does not know, and who waits for them.
 * Separate from those who ask it, because they differ in when they do: readiness.ts and paced_readiness.ts. epoll(7). I/O.
 */
import { O_CLOEXEC } from "./flags.ts";

/** The functions of the C library that are needed for it; whoever opens the library stands above this folder. */
export const READINESS_CALLS = {
  close: { parameters: ["i32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  epoll_create1: { parameters: ["i32"], result: "i32" },
  socketpair: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
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

export const EPOLL_CTL_ADD = 1;
export const EPOLL_CTL_DEL = 2;
export const EPOLL_CTL_MOD = 3;
/** What is told once then rests until it is asked for again. */
export const EPOLLONESHOT = 1 << 30;
const EVENT_OF: Readonly<Record<Direction, number>> = { readable: EPOLLIN, writable: EPOLLOUT };

/** Where the parts of an event are, in bytes. */
interface EventLayout {
  readonly dataOffset: number;
  readonly byteCount: number;
}

/**
 * Of struct epoll_event { u32 events; u64 data }, whose data have no gap before them on x86-64 alone: EPOLL_PACKED of
 * bits/epoll.h. `arch` is a processor as `Deno.build.arch` names it.
 */
export function epollEventLayout(arch: typeof Deno.build.arch): EventLayout {
  const dataOffset = arch === "x86_64" ? 4 : 8;
  return { dataOffset, byteCount: dataOffset + 8 };
}

/** The data are an id and how often it was given to others before, of 32 bits each. */
const { dataOffset: DATA_OFFSET, byteCount: EVENT_BYTES } = epollEventLayout(Deno.build.arch);
/** Events that one wait brings at most. */
const MAX_EVENTS = 64;

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

/** Who watches descriptors that are asked about now and then. */
export interface Watcher {
  watch(descriptor: number, direction: Direction): Watched;
}

/** Who wants to know of each change of a descriptor. */
export interface EventTarget {
  /** `events`: the bits above. Must not throw. */
  onEvents(events: number): void;
}

export abstract class Epoll implements Watcher {
  protected readonly calls: ReadinessCalls;
  /** Of the instance: readable when one of those that it watches has something to tell. */
  protected readonly descriptor: number;
  /** By id, and no Map: see lib/linked_list.ts. The first is nobody's, for 0 is no id. */
  readonly #targets: (EventTarget | null)[] = [null];
  /** How often each id was given up, so that what is told of one before is not told to the next. */
  readonly #turns: number[] = [0];
  readonly #freeIds: number[] = [];
  readonly #events = new Uint8Array(MAX_EVENTS * EVENT_BYTES);
  readonly #eventView = new DataView(this.#events.buffer);
  readonly #event = new Uint8Array(EVENT_BYTES);
  readonly #newEventView = new DataView(this.#event.buffer);

  constructor(calls: ReadinessCalls) {
    this.calls = calls;
    this.descriptor = calls.epoll_create1(O_CLOEXEC);
    if (this.descriptor < 0) throw new Error("No descriptor is left to watch others with");
  }

  /** Is called when there is something to wait for. May throw as `Watched.ready` does. */
  protected abstract begin(): void;

  watch(descriptor: number, direction: Direction): Watched {
    const events = EVENT_OF[direction] | EPOLLONESHOT;
    let id = 0;
    let isStopped = false;
    let tell: (() => void) | null = null;
    const target = { onEvents: () => tell?.() };
    return {
      ready: () => {
        if (isStopped) return Promise.resolve();
        if (id === 0) id = this.add(descriptor, { events, target });
        else this.#control(EPOLL_CTL_MOD, descriptor, { events, id });
        this.begin();
        return new Promise((resolve) => tell = resolve);
      },
      stop: () => {
        isStopped = true;
        if (id !== 0) {
          // Not left to close(2): a program that is being started has a copy of the descriptor for a moment.
          this.#control(EPOLL_CTL_DEL, descriptor, { events, id });
          this.forget(id);
          id = 0;
        }
        tell?.();
      },
    };
  }

  /** Watches it from now on for `target`. Returns the id for `change` and `forget`. */
  protected add(
    descriptor: number,
    { events, target }: { readonly events: number; readonly target: EventTarget },
  ): number {
    const id = this.#freeIds.pop() ?? this.#targets.length;
    this.#turns[id] ??= 0;
    this.#targets[id] = target;
    try {
      this.#control(EPOLL_CTL_ADD, descriptor, { events, id });
    } catch (error) {
      this.forget(id);
      throw error;
    }
    return id;
  }

  protected change(descriptor: number, eventsOf: EventsOf): void {
    this.#control(EPOLL_CTL_MOD, descriptor, eventsOf);
  }

  /** Once for each id. */
  protected forget(id: number): void {
    this.#targets[id] = null;
    this.#turns[id] = (this.#turns[id] + 1) >>> 0;
    this.#freeIds.push(id);
  }

  /** How many events there are, at the latest after `patience` (struct timespec); none without epoll_pwait2. */
  protected poll(patience: BigInt64Array<ArrayBuffer>): number {
    return this.calls.epoll_pwait2?.(this.descriptor, this.#events, MAX_EVENTS, patience, null) ?? 0;
  }

  /** The same by another thread, which waits so many milliseconds at most, -1: for ever. */
  protected wait(limitMs: number): Promise<number> {
    return this.calls.epoll_wait(this.descriptor, this.#events, MAX_EVENTS, limitMs);
  }

  /** Tells what `poll` or `wait` has brought: `count` events, or -1 when a signal interrupted it. */
  protected tell(count: number): void {
    for (let index = 0; index < count; index++) {
      const offset = index * EVENT_BYTES;
      const id = this.#eventView.getUint32(offset + DATA_OFFSET, true);
      const turn = this.#eventView.getUint32(offset + DATA_OFFSET + 4, true);
      if (turn === this.#turns[id]) this.#targets[id]?.onEvents(this.#eventView.getUint32(offset, true));
    }
  }

  #control(operation: number, descriptor: number, { events, id }: EventsOf): void {
    this.#newEventView.setUint32(0, events, true);
    this.#newEventView.setUint32(DATA_OFFSET, id, true);
    this.#newEventView.setUint32(DATA_OFFSET + 4, this.#turns[id], true);
    if (this.calls.epoll_ctl(this.descriptor, operation, descriptor, this.#event) !== 0) {
      throw new Error(`Descriptor ${descriptor} cannot be watched`);
    }
  }
}

interface EventsOf {
  readonly events: number;
  readonly id: number;
}
