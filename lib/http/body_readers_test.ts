/**
 * Which framing a request has and what its content may look like, one row a rule, through a Connection: only there it
 * shows whether the next request is found.
 */
import { chunked, post, testReading } from "../../tests/reading.ts";

const REFUSED = ["error 400"];
testReading("finds the framing by Content-Length", [
  { name: "a length", input: post(["Content-Length: 5"], "hello"), want: ["POST / 1.1", "content hello"] },
  { name: "zero", input: post(["Content-Length: 0"], ""), want: ["POST / 1.1"] },
  { name: "leading zeros", input: post(["Content-Length: 0005"], "hello"), want: ["POST / 1.1", "content hello"] },
  { name: "blanks around it", input: post(["Content-Length: \t5 "], "hello"), want: ["POST / 1.1", "content hello"] },
  {
    name: "of a GET",
    input: "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    want: ["GET / 1.1", "content hello"],
  },
  {
    name: "a list of equal values",
    input: post(["Content-Length: 5, 5"], "hello"),
    want: ["POST / 1.1", "content hello"],
  },
  {
    name: "equal fields",
    input: post(["Content-Length: 5", "Content-Length: 5"], "hello"),
    want: ["POST / 1.1", "content hello"],
  },
  { name: "no length: no content", input: post([], ""), want: ["POST / 1.1"] },
  { name: "a list of different values", input: post(["Content-Length: 5, 6"], "hello"), want: REFUSED },
  { name: "different fields", input: post(["Content-Length: 5", "Content-Length: 6"], "hello"), want: REFUSED },
  { name: "equal numbers, different texts", input: post(["Content-Length: 5, 05"], "hello"), want: REFUSED },
  { name: "a plus", input: post(["Content-Length: +5"], "hello"), want: REFUSED },
  { name: "a minus", input: post(["Content-Length: -1"], "hello"), want: REFUSED },
  { name: "minus a thousand", input: post(["Content-Length: -1000"], "hello"), want: REFUSED },
  { name: "minus zero", input: post(["Content-Length: -0"], "hello"), want: REFUSED },
  { name: "a blank between digits", input: post(["Content-Length: 5 5"], "hello"), want: REFUSED },
  { name: "hexadecimal", input: post(["Content-Length: 0x5"], "hello"), want: REFUSED },
  { name: "a fraction", input: post(["Content-Length: 5.0"], "hello"), want: REFUSED },
  { name: "an exponent", input: post(["Content-Length: 5e0"], "hello"), want: REFUSED },
  { name: "digits of another script", input: post(["Content-Length: \xb2"], "hello"), want: REFUSED },
  { name: "quoted", input: post(['Content-Length: "5"'], "hello"), want: REFUSED },
  { name: "empty", input: post(["Content-Length:"], "hello"), want: REFUSED },
  { name: "an empty element after it", input: post(["Content-Length: 5,"], "hello"), want: REFUSED },
  { name: "an empty element before it", input: post(["Content-Length: ,5"], "hello"), want: REFUSED },
  { name: "a semicolon after it", input: post(["Content-Length: 5;"], "hello"), want: REFUSED },
  { name: "over 2^53", input: post(["Content-Length: 9007199254740993"], "hello"), want: ["error 413"] },
  { name: "over 2^64", input: post(["Content-Length: 18446744073709551621"], "hello"), want: ["error 413"] },
  { name: "400 digits", input: post([`Content-Length: ${"9".repeat(400)}`], "hello"), want: ["error 413"] },
  {
    name: "limit - 1",
    input: post(["Content-Length: 4"], "hell"),
    limits: { maxBodyBytes: 5 },
    want: ["POST / 1.1", "content hell"],
  },
  {
    name: "limit",
    input: post(["Content-Length: 5"], "hello"),
    limits: { maxBodyBytes: 5 },
    want: ["POST / 1.1", "content hello"],
  },
  { name: "limit + 1", input: post(["Content-Length: 6"], "hello!"), limits: { maxBodyBytes: 5 }, want: ["error 413"] },
  {
    name: "a limit of 0 and no content",
    input: post(["Content-Length: 0"], ""),
    limits: { maxBodyBytes: 0 },
    want: ["POST / 1.1"],
  },
]);

testReading("finds the framing by Transfer-Encoding", [
  { name: "chunked", input: chunked("5\r\nhello\r\n0\r\n\r\n"), want: ["POST / 1.1", "content hello"] },
  { name: "in any case", input: post(["transfer-ENCODING: ChUnKeD"], "0\r\n\r\n"), want: ["POST / 1.1", "content "] },
  {
    name: "blanks around it",
    input: post(["Transfer-Encoding:\tchunked "], "0\r\n\r\n"),
    want: ["POST / 1.1", "content "],
  },
  {
    name: "with Content-Length",
    input: post(["Transfer-Encoding: chunked", "Content-Length: 5"], "0\r\n\r\n"),
    want: REFUSED,
  },
  {
    name: "after Content-Length",
    input: post(["Content-Length: 5", "Transfer-Encoding: chunked"], "0\r\n\r\n"),
    want: REFUSED,
  },
  {
    name: "an unknown one with Content-Length",
    input: post(["Content-Length: 5", "Transfer-Encoding: x"], "hello"),
    want: REFUSED,
  },
  {
    name: "an empty one with Content-Length",
    input: post(["Content-Length: 5", "Transfer-Encoding:"], "hello"),
    want: REFUSED,
  },
  { name: "an unknown coding alone", input: post(["Transfer-Encoding: frobnicate"], "hello"), want: ["error 501"] },
  { name: "gzip alone", input: post(["Transfer-Encoding: gzip"], "hello"), want: ["error 501"] },
  { name: "identity", input: post(["Transfer-Encoding: identity"], "hello"), want: ["error 501"] },
  { name: "a name like chunked", input: post(["Transfer-Encoding: xchunked"], "0\r\n\r\n"), want: ["error 501"] },
  { name: "gzip, chunked", input: post(["Transfer-Encoding: gzip, chunked"], "0\r\n\r\n"), want: REFUSED },
  {
    name: "gzip and chunked in two fields",
    input: post(["Transfer-Encoding: gzip", "Transfer-Encoding: chunked"], "0\r\n\r\n"),
    want: REFUSED,
  },
  { name: "chunked, gzip", input: post(["Transfer-Encoding: chunked, gzip"], "0\r\n\r\n"), want: REFUSED },
  { name: "chunked twice", input: post(["Transfer-Encoding: chunked, chunked"], "0\r\n\r\n"), want: REFUSED },
  {
    name: "chunked in two fields",
    input: post(["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], "0\r\n\r\n"),
    want: REFUSED,
  },
  { name: "chunked, identity", input: post(["Transfer-Encoding: chunked, identity"], "0\r\n\r\n"), want: REFUSED },
  { name: "chunked with a parameter", input: post(["Transfer-Encoding: chunked;a=b"], "0\r\n\r\n"), want: REFUSED },
  { name: "chunked and an empty element", input: post(["Transfer-Encoding: chunked,"], "0\r\n\r\n"), want: REFUSED },
  { name: "quoted", input: post(['Transfer-Encoding: "chunked"'], "0\r\n\r\n"), want: REFUSED },
  { name: "a vertical tab before it", input: post(["Transfer-Encoding: \x0bchunked"], "0\r\n\r\n"), want: REFUSED },
  { name: "NBSP before it", input: post(["Transfer-Encoding: \xa0chunked"], "0\r\n\r\n"), want: REFUSED },
  { name: "empty", input: post(["Transfer-Encoding:"], "hello"), want: REFUSED },
  { name: "in HTTP/1.0", input: "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", want: REFUSED },
  {
    name: "in a persistent HTTP/1.0",
    input: "POST / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    want: REFUSED,
  },
]);

const CONTENT = ["POST / 1.1", "content hello"];
const HEAD_REFUSED = ["POST / 1.1", "error 400"];
const CONTENT_REFUSED = ["POST / 1.1", "partial hello", "error 400"];

testReading("reads chunks", [
  { name: "none", input: chunked("0\r\n\r\n"), want: ["POST / 1.1", "content "] },
  { name: "two", input: chunked("2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"), want: CONTENT },
  {
    name: "hexadecimal digits of both cases",
    input: chunked(`a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n`),
    want: ["POST / 1.1", "content 01234567890123456789a"],
  },
  { name: "leading zeros", input: chunked("0005\r\nhello\r\n000\r\n\r\n"), want: CONTENT },
  { name: "CRLF as data", input: chunked("4\r\n\r\n\r\n\r\n0\r\n\r\n"), want: ["POST / 1.1", "content \r\n\r\n"] },
  { name: "an empty size", input: chunked("\r\nhello\r\n"), want: HEAD_REFUSED },
  { name: "a size that is no number", input: chunked("g\r\nhello\r\n"), want: HEAD_REFUSED },
  { name: "0x", input: chunked("0x5\r\nhello\r\n0\r\n\r\n"), want: HEAD_REFUSED },
  { name: "a negative size", input: chunked("-5\r\nhello\r\n0\r\n\r\n"), want: HEAD_REFUSED },
  { name: "a plus", input: chunked("+5\r\nhello\r\n0\r\n\r\n"), want: HEAD_REFUSED },
  { name: "a space before the size", input: chunked(" 5\r\nhello\r\n0\r\n\r\n"), want: HEAD_REFUSED },
  { name: "a space after the size", input: chunked("5 \r\nhello\r\n0\r\n\r\n"), want: HEAD_REFUSED },
  { name: "a tab after the size", input: chunked("5\t\r\nhello\r\n0\r\n\r\n"), want: HEAD_REFUSED },
  { name: "a space in the size", input: chunked("0 5\r\nhello\r\n0\r\n\r\n"), want: HEAD_REFUSED },
  { name: "an underscore in the size", input: chunked("0_5\r\nhello\r\n0\r\n\r\n"), want: HEAD_REFUSED },
  { name: "a bare LF after the size", input: chunked("5\nhello\r\n0\r\n\r\n"), want: HEAD_REFUSED },
  { name: "a bare CR after the size", input: chunked("5\rhello\r\n0\r\n\r\n"), want: HEAD_REFUSED },
  { name: "NUL after the size", input: chunked("5\0\r\nhello\r\n0\r\n\r\n"), want: HEAD_REFUSED },
  {
    name: "a size over 2^64",
    input: chunked("10000000000000005\r\nhello\r\n0\r\n\r\n"),
    want: ["POST / 1.1", "error 413"],
  },
  {
    name: "a size of 200 digits",
    input: chunked(`${"f".repeat(200)}\r\nhello\r\n0\r\n\r\n`),
    want: ["POST / 1.1", "error 413"],
  },
  { name: "no CRLF after the data", input: chunked("5\r\nhello0\r\n\r\n"), want: CONTENT_REFUSED },
  { name: "a bare LF after the data", input: chunked("5\r\nhello\n0\r\n\r\n"), want: CONTENT_REFUSED },
  { name: "a bare CR after the data", input: chunked("5\r\nhello\r0\r\n\r\n"), want: CONTENT_REFUSED },
  { name: "data longer than its size", input: chunked("5\r\nhello!\r\n0\r\n\r\n"), want: CONTENT_REFUSED },
  {
    name: "data shorter than its size",
    input: chunked("6\r\nhello\r\n0\r\n\r\n"),
    want: ["POST / 1.1", "partial hello\r", "error 400"],
  },
  {
    name: "content of limit - 1",
    input: chunked("4\r\nhell\r\n0\r\n\r\n"),
    limits: { maxBodyBytes: 5 },
    want: ["POST / 1.1", "content hell"],
  },
  { name: "content of limit", input: chunked("5\r\nhello\r\n0\r\n\r\n"), limits: { maxBodyBytes: 5 }, want: CONTENT },
  {
    name: "content of limit + 1",
    input: chunked("6\r\nhello!\r\n0\r\n\r\n"),
    limits: { maxBodyBytes: 5 },
    want: ["POST / 1.1", "error 413"],
  },
  {
    name: "chunks of limit + 1 in all",
    input: chunked("5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n"),
    limits: { maxBodyBytes: 5 },
    want: ["POST / 1.1", "partial hello", "error 413"],
  },
]);

/** A chunked content of which the first chunk has this extension. */
function extension(text: string): string {
  return chunked(`5${text}\r\nhello\r\n0\r\n\r\n`);
}

testReading("reads chunk extensions", [
  { name: "a name", input: extension(";a"), want: CONTENT },
  { name: "a name and a token", input: extension(";a=b"), want: CONTENT },
  { name: "a name and a quoted string", input: extension(';a="b c"'), want: CONTENT },
  { name: "a quoted string with a semicolon and a quoted pair", input: extension(';a=";\\"\\\\"'), want: CONTENT },
  { name: "an empty quoted string", input: extension(';a=""'), want: CONTENT },
  { name: "several", input: extension(";a;b=c;d"), want: CONTENT },
  { name: "blanks around the signs", input: extension(" ;\ta = b"), want: CONTENT },
  { name: "of the last chunk", input: chunked("5\r\nhello\r\n0;a=b\r\n\r\n"), want: CONTENT },
  { name: "no name", input: extension(";"), want: HEAD_REFUSED },
  { name: "no name but a value", input: extension(";=b"), want: HEAD_REFUSED },
  { name: "no value after =", input: extension(";a="), want: HEAD_REFUSED },
  { name: "a name that is no token", input: extension(";a(b"), want: HEAD_REFUSED },
  { name: "an open quoted string", input: extension(';a="b'), want: HEAD_REFUSED },
  { name: "text after a quoted string", input: extension(';a="b"c'), want: HEAD_REFUSED },
  { name: "a control byte", input: extension(";a=\x01"), want: HEAD_REFUSED },
  { name: "a bare CR", input: extension(";a\rb"), want: HEAD_REFUSED },
  { name: "a bare LF", input: extension(";a\nb"), want: HEAD_REFUSED },
  { name: "a bare LF in a quoted string", input: extension(';a="\n"'), want: HEAD_REFUSED },
  { name: "another sign", input: extension(",a"), want: HEAD_REFUSED },
  { name: "a line of limit - 1", input: extension(";abc"), limits: { maxChunkLineBytes: 6 }, want: CONTENT },
  { name: "a line of limit", input: extension(";abcd"), limits: { maxChunkLineBytes: 6 }, want: CONTENT },
  { name: "a line of limit + 1", input: extension(";abcde"), limits: { maxChunkLineBytes: 6 }, want: HEAD_REFUSED },
  { name: "an endless line", input: chunked(`5;${"a".repeat(300)}`), want: HEAD_REFUSED },
]);

/** A chunked content with this trailer section. */
function trailers(text: string): string {
  return chunked(`5\r\nhello\r\n0\r\n${text}\r\n`);
}

testReading("reads trailers", [
  { name: "one", input: trailers("A: b\r\n"), want: CONTENT },
  { name: "several", input: trailers("A: b\r\nC:\r\nA: \xff\r\n"), want: CONTENT },
  {
    name: "framing fields, dropped",
    input: trailers("Content-Length: 7\r\nTransfer-Encoding: gzip\r\n"),
    want: CONTENT,
  },
  { name: "no colon", input: trailers("A\r\n"), want: CONTENT_REFUSED },
  { name: "an empty name", input: trailers(": b\r\n"), want: CONTENT_REFUSED },
  { name: "a space before the colon", input: trailers("A : b\r\n"), want: CONTENT_REFUSED },
  { name: "obs-fold", input: trailers("A: b\r\n c\r\n"), want: CONTENT_REFUSED },
  { name: "a control byte", input: trailers("A: \x01\r\n"), want: CONTENT_REFUSED },
  { name: "a bare CR", input: trailers("A: b\rc\r\n"), want: CONTENT_REFUSED },
  { name: "a bare LF as line end", input: trailers("A: b\nB: c\r\n"), want: CONTENT_REFUSED },
  { name: "a bare LF as the end", input: chunked("5\r\nhello\r\n0\r\n\n"), want: CONTENT_REFUSED },
  {
    name: "the next request in place of the end",
    input: chunked("5\r\nhello\r\n0\r\nGET /a HTTP/1.1\r\n"),
    want: CONTENT_REFUSED,
  },
  { name: "a section of limit - 1", input: trailers("A:b\r\n"), limits: { maxTrailerBytes: 6 }, want: CONTENT },
  { name: "a section of limit", input: trailers("A:bc\r\n"), limits: { maxTrailerBytes: 6 }, want: CONTENT },
  {
    name: "a section of limit + 1",
    input: trailers("A:bcd\r\n"),
    limits: { maxTrailerBytes: 6 },
    want: CONTENT_REFUSED,
  },
  { name: "fields of limit", input: trailers("A:\r\nB:\r\n"), limits: { maxFieldCount: 2 }, want: CONTENT },
  {
    name: "fields of limit + 1",
    input: trailers("A:\r\nB:\r\nC:\r\n"),
    limits: { maxFieldCount: 2 },
    want: CONTENT_REFUSED,
  },
  { name: "a line of limit", input: trailers(`A:${"b".repeat(48)}\r\n`), limits: { maxLineBytes: 50 }, want: CONTENT },
  {
    name: "a line of limit + 1",
    input: trailers(`A:${"b".repeat(49)}\r\n`),
    limits: { maxLineBytes: 50 },
    want: CONTENT_REFUSED,
  },
]);
