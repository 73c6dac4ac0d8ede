/**
 * Reads the entries of a folder for its listing. Separate from opening files, for a folder cannot be read through a
 * descriptor: its name is checked before and after instead.
 */
import { closeSync, constants, existsSync, openSync } from "node:fs";
import { INDEX_NAME, isHidden, type Located } from "../http/located.ts";
import { HttpError } from "../http/message.ts";
import { statusOfSystemError } from "../http/system_error.ts";
import { isSegment } from "../http/target.ts";
import type { ListedEntry } from "./directory_listing.ts";
import { modifiedTime } from "./modified_time.ts";
import { asHttpError, folderWithin, kindOf, realPathWithin, type Scope } from "./open_file.ts";

export interface FolderOptions extends Scope {
  readonly showsDotFiles: boolean;
  /** Most entries that are returned. */
  readonly maxCount: number;
  /** Whether another place answers for that path of the site, so that nothing here has it. */
  isElsewhere(segments: readonly string[]): boolean;
  /** Whether the file at that path was last changed before 1970; null: nobody can say. */
  isBefore1970(path: string): boolean | null;
}

/**
 * The files and folders that a request can reach by their names, in no order: no sockets and devices, no links that lead
 * outside or nowhere, nothing that is hidden, kept for programs or closed to the server, and no name that a path cannot hold.
 * Who may have what is in there is not asked. `isCut` when there are more than `maxCount`. Throws HttpError as `folderWithin`
 * does.
 */
export async function readFolder(
  at: Located,
  options: FolderOptions,
): Promise<{ readonly entries: readonly ListedEntry[]; readonly isCut: boolean }> {
  const path = options.root + at.path;
  const real = folderWithin(path, options);
  const entries: ListedEntry[] = [];
  let isCut = false;
  for await (const { name } of namesIn(real, { path, root: options.root })) {
    if (!canBeAskedFor(name, at, options)) continue;
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

/** By its name alone. */
function canBeAskedFor(name: string, { mount, segments }: Located, options: FolderOptions): boolean {
  const own = [...segments, name];
  if (!options.showsDotFiles && isHidden({ mount, segments: own })) return false;
  return isSegment(name) && !options.isElsewhere(own);
}

/** Null for what a client could not get. `path` leads through no link but perhaps its last part. */
async function describeEntry(
  path: string,
  options: Scope & Pick<FolderOptions, "isBefore1970"> & { readonly name: string },
): Promise<ListedEntry | null> {
  try {
    const own = await Deno.lstat(path);
    let real = path;
    if (own.isSymlink) real = realPathWithin(path, options);
    else if (options.programs?.isProgramPlace(path)) return null;
    const info = own.isSymlink ? await Deno.stat(path) : own;
    if (info.isDirectory ? !canBeEntered(real, info) : !info.isFile || !canBeSent(path, { real, info, ...options })) {
      return null;
    }
    const mtimeMs = modifiedTime(info.mtime?.getTime() ?? 0, options.isBefore1970(path));
    return { name: options.name, size: info.isFile ? info.size : null, mtimeMs };
  } catch (error) {
    // Gone in the meantime, broken, or closed to the server: nothing that a client could get.
    const status = error instanceof HttpError ? error.status : statusOfSystemError(error);
    if (status === 403 || status === 404) return null;
    throw asHttpError(error, path, options.root);
  }
}

/** What runs instead is there for its interpreter to read. Throws errors of the system for what may not be read. */
function canBeSent(
  path: string,
  { real, info, programs }: Pick<Scope, "programs"> & { readonly real: string; readonly info: Deno.FileInfo },
): boolean {
  if (programs?.isProgram(path)) return true;
  if (kindOf(path, { programs }) !== "content" || kindOf(real, { programs }) !== "content") return false;
  // Most are for everybody to read: then nothing is opened.
  if (!isForAll(info, 0o444)) closeSync(openSync(real, constants.O_RDONLY | constants.O_NONBLOCK));
  return true;
}

/** Whether it gives an index, or can be listed. Throws errors of the system for what may not be entered or read. */
function canBeEntered(path: string, info: Deno.FileInfo): boolean {
  if (isForAll(info, 0o555) || existsSync(`${path}/${INDEX_NAME}`)) return true;
  closeSync(openSync(path, constants.O_RDONLY | constants.O_DIRECTORY));
  Deno.statSync(`${path}/.`);
  return true;
}

function isForAll({ mode }: Deno.FileInfo, bits: number): boolean {
  return ((mode ?? 0) & bits) === bits;
}
