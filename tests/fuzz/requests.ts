/**
 * Mutated requests for the HTTP core: whatever the bytes are, nothing but HttpError is thrown, and the same is told of them
 * however they were split. Every case follows from its number alone, so that one can be played again. Pure.
 */
import { RULES, type RulesName } from "../../lib/rules.ts";
import { byteByByte, bytesOf, readEvents, type ReadOptions, type Split, textOf } from "../feed.ts";
import { type FuzzOptions, mutate, randomFrom } from "./mutate.ts";

/** Plays so many cases. Throws plain Error naming the case that failed, its bytes and what was told of them. */
export function fuzzConnection({ seed, count }: FuzzOptions): void {
  for (let at = seed; at < seed + count; at++) {
    const fuzzCase = makeCase(at);
    const want = play(fuzzCase, "whole", (bytes) => [bytes]);
    for (const [name, split] of [["byte by byte", byteByByte], ["in pieces", inPieces(at)]] as const) {
      const got = play(fuzzCase, name, split);
      if (got !== want) throw new Error(`${describe(fuzzCase)}\nwhole: ${want}\n${name}: ${got}`);
    }
  }
}

interface FuzzCase {
  readonly seed: number;
  readonly bytes: Uint8Array;
  readonly options: ReadOptions;
}

function play(fuzzCase: FuzzCase, name: string, split: Split): string {
  try {
    return JSON.stringify(readEvents(fuzzCase.bytes, { ...fuzzCase.options, split }));
  } catch (cause) {
    throw new Error(`${describe(fuzzCase)}\n${name}: threw ${cause}`, { cause });
  }
}

function describe({ seed, bytes, options }: FuzzCase): string {
  return `Case ${seed}, ${
    JSON.stringify({ ...options, rules: options.rules === RULES.course ? "course" : "standard" })
  }\n` +
    JSON.stringify(textOf(bytes));
}

/** Pieces of 0 to 40 bytes. */
function inPieces(seed: number): Split {
  return (bytes) => {
    const random = randomFrom(~seed);
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < bytes.length;) {
      const end = at + random(41);
      pieces.push(bytes.subarray(at, end));
      at = end;
    }
    return pieces;
  };
}

const REQUESTS: readonly string[] = [
  "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
  "GET /a%20b/../c?d=e HTTP/1.1\r\nHost: a:80\r\nAccept: */*\r\nConnection: keep-alive\r\n\r\n",
  "HEAD http://b/c HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
  "OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n",
  "CONNECT b:443 HTTP/1.1\r\nHost: b\r\n\r\n",
  "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
  "POST / HTTP/1.1\r\nHost: [::1]\r\nExpect: 100-continue\r\nContent-Length: 12, 12\r\n\r\nhello\r\nworld",
  "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
  'PUT /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n00a;b="c"\r\n0123456789\r\n1 ; d\r\n!\r\n0\r\nE: f\r\n\r\n',
  "\r\nDELETE /y HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
];

const SNIPPETS: readonly string[] = [
  ...["\r", "\n", "\r\n", "\r\n\r\n", "\0", " ", "\t", ":", ";", ",", "=", '"', "\\", "%", "#", "?", "/"],
  ...["..", "*", "\x7f", "\x80", "\xff", "-", "+", "0", "1", "9", "f", "0x", "ffffffffffffffff"],
  ...["HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/1.10", " \r\n", "\r\n ", "%00", "%2f", "%ff"],
  ...["Host: b\r\n", "Host: c d\r\n", "Content-Length: 5\r\n", "Content-Length: 0\r\n"],
  ...["Content-Length: -1\r\n", "Content-Length: 6, 5\r\n", "Transfer-Encoding: chunked\r\n"],
  ...["Transfer-Encoding: gzip\r\n", "Transfer-Encoding: gzip, chunked\r\n", "Connection: close\r\n"],
  ...["Expect: 100-continue\r\n", "Expect: x\r\n", "A: b\r\n", "A : b\r\n", " A: b\r\n", "A\r\n"],
  ...["0\r\n\r\n", "5\r\nhello\r\n", "a".repeat(70), "GET / HTTP/1.1\r\n"],
];

/** Limits that short requests pass. */
const TIGHT = {
  maxLineBytes: 30,
  maxHeadBytes: 120,
  maxFieldCount: 4,
  maxBodyBytes: 20,
  maxChunkLineBytes: 8,
  maxTrailerBytes: 10,
};

function makeCase(seed: number): FuzzCase {
  const random = randomFrom(seed);
  let text = "";
  for (let rest = 1 + random(3); rest > 0; rest--) text += REQUESTS[random(REQUESTS.length)];
  for (let rest = random(4); rest > 0; rest--) text = mutate(text, { random, snippets: SNIPPETS });
  const rules: RulesName = random(2) === 0 ? "standard" : "course";
  const limits = random(4) === 0 ? TIGHT : undefined;
  return { seed, bytes: bytesOf(text), options: { rules: RULES[rules], limits, closes: random(2) === 0 } };
}
