/** The fields that both sides of HPACK know from the start. RFC 7541 appendix A. */
import { entryOf, type FieldEntry } from "./field_entry.ts";

const FIELDS = [
  [":authority", ""],
  [":method", "GET"],
  [":method", "POST"],
  [":path", "/"],
  [":path", "/index.html"],
  [":scheme", "http"],
  [":scheme", "https"],
  [":status", "200"],
  [":status", "204"],
  [":status", "206"],
  [":status", "304"],
  [":status", "400"],
  [":status", "404"],
  [":status", "500"],
  ["accept-charset", ""],
  ["accept-encoding", "gzip, deflate"],
  ["accept-language", ""],
  ["accept-ranges", ""],
  ["accept", ""],
  ["access-control-allow-origin", ""],
  ["age", ""],
  ["allow", ""],
  ["authorization", ""],
  ["cache-control", ""],
  ["content-disposition", ""],
  ["content-encoding", ""],
  ["content-language", ""],
  ["content-length", ""],
  ["content-location", ""],
  ["content-range", ""],
  ["content-type", ""],
  ["cookie", ""],
  ["date", ""],
  ["etag", ""],
  ["expect", ""],
  ["expires", ""],
  ["from", ""],
  ["host", ""],
  ["if-match", ""],
  ["if-modified-since", ""],
  ["if-none-match", ""],
  ["if-range", ""],
  ["if-unmodified-since", ""],
  ["last-modified", ""],
  ["link", ""],
  ["location", ""],
  ["max-forwards", ""],
  ["proxy-authenticate", ""],
  ["proxy-authorization", ""],
  ["range", ""],
  ["referer", ""],
  ["refresh", ""],
  ["retry-after", ""],
  ["server", ""],
  ["set-cookie", ""],
  ["strict-transport-security", ""],
  ["transfer-encoding", ""],
  ["user-agent", ""],
  ["vary", ""],
  ["via", ""],
  ["www-authenticate", ""],
] as const;

/** How many they are: the first index of the dynamic table is one more. RFC 7541 2.3.3. */
export const STATIC_COUNT = FIELDS.length;

/** By their indexes, from 1 on. */
export const STATIC_ENTRIES: readonly (FieldEntry | null)[] = [
  null,
  ...FIELDS.map(([name, value]) => entryOf(name, value)),
];

const INDEX_BY_NAME: ReadonlyMap<string, number> = new Map(
  FIELDS.map(([name], at) => [name as string, at + 1] as const).toReversed(),
);
const INDEX_BY_FIELD: ReadonlyMap<string, number> = new Map(FIELDS.map((field, at) => [field.join("\n"), at + 1]));

/** The first index with that name; 0 where there is none. */
export function staticNameIndex(name: string): number {
  return INDEX_BY_NAME.get(name) ?? 0;
}

/** The index with that name and value; 0 where there is none. */
export function staticFieldIndex(name: string, value: string): number {
  return INDEX_BY_FIELD.get(`${name}\n${value}`) ?? 0;
}
