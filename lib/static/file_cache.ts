/**
 * A bounded table of what is known about files, with a section for each folder that is served. Separate and pure: it knows
 * weights and ages, not files.
 */

export interface CacheLimits {
  readonly maxCount: number;
  /** Most weight of all entries together; a heavier entry is not taken. */
  readonly maxWeight: number;
}

interface Slot<Value> {
  readonly section: Map<string, Slot<Value>>;
  readonly key: string;
  readonly value: Value;
  readonly weight: number;
  isUsed: boolean;
}

/**
 * The least wanted entries are dropped first, of whatever section. CLOCK: an entry that was asked for since the hand last
 * passed gets a second round. A hit is one look-up and one store, where LRU would delete and insert.
 */
export class FileCache<Value> {
  /** A Set keeps the order of insertion: the hand is its front, and putting a slot at the end moves the hand on. */
  readonly #slots = new Set<Slot<Value>>();
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

  /** A new section, which has keys of its own and shares the limits. */
  section(): CacheSection<Value> {
    const slots = new Map<string, Slot<Value>>();
    return {
      get: (key) => {
        const slot = slots.get(key);
        if (slot === undefined) return undefined;
        slot.isUsed = true;
        return slot.value;
      },
      set: (key, value, weight) => {
        this.#delete(slots.get(key));
        if (weight > this.#limits.maxWeight || this.#limits.maxCount === 0) return;
        while (this.#slots.size >= this.#limits.maxCount || this.#weight + weight > this.#limits.maxWeight) {
          this.#evict();
        }
        const slot = { section: slots, key, value, weight, isUsed: false };
        slots.set(key, slot);
        this.#slots.add(slot);
        this.#weight += weight;
      },
      delete: (key) => this.#delete(slots.get(key)),
    };
  }

  #delete(slot: Slot<Value> | undefined): void {
    if (slot === undefined) return;
    this.#weight -= slot.weight;
    this.#slots.delete(slot);
    slot.section.delete(slot.key);
  }

  #evict(): void {
    for (const slot of this.#slots) {
      if (!slot.isUsed) return this.#delete(slot);
      slot.isUsed = false;
      this.#slots.delete(slot);
      this.#slots.add(slot);
    }
  }
}

/** Values by text. */
export interface CacheSection<Value> {
  get(key: string): Value | undefined;
  /** Puts the value in the place of an older one of that key. */
  set(key: string, value: Value, weight: number): void;
  delete(key: string): void;
}
