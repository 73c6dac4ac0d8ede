/** Reads an operator's error pages into memory at start and at reload, so that answering with one needs no disk. I/O. */
import { join } from "@std/path";
import type { Limits } from "../limits.ts";
import type { Charset } from "../static/charset.ts";
import { ErrorPages, type OwnPages } from "./error_pages.ts";
import { readSmallFile } from "../small_file.ts";
import { type Given, osProblem, StartError } from "../start_error.ts";

/** Of a file that is a page, with what it is for. */
export const PAGE_NAME = /^([45][0-9]{2}|4xx|5xx|error)\.html$/;

/**
 * The pages in the folder, by what they stand for; other files are left alone. Throws StartError for a folder that
 * cannot be read or holds no page, and for a page that is no regular file or longer than maxErrorPageBytes.
 */
export function loadErrorPages(
  { argument, value: folder }: Given,
  { maxErrorPageBytes }: Pick<Limits, "maxErrorPageBytes">,
): OwnPages {
  const refusal = (value: string, problem: string, cause?: unknown) =>
    new StartError({ argument, value, problem, remedy: REMEDY }, { cause });
  const pages = new Map<PageKey, Uint8Array>();
  for (const name of readNames(folder, refusal)) {
    const key = PAGE_NAME.exec(name)?.[1];
    if (key === undefined) continue;
    const page = { argument, value: join(folder, name) };
    pages.set(key as PageKey, readSmallFile(page, { remedy: REMEDY, maxBytes: maxErrorPageBytes }).bytes);
  }
  if (pages.size === 0) throw refusal(folder, "holds no page");
  return pages;
}

type PageKey = Parameters<OwnPages["get"]>[0];
type Refusal = (value: string, problem: string, cause?: unknown) => StartError;

const REMEDY = "name a readable folder with 404.html, 4xx.html, 5xx.html or error.html";

function readNames(folder: string, refusal: Refusal): readonly string[] {
  try {
    return Array.from(Deno.readDirSync(folder), (entry) => entry.name);
  } catch (error) {
    throw refusal(folder, osProblem(error), error);
  }
}

/** Where error pages come from. */
export interface ErrorPageSource {
  /** Of the site's texts. */
  readonly charset: Charset;
  /** Null: the built-in pages. */
  readonly folder: Given | null;
}

/** The error pages in force, of each folder an operator named, and the built-in ones. */
export class ReloadableErrorPages {
  readonly #limits: Pick<Limits, "maxErrorPageBytes">;
  #byKey = new Map<string, ErrorPages>();

  constructor(limits: Pick<Limits, "maxErrorPageBytes">) {
    this.#limits = limits;
  }

  /** The pages of that source. Throws StartError, as `loadErrorPages` does, for one that was not loaded before. */
  of(source: ErrorPageSource): ErrorPages {
    const key = keyOf(source);
    let pages = this.#byKey.get(key);
    if (pages === undefined) this.#byKey.set(key, pages = this.#load(source));
    return pages;
  }

  /** Reads the pages of these sources again. Throws StartError for the first that is no good, and the old ones stay. */
  reload(sources: readonly ErrorPageSource[]): void {
    this.#byKey = new Map(sources.map((source) => [keyOf(source), this.#load(source)]));
  }

  #load({ charset, folder }: ErrorPageSource): ErrorPages {
    return new ErrorPages({ charset }, folder === null ? undefined : loadErrorPages(folder, this.#limits));
  }
}

function keyOf({ charset, folder }: ErrorPageSource): string {
  return JSON.stringify([charset, folder?.value ?? null]);
}
