/**
 * The answer for a folder that is listed: what is read from the disk meets the form that was asked for. Separate from the answers
 * for files, which have conditions, ranges and tags where a listing has none. RFC 9110 12.5.5.
 */
import { compressedAnswer } from "../coding/compressed_answer.ts";
import { HeaderFields } from "../http/header_fields.ts";
import { cutPath, type Located } from "../http/located.ts";
import type { HttpRequest, HttpResponse } from "../http/message.ts";
import type { PathPrefix } from "../http/path_prefix.ts";
import { directoryListing } from "../listing/directory_listing.ts";
import { formName, type ListingForm, listingForm, type ListingType } from "../listing/listing_form.ts";
import { listingJson } from "../listing/listing_json.ts";
import { listingParts, type ListingText } from "../listing/listing_parts.ts";
import type { ListingSection, ListingWork } from "../listing/listings.ts";
import { type ListedEntry, sortEntries } from "../listing/sort_entries.ts";
import type { Limits } from "../limits.ts";
import { type FolderOptions, readFolder } from "./read_folder.ts";
import { type ReadmeOptions, readReadme } from "./read_readme.ts";

export interface FolderListingOptions
  extends Omit<FolderOptions, "takenNames" | "maxCount">, Pick<ReadmeOptions, "hasOwnRules"> {
  /** The names in the folder of that whole path that other places answer for. */
  takenNames(folder: PathPrefix): readonly string[];
  readonly limits: Pick<Limits, "maxListedFileCount" | "maxReadmeBytes">;
  /** Whether the page says that it is UTF-8, which a listing is whatever the texts of the site are. */
  readonly saysCharset: boolean;
  readonly isCompressed: boolean;
  /** Where listings are kept. */
  readonly section: ListingSection;
}

export class FolderListing {
  readonly #options: FolderListingOptions;
  readonly #fields: { readonly [type in ListingType]: HeaderFields };

  constructor(options: FolderListingOptions) {
    this.#options = options;
    this.#fields = {
      "text/html": fieldsOf(options.saysCharset ? "text/html; charset=utf-8" : "text/html"),
      // RFC 8259 11: it has no charset.
      "application/json": fieldsOf("application/json"),
    };
  }

  /** 200 for a folder below the root with a slash at its end. Rejects with HttpError as `readFolder` does. */
  async answer(request: HttpRequest, at: Located): Promise<HttpResponse> {
    const form = listingForm(request);
    const { section, isCompressed } = this.#options;
    const key = { folder: at.mount + at.path, form: formName(form) };
    const body = await section.get(key, (work) => this.#read(at, form, work));
    const answer = { status: 200, fields: this.#fields[form.type], body };
    return isCompressed ? compressedAnswer(request, answer) : answer;
  }

  async #read(at: Located, form: ListingForm, work: ListingWork): Promise<AsyncIterable<Uint8Array>> {
    const { limits, takenNames, ...options } = this.#options;
    const { entries, isCut } = await readFolder(at, {
      ...options,
      takenNames: new Set(takenNames({ segments: [...cutPath(at.mount), ...at.segments] })),
      maxCount: limits.maxListedFileCount,
    });
    const text = await this.#textOf(at, form, entries);
    return listingParts(await sortEntries(entries, form, work.pace), { ...work, text, isCut });
  }

  async #textOf(at: Located, order: ListingForm, entries: readonly ListedEntry[]): Promise<ListingText> {
    const path = at.mount + at.path;
    if (order.type === "application/json") return listingJson(path);
    const maxBytes = this.#options.limits.maxReadmeBytes;
    return directoryListing({ path, order, readme: await readReadme(at, { ...this.#options, entries, maxBytes }) });
  }
}

function fieldsOf(type: string): HeaderFields {
  return HeaderFields.of(["Content-Type", type], ["Vary", "Accept"]);
}
