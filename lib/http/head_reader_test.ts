/**
 * What the head reader takes and what it refuses, one row a rule, through a Connection: only there it shows whether the
 * next request is found.
 */
import { assertEquals } from "@std/assert";
import { readEvents, SPLITS } from "../../tests/feed.ts";
import { fields, line, post, testReading } from "../../tests/reading.ts";

const REFUSED = ["error 400"];
const GET = ["GET / 1.1"];

testReading("reads the request line", [
  { name: "plain", input: line("GET / HTTP/1.1"), want: GET },
  { name: "any token as method", input: line("M-S!#$%&'*+.^_`|~9 / HTTP/1.1"), want: ["M-S!#$%&'*+.^_`|~9 / 1.1"] },
  { name: "a method in lower case is another method", input: line("get / HTTP/1.1"), want: ["get / 1.1"] },
  {
    name: "every visible ASCII byte in a query",
    input: line("GET /?!\"$%&'()*+,-./:;<=>@[\\]^_`{|}~ HTTP/1.1"),
    want: ["GET /?!\"$%&'()*+,-./:;<=>@[\\]^_`{|}~ 1.1"],
  },
  { name: "one empty line before it", input: `\r\n${line("GET / HTTP/1.1")}`, want: GET },
  {
    name: "one empty line before each of two",
    input: `\r\n${line("GET / HTTP/1.1")}\r\n${line("GET / HTTP/1.1")}`,
    want: [...GET, ...GET],
  },
  { name: "two empty lines before it", input: `\r\n\r\n${line("GET / HTTP/1.1")}`, want: GET },
  {
    name: "the most empty lines before each of two",
    input: `${"\r\n".repeat(8)}${line("GET / HTTP/1.1")}`.repeat(2),
    want: [...GET, ...GET],
  },
  { name: "one empty line too many", input: `${"\r\n".repeat(9)}${line("GET / HTTP/1.1")}`, want: REFUSED },
  { name: "a bare LF after an empty line", input: `\r\n\n${line("GET / HTTP/1.1")}`, want: REFUSED },
  { name: "a bare LF before it", input: `\n${line("GET / HTTP/1.1")}`, want: REFUSED },
  { name: "CR and no LF before it", input: `\r${line("GET / HTTP/1.1")}`, want: REFUSED },
  { name: "a space before it", input: line(" GET / HTTP/1.1"), want: REFUSED },
  { name: "two spaces after the method", input: line("GET  / HTTP/1.1"), want: REFUSED },
  { name: "two spaces after the target", input: line("GET /  HTTP/1.1"), want: REFUSED },
  { name: "a tab after the method", input: line("GET\t/ HTTP/1.1"), want: REFUSED },
  { name: "a tab after the target", input: line("GET /\tHTTP/1.1"), want: REFUSED },
  { name: "a vertical tab after the target", input: line("GET /\x0bHTTP/1.1"), want: REFUSED },
  { name: "a space after the version", input: line("GET / HTTP/1.1 "), want: REFUSED },
  { name: "a space in the target", input: line("GET /a b HTTP/1.1"), want: REFUSED },
  { name: "no target", input: line("GET HTTP/1.1"), want: REFUSED },
  { name: "an empty target", input: line("GET  HTTP/1.1"), want: REFUSED },
  { name: "no method", input: line("/ HTTP/1.1"), want: REFUSED },
  { name: "a method that is no token", input: line("GE(T / HTTP/1.1"), want: REFUSED },
  { name: "a method with a byte above ASCII", input: line("GE\xd6 / HTTP/1.1"), want: REFUSED },
  { name: "a method with NUL", input: line("GE\0T / HTTP/1.1"), want: REFUSED },
  { name: "a bare CR in the method", input: line("GE\rT / HTTP/1.1"), want: REFUSED },
  { name: "a bare CR in the target", input: line("GET /a\rb HTTP/1.1"), want: REFUSED },
  { name: "a bare LF in the target", input: line("GET /a\nb HTTP/1.1"), want: REFUSED },
  { name: "NUL in the target", input: line("GET /a\0b HTTP/1.1"), want: REFUSED },
  { name: "DEL in the target", input: line("GET /a\x7fb HTTP/1.1"), want: REFUSED },
  { name: "a byte above ASCII in the target", input: line("GET /\xe9 HTTP/1.1"), want: REFUSED },
  { name: "UTF-8 in the target", input: line("GET /\xc3\xa9 HTTP/1.1"), want: REFUSED },
  { name: "a byte above ASCII in the query", input: line("GET /?\xe9 HTTP/1.1"), want: REFUSED },
  { name: "a bare LF as line end", input: "GET / HTTP/1.1\nHost: a\r\n\r\n", want: REFUSED },
  { name: "a bare CR as line end", input: "GET / HTTP/1.1\rHost: a\r\n\r\n", want: REFUSED },
  { name: "two CRs as line end", input: "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", want: REFUSED },
  { name: "a stray line after it", input: line("GET / HTTP/1.1\r\nstray"), want: REFUSED },
  { name: "bytes that are no HTTP", input: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", want: REFUSED },
]);

testReading("reads the version", [
  { name: "1.0", input: line("GET / HTTP/1.0"), want: ["GET / 1.0", "last"] },
  { name: "a higher minor version as 1.1", input: line("GET / HTTP/1.2"), want: GET },
  { name: "the highest minor version as 1.1", input: line("GET / HTTP/1.9"), want: GET },
  { name: "0.9", input: line("GET / HTTP/0.9"), want: ["error 505"] },
  { name: "0.1", input: line("GET / HTTP/0.1"), want: ["error 505"] },
  { name: "2.0", input: line("GET / HTTP/2.0"), want: ["error 505"] },
  { name: "the preface of HTTP/2", input: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", want: ["error 505"] },
  { name: "3.0", input: line("GET / HTTP/3.0"), want: ["error 505"] },
  { name: "none (HTTP/0.9)", input: "GET /\r\n", want: REFUSED },
  { name: "lower case", input: line("GET / http/1.1"), want: REFUSED },
  { name: "two digits of minor version", input: line("GET / HTTP/1.10"), want: REFUSED },
  { name: "two digits of major version", input: line("GET / HTTP/11.1"), want: REFUSED },
  { name: "no minor version", input: line("GET / HTTP/1"), want: REFUSED },
  { name: "no minor digit", input: line("GET / HTTP/1."), want: REFUSED },
  { name: "a comma for the dot", input: line("GET / HTTP/1,1"), want: REFUSED },
  { name: "a letter as digit", input: line("GET / HTTP/1.x"), want: REFUSED },
  { name: "a sign", input: line("GET / HTTP/+1.1"), want: REFUSED },
  { name: "a space in it", input: line("GET / HTTP/1. 1"), want: REFUSED },
  { name: "no slash", input: line("GET / HTTP 1.1"), want: REFUSED },
  { name: "another protocol", input: line("GET / ICAP/1.0"), want: REFUSED },
]);

testReading("reads field lines", [
  { name: "no blank after the colon", input: fields("A:b\r\n"), want: GET },
  { name: "blanks around the value", input: fields("A: \t b \t \r\n"), want: GET },
  { name: "an empty value", input: fields("A:\r\n"), want: GET },
  { name: "a value of blanks", input: fields("A: \t \r\n"), want: GET },
  { name: "a name of every kind of tchar", input: fields("!#$%&'*+-.^_`|~09azAZ: b\r\n"), want: GET },
  { name: "obs-text in a value", input: fields("A: \x80\xff\r\n"), want: GET },
  { name: "a colon in a value", input: fields("A: :b:\r\n"), want: GET },
  { name: "obs-fold by a space", input: fields("A: b\r\n c\r\n"), want: REFUSED },
  { name: "obs-fold by a tab", input: fields("A: b\r\n\tc\r\n"), want: REFUSED },
  { name: "a blank before the first field", input: "GET / HTTP/1.1\r\n Host: a\r\n\r\n", want: REFUSED },
  { name: "a line of blanks", input: fields(" \r\n"), want: REFUSED },
  { name: "a space before the colon", input: fields("A : b\r\n"), want: REFUSED },
  { name: "a tab before the colon", input: fields("A\t: b\r\n"), want: REFUSED },
  { name: "a space in the name", input: fields("A B: c\r\n"), want: REFUSED },
  { name: "an empty name", input: fields(": b\r\n"), want: REFUSED },
  { name: "a name with a separator", input: fields("A(B): c\r\n"), want: REFUSED },
  { name: "a name with a byte above ASCII", input: fields("\xc4: b\r\n"), want: REFUSED },
  { name: "a name with NUL", input: fields("A\0: b\r\n"), want: REFUSED },
  { name: "a name with DEL", input: fields("A\x7f: b\r\n"), want: REFUSED },
  { name: "no colon", input: fields("A\r\n"), want: REFUSED },
  { name: "no colon, with a space", input: fields("A b\r\n"), want: REFUSED },
  { name: "NUL in a value", input: fields("A: b\0c\r\n"), want: REFUSED },
  { name: "NUL as the first byte of a value", input: fields("A: \0\r\n"), want: REFUSED },
  { name: "a control byte in a value", input: fields("A: b\x01c\r\n"), want: REFUSED },
  { name: "ESC in a value", input: fields("A: \x1b[31m\r\n"), want: REFUSED },
  { name: "DEL in a value", input: fields("A: b\x7f\r\n"), want: REFUSED },
  { name: "a bare CR in a value", input: fields("A: b\rc\r\n"), want: REFUSED },
  { name: "a bare CR before a field", input: fields("A: b\rB: c\r\n"), want: REFUSED },
  { name: "a bare LF as line end", input: fields("A: b\nB: c\r\n"), want: REFUSED },
  { name: "a bare LF after an empty value", input: fields("A:\nB: c\r\n"), want: REFUSED },
  { name: "two CRs as line end", input: fields("A: b\r\r\n"), want: REFUSED },
  { name: "a bare LF as the empty line", input: "GET / HTTP/1.1\r\nHost: a\r\n\n", want: REFUSED },
  { name: "a bare CR as the empty line", input: "GET / HTTP/1.1\r\nHost: a\r\n\rX", want: REFUSED },
  { name: "two bare LFs as the end", input: "GET / HTTP/1.1\r\nHost: a\n\n", want: REFUSED },
]);

/** A request line of so many bytes. */
function longLine(bytes: number): string {
  return line(`GET /${"a".repeat(bytes - "GET / HTTP/1.1".length)} HTTP/1.1`);
}

/** A GET whose head has so many bytes, no line longer than 1000. */
function longHead(bytes: number): string {
  let text = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (let rest; (rest = bytes - text.length - 2) > 0;) {
    const length = rest > 1100 ? 1000 : rest;
    text += `A: ${"b".repeat(length - 5)}\r\n`;
  }
  return `${text}\r\n`;
}

const LIMITS = { maxLineBytes: 100, maxHeadBytes: 2000, maxFieldCount: 3 };

testReading("keeps the limits of a head", [
  { name: "a request line of limit - 1", input: longLine(99), limits: LIMITS, want: [`GET /${"a".repeat(85)} 1.1`] },
  { name: "a request line of limit", input: longLine(100), limits: LIMITS, want: [`GET /${"a".repeat(86)} 1.1`] },
  { name: "a request line of limit + 1", input: longLine(101), limits: LIMITS, want: ["rejected 414"] },
  {
    name: "an empty line before one of limit",
    input: `\r\n${longLine(100)}`,
    limits: LIMITS,
    want: [`GET /${"a".repeat(86)} 1.1`],
  },
  { name: "a request line of the longest head", input: longLine(1987), limits: LIMITS, want: ["rejected 414"] },
  {
    name: "a request line of limit + 1 in too long a head",
    input: longLine(1988),
    limits: LIMITS,
    want: ["error 431"],
  },
  { name: "a request line over the longest head", input: longLine(2001), limits: LIMITS, want: ["error 414"] },
  { name: "a method over the longest head", input: "G".repeat(2001), limits: LIMITS, want: ["error 414"] },
  { name: "a field line of limit - 1", input: fields(`A: ${"b".repeat(96)}\r\n`), limits: LIMITS, want: GET },
  { name: "a field line of limit", input: fields(`A: ${"b".repeat(97)}\r\n`), limits: LIMITS, want: GET },
  {
    name: "a field line of limit + 1",
    input: fields(`A: ${"b".repeat(98)}\r\n`),
    limits: LIMITS,
    want: ["rejected 431"],
  },
  {
    name: "a field line of limit + 1 by its name",
    input: fields(`${"A".repeat(98)}: b\r\n`),
    limits: LIMITS,
    want: ["rejected 431"],
  },
  {
    name: "a field line of limit + 1 by blanks",
    input: fields(`A:${" ".repeat(98)}b\r\n`),
    limits: LIMITS,
    want: ["rejected 431"],
  },
  {
    name: "a long request line and a long field line",
    input: `${longLine(101).slice(0, -2)}A: ${"b".repeat(98)}\r\n\r\n`,
    limits: LIMITS,
    want: ["rejected 414"],
  },
  { name: "fields of limit", input: fields("A:\r\nB:\r\n"), limits: LIMITS, want: GET },
  { name: "fields of limit + 1", input: fields("A:\r\nB:\r\nC:\r\n"), limits: LIMITS, want: ["rejected 431"] },
  { name: "a head of limit - 1", input: longHead(1999), limits: { maxHeadBytes: 2000 }, want: GET },
  { name: "a head of limit", input: longHead(2000), limits: { maxHeadBytes: 2000 }, want: GET },
  { name: "a head of limit + 1", input: longHead(2001), limits: { maxHeadBytes: 2000 }, want: ["error 431"] },
  {
    name: "a long field line before content",
    input: post([`A: ${"b".repeat(98)}`, "Content-Length: 5"], "hello"),
    limits: LIMITS,
    want: ["rejected 431", "content hello"],
  },
  {
    name: "a long field line and no certain framing",
    input: post([`A: ${"b".repeat(98)}`, "Content-Length: x"], "hello"),
    limits: LIMITS,
    want: REFUSED,
  },
  {
    name: "a long request line and a malformed field",
    input: `${longLine(101).slice(0, -2)}A\r\n\r\n`,
    limits: LIMITS,
    want: REFUSED,
  },
  { name: "a head of the default limit", input: longHead(65_536), want: GET },
  { name: "a head over the default limit", input: longHead(65_537), want: ["error 431"] },
  { name: "a request line of the default limit", input: longLine(8192), want: [`GET /${"a".repeat(8192 - 14)} 1.1`] },
  { name: "a request line over the default limit", input: longLine(8193), want: ["rejected 414"] },
]);

/** The shortest beginnings of refused requests: no further byte is waited for. */
const REFUSED_AT_ONCE: readonly (readonly [name: string, input: string, want?: string])[] = [
  ["a space first", " "],
  ["one empty line too many", `${"\r\n".repeat(8)}\r`],
  ["a control byte in the method", "GE\x01"],
  ["a second space", "GET  "],
  ["a byte above ASCII in the target", "GET /\xe9"],
  ["a line end in place of the version", "GET /\r"],
  ["another protocol", "GET / X"],
  ["another major version", "GET / HTTP/2.0\r", "error 505"],
  ["a third digit of the version", "GET / HTTP/1.10"],
  ["a bare LF after the version", "GET / HTTP/1.1\n"],
  ["a blank at the start of a field line", "GET / HTTP/1.1\r\n "],
  ["a colon at the start of a field line", "GET / HTTP/1.1\r\n:"],
  ["a blank in a field name", "GET / HTTP/1.1\r\nHost "],
  ["a field line without colon", "GET / HTTP/1.1\r\nHost\r"],
  ["NUL in a value", "GET / HTTP/1.1\r\nHost: \0"],
  ["a bare LF after a value", "GET / HTTP/1.1\r\nHost: a\n"],
  ["a bare CR after a value", "GET / HTTP/1.1\r\nHost: a\rb"],
  ["a head over the limit", `GET / HTTP/1.1\r\nA: ${"b".repeat(65_536 - 19)}`, "error 431"],
];

for (const [name, input, want = "error 400"] of REFUSED_AT_ONCE) {
  Deno.test(`nextEvent() refuses at once: ${name}`, () => {
    for (const { split } of SPLITS) {
      assertEquals(readEvents(input.slice(0, -1), { split }), []);
      assertEquals(readEvents(input, { split }), [want]);
    }
  });
}
