/**
 * Reads the entries of a folder for its listing. Separate from opening files, for a folder cannot be read through a
 * descriptor: its name is checked before and after instead.
 */
import { HttpError } from "../http/message.ts";
import { statusOfSystemError } from "../http/system_error.ts";
import type { ListedEntry } from "./directory_listing.ts";
import { modifiedTime } from "./modified_time.ts";
import { asHttpError, folderWithin, realPathWithin, type Scope } from "./open_file.ts";

export interface FolderOptions extends Scope {
  readonly showsDotFiles: boolean;
  /** Most entries that are returned. */
  readonly maxCount: number;
  /** Whether the file at that path was last changed before 1970; null: nobody can say. */
  isBefore1970(path: string): boolean | null;
}

/**
 * The files and folders that a client could ask for, in no order: no sockets and devices, no links that lead outside or
 * nowhere, nothing that is kept for programs. `isCut` when there are more than `maxCount`. Throws HttpError as `folderWithin` does.
 */
export async function readFolder(
  path: string,
  options: FolderOptions,
): Promise<{ readonly entries: readonly ListedEntry[]; readonly isCut: boolean }> {
  const real = folderWithin(path, options);
  const entries: ListedEntry[] = [];
  let isCut = false;
  for await (const { name } of namesIn(real, { path, root: options.root })) {
    if (name.startsWith(".") && !options.showsDotFiles) continue;
    const entry = await describeEntry(`${real}/${name}`, { ...options, name });
    if (entry === null) continue;
    isCut = entries.length === options.maxCount;
    if (isCut) break;
    entries.push(entry);
  }
  // Between the check and the reading a part of the path may have become a link. Who manages to swap it back in time
  // too can show names, sizes and dates from outside, but no content.
  if (realPathWithin(path, options) !== real) throw new HttpError(403, `Changed while it was read: "${path}"`);
  return { entries, isCut };
}

/** `path` is that by which the folder was asked for. */
async function* namesIn(
  folder: string,
  { path, root }: { readonly path: string; readonly root: string },
): AsyncGenerator<Deno.DirEntry> {
  try {
    yield* Deno.readDir(folder);
  } catch (error) {
    throw asHttpError(error, path, root);
  }
}

async function describeEntry(
  path: string,
  options: Pick<FolderOptions, "root" | "programs" | "isBefore1970"> & { readonly name: string },
): Promise<ListedEntry | null> {
  try {
    const info = await Deno.lstat(path);
    if (info.isSymlink) realPathWithin(path, options);
    else if (options.programs?.isProgramPlace(path)) return null;
    const { isFile, isDirectory, size, mtime } = info.isSymlink ? await Deno.stat(path) : info;
    if (!isFile && !isDirectory) return null;
    const mtimeMs = modifiedTime(mtime?.getTime() ?? 0, options.isBefore1970(path));
    return { name: options.name, size: isFile ? size : null, mtimeMs };
  } catch (error) {
    // Gone in the meantime, broken, or a link that leads where nothing is sent: nothing that a client could get.
    const status = error instanceof HttpError ? error.status : statusOfSystemError(error);
    if (status === 403 || status === 404) return null;
    throw asHttpError(error, path, options.root);
  }
}
