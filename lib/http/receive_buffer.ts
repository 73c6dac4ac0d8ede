/**
 * The bytes of one connection between the socket and the readers. The socket reads straight into `space()`, readers
 * take from the front; nothing is copied but for moving a rest to the front when the end is reached. What a reader was
 * given stays valid until the next call of `space()`.
 */
import { freeBytes } from "../free_bytes.ts";
import { MemoryBudget } from "../memory_budget.ts";
import { CR, latin1Text, LF } from "./grammar.ts";
import { HttpError } from "./message.ts";

/**
 * What a connection holds while it waits where a read has to have room all the time: enough for most heads, and 10,000 idle
 * connections take 70 MiB less than with `BUSY_BYTES`.
 */
const IDLE_BYTES = 1024;
/**
 * Each read that fills the storage makes the next so many times as large: content that comes fast needs few reads. One that
 * leaves most of a large one empty makes the next smaller: who has come to a stop holds it while he is waited for.
 */
const GROWTH = 8;
const SHRINKING = 4;
/** Enough for a browser's head with its cookies, or for many pipelined requests. */
const BUSY_BYTES = 8192;

/** Storage of connections that wait or have ended: allocating it anew took a fifth of the time of a short connection. */
const FREE: Uint8Array<ArrayBuffer>[] = [];
const FREE_BUSY: Uint8Array<ArrayBuffer>[] = [];
const MAX_FREE_COUNT = 256;
const MAX_FREE_BUSY_COUNT = 64;

const NOTHING = new Uint8Array(0);

export class ReceiveBuffer {
  /** Nothing until the first read: a connection that is refused, or is still at its handshake, has none. */
  #bytes = NOTHING;
  /** What the storage is to have, as far as reads have shown. */
  #usefulBytes = IDLE_BYTES;
  #start = 0;
  #end = 0;
  /** How many bytes from `#start` on are known to hold no LF. */
  #scanned = 0;
  #hasEnded = false;
  #isKept = false;
  readonly #budget: MemoryBudget;

  constructor(budget = new MemoryBudget()) {
    this.#budget = budget;
  }

  /** The storage; what has arrived stands from `start` (inclusive) to `end` (exclusive). */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  get start(): number {
    return this.#start;
  }

  get end(): number {
    return this.#end;
  }

  /** The peer has ended its side; what it sent before may still be here. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Bytes that have arrived and were not taken. */
  get length(): number {
    return this.#end - this.#start;
  }

  /**
   * Room for the next read, at least one byte. The storage grows with what comes, up to `mostBytes` where the bytes not
   * yet taken leave room in that and twice as many where they do not, and shrinks again once all was taken.
   */
  space(mostBytes = BUSY_BYTES): Uint8Array {
    const length = this.length;
    let wanted = Math.min(mostBytes, this.#usefulBytes);
    while (wanted <= length) wanted *= 2;
    if (this.#bytes.length !== wanted && (length === 0 || this.#bytes.length < wanted)) {
      const free = wanted === IDLE_BYTES ? FREE.pop() : wanted === BUSY_BYTES ? FREE_BUSY.pop() : undefined;
      const larger = free ?? new Uint8Array(wanted);
      if (length > 0) larger.set(this.#bytes.subarray(this.#start, this.#end));
      this.#budget.take(larger.length - this.#bytes.length);
      this.#leaveStorage();
      this.#bytes = larger;
      this.#rewind(length);
    } else if (length === 0) {
      this.#rewind(0);
    } else if (this.#end === this.#bytes.length) {
      this.#bytes.copyWithin(0, this.#start, this.#end);
      this.#rewind(length);
    }
    return this.#end === 0 ? this.#bytes : this.#bytes.subarray(this.#end);
  }

  /** Somebody may go on using views of the storage when it is released: nobody else gets it then. */
  keep(): void {
    this.#isKept = true;
  }

  /**
   * Has no storage until `space` is called again, where all has been taken; but for one that nobody else would get, for it is large or
   * still looked at: there would be a new one for each read.
   */
  rest(): void {
    if (this.length === 0 && !this.#isKept && this.#bytes.length <= BUSY_BYTES) this.release();
  }

  /** Gives the storage back. Nothing may read into it any more. Idempotent. */
  release(): void {
    this.#budget.give(this.#bytes.length);
    this.#leaveStorage();
    this.#bytes = NOTHING;
    this.#rewind(0);
  }

  #leaveStorage(): void {
    if (this.#isKept || this.#bytes.length === 0) return;
    const { length } = this.#bytes;
    if (length === IDLE_BYTES && FREE.length < MAX_FREE_COUNT) FREE.push(this.#bytes);
    else if (length === BUSY_BYTES && FREE_BUSY.length < MAX_FREE_BUSY_COUNT) FREE_BUSY.push(this.#bytes);
    else freeBytes(this.#bytes);
  }

  #rewind(length: number): void {
    this.#start = 0;
    this.#end = length;
  }

  /** Says what a read gave: `count` bytes at the front of `space()`; null: the peer has ended its side. */
  receive(count: number | null): void {
    if (count === null) this.#hasEnded = true;
    else this.commit(count);
  }

  /** Says that a read put `count` bytes at the front of `space()`. */
  commit(count: number): void {
    if (count > this.#bytes.length - this.#end) throw new Error("More bytes committed than there was space");
    this.#end += count;
    const isFull = this.#end === this.#bytes.length;
    if (isFull && this.#end >= this.#usefulBytes) this.#usefulBytes = GROWTH * this.#end;
    const isLarge = this.#bytes.length > BUSY_BYTES;
    if (isLarge && SHRINKING * count <= this.#bytes.length) {
      this.#usefulBytes = Math.ceil(this.#bytes.length / SHRINKING);
    }
  }

  /** Takes `count` bytes away unseen. */
  skip(count: number): void {
    if (count > this.length) throw new Error("More bytes taken than have arrived");
    this.#start += count;
    this.#scanned = 0;
  }

  /** Takes all bytes away unseen. */
  discard(): void {
    this.skip(this.length);
  }

  /** Takes at most `max` bytes, as a view; empty when none have arrived. */
  take(max: number): Uint8Array {
    const start = this.#start;
    this.skip(Math.min(max, this.length));
    return this.#bytes.subarray(start, this.#start);
  }

  /**
   * Takes a line and gives its text (Latin-1) without the CRLF; null when it has not arrived whole. Throws HttpError
   * 400 for a line that ends in a bare LF and for one of more than `maxBytes`. No byte is searched twice.
   */
  takeLine(maxBytes: number): string | null {
    const found = this.#bytes.indexOf(LF, this.#start + this.#scanned);
    const hasEnd = found >= 0 && found < this.#end;
    const lineBytes = hasEnd ? found - this.#start - 1 : this.length - 1;
    if (lineBytes > maxBytes) throw new HttpError(400, "A line of the content's framing is too long");
    if (!hasEnd) {
      this.#scanned = this.length;
      return null;
    }
    // RFC 9112 2.2: a bare LF may be taken as a line end; not doing so leaves less to disagree about.
    if (lineBytes < 0 || this.#bytes[found - 1] !== CR) throw new HttpError(400, "Bare LF in the content's framing");
    const text = latin1Text(this.#bytes, this.#start, found - 1);
    this.skip(lineBytes + 2);
    return text;
  }
}
