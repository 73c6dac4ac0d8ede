/**
 * Gives memory back to the system. What is free, and the C library keeps: pieces of it lie between others that are in use, so
 * that after many clients most of it would stay (9,900 clients that read nothing: 295 MiB of 363, for good), and what the runtime
 * took to compile the code that clients need (10 MiB). And once nobody has asked for anything for some seconds, the pages of the
 * program itself. I/O. malloc_trim(3).
 */
import type { MemoryBudget } from "../memory_budget.ts";
import type { Counters } from "../status/counters.ts";
import type { Libc } from "../system/libc.ts";
import { releaseProgramPages } from "../system/program_pages.ts";

const LOOK_MS = 1000;
/** Less is not worth it. */
const MUCH_BYTES = 8_388_608;
/** The collector of the runtime comes to what was left some 10 s after the last client, and then once more. */
const LOOKS_AFTERWARDS = 60;
/** Everybody waits for a trim: so many looks lie between two of them once little comes back. */
const LOOKS_A_TRIM = 3;
/** The code is compiled in the first seconds of work, and some of it again when more is known of it. */
const TRIMS_OF_WORK: readonly number[] = [2, 8, 32];
/**
 * So many looks in which nothing has passed make a pause, in which nobody of this thread waits for a trim, and a rest, whoever is
 * connected. A pause is worth a trim after so many connections and requests.
 */
const LOOKS_A_PAUSE = 2;
const MUCH_WORK = 1000;
const LOOKS_A_REST = 10;

/** What there is to be given back. */
export interface Memory {
  /** Gives back what is free; a millisecond, or some tens where there is much. */
  trim(): void;
  /** Gives back the pages of the program; a millisecond or two, and about as much for those that come again. */
  releaseProgram(): void;
}

/** What is looked at. */
export interface Looked {
  readonly budget: Pick<MemoryBudget, "heldBytes" | "givenBytes">;
  readonly counters: Pick<Counters, "acceptedCount" | "requestCount" | "sentBytes">;
}

export class MemoryReturn {
  readonly #looked: Looked;
  readonly #memory: Memory;
  #timer: number | undefined = undefined;
  #left = 0;
  /** Looks that found something new, and those in a row that found nothing. */
  #workCount = 0;
  #idleCount = 0;
  /** All that has passed, at the look before. */
  #passedCount = 0;
  /** Connections and requests, at the last trim in a pause. */
  #trimmedCount = 0;
  /** At the look before. */
  #heldBytes = 0;
  #givenBytes = 0;

  constructor(looked: Looked, memory: Memory) {
    this.#looked = looked;
    this.#memory = memory;
  }

  /** Looks once a second from now on, until `close`. To be called while the runtime may tell where its program is. */
  static open(looked: Looked, libc: Libc): MemoryReturn {
    const path = Deno.execPath();
    const own = new MemoryReturn(looked, {
      trim: () => libc.malloc_trim(0n),
      releaseProgram: () => releaseProgramPages(path, libc),
    });
    own.#timer = setInterval(() => own.look(), LOOK_MS);
    return own;
  }

  /** Idempotent. */
  close(): void {
    clearInterval(this.#timer);
  }

  /**
   * Trims when, of much that waits for clients, much was given back since the last look, and now and then for a minute after; and
   * for what else there is to be given back.
   */
  look(): void {
    this.#lookForWork();
    const { heldBytes, givenBytes } = this.#looked.budget;
    const isMuch = Math.max(heldBytes, this.#heldBytes) >= MUCH_BYTES && givenBytes - this.#givenBytes >= MUCH_BYTES;
    this.#heldBytes = heldBytes;
    this.#givenBytes = givenBytes;
    if (isMuch) this.#left = LOOKS_AFTERWARDS;
    else if (this.#left === 0) return;
    else if (--this.#left % LOOKS_A_TRIM !== 0) return;
    this.#memory.trim();
  }

  #lookForWork(): void {
    const { acceptedCount, requestCount, sentBytes } = this.#looked.counters;
    const passedCount = acceptedCount + requestCount + sentBytes;
    const isWork = passedCount !== this.#passedCount;
    this.#passedCount = passedCount;
    this.#idleCount = isWork ? 0 : this.#idleCount + 1;
    if (isWork) this.#workCount++;
    const isRest = this.#idleCount === LOOKS_A_REST;
    // Once in each rest: what the first client then needs comes again, and the next one needs it too.
    if (isRest) this.#memory.releaseProgram();
    const isPause = this.#idleCount === LOOKS_A_PAUSE && acceptedCount + requestCount - this.#trimmedCount >= MUCH_WORK;
    if (isPause) this.#trimmedCount = acceptedCount + requestCount;
    if (isRest || isPause || (isWork && TRIMS_OF_WORK.includes(this.#workCount))) this.#memory.trim();
  }
}
