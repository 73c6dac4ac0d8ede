import { assertEquals } from "@std/assert";
import { type ContentCoding, PRECOMPRESSED, selectEncoding } from "./select_encoding.ts";

const ALL = PRECOMPRESSED.map(({ coding }) => coding);
const GZIP: readonly ContentCoding[] = ["gzip"];

// RFC 9110 12.4.2, 12.5.3
const CASES: readonly (readonly [
  field: string | null,
  available: readonly ContentCoding[],
  want: ContentCoding | null | "none",
])[] = [
  [null, ALL, null],
  ["", ALL, null],
  ["gzip", ALL, "gzip"],
  ["GZip", ALL, "gzip"],
  ["x-gzip", ALL, "gzip"],
  ["gzip, deflate, br, zstd", ALL, "br"],
  ["gzip, deflate, zstd", ALL, "zstd"],
  ["gzip, deflate, br, zstd", GZIP, "gzip"],
  ["deflate, br", GZIP, null],
  ["br;q=0.5, gzip;q=0.8", ALL, "gzip"],
  ["br;q=0.001", ALL, "br"],
  ["br ; Q=0.5 , gzip\t;\tq=1.000", ALL, "gzip"],
  ["br;q=0, gzip;q=0", ALL, null],
  ["*", ALL, "br"],
  ["*;q=0.5, br;q=0", ALL, "zstd"],
  ["*", GZIP, "gzip"],
  ["*;q=0", ALL, "none"],
  ["*;q=0, identity", ALL, null],
  ["*;q=0, gzip", ALL, "gzip"],
  ["*;q=0, br", GZIP, "none"],
  ["identity;q=0", ALL, "none"],
  ["identity;q=0, gzip", ALL, "gzip"],
  ["identity;q=0, *", ALL, "br"],
  ["identity", ALL, null],
  ["identity;q=1, gzip;q=0.5", ALL, null],
  ["identity;q=0.5, gzip;q=0.5", ALL, "gzip"],
  ["identity;q=0.5, gzip;q=1", ALL, "gzip"],
  // What is malformed counts as absent.
  ["gzip;q=2", ALL, null],
  ["gzip;q=0.1234", ALL, null],
  ["gzip;q=", ALL, null],
  ["gzip;q=-1", ALL, null],
  ["gzip;level=9", ALL, null],
  ["gzip br", ALL, null],
  [",, gzip,", ALL, "gzip"],
  ["__proto__, constructor", ALL, null],
];

for (const [field, available, want] of CASES) {
  const name = field === null ? "there is no field" : `the field is "${field}"`;
  Deno.test(`selectEncoding() returns ${want} of ${available.join()} when ${name}`, () => {
    assertEquals(selectEncoding(field, available), want);
  });
}
