/**
 * Listings that are made once for all who ask for them at about the same time. Separate from what stands in them: here alone
 * it is decided how old one may be, and how much is worked on at once.
 */
import type { Body } from "../http/message.ts";
import type { Limits } from "../limits.ts";
import { type ListingPage, ListingPages } from "./listing_pages.ts";
import { Gate, Pace } from "./pace.ts";
import type { WorkPace } from "./sort_in_parts.ts";

/** Folders that are read at once: on a slow disk one does not keep all others waiting, and only so many are in memory. */
const FOLDERS_AT_ONCE = 4;

export interface ListingWork {
  /** For all that takes long. */
  readonly pace: WorkPace;
  /** Longest page. */
  readonly maxBytes: number;
}

/** Reads a folder, and resolves to its page in parts. Rejects with HttpError as `readFolder` does. */
export type ReadListing = (work: ListingWork) => Promise<AsyncIterable<Uint8Array>>;

export interface SectionOptions {
  readonly limits: Pick<Limits, "fileCacheMs">;
  /** The time of day in ms since 1970. */
  nowMs(): number;
}

/** What all folders of a thread share. */
export class Listings {
  readonly #pages: ListingPages;
  readonly #work: ListingWork;
  readonly #readers = new Gate(FOLDERS_AT_ONCE);
  readonly #makers = new Gate(1);

  /** `maxBytes`: most memory for pages. */
  constructor(maxBytes: number) {
    // A pace of its own: however many clients are sent to, folders are read on.
    this.#pages = new ListingPages(maxBytes, new Pace());
    this.#work = { pace: new Pace(), maxBytes };
  }

  /** What pages weigh together, in bytes. */
  get bytes(): number {
    return this.#pages.bytes;
  }

  /** A new section, which has keys of its own and shares the limits. */
  section({ limits, nowMs }: SectionOptions): ListingSection {
    const isFresh = (readMs: number) => {
      const ageMs = nowMs() - readMs;
      // Below 0 the clock was set back, and nothing is known about the age.
      return ageMs >= 0 && ageMs < limits.fileCacheMs;
    };
    return new ListingSection({ ...{ nowMs, isFresh }, pages: this.#pages, make: (...given) => this.#make(...given) });
  }

  async #make(read: ReadListing, { old, begin }: MakeOptions): Promise<ListingPage> {
    return await this.#readers.pass(async () => {
      begin();
      const parts = await read(this.#work);
      return await this.#makers.pass(() => this.#pages.make(parts, old()));
    });
  }
}

interface MakeOptions {
  /** Called right before the folder is read. */
  begin(): void;
  /** The page that was made last, where there is one. */
  old(): ListingPage | null;
}

interface SectionParts {
  readonly pages: ListingPages;
  make(read: ReadListing, options: MakeOptions): Promise<ListingPage>;
  nowMs(): number;
  isFresh(readMs: number): boolean;
}

/** A page that is being made. */
interface Making {
  /** When the folder began to be read; null: not yet, so whoever asks now sees it as it is now. */
  readMs: number | null;
  readonly page: Promise<ListingPage>;
}

/** The listings of one handler, by path. */
export class ListingSection {
  readonly #parts: SectionParts;
  readonly #made = new Map<string, { readonly page: ListingPage; readonly readMs: number }>();
  readonly #makings = new Map<string, Making>();

  /** For `Listings.section`. */
  constructor(parts: SectionParts) {
    this.#parts = parts;
  }

  /**
   * The listing of that path as content, of a folder that was read no longer ago than `limits.fileCacheMs`: by `read`, unless
   * somebody else has read it or is about to. Rejects as that does. A client for which it cannot be kept is cut (HttpError 408).
   */
  async get(path: string, read: ReadListing): Promise<Body> {
    const made = this.#made.get(path);
    if (made !== undefined && this.#parts.isFresh(made.readMs)) {
      return this.#parts.pages.open(made.page);
    }
    const making = this.#makings.get(path);
    const isShared = making !== undefined && (making.readMs === null || this.#parts.isFresh(making.readMs));
    return this.#parts.pages.open(await (isShared ? making : this.#begin(path, read)).page);
  }

  /** After that which is being made of an older state, so of one path never more than two are under way. */
  #begin(path: string, read: ReadListing): Making {
    const before = this.#makings.get(path)?.page;
    const begun = Promise.withResolvers<ListingPage>();
    const making: Making = { readMs: null, page: begun.promise };
    this.#makings.set(path, making);
    begun.resolve(this.#make(path, { read, making, before }));
    return making;
  }

  async #make(
    path: string,
    { read, making, before }: { read: ReadListing; making: Making; before: Promise<ListingPage> | undefined },
  ): Promise<ListingPage> {
    try {
      // Its failure is told to those who asked for it.
      await before?.catch(() => {});
      const page = await this.#parts.make(read, {
        begin: () => making.readMs = this.#parts.nowMs(),
        old: () => this.#made.get(path)?.page ?? null,
      });
      this.#keep(path, { page, readMs: making.readMs ?? 0 });
      return page;
    } catch (error) {
      this.#forget(path);
      throw error;
    } finally {
      if (this.#makings.get(path) === making) this.#makings.delete(path);
    }
  }

  #keep(path: string, made: { readonly page: ListingPage; readonly readMs: number }): void {
    if (this.#made.get(path)?.page !== made.page) this.#forget(path);
    this.#made.set(path, made);
    made.page.whenGivenUp = () => {
      if (this.#made.get(path)?.page === made.page) this.#made.delete(path);
    };
  }

  #forget(path: string): void {
    const old = this.#made.get(path)?.page;
    this.#made.delete(path);
    if (old !== undefined) this.#parts.pages.retire(old);
  }
}
