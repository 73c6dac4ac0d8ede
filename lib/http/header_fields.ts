/**
 * The fields of a head: ordered, repeatable, names compared without case (RFC 9110 5.1 to 5.3). Immutable. They are
 * kept as the bytes of the head with the position of each name and value, for most fields of most requests are never
 * asked for, and a set that is sent many times is encoded once.
 */
import { FIELD_VALUE, latin1Bytes, latin1Text, TCHAR, TOKEN } from "./grammar.ts";

/** Positions of one field in `#spans`: hash of the name, then start (inclusive) and end (exclusive) of name and value. */
const STRIDE = 5;

/** A field as text: the name as it was written, the value in Latin-1 without surrounding white space. */
export type Field = readonly [name: string, value: string];

/** In lower case: what HTTP/1 says of one connection alone. RFC 9110 7.6.1; HTTP/2 has none of them, RFC 9113 8.2.2. */
export const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

export class HeaderFields implements Iterable<Field> {
  static readonly EMPTY: HeaderFields = new HeaderFields(new Uint8Array(0), [], true);

  readonly #bytes: Uint8Array;
  readonly #spans: readonly number[];
  /** Bit `hash & 31` is set for each name: most questions for an absent field end here. */
  readonly #mask: number;

  /** The bytes are these fields as they are sent, and nothing else. */
  readonly #isWire: boolean;
  #derived: { readonly make: unknown; readonly value: unknown } | null = null;

  private constructor(bytes: Uint8Array, spans: readonly number[], isWire: boolean) {
    let mask = 0;
    for (let at = 0; at < spans.length; at += STRIDE) mask |= 1 << (spans[at] & 31);
    this.#bytes = bytes;
    this.#isWire = isWire;
    this.#spans = spans;
    this.#mask = mask;
  }

  /**
   * Fields in the given order. Throws plain Error for a name that is no token or a value with a control character:
   * what came from outside was checked before it got here.
   */
  static of(...fields: readonly Field[]): HeaderFields {
    if (fields.length === 0) return HeaderFields.EMPTY;
    const spans: number[] = [];
    let text = "";
    for (const [name, value] of fields) {
      if (!TOKEN.test(name) || !FIELD_VALUE.test(value)) throw new Error(`Invalid field "${name}: ${value}"`);
      const nameEnd = text.length + name.length;
      spans.push(hashName(name), text.length, nameEnd, nameEnd + 2, nameEnd + 2 + value.length);
      text += `${name}: ${value}\r\n`;
    }
    return new HeaderFields(latin1Bytes(text), spans, true);
  }

  /**
   * Fields that stand in `bytes` already; `spans` holds five numbers a field (hash of the name as `addToHash`
   * makes it, start and end of the name, start and end of the value), all of it checked. The bytes are
   * not copied and must not change.
   */
  static fromSpans(bytes: Uint8Array, spans: readonly number[]): HeaderFields {
    return new HeaderFields(bytes, spans, false);
  }

  /** The same where `bytes` are these fields as they are sent, `Name: value CRLF` each, and nothing else. */
  static fromWire(bytes: Uint8Array, spans: readonly number[]): HeaderFields {
    return new HeaderFields(bytes, spans, true);
  }

  /** What `make` makes of these fields, and the same again as long as nobody else has asked: a client sends the same ones for long. */
  derive<Value>(make: (fields: HeaderFields) => Value): Value {
    if (this.#derived?.make !== make) this.#derived = { make, value: make(this) };
    return this.#derived.value as Value;
  }

  /** How many fields there are, repeated ones counted each time. */
  get size(): number {
    return this.#spans.length / STRIDE;
  }

  /** Whether a field of that name is there; `name` in any case. */
  has(name: string): boolean {
    return this.#find(name, hashName(name), 0) >= 0;
  }

  /** Whether a name of these is one of `other`; quick where, as mostly, none is. */
  meets(other: HeaderFields): boolean {
    if ((this.#mask & other.#mask) === 0) return false;
    for (let at = 0; at < other.#spans.length; at += STRIDE) {
      const name = latin1Text(other.#bytes, other.#spans[at + 1], other.#spans[at + 2]);
      if (this.#find(name, other.#spans[at], 0) >= 0) return true;
    }
    return false;
  }

  /** The value; repeated ones joined with ", " in their order (RFC 9110 5.3); null where there is none. */
  get(name: string): string | null {
    const hash = hashName(name);
    if ((this.#mask & (1 << (hash & 31))) === 0) return null;
    let at = this.#find(name, hash, 0);
    if (at < 0) return null;
    let value = this.#value(at);
    while ((at = this.#find(name, hash, at + STRIDE)) >= 0) value += `, ${this.#value(at)}`;
    return value;
  }

  /** Each value of that name by itself, in order; Set-Cookie, for one, must not be joined. */
  getAll(name: string): string[] {
    const hash = hashName(name);
    const values: string[] = [];
    for (let at = this.#find(name, hash, 0); at >= 0; at = this.#find(name, hash, at + STRIDE)) {
      values.push(this.#value(at));
    }
    return values;
  }

  *[Symbol.iterator](): IterableIterator<Field> {
    for (let at = 0; at < this.#spans.length; at += STRIDE) {
      yield [latin1Text(this.#bytes, this.#spans[at + 1], this.#spans[at + 2]), this.#value(at)];
    }
  }

  /** These fields with every one of that name replaced by one at the end. */
  with(name: string, value: string): HeaderFields {
    return HeaderFields.of(...this.without(name), [name, value]);
  }

  /** These fields and the given ones after them, also where the names repeat. */
  and(...fields: readonly Field[]): HeaderFields {
    const [ours, added] = [this.#wire(), HeaderFields.of(...fields)];
    const offset = ours.#bytes.length;
    const bytes = new Uint8Array(offset + added.#bytes.length);
    bytes.set(ours.#bytes);
    bytes.set(added.#bytes, offset);
    const spans = added.#spans.map((value, index) => index % STRIDE === 0 ? value : value + offset);
    return new HeaderFields(bytes, [...ours.#spans, ...spans], true);
  }

  /** These fields less those of the given names. */
  without(...names: readonly string[]): HeaderFields {
    const unwanted = names.map((name) => name.toLowerCase());
    const kept = [...this].filter(([name]) => !unwanted.includes(name.toLowerCase()));
    return kept.length === this.size ? this : HeaderFields.of(...kept);
  }

  /** These fields less those whose names `other` has. */
  withoutNamesOf(other: HeaderFields): HeaderFields {
    return this.meets(other) ? HeaderFields.of(...[...this].filter(([name]) => !other.has(name))) : this;
  }

  /** `Name: value CRLF` of each field, as it is sent; ready at once for fields made by `of`. */
  toBytes(): Uint8Array {
    return this.#wire().#bytes;
  }

  #wire(): HeaderFields {
    return this.#isWire ? this : HeaderFields.of(...this);
  }

  #value(at: number): string {
    return latin1Text(this.#bytes, this.#spans[at + 3], this.#spans[at + 4]);
  }

  /** Position of the next field of that name at or after `from`; -1 where there is none. */
  #find(name: string, hash: number, from: number): number {
    const spans = this.#spans;
    for (let at = from; at < spans.length; at += STRIDE) {
      if (spans[at] === hash && this.#isName(name, spans[at + 1], spans[at + 2])) return at;
    }
    return -1;
  }

  #isName(name: string, start: number, end: number): boolean {
    if (end - start !== name.length) return false;
    for (let i = 0; i < name.length; i++) {
      if (TCHAR[this.#bytes[start + i]] !== TCHAR[name.charCodeAt(i)]) return false;
    }
    return true;
  }
}

/** The hash of a name without regard to case; `addToHash` makes the same one byte by byte. */
export function hashName(name: string): number {
  // The program asks for a few dozen names, again and again: 4 % of a small request less than hashing each time.
  let hash = HASHES.get(name);
  if (hash === undefined) {
    hash = 0;
    for (let i = 0; i < name.length; i++) hash = addToHash(hash, TCHAR[name.charCodeAt(i)]);
    if (HASHES.size < MAX_HASHES) HASHES.set(name, hash);
  }
  return hash;
}

const MAX_HASHES = 256;
const HASHES = new Map<string, number>();

/** `lower` is the byte's entry in TCHAR. */
export function addToHash(hash: number, lower: number): number {
  return (Math.imul(hash, 31) + lower) | 0;
}
