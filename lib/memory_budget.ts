/**
 * How much memory waits for clients: what came of them and is not whole, and what they have not taken yet. Whoever allocates
 * such memory counts it here; whoever can make room, by ending what holds most, is told when it is too much. Separate because
 * all layers allocate some. Pure.
 */

/** One output, content or the like may have so great a part of the room that is left, where it can do with less. */
const SHARE = 1 / 4;
/** What may as well be in a file takes no more than so much of all: connections have no such choice, and would be cut for it. */
const SPOOLED_SHARE = 1 / 2;

export class MemoryBudget {
  readonly #maxBytes: number;
  #heldBytes = 0;
  #givenBytes = 0;
  /** Called at once when more is held than may be, each time that more is taken. */
  onFull: (() => void) | null = null;

  /** One without a bound only counts. */
  constructor(maxBytes = Infinity) {
    this.#maxBytes = maxBytes;
  }

  get maxBytes(): number {
    return this.#maxBytes;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** What was given back in all. */
  get givenBytes(): number {
    return this.#givenBytes;
  }

  take(bytes: number): void {
    this.#heldBytes += bytes;
    if (this.#heldBytes > this.#maxBytes) this.onFull?.();
  }

  give(bytes: number): void {
    this.#heldBytes -= bytes;
    this.#givenBytes += bytes;
  }

  /** How much more somebody may take who has `ownBytes` and can do with less; 0 or more. */
  fairRoom(ownBytes: number): number {
    return fairShare(this.#maxBytes - this.#heldBytes, ownBytes);
  }

  /** The same for what goes to a file when there is no room. */
  spoolRoom(ownBytes: number): number {
    return fairShare(SPOOLED_SHARE * this.#maxBytes - this.#heldBytes, ownBytes);
  }
}

/** How much more somebody may have of a room with so much left who has `ownBytes` of it, so that he has no more than his share. */
export function fairShare(leftBytes: number, ownBytes: number): number {
  if (leftBytes === Infinity) return Infinity;
  return Math.max(0, Math.floor((leftBytes + ownBytes) * SHARE) - ownBytes);
}
