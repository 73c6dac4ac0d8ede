/**
 * The Range field: text -> ranges that lie within the content. Separate because its refusals are many. RFC 9110 14.1
 * and 14.2.
 */

/** Positions of the first and the last byte, both inclusive. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

export interface RangeOptions {
  /** Bytes of the content. */
  readonly length: number;
  /** Most ranges that a request may ask for. */
  readonly maxCount: number;
}

const BYTES_UNIT = /^bytes=/i;
const RANGE_SPEC = /^(?:(\d+)-(\d*)|-(\d+))$/;

/** RFC 9110 14.2: more than two overlapping ranges are a sign of an attack or of a broken client. */
const MAX_OVERLAPPING_COUNT = 2;

/**
 * The satisfiable ranges in the order of the field. Empty: not satisfiable, or refused as too many or too much
 * overlapping (RFC 9110 15.5.17 has 416 for both). Null: to be ignored, because the unit is unknown, the syntax is wrong
 * or the content is empty and a suffix of it is asked for.
 */
export function parseRanges(field: string, options: RangeOptions): ByteRange[] | null {
  // RFC 9110 14.2: an origin server MUST ignore a Range field with a range unit that it does not understand.
  if (!BYTES_UNIT.test(field)) return null;
  const specs = field.slice("bytes=".length).split(",").map((spec) => spec.replace(/^[ \t]+|[ \t]+$/g, ""))
    .filter((spec) => spec !== "");
  if (specs.length === 0) return null;
  const ranges: ByteRange[] = [];
  for (const spec of specs) {
    const range = parseSpec(spec, options.length);
    if (range === "invalid") return null;
    if (range === "unsatisfiable") continue;
    // A suffix of nothing is satisfiable, yet Content-Range has no form for it: the whole is the right answer.
    if (range.last < range.first) return null;
    ranges.push(range);
  }
  return specs.length > options.maxCount || hasTooMuchOverlap(ranges) ? [] : ranges;
}

function parseSpec(spec: string, length: number): ByteRange | "invalid" | "unsatisfiable" {
  const match = RANGE_SPEC.exec(spec);
  if (match === null) return "invalid";
  const [, first, last, suffixLength] = match;
  if (suffixLength !== undefined) {
    // RFC 9110 14.1.2: a suffix is satisfiable when its length is not zero; a longer one is the whole content.
    if (Number(suffixLength) === 0) return "unsatisfiable";
    return { first: Math.max(0, length - Number(suffixLength)), last: length - 1 };
  }
  // RFC 9110 14.1.1: an int-range is invalid if its last-pos is less than its first-pos.
  if (last !== "" && Number(last) < Number(first)) return "invalid";
  if (Number(first) >= length) return "unsatisfiable";
  return { first: Number(first), last: last === "" ? length - 1 : Math.min(Number(last), length - 1) };
}

/** Whether more ranges than a benign client has share bytes with an earlier one. */
function hasTooMuchOverlap(ranges: readonly ByteRange[]): boolean {
  const sorted = [...ranges].sort((a, b) => a.first - b.first);
  let overlappingCount = 0;
  let end = -1;
  for (const { first, last } of sorted) {
    if (first <= end) overlappingCount++;
    end = Math.max(end, last);
  }
  return overlappingCount >= MAX_OVERLAPPING_COUNT;
}
