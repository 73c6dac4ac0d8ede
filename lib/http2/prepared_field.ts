/**
 * Fields of answers as the encoder of HPACK wants them: what the field is as a literal, which is the same for every connection,
 * and whether it is worth a place in the table of one. Most fields of most answers are the same, so they are kept. RFC 7541
 * 5.2, 6.2 and 7.1.3.
 */
import { latin1Bytes } from "../http/grammar.ts";
import { CONNECTION_FIELDS, type HeaderFields } from "../http/header_fields.ts";
import { writeInteger } from "./hpack_integer.ts";
import { encodeHuffman, huffmanLength } from "./huffman.ts";
import { staticFieldIndex, staticNameIndex } from "./static_table.ts";

export interface PreparedField {
  /** Differs for fields that differ. */
  readonly key: string;
  /** In the static table, where all of it stands there; else 0. */
  readonly staticIndex: number;
  /** Whether the literal puts it into the table. */
  readonly isInserted: boolean;
  readonly literal: Uint8Array;
  /** RFC 7541 4.1. */
  readonly size: number;
}

/** RFC 7541 7.1.3: what nobody on the way may put into a table. */
const SECRET: ReadonlySet<string> = new Set(["set-cookie", "authentication-info", "proxy-authentication-info"]);

/** They differ from answer to answer. */
const VOLATILE: ReadonlySet<string> = new Set([
  "content-length",
  "content-range",
  "etag",
  "last-modified",
  "location",
  "expires",
  "age",
]);

/** Larger ones would drive many others out of the table. */
const MOST_INSERTED_BYTES = 512;

const MOST_KEPT = 512;
const KEPT = new Map<string, PreparedField>();

/** The field as it is sent: its name in lower case. */
export function prepareField(name: string, value: string): PreparedField {
  const lower = name.toLowerCase();
  const key = `${lower}\n${value}`;
  const kept = KEPT.get(key);
  if (kept !== undefined) return kept;
  const size = lower.length + value.length + 32;
  const isSecret = SECRET.has(lower);
  const isInserted = !isSecret && !VOLATILE.has(lower) && size <= MOST_INSERTED_BYTES;
  const prepared = {
    key,
    staticIndex: isSecret ? 0 : staticFieldIndex(lower, value),
    isInserted,
    literal: literalOf(lower, value, isInserted ? { first: 0x40, prefixBits: 6 } : LITERAL[isSecret ? 1 : 0]),
    size,
  };
  if (isInserted && KEPT.size < MOST_KEPT) KEPT.set(key, prepared);
  return prepared;
}

/** RFC 7541 6.2.2 and 6.2.3: not to be in a table, and never. */
const LITERAL = [{ first: 0, prefixBits: 4 }, { first: 0x10, prefixBits: 4 }] as const;

function literalOf(
  name: string,
  value: string,
  form: { readonly first: number; readonly prefixBits: number },
): Uint8Array {
  // At most four bytes for each of the numbers: lengths of names and values are below 2^21 here.
  const into = new Uint8Array(name.length + value.length + 12);
  const nameIndex = staticNameIndex(name);
  let at = writeInteger(nameIndex, form, { into, at: 0 });
  if (nameIndex === 0) at = writeString(latin1Bytes(name), into, at);
  at = writeString(latin1Bytes(value), into, at);
  return into.slice(0, at);
}

/** RFC 7541 5.2: in the shorter one of its two forms. */
function writeString(text: Uint8Array, into: Uint8Array, at: number): number {
  const length = huffmanLength(text);
  if (length < text.length) {
    return encodeHuffman(text, into, writeInteger(length, { first: 0x80, prefixBits: 7 }, { into, at }));
  }
  const start = writeInteger(text.length, { first: 0, prefixBits: 7 }, { into, at });
  into.set(text, start);
  return start + text.length;
}

const PREPARED = new WeakMap<HeaderFields, readonly PreparedField[]>();

/** All of them, less those of a connection of HTTP/1. */
export function prepareFields(fields: HeaderFields): readonly PreparedField[] {
  const known = PREPARED.get(fields);
  if (known !== undefined) return known;
  const prepared: PreparedField[] = [];
  for (const [name, value] of fields) {
    if (!CONNECTION_FIELDS.has(name.toLowerCase())) prepared.push(prepareField(name, value));
  }
  PREPARED.set(fields, prepared);
  return prepared;
}
