import { assertEquals } from "@std/assert";
import { contentRange, lengthOf, multipartRanges, piecesBody } from "./multipart_ranges.ts";

const OPTIONS = { boundary: "SEPARATOR", type: "text/plain", length: 10 };
const FILE = new TextEncoder().encode("0123456789");

Deno.test("multipartRanges() makes the content of RFC 9110 14.6 when there are two ranges", () => {
  const ranges = [{ first: 1, last: 3 }, { first: 9, last: 9 }];
  const pieces = multipartRanges(ranges, OPTIONS);
  const joined = piecesBody(pieces, FILE).bytes ?? new Uint8Array();
  assertEquals(
    new TextDecoder().decode(joined),
    "\r\n--SEPARATOR\r\nContent-Type: text/plain\r\nContent-Range: bytes 1-3/10\r\n\r\n123" +
      "\r\n--SEPARATOR\r\nContent-Type: text/plain\r\nContent-Range: bytes 9-9/10\r\n\r\n9" +
      "\r\n--SEPARATOR--\r\n",
  );
  assertEquals(pieces.reduce((sum, piece) => sum + lengthOf(piece), 0), joined.length);
});

Deno.test("piecesBody() is the range alone when there is one", () => {
  const { bytes } = piecesBody([{ first: 0, last: 1 }], FILE);
  assertEquals(bytes && new TextDecoder().decode(bytes), "01");
  assertEquals(bytes?.buffer === FILE.buffer, true, "not copied");
});

Deno.test("piecesBody() copies no more of a large file than a little at a time when there are many ranges", async () => {
  const file = Uint8Array.from({ length: 1_000_000 }, (_, index) => index * 7 % 251);
  const small = Array.from({ length: 100 }, (_, index) => ({ first: index * 1000, last: index * 1000 + 499 }));
  const pieces = multipartRanges([{ first: 400_000, last: 999_999 }, ...small], { ...OPTIONS, length: file.length });
  const body = piecesBody(pieces, file);
  const chunks: Uint8Array[] = [];
  let copied = 0;
  for await (const chunk of body) {
    if (chunk.buffer !== file.buffer) copied = Math.max(copied, chunk.buffer.byteLength);
    chunks.push(chunk.slice());
  }
  assertEquals([copied, chunks.length], [16_384, 6]);
  const want = pieces.flatMap((
    piece,
  ) => [...piece instanceof Uint8Array ? piece : file.subarray(piece.first, piece.last + 1)]);
  assertEquals(chunks.flatMap((chunk) => [...chunk]), want);
  assertEquals(body.length, want.length);
});

Deno.test("contentRange() writes positions beyond 4 GiB as they are", () => {
  assertEquals(
    contentRange({ first: 2 ** 33, last: 2 ** 33 + 1 }, 2 ** 40),
    "bytes 8589934592-8589934593/1099511627776",
  );
});
