/**
 * Which processes this server has started and has yet to reap, known to all of its threads: so that whoever reaps what
 * others have left (lib/process/orphan_reaper.ts) takes no exit status of a program away. Separate, because a program can
 * end before the call that starts it has told its number. Shared memory; pure. waitpid(2).
 */

/** Starts that are under way. */
const STARTS = 0;
/** Where the process ids begin; 0 is no process. */
const FIRST = 1;
/** Programs that run at once, and a few that have just ended. Beyond that, starts count as under way until they are reaped. */
const MOST_CHILDREN = 4096;

export class OwnChildren {
  /** Data that can be sent to another thread, which makes the same of it. */
  readonly memory: SharedArrayBuffer;
  readonly #numbers: Int32Array<SharedArrayBuffer>;

  constructor(memory = new SharedArrayBuffer((FIRST + MOST_CHILDREN) * Int32Array.BYTES_PER_ELEMENT)) {
    this.memory = memory;
    this.#numbers = new Int32Array(memory);
  }

  /** To be called before a program is started, and followed by one of the methods of what it returns. */
  begin(): StartedChild {
    Atomics.add(this.#numbers, STARTS, 1);
    return {
      failed: () => void Atomics.sub(this.#numbers, STARTS, 1),
      started: (pid) => {
        const place = this.#put(pid);
        // Only now: whoever sees that nothing is under way then finds the number.
        if (place !== null) Atomics.sub(this.#numbers, STARTS, 1);
        return () => {
          if (place === null) Atomics.sub(this.#numbers, STARTS, 1);
          else Atomics.store(this.#numbers, place, 0);
        };
      },
    };
  }

  /** Whether starts are under way, of which each may have a copy of all that is open in this process. */
  get areStarting(): boolean {
    return Atomics.load(this.#numbers, STARTS) > 0;
  }

  /**
   * Whether that process, which was seen before this call, may be one of them: it is, or a start is under way whose number
   * nobody knows yet.
   */
  mayHave(pid: number): boolean {
    return this.areStarting || this.#numbers.indexOf(pid, FIRST) !== -1;
  }

  /** The place that it has now; null: there is none left. */
  #put(pid: number): number | null {
    const size = this.#numbers.length - FIRST;
    for (let step = 0; step < size; step++) {
      const place = FIRST + (pid + step) % size;
      if (Atomics.compareExchange(this.#numbers, place, 0, pid) === 0) return place;
    }
    return null;
  }
}

/** One program that is being started. */
export interface StartedChild {
  /** There is no such program. */
  failed(): void;
  /** It has that process id. What this returns is to be called once it has been reaped. */
  started(pid: number): () => void;
}
