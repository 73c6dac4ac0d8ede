/**
 * The pages of listings that are kept or being sent, in memory that all of them share: one page for all who get it, and a
 * bound for all pages together, however slowly clients read. Separate and pure: it knows bytes and readers, not folders.
 */
import { type Body, BytesBody, HttpError } from "../http/message.ts";
import type { WorkPace } from "./sort_in_parts.ts";

/** What a page weighs beside its content. */
const PAGE_BYTES = 1024;
/** Content that is handed over as one, for it leaves with the head, and a connection has a buffer for as much. */
const SMALL_BYTES = 65_536;

/** One listing as it was at one time. For `ListingPages` alone to change. */
export class ListingPage {
  parts: readonly Uint8Array[];
  readonly length: number;
  readerCount = 0;
  /** Another one has taken its place: it goes with its last reader. */
  isRetired = false;
  /** It had to make room: who reads it gets no more. */
  isGivenUp = false;
  /** Called when it has to go, for those who would open it again. */
  whenGivenUp: () => void = () => {};

  constructor(parts: readonly Uint8Array[]) {
    this.parts = parts;
    this.length = lengthOf(parts);
  }
}

export class ListingPages {
  readonly #maxBytes: number;
  readonly #pace: WorkPace;
  /** The one that was not read for the longest time comes first. */
  readonly #pages = new Set<ListingPage>();
  #bytes = 0;

  /**
   * `pace`: that of sending. To a socket that takes all at once a page would leave as a whole, and to many clients all their
   * pages, before anybody else has a turn.
   */
  constructor(maxBytes: number, pace: WorkPace) {
    this.#maxBytes = maxBytes;
    this.#pace = pace;
  }

  /** What all pages weigh together, with that which is being made. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * A page of these parts, or `old` itself where that has the same. One is made at a time; it makes room for itself as it
   * grows, and is within the bound by itself. Rejects as the parts do.
   */
  async make(parts: AsyncIterable<Uint8Array>, old: ListingPage | null): Promise<ListingPage> {
    let like = old?.isGivenUp === true ? null : old;
    let sameCount = 0;
    const own: Uint8Array[] = [];
    this.#grow(PAGE_BYTES);
    try {
      for await (const part of parts) {
        if (like !== null && isSame(part, like.parts[sameCount])) {
          sameCount++;
          continue;
        }
        if (like !== null) own.push(...this.#take(like.parts.slice(0, sameCount)));
        like = null;
        own.push(...this.#take([part]));
      }
    } catch (error) {
      this.#bytes -= PAGE_BYTES + lengthOf(own);
      throw error;
    }
    if (like !== null && sameCount === like.parts.length) {
      this.#bytes -= PAGE_BYTES;
      return like;
    }
    const page = new ListingPage(like === null ? own : this.#take(like.parts.slice(0, sameCount)));
    this.#pages.add(page);
    return page;
  }

  /** The page as content. Iterating throws HttpError 408 once the page had to make room for another one. */
  open(page: ListingPage): Body {
    if (page.parts.length === 1 && page.length <= SMALL_BYTES) return new BytesBody(page.parts[0]);
    return new PageBody(page, { pace: this.#pace, touch: () => this.#touch(page), leave: () => this.#leave(page) });
  }

  /** Nobody will open it any more. */
  retire(page: ListingPage): void {
    page.isRetired = true;
    this.#leaveAlone(page);
  }

  #take(parts: readonly Uint8Array[]): readonly Uint8Array[] {
    this.#grow(lengthOf(parts));
    return parts;
  }

  #grow(bytes: number): void {
    this.#bytes += bytes;
    while (this.#bytes > this.#maxBytes) {
      const page = this.#leastWanted();
      if (page === null) return;
      this.#drop(page);
    }
  }

  /** What nobody reads, else that of whose readers none has asked for more for the longest time. */
  #leastWanted(): ListingPage | null {
    for (const page of this.#pages) if (page.readerCount === 0) return page;
    for (const page of this.#pages) return page;
    return null;
  }

  #touch(page: ListingPage): void {
    if (this.#pages.delete(page)) this.#pages.add(page);
  }

  #leave(page: ListingPage): void {
    page.readerCount--;
    this.#leaveAlone(page);
  }

  #leaveAlone(page: ListingPage): void {
    if (page.isRetired && page.readerCount === 0) this.#drop(page);
  }

  #drop(page: ListingPage): void {
    if (!this.#pages.delete(page)) return;
    this.#bytes -= PAGE_BYTES + page.length;
    page.isGivenUp = true;
    // What a client does not take must not keep the rest.
    page.parts = [];
    page.whenGivenUp();
  }
}

/** What a reader tells of itself. */
interface Shelf {
  readonly pace: WorkPace;
  touch(): void;
  leave(): void;
}

/** What one client gets of a page. */
class PageBody implements Body {
  readonly length: number;
  readonly #page: ListingPage;
  readonly #shelf: Shelf;
  #isClosed = false;

  constructor(page: ListingPage, shelf: Shelf) {
    this.#page = page;
    this.#shelf = shelf;
    this.length = page.length;
    page.readerCount++;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    let sent = 0;
    for (let index = 0; sent < this.length; index++) {
      const { pace } = this.#shelf;
      if (pace.isDue()) await pace.pause();
      // 408: too slow, now that others want the memory.
      if (this.#page.isGivenUp) {
        throw new HttpError(408, "A listing was given up, for others were wanted and it was not read");
      }
      this.#shelf.touch();
      const part = this.#page.parts[index];
      sent += part.length;
      yield part;
    }
  }

  close(): Promise<void> {
    if (!this.#isClosed) this.#shelf.leave();
    this.#isClosed = true;
    return DONE;
  }
}

const DONE = Promise.resolve();

function lengthOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}

function isSame(a: Uint8Array, b: Uint8Array | undefined): boolean {
  if (a.length !== b?.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}
