/** Bytes that come among others, for whoever pulls them. Separate because a program's messages come between parts of its answer. Pure. */

export class PushedBytes {
  #parts: Uint8Array[] = [];
  #hasEnded = false;
  #changed = Promise.withResolvers<void>();

  /** Takes a copy. Whoever pushes lets those who read have their turn before more comes. */
  push(bytes: Uint8Array): void {
    this.#parts.push(bytes.slice());
    this.#change();
  }

  /** Nothing will be pushed. */
  end(): void {
    this.#hasEnded = true;
    this.#change();
  }

  /** The next bytes; null at the end. One call at a time. */
  async read(): Promise<Uint8Array | null> {
    for (;;) {
      const part = this.#parts.shift();
      if (part !== undefined) return part;
      if (this.#hasEnded) return null;
      await this.#changed.promise;
    }
  }

  #change(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
