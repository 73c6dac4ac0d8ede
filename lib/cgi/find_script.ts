/**
 * From a request path to the program that answers it. Separate because it alone decides what may be run; it looks at
 * the disk for each request, so that a script can be added, replaced or removed at any time. RFC 3875 3.3.
 */
import { extname } from "@std/path";
import { HttpError } from "../http/message.ts";
import type { ScriptLocation } from "../gateway/meta_variables.ts";

export interface ScriptPlaces {
  /** Absolute path of the one program, or of the folder of programs; null: none. */
  readonly cgiPath: string | null;
  /** What the paths of scripts begin with; begins and ends with "/". */
  readonly prefix: string;
  /** Interpreters by extension: ".php" to "/usr/bin/php-cgi". They hold below the prefix and in the document root. */
  readonly handlers: Readonly<Record<string, string>>;
  /** Absolute path without a trailing slash. */
  readonly documentRoot: string;
}

/** Whether `path` (decoded) is one for `findScript`; else it names a file or nothing. */
export function isScriptPath(path: string, places: ScriptPlaces): boolean {
  if (places.cgiPath !== null && path.startsWith(places.prefix)) return true;
  return findInRoot(path, places) !== null;
}

/**
 * The script for `path` (decoded, no dot segments). Throws HttpError: 404 where there is none or its name is hidden,
 * 403 for a folder, for what is no file, is not executable or leaves its folder, 500 where the one configured program
 * cannot be run.
 */
export function findScript(path: string, places: ScriptPlaces): ScriptLocation {
  const { cgiPath, prefix } = places;
  if (cgiPath === null || !path.startsWith(prefix)) {
    const found = findInRoot(path, places);
    if (found === null) throw new HttpError(404, `No script for "${path}"`);
    checkInside(found.file, places.documentRoot);
    return found;
  }
  const info = stat(cgiPath);
  if (info?.isDirectory) return findInFolder(path, { ...places, cgiPath });
  // RFC 3875 3.3: which leading part of the path identifies the script is the server's to define.
  const script = locate(cgiPath, { path, nameLength: prefix.length - 1, places });
  try {
    checkRunnable(script, info);
  } catch (error) {
    // Whoever configured it is at fault, and not the path of the request.
    throw new HttpError(500, `Cannot run the program for "${prefix}"`, { cause: error });
  }
  return script;
}

/** Goes down from the folder, segment by segment, to the first that is no folder; what follows is PATH_INFO. */
function findInFolder(path: string, places: ScriptPlaces & { readonly cgiPath: string }): ScriptLocation {
  const { cgiPath, prefix } = places;
  let file = cgiPath;
  let hasLink = false;
  for (let start = prefix.length; start < path.length;) {
    const slash = path.indexOf("/", start);
    const end = slash < 0 ? path.length : slash;
    const name = path.slice(start, end);
    if (name === "" || name.startsWith(".")) throw new HttpError(404, `No script is called "${path}"`);
    file = `${file}/${name}`;
    let info = stat(file, Deno.lstatSync);
    if (info?.isSymlink) {
      hasLink = true;
      info = stat(file);
    }
    if (!info?.isDirectory) {
      const script = locate(file, { path, nameLength: end, places });
      checkRunnable(script, info);
      if (hasLink) checkInside(file, cgiPath);
      return script;
    }
    start = end + 1;
  }
  throw new HttpError(403, `A folder of scripts is not listed: "${path}"`);
}

/** A file below the document root whose extension has a handler; null where no part of the path leads to one. */
function findInRoot(path: string, places: ScriptPlaces): ScriptLocation | null {
  const { documentRoot, handlers } = places;
  // A hidden file or folder is left to whoever serves files, and decides about them.
  if (Object.keys(handlers).length === 0 || path.includes("/.")) return null;
  for (let end = path.indexOf("/", 1); end !== 0; end = path.indexOf("/", end + 1)) {
    if (end < 0) end = path.length;
    const name = path.slice(0, end);
    if (extname(name) in handlers && stat(documentRoot + name)?.isFile) {
      return locate(documentRoot + name, { path, nameLength: end, places });
    }
    if (end === path.length) return null;
  }
  return null;
}

function locate(
  file: string,
  { path, nameLength, places }: { readonly path: string; readonly nameLength: number; readonly places: ScriptPlaces },
): ScriptLocation {
  return {
    file,
    interpreter: places.handlers[extname(file)] ?? null,
    scriptName: path.slice(0, nameLength),
    pathInfo: path.slice(nameLength),
  };
}

/** Throws HttpError 403 or 404. Whether the system will really execute the file is known only when it does. */
function checkRunnable({ file, interpreter }: ScriptLocation, info: Deno.FileInfo | null): void {
  if (info === null) throw new HttpError(404, `No program "${file}"`);
  if (!info.isFile) throw new HttpError(403, `Not a file: "${file}"`);
  if (interpreter === null && ((info.mode ?? 0) & 0o111) === 0) throw new HttpError(403, `Not executable: "${file}"`);
}

/** A link may lead anywhere within the folder, and nowhere else. Throws HttpError 403. */
function checkInside(file: string, folder: string): void {
  const realFile = Deno.realPathSync(file);
  const realFolder = Deno.realPathSync(folder);
  if (!realFile.startsWith(realFolder === "/" ? "/" : `${realFolder}/`)) {
    throw new HttpError(403, `Leaves its folder: "${file}" is "${realFile}"`);
  }
}

/** Null where nothing has that name. Throws HttpError 403 where the server may not look. */
function stat(path: string, look: (path: string) => Deno.FileInfo = Deno.statSync): Deno.FileInfo | null {
  try {
    return look(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return null;
    if (error instanceof Error && "code" in error && error.code === "ENAMETOOLONG") return null;
    if (error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.FilesystemLoop) {
      throw new HttpError(403, `Cannot look at "${path}"`, { cause: error });
    }
    throw error;
  }
}
