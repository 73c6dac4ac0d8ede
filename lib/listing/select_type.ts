/** Which of several media types a client gets, by its Accept field. Pure. RFC 9110 12.4.2 and 12.5.1. */
import { listElements } from "../http/grammar.ts";

/** How much a client wants a type: the weight counts first, and of equal ones that which is named more exactly. */
interface Wish {
  readonly weight: number;
  /** 2 for a type by its name, 1 for `text/*`, 0 for all of them. */
  readonly precision: number;
}

const NO_WISH: Wish = { weight: 0, precision: -1 };

/** RFC 9110 12.4.2: weight = OWS ";" OWS "q=" qvalue. */
const WEIGHT = /^q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/;

/**
 * The type of `available` that the field prefers, the first of those that it likes as well; the first one also without the
 * field and where none is acceptable (12.5.1 leaves it to the server to disregard the field). Parameters of a type but its
 * weight make no difference, and elements that are malformed count as absent.
 */
export function selectType<Type extends string>(
  accept: string | null,
  available: readonly [Type, ...Type[]],
): Type {
  if (accept === null) return available[0];
  const wishes = parseRanges(accept);
  let [best] = available;
  let bestWish = NO_WISH;
  for (const type of available) {
    const wish = wishFor(type, wishes);
    const isMore = wish.weight > bestWish.weight ||
      (wish.weight === bestWish.weight && wish.weight > 0 && wish.precision > bestWish.precision);
    if (isMore) [best, bestWish] = [type, wish];
  }
  return best;
}

/** RFC 9110 12.5.1: the most specific range that fits a type says how much it is wanted. */
function wishFor(type: string, weights: ReadonlyMap<string, number>): Wish {
  const ranges = ["*/*", `${type.slice(0, type.indexOf("/"))}/*`, type];
  const precision = ranges.findLastIndex((range) => weights.has(range));
  return precision < 0 ? NO_WISH : { weight: weights.get(ranges[precision]) ?? 0, precision };
}

function parseRanges(accept: string): ReadonlyMap<string, number> {
  const weights = new Map<string, number>();
  for (const element of listElements(accept)) {
    const [range, ...parameters] = element.split(";").map((part) => part.trim());
    const weight = parameters.find((parameter) => parameter.startsWith("q="));
    const match = WEIGHT.exec(weight ?? "q=1");
    if (match !== null) weights.set(range, Number(match[1]));
  }
  return weights;
}
