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

export class MemoryReturn {
  readonly #budget: Pick<MemoryBudget, "heldBytes">;
  readonly #trim: () => void;
  #timer: number | undefined = undefined;
  #left = 0;

  /** `trim`: gives back what is free; a millisecond, or some tens where there is much. */
  constructor(budget: Pick<MemoryBudget, "heldBytes">, trim: () => void) {
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

  /** Trims while much waits for clients, and for a minute after. */
  look(): void {
    if (this.#budget.heldBytes >= MUCH_BYTES) this.#left = LOOKS_AFTERWARDS;
    else if (this.#left === 0) return;
    else this.#left--;
    this.#trim();
  }
}
