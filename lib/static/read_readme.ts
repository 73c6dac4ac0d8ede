/**
 * The readme of a folder, for its listing to show. Separate from the reading of the folder, for this is content: what is no file
 * that a client would get by its own name is not shown. I/O.
 */
import type { Located } from "../http/located.ts";
import { HttpError } from "../http/message.ts";
import type { Readme } from "../listing/directory_listing.ts";
import type { ListedEntry } from "../listing/sort_entries.ts";
import { readWhole } from "./file_body.ts";
import { openFile, type Scope } from "./open_file.ts";

export interface ReadmeOptions extends Scope {
  /** Longest beginning of a text; 0: there is no readme. */
  readonly maxBytes: number;
  /** Whether something is said of that whole path alone: who may have it, or what answers for it. */
  hasOwnRules(path: string): boolean;
}

/** In any case. A page shows more than a text, so it comes first. */
const README = /^readme(\.html|\.txt|\.md|)$/i;
const ENDINGS: readonly string[] = [".html", ".txt", ".md", ""];

/**
 * The first of the folder's entries that is a readme with content and is not guarded by itself; null: none. Texts are read as
 * UTF-8. Throws HttpError 503 when the descriptors have run out.
 */
export async function readReadme(
  at: Located,
  { entries, ...options }: ReadmeOptions & { readonly entries: readonly ListedEntry[] },
): Promise<Readme | null> {
  if (options.maxBytes === 0) return null;
  const found = entries.filter(({ name, size }) => size !== null && size > 0 && README.test(name));
  const names = found.map(({ name }) => name).sort((a, b) => rankOf(a) - rankOf(b) || (a < b ? -1 : 1));
  for (const name of names) {
    // Who may see the folder may not, perhaps, have this file.
    if (options.hasOwnRules(at.mount + at.path + name)) continue;
    if (rankOf(name) === 0) return { name, text: null, isCut: false };
    const start = await readStart(options.root + at.path + name, options);
    if (start !== null) return { name, ...start };
  }
  return null;
}

function rankOf(name: string): number {
  return ENDINGS.indexOf(README.exec(name)?.[1].toLowerCase() ?? "");
}

/** Null for what is none of the files that are sent, and for one that has become shorter. */
async function readStart(
  path: string,
  { maxBytes, ...scope }: Scope & Pick<ReadmeOptions, "maxBytes">,
): Promise<Pick<Readme, "isCut"> & { readonly text: string } | null> {
  try {
    const opened = openFile(path, scope);
    if (opened === null) return null;
    try {
      const { size } = opened.facts;
      const bytes = await readWhole(opened.handle, { first: 0, last: Math.min(size, maxBytes) - 1 });
      const isCut = size > maxBytes;
      // As of a stream: a character of which a part is left is left out.
      return bytes === null ? null : { text: new TextDecoder().decode(bytes, { stream: isCut }), isCut };
    } finally {
      opened.handle.close();
    }
  } catch (error) {
    // A program by its handler, closed to the server, or gone: nothing that a client would get.
    if (error instanceof HttpError && (error.status === 403 || error.status === 404)) return null;
    throw error;
  }
}
