/**
 * Things that come and go with each connection or request, in the order of their coming. No Set and no Map: the tables that one of
 * those has outgrown keep what was in them alive until the next whole collection, and so what that refers to (scripts/bench/NOTES.md,
 * "What outlives a request"). Pure.
 */

/** What can stand in a list: it has the places before and after its own, and stands in one list at most. */
export interface Linked<Node> {
  before: Node | null;
  after: Node | null;
}

export class LinkedList<Node extends Linked<Node>> implements Iterable<Node> {
  #first: Node | null = null;
  #last: Node | null = null;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** For whoever looks at thousands often, and goes on by `after`. */
  get first(): Node | null {
    return this.#first;
  }

  /** The one whose turn it is may be removed meanwhile, and no other. */
  *[Symbol.iterator](): Generator<Node> {
    for (let node = this.#first; node !== null;) {
      const { after } = node;
      yield node;
      node = after;
    }
  }

  /** Behind all others; one that stands nowhere. */
  add(node: Node): void {
    node.before = this.#last;
    if (this.#last === null) this.#first = node;
    else this.#last.after = node;
    this.#last = node;
    this.#size++;
  }

  /** Idempotent. */
  remove(node: Node): void {
    const { before, after } = node;
    if (before === null && this.#first !== node) return;
    if (before === null) this.#first = after;
    else before.after = after;
    if (after === null) this.#last = before;
    else after.before = before;
    // Else an old one would keep younger ones alive.
    node.before = node.after = null;
    this.#size--;
  }
}
