/**
 * Tells of descriptors as Readiness does, but not more often than somebody wants to know: what comes in between is told
 * together. A thread that is woken for each of many programs finds its caches full of theirs each time, and leaves its own
 * behind. An instance of epoll within another's, which is not asked about during a pause. epoll(7). I/O, timers.
 */
import { Epoll, type ReadinessCalls, type Watched, type Watcher } from "./epoll.ts";

export interface PacedOptions {
  readonly outer: Watcher;
  /** Milliseconds until it is looked again after something was told; 0: at once. */
  readonly pauseMs: () => number;
}

export class PacedReadiness extends Epoll {
  readonly #pauseMs: () => number;
  readonly #outer: Watched;
  /** struct timespec: no time at all. */
  readonly #now = new BigInt64Array(2);
  #loop: Promise<void> | null = null;
  #isClosed = false;

  /** Whoever makes it calls `close`, before the outer one is closed. */
  constructor(calls: ReadinessCalls, { outer, pauseMs }: PacedOptions) {
    super(calls);
    this.#pauseMs = pauseMs;
    this.#outer = outer.watch(this.descriptor, "readable");
  }

  /** To be called when nothing is watched any more. Resolves when a pause has ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#outer.stop();
    await this.#loop;
    this.calls.close(this.descriptor);
  }

  protected begin(): void {
    // Asked outside the loop, where what it throws would be nobody's.
    this.#loop ??= this.#serve(this.#outer.ready());
  }

  async #serve(first: Promise<void>): Promise<void> {
    await first;
    while (!this.#isClosed) {
      await this.#look();
      await this.#outer.ready();
    }
  }

  /** Tells what there is until there is nothing after a pause. */
  async #look(): Promise<void> {
    const polled = this.poll(this.#now);
    // There was something a moment ago: a C library without epoll_pwait2 finds it by another thread.
    for (let count = polled > 0 ? polled : await this.wait(0); count > 0; count = this.poll(this.#now)) {
      this.tell(count);
      const pauseMs = this.#pauseMs();
      if (pauseMs <= 0) return;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}
