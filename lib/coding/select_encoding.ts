/**
 * Which of the codings that a file has on the disk a client gets. Pure, and apart from the other conditions because it
 * chooses the representation that those are about. RFC 9110 8.4.1 and 12.5.3.
 */
import { listElements } from "../http/grammar.ts";

/** Names of the IANA register: RFC 7932, RFC 8878, RFC 1952. */
export type ContentCoding = "br" | "zstd" | "gzip";

/** The codings of precompressed files, the preferred one first, with what their file names end in. */
export const PRECOMPRESSED: readonly { readonly coding: ContentCoding; readonly suffix: string }[] = [
  { coding: "br", suffix: ".br" },
  { coding: "zstd", suffix: ".zst" },
  { coding: "gzip", suffix: ".gz" },
];

export const CODINGS: readonly ContentCoding[] = PRECOMPRESSED.map(({ coding }) => coding);

/** Clients send few different values; one that sends many must not fill the memory. */
const MAX_CHOICE_COUNT = 16;

/** What `selectEncoding` says of the same codings again and again, worked out once for each value of the field. */
export class EncodingChoices {
  readonly #available: readonly ContentCoding[];
  readonly #known = new Map<string, ContentCoding | null | "none">();

  constructor(available: readonly ContentCoding[]) {
    this.#available = available;
  }

  choose(acceptEncoding: string | null): ContentCoding | null | "none" {
    if (acceptEncoding === null) return null;
    let choice = this.#known.get(acceptEncoding);
    if (choice === undefined) {
      choice = selectEncoding(acceptEncoding, this.#available);
      if (this.#known.size < MAX_CHOICE_COUNT) this.#known.set(acceptEncoding, choice);
    }
    return choice;
  }
}

/** RFC 9110 12.4.2: weight = OWS ";" OWS "q=" qvalue. */
const CODING_WITH_WEIGHT = /^([^;\s]+)(?:[ \t]*;[ \t]*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?$/;

/**
 * The best of `available` codings for an Accept-Encoding field; null for the content as it is, "none" when that too is
 * excluded. Of codings with the same weight the first available one wins. Elements that are malformed count as absent.
 */
export function selectEncoding(
  acceptEncoding: string | null,
  available: readonly ContentCoding[],
): ContentCoding | null | "none" {
  // RFC 9110 12.5.3: without the field any coding is acceptable; but such a client may well know none.
  if (acceptEncoding === null) return null;
  const weights = parseWeights(acceptEncoding);
  const anyWeight = weights.get("*");
  // RFC 9110 12.5.3: identity is acceptable unless it is excluded by "identity;q=0" or "*;q=0".
  const identityWeight = weights.get("identity") ?? (anyWeight === 0 ? 0 : null);
  let best: ContentCoding | null = null;
  let bestWeight = 0;
  for (const coding of available) {
    const weight = weights.get(coding) ?? anyWeight ?? 0;
    if (weight > bestWeight) [best, bestWeight] = [coding, weight];
  }
  if (best === null) return identityWeight === 0 ? "none" : null;
  return identityWeight !== null && identityWeight > bestWeight ? null : best;
}

function parseWeights(acceptEncoding: string): Map<string, number> {
  const weights = new Map<string, number>();
  for (const element of listElements(acceptEncoding)) {
    const match = CODING_WITH_WEIGHT.exec(element);
    // RFC 9110 8.4.1.3: a recipient SHOULD consider "x-gzip" to be equivalent to "gzip".
    if (match !== null) weights.set(match[1] === "x-gzip" ? "gzip" : match[1], Number(match[2] ?? "1"));
  }
  return weights;
}
