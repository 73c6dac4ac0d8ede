/**
 * The shape of the tables that say what a connection takes and what it refuses, and the requests that their rows are made
 * of. The tables stand beside the reader whose rule a row is.
 */
import { assertEquals } from "@std/assert";
import { readEvents, type ReadOptions, SPLITS } from "./feed.ts";

/** What a connection must make of an input. */
export interface ReadingRow {
  readonly name: string;
  readonly input: string;
  /** As `readEvents` tells it. A last entry of `error N` or `last` means that nothing after it is read. */
  readonly want: readonly string[];
  readonly limits?: ReadOptions["limits"];
  readonly rules?: ReadOptions["rules"];
}

const NEXT = "GET /next HTTP/1.1\r\nHost: next\r\n\r\n";

/**
 * One test a row: the input goes in whole and byte by byte, alone and with a next request behind it, which must be found
 * where the connection goes on and must never be found where it does not.
 */
export function testReading(title: string, rows: readonly ReadingRow[]): void {
  for (const row of rows) {
    Deno.test(`nextEvent() ${title}: ${row.name}`, () => {
      const goesOn = !/^(?:error|last)/.test(row.want[row.want.length - 1] ?? "");
      for (const { name, split } of SPLITS) {
        const options = { split, limits: row.limits, rules: row.rules };
        assertEquals(readEvents(row.input, options), row.want, name);
        const wantNext = goesOn ? [...row.want, "GET /next 1.1"] : row.want;
        assertEquals(readEvents(row.input + NEXT, options), wantNext, `${name}, with a next request`);
      }
    });
  }
}

/** A request of this line, with a Host. */
export function line(requestLine: string): string {
  return `${requestLine}\r\nHost: a\r\n\r\n`;
}

/** A GET with these bytes between Host and the empty line. */
export function fields(text: string): string {
  return `GET / HTTP/1.1\r\nHost: a\r\n${text}\r\n`;
}

/** A POST with these field lines and what follows its head. */
export function post(fieldLines: readonly string[], content: string): string {
  return ["POST / HTTP/1.1", "Host: a", ...fieldLines, "", content].join("\r\n");
}

export function chunked(content: string): string {
  return post(["Transfer-Encoding: chunked"], content);
}
