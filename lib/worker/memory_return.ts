/**
 * Gives memory that is free back to the system, which the C library keeps: pieces of it lie between others that are in use, so
 * that after many clients most of it would stay (9,900 clients that read nothing: 295 MiB of 363, for good). I/O.
 * malloc_trim(3).
 */
import type { MemoryBudget } from "../memory_budget.ts";

const LOOK_MS = 1000;
/** Less is not worth it. */
const MUCH_BYTES = 8_388_608;
/** The collector of the runtime comes to what was left some 10 s after the last client, and then once more. */
const LOOKS_AFTERWARDS = 60;
/** Everybody waits for a trim: so many looks lie between two of them once little comes back. */
const LOOKS_A_TRIM = 3;

type Counted = Pick<MemoryBudget, "heldBytes" | "givenBytes">;

export class MemoryReturn {
  readonly #budget: Counted;
  readonly #trim: () => void;
  #timer: number | undefined = undefined;
  #left = 0;
  /** At the look before. */
  #heldBytes = 0;
  #givenBytes = 0;

  /** `trim`: gives back what is free; a millisecond, or some tens where there is much. */
  constructor(budget: Counted, trim: () => void) {
    this.#budget = budget;
    this.#trim = trim;
  }

  /** Looks once a second from now on, until `close`. */
  static open(budget: MemoryBudget, trim: () => void): MemoryReturn {
    const memory = new MemoryReturn(budget, trim);
    memory.#timer = setInterval(() => memory.look(), LOOK_MS);
    return memory;
  }

  /** Idempotent. */
  close(): void {
    clearInterval(this.#timer);
  }

  /** Trims when, of much that waits for clients, much was given back since the last look; and now and then for a minute after. */
  look(): void {
    const { heldBytes, givenBytes } = this.#budget;
    const isMuch = Math.max(heldBytes, this.#heldBytes) >= MUCH_BYTES && givenBytes - this.#givenBytes >= MUCH_BYTES;
    this.#heldBytes = heldBytes;
    this.#givenBytes = givenBytes;
    if (isMuch) this.#left = LOOKS_AFTERWARDS;
    else if (this.#left === 0) return;
    else if (--this.#left % LOOKS_A_TRIM !== 0) return;
    this.#trim();
  }
}
