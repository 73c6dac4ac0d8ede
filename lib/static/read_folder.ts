/**
 * Reads the entries of a folder for its listing. Separate from opening files, for a folder cannot be read through a
 * descriptor: its name is checked before and after instead.
 */
import { closeSync, constants, existsSync, openSync } from "node:fs";
import { isHidden, type Located } from "../http/located.ts";
import { HttpError } from "../http/message.ts";
import { statusOfSystemError } from "../http/system_error.ts";
import { isSegment } from "../http/target.ts";
import type { ReadNames } from "../system/folder_names.ts";
import type { ListedEntry } from "../listing/sort_entries.ts";
import { modifiedTime } from "./modified_time.ts";
import { asHttpError, folderWithin, kindOf, realPathWithin, type Scope } from "./open_file.ts";

export interface FolderOptions extends Scope {
  readonly showsDotFiles: boolean;
  /** Most entries that are returned. */
  readonly maxCount: number;
  /** Names in the folder for which another place answers. */
  readonly takenNames: ReadonlySet<string>;
  /** What a folder is answered with. */
  readonly indexNames: readonly string[];
  readonly readNames: ReadNames;
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
  const before = identityOf(real, options);
  const entries: ListedEntry[] = [];
  let isCut = false;
  for await (const names of namesIn(real, { ...options, path })) {
    const wanted = names.filter((name) => canBeAskedFor(name, at, options));
    for (let first = 0; first < wanted.length && !isCut; first += LOOKS_AT_ONCE) {
      const looks = wanted.slice(first, first + LOOKS_AT_ONCE)
        .map((name) => describeEntry(`${real}/${name}`, name, options));
      const found = (await Promise.all(looks)).filter((entry) => entry !== null);
      isCut = entries.length + found.length > options.maxCount;
      entries.push(...found.slice(0, options.maxCount - entries.length));
    }
    if (isCut) break;
  }
  // Between the check and the reading a part of the path may have become a link. Who manages to swap it back in time
  // too can show names, sizes and dates from outside, but no content. Of a folder that was removed meanwhile only a part is known.
  if (realPathWithin(path, options) !== real || identityOf(real, options) !== before) {
    throw new HttpError(403, `Changed while it was read: "${path}"`);
  }
  return { entries, isCut };
}

/** One after another they take three times as long; with more, others wait while all of them come back. */
const LOOKS_AT_ONCE = 16;

/** Tells the folder from another one that takes its place. */
function identityOf(folder: string, { root }: Scope): string {
  try {
    const { dev, ino } = Deno.statSync(folder);
    return `${dev} ${ino}`;
  } catch (error) {
    throw asHttpError(error, folder, root);
  }
}

/** `path` is that by which the folder was asked for. */
async function* namesIn(
  folder: string,
  { path, root, readNames }: Pick<FolderOptions, "root" | "readNames"> & { readonly path: string },
): AsyncGenerator<readonly string[]> {
  try {
    yield* readNames(folder);
  } catch (error) {
    throw asHttpError(error, path, root);
  }
}

/** By its name alone. */
function canBeAskedFor(name: string, { mount, segments }: Located, options: FolderOptions): boolean {
  // Asked only where it matters, for a folder may have ten thousand names.
  if (name.startsWith(".") && !options.showsDotFiles && isHidden({ mount, segments: [...segments, name] })) {
    return false;
  }
  return (PLAIN_NAME.test(name) || isSegment(name)) && !options.takenNames.has(name);
}

/** What most files are called: a segment of a path for sure. */
const PLAIN_NAME = /^[\w-][\w.-]*$/;

/** Null for what a client could not get. `path` leads through no link but perhaps its last part. */
async function describeEntry(
  path: string,
  name: string,
  options: Scope & Pick<FolderOptions, "isBefore1970" | "indexNames">,
): Promise<ListedEntry | null> {
  try {
    const own = await Deno.lstat(path);
    const real = own.isSymlink ? realPathWithin(path, options) : path;
    const info = own.isSymlink ? await Deno.stat(path) : own;
    const found = { path, real, info };
    if (!(info.isDirectory ? canBeEntered(found, options) : info.isFile && canBeSent(found, options))) return null;
    const mtimeMs = modifiedTime(info.mtime?.getTime() ?? 0, options.isBefore1970(path));
    return { name, size: info.isFile ? info.size : null, mtimeMs };
  } catch (error) {
    // Gone in the meantime, broken, or closed to the server: nothing that a client could get.
    const status = error instanceof HttpError ? error.status : statusOfSystemError(error);
    if (status === 403 || status === 404) return null;
    throw asHttpError(error, path, options.root);
  }
}

interface FoundEntry {
  readonly path: string;
  /** The same where the path is no link; else what lies there has been found to be kept for no program. */
  readonly real: string;
  readonly info: Deno.FileInfo;
}

/** What runs instead is there for its interpreter to read. Throws errors of the system for what may not be read. */
function canBeSent({ path, real, info }: FoundEntry, { programs }: Pick<Scope, "programs">): boolean {
  const kind = kindOf(path, { programs });
  if (kind === "program") return isHandled(path, programs);
  if (kind === "backup" || (real !== path && kindOf(real, { programs }) !== "content")) return false;
  // Most are for everybody to read: then nothing is opened.
  if (!isForAll(info, 0o444)) closeSync(openSync(real, constants.O_RDONLY | constants.O_NONBLOCK));
  return true;
}

/** Whether a request for the program by that path runs it: not for a copy in another coding, nor in a folder of programs. */
function isHandled(path: string, programs: Scope["programs"]): boolean {
  return programs !== null && programs.isProgram(path) && !programs.isProgramPlace(path);
}

/** Whether it gives an index, or can be listed. Throws errors of the system for what may not be entered or read. */
function canBeEntered(
  { path, real, info }: FoundEntry,
  { programs, indexNames }: Pick<FolderOptions, "programs" | "indexNames">,
): boolean {
  if (real === path && programs?.isProgramPlace(path)) return false;
  if (isForAll(info, 0o555) || indexNames.some((name) => existsSync(`${real}/${name}`))) return true;
  closeSync(openSync(real, constants.O_RDONLY | constants.O_DIRECTORY));
  Deno.statSync(`${real}/.`);
  return true;
}

function isForAll({ mode }: Deno.FileInfo, bits: number): boolean {
  return ((mode ?? 0) & bits) === bits;
}
