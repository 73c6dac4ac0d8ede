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
  readonly files: { readonly charset: Charset };
  /** Null: the built-in pages. */
  readonly errorPagesFolder: Given | null;
  readonly limits: Pick<Limits, "maxErrorPageBytes">;
}

/** The error pages in force: an operator's own, or the built-in ones. */
export class ReloadableErrorPages {
  #pages: ErrorPages;

  /** Throws StartError, as `loadErrorPages` does. */
  constructor(source: ErrorPageSource) {
    this.#pages = loadPages(source);
  }

  get pages(): ErrorPages {
    return this.#pages;
  }

  /** Reads an operator's pages again. Throws StartError, and the old ones stay. */
  reload(source: ErrorPageSource): void {
    this.#pages = loadPages(source);
  }
}

function loadPages({ files, errorPagesFolder, limits }: ErrorPageSource): ErrorPages {
  return new ErrorPages(files, errorPagesFolder === null ? undefined : loadErrorPages(errorPagesFolder, limits));
}
