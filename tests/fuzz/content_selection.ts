/**
 * Mutated conditions and ranges: never an exception, never a byte outside the content, and never 304 or 412 without a
 * field that asks for it. Pure.
 */
import { HeaderFields } from "../../lib/http/header_fields.ts";
import { selectContent, type Selection } from "../../lib/static/select_content.ts";
import { choose, type FuzzOptions, mutateOften, playCases, type Random } from "./mutate.ts";

const VALUES: Readonly<Record<string, readonly string[]>> = {
  "Range": [
    "bytes=0-",
    "bytes=-1",
    "bytes=0-0,2-3",
    "bytes=5-9, -2",
    "bytes=9-5",
    "lines=1-2",
    "bytes=0-99999999999999",
  ],
  "If-Range": ['"tag"', 'W/"tag"', "Sun, 06 Nov 1994 08:49:37 GMT"],
  "If-None-Match": ['"tag"', 'W/"tag"', "*", '"a", "tag"', ',,"tag"'],
  "If-Match": ['"tag"', 'W/"tag"', "*", '"a","b"'],
  "If-Modified-Since": ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"],
  "If-Unmodified-Since": ["Sun, 06 Nov 1994 08:49:37 GMT", "Sat, 05 Nov 1994 08:49:37 GMT"],
};
const NAMES = Object.keys(VALUES);

const SNIPPETS: readonly string[] = [
  ...["-", "--", ",", ", ", "0", "9", "99999999999999999999", "=", "bytes=", '"', 'W/"', "*", " ", "\t"],
  ...["tag", "1e3", "+1", "GMT", "UTC", ":", "60", "31", "Feb", "2000", "\xff", "0-0,".repeat(40), "-0"],
  ...["1-", "NaN"],
];

const LENGTHS = [0, 1, 10, 1_000_000, 5_000_000_000];

/** Throws plain Error naming the case. */
export function fuzzContentSelection(options: FuzzOptions): Promise<void> {
  return playCases(options, (_, random) => playCase(random));
}

function playCase(random: Random): string | null {
  const fields = Array.from({ length: 1 + random(3) }, () => {
    const name = choose(NAMES, random);
    const value = mutateOften(choose(VALUES[name], random), { random, snippets: SNIPPETS, count: random(4) });
    return [name, value.replace(/[^\t\x20-\x7e\x80-\xff]/g, "")] as const;
  });
  const length = choose(LENGTHS, random);
  const validators = {
    etag: random(4) === 0 ? 'W/"tag"' : '"tag"',
    lastModifiedMs: 784_111_777_000,
    lastModified: "Sun, 06 Nov 1994 08:49:37 GMT",
    length,
  };
  const method = random(4) === 0 ? "HEAD" : "GET";
  const selection = selectContent(HeaderFields.of(...fields), validators, { method, maxRangeCount: 16, nowMs: 1e12 });
  const names = new Set(fields.map(([name]) => name));
  const problem = judge(selection, { names, length, method });
  return problem === null ? null : `${problem}: ${JSON.stringify({ fields, length, method, selection })}`;
}

function judge(
  selection: Selection,
  { names, length, method }: { readonly names: ReadonlySet<string>; readonly length: number; readonly method: string },
): string | null {
  switch (selection.status) {
    case 200:
      return null;
    case 206: {
      if (!names.has("Range") || method !== "GET") return "A part that nobody asked for";
      const { ranges } = selection;
      const isInside = ranges.every(({ first, last }) =>
        Number.isSafeInteger(first) && Number.isSafeInteger(last) && 0 <= first && first <= last && last < length
      );
      return isInside && ranges.length >= 1 && ranges.length <= 16 ? null : "Not within the content";
    }
    case 304:
      return names.has("If-None-Match") || names.has("If-Modified-Since") ? null : "304 that nobody asked for";
    case 412:
      return names.has("If-Match") || names.has("If-Unmodified-Since") ? null : "412 that nobody asked for";
    case 416:
      return names.has("Range") ? null : "416 that nobody asked for";
  }
}
