/**
 * What keeps a user from a file: the first folder on the way that is closed, or the file itself. Separate from file_access.ts, which
 * judges what is found here. I/O. path_resolution(7).
 */
import { dirname } from "@std/path";
import { type FileUse, type FileUser, mayUse } from "./file_access.ts";

/** Whom it is about, with the name for messages. */
export interface NamedUser extends FileUser {
  readonly user: string;
}

/** What is closed to the user. */
export interface Obstacle {
  /** The file that was asked about, or a folder on the way. */
  readonly path: string;
  readonly use: FileUse;
  /** What is to be said of it: `cannot be read by www-data (mode 0600)`. */
  readonly text: string;
  /** What helps: `chmod a+r, or give it to that user`. */
  readonly remedy: string;
}

/** The first obstacle; null where there is none, and where whoever asks cannot see one. `path` is absolute. */
export function findObstacle(path: string, use: FileUse, user: NamedUser): Obstacle | null {
  const folders = [...new Set([...foldersAbove(path), ...foldersAbove(realPath(path) ?? path)])];
  for (const folder of folders) {
    const found = judge(folder, "enter", user);
    if (found !== null) return found;
  }
  return judge(path, use, user);
}

/** The same of the file alone, whatever leads there. */
export function judge(path: string, use: FileUse, user: NamedUser, info = stat(path)): Obstacle | null {
  if (info === null || mayUse(info, use, user)) return null;
  const mode = ((info.mode ?? 0) & 0o7777).toString(8).padStart(4, "0");
  const remedy = `chmod a+${LETTERS[use]}, or give it to that user`;
  return { path, use, text: `cannot be ${PAST[use]} by ${user.user} (mode ${mode})`, remedy };
}

const PAST: { readonly [use in FileUse]: string } = { read: "read", write: "written to", enter: "entered", run: "run" };
const LETTERS: { readonly [use in FileUse]: string } = { read: "r", write: "w", enter: "x", run: "x" };

/** From the top on, without the path itself. */
function foldersAbove(path: string): readonly string[] {
  const folder = dirname(path);
  return folder === path ? [] : [...foldersAbove(folder), folder];
}

/** Null for what is not there, leads nowhere, or cannot be seen. */
export function realPath(path: string): string | null {
  try {
    return Deno.realPathSync(path);
  } catch {
    return null;
  }
}

/** Links followed; null as above. */
export function stat(path: string): Deno.FileInfo | null {
  try {
    return Deno.statSync(path);
  } catch {
    return null;
  }
}
