import { assertEquals } from "@std/assert";
import { contentRange, joinPieces, lengthOf, multipartRanges } from "./multipart_ranges.ts";

const FILE = new TextEncoder().encode("0123456789");

Deno.test("multipartRanges() makes the content of RFC 9110 14.6 when there are two ranges", () => {
  const ranges = [{ first: 1, last: 3 }, { first: 9, last: 9 }];
  const pieces = multipartRanges(ranges, { boundary: "SEPARATOR", type: "text/plain", length: 10 });
  const joined = joinPieces(pieces, FILE);
  assertEquals(
    new TextDecoder().decode(joined),
    "--SEPARATOR\r\nContent-Type: text/plain\r\nContent-Range: bytes 1-3/10\r\n\r\n123" +
      "\r\n--SEPARATOR\r\nContent-Type: text/plain\r\nContent-Range: bytes 9-9/10\r\n\r\n9" +
      "\r\n--SEPARATOR--\r\n",
  );
  assertEquals(pieces.reduce((sum, piece) => sum + lengthOf(piece), 0), joined.length);
});

Deno.test("joinPieces() returns the range alone when there is one", () => {
  const joined = joinPieces([{ first: 0, last: 1 }], FILE);
  assertEquals(new TextDecoder().decode(joined), "01");
  assertEquals(joined.buffer === FILE.buffer, true, "not copied");
});

Deno.test("contentRange() writes positions beyond 4 GiB as they are", () => {
  assertEquals(
    contentRange({ first: 2 ** 33, last: 2 ** 33 + 1 }, 2 ** 40),
    "bytes 8589934592-8589934593/1099511627776",
  );
});
