/**
 * A bounded table of what is known about files. Separate and pure: it knows weights and ages, not files.
 */

export interface CacheLimits {
  readonly maxCount: number;
  /** Most weight of all entries together; a heavier entry is not taken. */
  readonly maxWeight: number;
}

interface Slot<Value> {
  readonly value: Value;
  readonly weight: number;
  isUsed: boolean;
}

/**
 * Values by text, the least wanted ones dropped first. CLOCK: an entry that was asked for since the hand last passed gets
 * a second round. A hit is one look-up and one store, where LRU would delete and insert.
 */
export class FileCache<Value> {
  readonly #slots = new Map<string, Slot<Value>>();
  readonly #limits: CacheLimits;
  #weight = 0;

  constructor(limits: CacheLimits) {
    this.#limits = limits;
  }

  get count(): number {
    return this.#slots.size;
  }

  /** The sum of the weights. */
  get weight(): number {
    return this.#weight;
  }

  get(key: string): Value | undefined {
    const slot = this.#slots.get(key);
    if (slot === undefined) return undefined;
    slot.isUsed = true;
    return slot.value;
  }

  /** Puts the value in the place of an older one of that key. */
  set(key: string, value: Value, weight: number): void {
    this.delete(key);
    if (weight > this.#limits.maxWeight || this.#limits.maxCount === 0) return;
    while (this.#slots.size >= this.#limits.maxCount || this.#weight + weight > this.#limits.maxWeight) this.#evict();
    this.#slots.set(key, { value, weight, isUsed: false });
    this.#weight += weight;
  }

  delete(key: string): void {
    const slot = this.#slots.get(key);
    if (slot === undefined) return;
    this.#weight -= slot.weight;
    this.#slots.delete(key);
  }

  /** A Map keeps the order of insertion: the hand is its front, and putting an entry at the end moves the hand on. */
  #evict(): void {
    for (const [key, slot] of this.#slots) {
      this.#slots.delete(key);
      if (!slot.isUsed) {
        this.#weight -= slot.weight;
        return;
      }
      slot.isUsed = false;
      this.#slots.set(key, slot);
    }
  }
}
