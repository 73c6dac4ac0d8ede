/** A listing in parts, whatever its form, so that a long one holds nobody up and is cut where it is too long. Pure. */
import type { ListedEntry } from "./sort_entries.ts";
import type { WorkPace } from "./sort_in_parts.ts";

/** What a form of a listing has to say. */
export interface ListingText {
  readonly begin: string;
  /** `at`: how many entries stand before it. */
  row(entry: ListedEntry, at: number): string;
  /** `shown`: how many of more entries it has; null when it has all. */
  end(shown: number | null): string;
}

export interface PartsOptions {
  /** The folder holds more than the entries. */
  readonly isCut: boolean;
  /** The longest that it may be: it is cut where it would become longer, about, for it is not counted to the byte. */
  readonly maxBytes: number;
  readonly pace: WorkPace;
}

/** Characters after which a part is told. */
const PART_LENGTH = 65_536;
/** UTF-8 takes no more for a unit of text. */
const MOST_BYTES_A_UNIT = 3;

/** The text in UTF-8, some 64 KiB at a time, with the entries in their order. */
export async function* listingParts(
  entries: readonly ListedEntry[],
  { isCut, maxBytes, pace, ...form }: PartsOptions & { readonly text: ListingText },
): AsyncGenerator<Uint8Array> {
  let text = form.text.begin;
  let bytes = new TextEncoder().encode(form.text.end(null)).length;
  let shown = 0;
  while (shown < entries.length) {
    let rows = "";
    let count = shown;
    for (; count < entries.length && rows.length < PART_LENGTH; count++) {
      if (pace.isDue()) await pace.pause();
      rows += form.text.row(entries[count], count);
    }
    if (bytes + MOST_BYTES_A_UNIT * (text.length + rows.length) > maxBytes) break;
    text += rows;
    shown = count;
    if (text.length < PART_LENGTH) continue;
    const part = new TextEncoder().encode(text);
    bytes += part.length;
    text = "";
    yield part;
  }
  yield new TextEncoder().encode(text + form.text.end(isCut || shown < entries.length ? shown : null));
}
