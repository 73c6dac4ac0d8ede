/**
 * What a thread has served, as plain numbers: for each place and class of status how many requests, how long they took and how
 * much content they were sent. Counting allocates nothing and reads no clock; two additions in an array are all that an answer
 * from memory costs. Separate from what is told of it, which is worked out when somebody asks. Pure.
 */
import { BUCKET_COUNT, bucketOf, Histogram, type Times } from "./histogram.ts";

/** 1xx to 5xx. RFC 9110 15. */
export const CLASSES = ["1xx", "2xx", "3xx", "4xx", "5xx"] as const;

export type StatusClass = (typeof CLASSES)[number];

/** Where a request is counted that no place has. */
export const NO_PLACE = 0;
/** Where those of all places are that come after the first `MOST_PLACES`. */
const OTHER_PLACES = 1;
/**
 * Places that have numbers of their own. Each takes 640 bytes in every thread, and for each class of status that it has answered
 * with 18 lines for Prometheus, each of which is a series that it keeps: 10,000 places would be 20 MB of text each time it asks.
 */
export const MOST_PLACES = 200;

/** Of a cell: the classes of length, the sum of the times in ms, bytes of content. */
const SUM = BUCKET_COUNT;
const BYTES = BUCKET_COUNT + 1;
const CELL = BUCKET_COUNT + 2;
const ROW = CLASSES.length * CELL;

/** A place by its names. */
export interface PlaceName {
  /** The first of its hosts; "*": all. */
  readonly site: string;
  /** Its prefix, such as `/icons/`. */
  readonly place: string;
}

/** What was answered with a status of that class. */
export interface AnswerCount extends Times {
  readonly class: StatusClass;
  readonly bytes: number;
}

export interface PlaceCount extends PlaceName {
  /** Those alone that there were any of. */
  readonly answers: readonly AnswerCount[];
}

export class Counters {
  /** From accepting to the end of the handshake. */
  readonly handshakes = new Histogram();
  readonly #cells = new Float64Array((OTHER_PLACES + 1 + MOST_PLACES) * ROW);
  /** Bytes of content, counted as they leave. */
  readonly #sent = new Float64Array(1);
  readonly #places: PlaceName[] = [NONE, OTHERS];
  readonly #indexes = new Map<string, number>();
  /** The names of those that are counted together: 150 bytes each. */
  readonly #others = new Set<string>();
  /** Requests that are being answered, those apart that are answered at once. */
  underWayCount = 0;
  acceptedCount = 0;
  /** How often a silent connection was put to rest. */
  restedCount = 0;
  failedHandshakeCount = 0;

  /** What `count` is to be told for that place, which is the same for the same names. */
  placeIndex({ site, place }: PlaceName): number {
    const key = `${site} ${place}`;
    const known = this.#indexes.get(key);
    if (known !== undefined) return known;
    if (this.#indexes.size >= MOST_PLACES) {
      this.#others.add(key);
      return OTHER_PLACES;
    }
    const index = this.#places.length;
    this.#places.push({ site, place });
    this.#indexes.set(key, index);
    return index;
  }

  /** Places that are counted together, for others had all numbers of their own before them. */
  get otherPlaceCount(): number {
    return this.#others.size;
  }

  /** An answer that was in memory, with all of its content; within the millisecond. */
  count(place: number, status: number, bytes: number): void {
    const at = cellOf(place, status);
    this.#cells[at]++;
    this.#cells[at + BYTES] += bytes;
    this.#sent[0] += bytes;
  }

  /** An answer whose content was told to `send` as it left. */
  countTimed(
    place: number,
    { status, bytes, ms }: { readonly status: number; readonly bytes: number; readonly ms: number },
  ): void {
    const at = cellOf(place, status);
    this.#cells[at + bucketOf(ms)]++;
    this.#cells[at + SUM] += ms;
    this.#cells[at + BYTES] += bytes;
  }

  send(bytes: number): void {
    this.#sent[0] += bytes;
  }

  get sentBytes(): number {
    return this.#sent[0];
  }

  get requestCount(): number {
    let count = 0;
    for (let cell = 0; cell < this.#places.length * ROW; cell += CELL) {
      for (let at = cell; at < cell + BUCKET_COUNT; at++) count += this.#cells[at];
    }
    return count;
  }

  /** Those that anything was asked of, in the order of their coming. */
  get places(): readonly PlaceCount[] {
    return this.#places.map((name, place) => ({
      ...name,
      answers: CLASSES.flatMap((name, at) => this.#answersOf(name, place * ROW + at * CELL)),
    })).filter(({ answers }) => answers.length > 0);
  }

  #answersOf(name: StatusClass, at: number): readonly AnswerCount[] {
    const buckets = [...this.#cells.subarray(at, at + BUCKET_COUNT)];
    if (buckets.every((count) => count === 0)) return [];
    return [{ class: name, buckets, sumMs: this.#cells[at + SUM], bytes: this.#cells[at + BYTES] }];
  }
}

const NONE: PlaceName = { site: "none", place: "none" };
const OTHERS: PlaceName = { site: "others", place: "others" };

function cellOf(place: number, status: number): number {
  return place * ROW + (((status / 100) | 0) - 1) * CELL;
}
