/**
 * One field as it stands in the tables of HPACK, checked once and for all who refer to it: its bytes, what it is to a request,
 * and what is wrong with it. RFC 7541 4.1; RFC 9113 8.2 and 8.3.
 */
import { FIELD_VALUE_BYTE, HTAB, latin1Bytes, latin1Text, SP, TCHAR } from "../http/grammar.ts";
import { addToHash, CONNECTION_FIELDS } from "../http/header_fields.ts";

/** What a name means to the reader of a section. */
export const FieldKind = {
  ORDINARY: 0,
  METHOD: 1,
  SCHEME: 2,
  AUTHORITY: 3,
  PATH: 4,
  /** No pseudo-field of a request. */
  PSEUDO: 5,
  /** Of a connection of HTTP/1: a request that has it is malformed. */
  CONNECTION: 6,
  TE: 7,
  COOKIE: 8,
  CONTENT_LENGTH: 9,
  HOST: 10,
  PRIORITY: 11,
} as const;

export type FieldKind = (typeof FieldKind)[keyof typeof FieldKind];

const KINDS: ReadonlyMap<string, FieldKind> = new Map<string, FieldKind>([
  [":method", FieldKind.METHOD],
  [":scheme", FieldKind.SCHEME],
  [":authority", FieldKind.AUTHORITY],
  [":path", FieldKind.PATH],
  ...[...CONNECTION_FIELDS].map((name) => [name, FieldKind.CONNECTION] as const),
  ["te", FieldKind.TE],
  ["cookie", FieldKind.COOKIE],
  ["content-length", FieldKind.CONTENT_LENGTH],
  ["host", FieldKind.HOST],
  ["priority", FieldKind.PRIORITY],
]);

const COLON = 0x3a;

/** RFC 7541 4.1: what each entry counts beside its name and its value. */
const ENTRY_BYTES = 32;

export class FieldEntry {
  /** The name, and right after it the value. */
  readonly bytes: Uint8Array;
  readonly nameLength: number;
  readonly kind: FieldKind;
  /** Of the name, as HeaderFields has it. */
  readonly hash: number;
  /** Why a message that has the field is malformed; null: it is not. */
  readonly fault: string | null;

  /** The bytes must not change. */
  constructor(bytes: Uint8Array, nameLength: number) {
    this.bytes = bytes;
    this.nameLength = nameLength;
    let hash = 0;
    let isName = nameLength > 0;
    const first = bytes[0] === COLON ? 1 : 0;
    for (let i = first; i < nameLength; i++) {
      const lower = TCHAR[bytes[i]];
      // RFC 9113 8.2: no upper case; 8.2.1: nothing that is no token.
      if (lower === 0 || lower !== bytes[i]) isName = false;
      hash = addToHash(hash, lower);
    }
    this.hash = hash;
    this.kind = KINDS.get(latin1Text(bytes, 0, nameLength)) ?? (first === 1 ? FieldKind.PSEUDO : FieldKind.ORDINARY);
    this.fault = isName ? valueFault(bytes, nameLength) : "Invalid field name";
  }

  /** What it takes of a table, or of a list whose size is limited. RFC 7541 4.1, RFC 9113 6.5.2. */
  get size(): number {
    return this.bytes.length + ENTRY_BYTES;
  }

  get value(): string {
    return latin1Text(this.bytes, this.nameLength, this.bytes.length);
  }
}

/** RFC 9113 8.2.1; control characters that HTTP/1 refuses are refused here, too. */
function valueFault(bytes: Uint8Array, start: number): string | null {
  const end = bytes.length;
  for (let i = start; i < end; i++) {
    if (FIELD_VALUE_BYTE[bytes[i]] === 0) return "Control byte in a field value";
  }
  if (start < end && (isBlank(bytes[start]) || isBlank(bytes[end - 1]))) return "White space around a field value";
  return null;
}

function isBlank(byte: number): boolean {
  return byte === SP || byte === HTAB;
}

/** An entry with that name and value. */
export function entryOf(name: string, value: string): FieldEntry {
  return new FieldEntry(latin1Bytes(name + value), name.length);
}
