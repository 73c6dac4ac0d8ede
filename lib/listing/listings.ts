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

/** Which listing. */
export interface ListingKey {
  /** The path of the folder. */
  readonly folder: string;
  /** In which form; there is a bounded number of them. */
  readonly form: string;
}

/** A page that is being made. */
interface Making {
  /** When the folder began to be read; null: not yet, so whoever asks now sees it as it is now. */
  readMs: number | null;
  readonly page: Promise<ListingPage>;
}

/** The listings of one handler. */
export class ListingSection {
  readonly #parts: SectionParts;
  readonly #made = new Map<string, { readonly page: ListingPage; readonly readMs: number }>();
  readonly #makings = new Map<string, Making>();
  /** Of each folder the page that is made last. */
  readonly #last = new Map<string, Promise<ListingPage>>();

  /** For `Listings.section`. */
  constructor(parts: SectionParts) {
    this.#parts = parts;
  }

  /**
   * The listing as content, of a folder that was read no longer ago than `limits.fileCacheMs`: by `read`, unless
   * somebody else has read it or is about to. Rejects as that does. A client for which it cannot be kept is cut (HttpError 408).
   */
  async get({ folder, form }: ListingKey, read: ReadListing): Promise<Body> {
    const key = `${form} ${folder}`;
    const made = this.#made.get(key);
    if (made !== undefined && this.#parts.isFresh(made.readMs)) {
      return this.#parts.pages.open(made.page);
    }
    const making = this.#makings.get(key);
    const isShared = making !== undefined && (making.readMs === null || this.#parts.isFresh(making.readMs));
    return this.#parts.pages.open(await (isShared ? making : this.#begin(key, { folder, read })).page);
  }

  /**
   * After all that are being made of the folder: whoever asks for its forms one after another keeps nobody from other folders. Of
   * one key never more than two are under way.
   */
  #begin(key: string, { folder, read }: { readonly folder: string; readonly read: ReadListing }): Making {
    const before = this.#last.get(folder);
    const begun = Promise.withResolvers<ListingPage>();
    const making: Making = { readMs: null, page: begun.promise };
    this.#makings.set(key, making);
    this.#last.set(folder, making.page);
    begun.resolve(
      this.#make(key, { read, making, before }).finally(() => {
        if (this.#last.get(folder) === making.page) this.#last.delete(folder);
      }),
    );
    return making;
  }

  async #make(
    key: string,
    { read, making, before }: { read: ReadListing; making: Making; before: Promise<ListingPage> | undefined },
  ): Promise<ListingPage> {
    try {
      // Its failure is told to those who asked for that one.
      await before?.catch(() => {});
      const page = await this.#parts.make(read, {
        begin: () => making.readMs = this.#parts.nowMs(),
        old: () => this.#made.get(key)?.page ?? null,
      });
      this.#keep(key, { page, readMs: making.readMs ?? 0 });
      return page;
    } catch (error) {
      this.#forget(key);
      throw error;
    } finally {
      if (this.#makings.get(key) === making) this.#makings.delete(key);
    }
  }

  #keep(key: string, made: { readonly page: ListingPage; readonly readMs: number }): void {
    if (this.#made.get(key)?.page !== made.page) this.#forget(key);
    this.#made.set(key, made);
    made.page.whenGivenUp = () => {
      if (this.#made.get(key)?.page === made.page) this.#made.delete(key);
    };
  }

  #forget(key: string): void {
    const old = this.#made.get(key)?.page;
    this.#made.delete(key);
    if (old !== undefined) this.#parts.pages.retire(old);
  }
}
