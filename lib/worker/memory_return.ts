/**
 * Gives memory back to the system. What is free, and the C library keeps: pieces of it lie between others that are in use, so
 * that after many clients most of it would stay (9,900 clients that read nothing: 295 MiB of 363, for good), and what the runtime
 * took to compile the code that clients need (10 MiB). And once nobody has asked for anything for some seconds, the pages of the
 * program itself. I/O. malloc_trim(3).
 */
import type { MemoryBudget } from "../memory_budget.ts";
import type { Server } from "../serve/server.ts";
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
 * So many looks in which nothing has passed make a pause, whoever is connected. Who is, rests from then on; when they all do nobody of
 * this thread waits for a trim, which is worth it after so many connections and requests, nor, where no request is under way, for a
 * collection, which is after so many connections that came or were put to rest.
 */
const LOOKS_A_PAUSE = 2;
const MUCH_WORK = 1000;
const MUCH_COMING = 1000;
const LOOKS_A_LONG_PAUSE = 10;

/** What there is to be given back. */
export interface Memory {
  /** Has all connections rest that wait for their next requests; resolves when they do. */
  rest(): Promise<void>;
  /**
   * Gives back what nobody uses any more of the runtime's heap, which does so by itself only when it has grown, and so not while nobody
   * asks for anything; 30 us for each connection.
   */
  collect(): void;
  /** Gives back what is free; a millisecond, or some tens where there is much. */
  trim(): void;
  /** Gives back the pages of the program; a millisecond or two, and about as much for those that come again. */
  releaseProgram(): void;
}

/** What is looked at. */
export interface Looked {
  readonly budget: Pick<MemoryBudget, "heldBytes" | "givenBytes">;
  readonly counters: Pick<Counters, "acceptedCount" | "requestCount" | "sentBytes" | "restedCount" | "underWayCount">;
}

export class MemoryReturn {
  readonly #looked: Looked;
  readonly #memory: Memory;
  #timer: number | undefined = undefined;
  #left = 0;
  /** Looks that found something new, and those in a row that found nothing. */
  #workCount = 0;
  #idleCount = 0;
  /** Connections are being put to rest. */
  #isResting = false;
  /** All that has passed, at the look before. */
  #passedCount = 0;
  /** Connections and requests, at the last trim in a pause. */
  #trimmedCount = 0;
  /** Connections that had come or been put to rest, at the last collection. */
  #collectedCount = 0;
  /** At the look before. */
  #heldBytes = 0;
  #givenBytes = 0;

  constructor(looked: Looked, memory: Memory) {
    this.#looked = looked;
    this.#memory = memory;
  }

  /** Looks once a second from now on, until `close`. To be called while the runtime may tell where its program is. */
  static open(looked: Looked, server: Pick<Server, "rest">, libc: Libc): MemoryReturn {
    const path = Deno.execPath();
    const own = new MemoryReturn(looked, {
      rest: () => server.rest(LOOK_MS),
      collect,
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
    const { acceptedCount, requestCount, sentBytes, restedCount, underWayCount } = this.#looked.counters;
    const passedCount = acceptedCount + requestCount + sentBytes;
    const isWork = passedCount !== this.#passedCount;
    this.#passedCount = passedCount;
    this.#idleCount = isWork ? 0 : this.#idleCount + 1;
    if (isWork) this.#workCount++;
    if (this.#idleCount === LOOKS_A_PAUSE) {
      this.#isResting = true;
      this.#memory.rest().finally(() => this.#isResting = false);
    }
    const workCount = acceptedCount + requestCount;
    const isPause = this.#idleCount > LOOKS_A_PAUSE && !this.#isResting;
    const isWorthTrim = isPause && workCount - this.#trimmedCount >= MUCH_WORK;
    if (isWorthTrim) this.#trimmedCount = workCount;
    const comingCount = acceptedCount + restedCount;
    if (isWorthTrim && underWayCount === 0 && comingCount - this.#collectedCount >= MUCH_COMING) {
      this.#collectedCount = comingCount;
      this.#memory.collect();
    }
    const isLongPause = this.#idleCount === LOOKS_A_LONG_PAUSE;
    // Once in each: what the first client then needs comes again, and the next one needs it too.
    if (isLongPause) this.#memory.releaseProgram();
    if (isLongPause || isWorthTrim || (isWork && TRIMS_OF_WORK.includes(this.#workCount))) this.#memory.trim();
  }
}

/** What V8's --expose-gc gives; that flavour alone moves what is left together, so that there are pages to give back. */
function collect(): void {
  const { gc } = globalThis as {
    readonly gc?: (options: { readonly type: "major"; readonly flavor: "last-resort" }) => void;
  };
  gc?.({ type: "major", flavor: "last-resort" });
}
