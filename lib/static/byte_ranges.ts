/**
 * The Range field: text -> ranges that lie within the content, few enough and none of them twice. Separate because what is
 * ignored, what is refused and what is put together are three things. RFC 9110 14.1, 14.2 and 15.3.7.2.
 */

/** Positions of the first and the last byte, both inclusive. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

export interface RangeOptions {
  /** Bytes of the content. */
  readonly length: number;
  /** Most ranges that are answered; 0 lets the field be ignored. */
  readonly maxCount: number;
}

const BYTES_UNIT = /^bytes=/i;
const RANGE_SPEC = /^(?:(\d+)-(\d*)|-(\d+))$/;

/**
 * The satisfiable ranges in the order of the field. Those that overlap are one, in the place of the first of them, and
 * where more than `maxCount` are left the nearest are one with what lies between: so no byte is sent twice, and a client
 * that asks for much, or for nothing sensible, gets what it asked for and some more. RFC 9110 15.3.7.2 lets a server put
 * ranges together, and tells clients to go by Content-Range. Empty: nothing is satisfiable. Null: to be ignored, because
 * the unit is unknown, the syntax is wrong or the content is empty and a suffix of it is asked for.
 */
export function parseRanges(field: string, options: RangeOptions): readonly ByteRange[] | null {
  // RFC 9110 14.2: an origin server MUST ignore a Range field with a range unit that it does not understand.
  if (!BYTES_UNIT.test(field) || options.maxCount === 0) return null;
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
  return ranges.length < 2 ? ranges : coalesce(ranges, options.maxCount);
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

/** A range with its place in the answer. */
interface PlacedRange extends ByteRange {
  readonly place: number;
}

function coalesce(ranges: readonly ByteRange[], maxCount: number): readonly ByteRange[] {
  const sorted = ranges.map((range, place) => ({ ...range, place })).sort((a, b) => a.first - b.first);
  const apart = joinWhere(sorted, (previous, next) => next.first <= previous.last);
  const few = apart.length <= maxCount ? apart : joinNearest(apart, maxCount);
  return few.sort((a, b) => a.place - b.place).map(({ first, last }) => ({ first, last }));
}

/** `ranges` ascend and do not overlap; of the gaps between them the narrowest are closed until `maxCount` are left. */
function joinNearest(ranges: readonly PlacedRange[], maxCount: number): PlacedRange[] {
  const gaps = ranges.slice(1).map(({ first }, index) => ({ at: first, width: first - ranges[index].last }));
  const closed = gaps.sort((a, b) => a.width - b.width).slice(0, ranges.length - maxCount);
  const isClosedAt = new Set(closed.map(({ at }) => at));
  return joinWhere(ranges, (_, next) => isClosedAt.has(next.first));
}

/** `ranges` ascend; each for which `joins` holds becomes one with what stands before it. */
function joinWhere(
  ranges: readonly PlacedRange[],
  joins: (previous: PlacedRange, next: PlacedRange) => boolean,
): PlacedRange[] {
  const joined: PlacedRange[] = [];
  for (const range of ranges) {
    const previous = joined.at(-1);
    if (previous === undefined || !joins(previous, range)) {
      joined.push(range);
      continue;
    }
    const { first, last, place } = previous;
    joined[joined.length - 1] = {
      first,
      last: Math.max(last, range.last),
      place: Math.min(place, range.place),
    };
  }
  return joined;
}
