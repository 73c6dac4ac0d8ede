/**
 * From the path of a request to the program that answers it. Separate because it alone decides what may be run; it looks
 * at the disk for each request, so that a script can be added, replaced or removed at any time. RFC 3875 3.3.
 */
import { isHidden, joinSegments, type Located, restAfter } from "../http/located.ts";
import { HttpError, Refusal } from "../http/message.ts";
import { statusOfSystemError, systemHttpError } from "../http/system_error.ts";
import { type LinkRule, refuseLinks } from "../link_rule.ts";
import { explainRefusal } from "../refused_path.ts";
import type { ScriptLocation } from "../gateway/meta_variables.ts";
import { interpreterOf, type Interpreters, isInCgiFolder } from "./is_program.ts";

/** A place whose every path is for programs. */
export interface ProgramPlace {
  /** Absolute path of the one program, or of the folder of programs. */
  readonly cgiPath: string;
  readonly handlers: Interpreters;
  /** Where links in it may lead. */
  readonly links: LinkRule;
}

/** A place of files, some of which interpreters run. */
export interface HandledPlace {
  /** Absolute path of its folder, without a trailing slash. */
  readonly documentRoot: string;
  readonly handlers: Interpreters;
  /** Whether names that begin with a dot are served. */
  readonly servesDotFiles: boolean;
  /** What a folder is answered with: the first of these names that is there. */
  readonly indexNames: readonly string[];
  /** Programs and folders of programs of all places. */
  readonly cgiPaths: readonly string[];
  /** Where links in it may lead. */
  readonly links: LinkRule;
}

/**
 * The script for a path of the place; "folder" for a folder of programs without the slash at its end. Throws HttpError:
 * 404 where there is none or its name is hidden, 403 for a folder, for what is no file, is not executable or leaves its
 * folder, 500 where the one configured program cannot be run.
 */
export function findProgram(at: Located, place: ProgramPlace): ScriptLocation | "folder" {
  const { cgiPath, handlers } = place;
  const info = stat(cgiPath, { folder: cgiPath });
  if (info?.isDirectory) return findInFolder(at, place);
  // RFC 3875 3.3: which leading part of the path identifies the script is the server's to define.
  const script = locateScript(cgiPath, { at, segments: [], handlers });
  try {
    checkRunnable(script, info);
  } catch (error) {
    // Whoever configured it is at fault, and not the path of the request.
    throw new HttpError(500, `Cannot run the program for "${at.mount}/"`, { cause: error });
  }
  return script;
}

/** Goes down from the folder, segment by segment, to the first that is no folder; what follows is PATH_INFO. */
function findInFolder(at: Located, { cgiPath, handlers, links }: ProgramPlace): ScriptLocation | "folder" {
  let file = cgiPath;
  let hasLink = false;
  for (const [index, name] of at.segments.entries()) {
    if (name.startsWith(".")) throw new HttpError(404, `No script is called "${at.mount}${at.path}"`);
    file = `${file}/${name}`;
    let info = stat(file, { folder: cgiPath, ask: Deno.lstatSync });
    if (info?.isSymlink) {
      hasLink = true;
      info = stat(file, { folder: cgiPath });
    }
    if (info?.isDirectory) continue;
    const script = locateScript(file, { at, segments: at.segments.slice(0, index + 1), handlers });
    checkRunnable(script, info);
    if (hasLink) checkLinks(file, { folder: cgiPath, links });
    return script;
  }
  if (!at.path.endsWith("/")) return "folder";
  throw new HttpError(403, `A folder of scripts is not listed: "${at.mount}${at.path}"`);
}

/**
 * The file of the place that an interpreter runs: the first that the path leads to, or the index of a folder. Null where
 * there is none or its name is hidden: who serves files decides about the path. Throws HttpError 403 for one that leaves
 * the folder, and for a program of another place, where other rules may guard it.
 */
export function findHandled(at: Located, place: HandledPlace): ScriptLocation | null {
  const { documentRoot, handlers, servesDotFiles, cgiPaths, links } = place;
  const found = at.segments.findIndex((name, index) => {
    return interpreterOf(name, handlers) !== null && isFile(at.segments.slice(0, index + 1), documentRoot);
  });
  const segments = found >= 0 ? at.segments.slice(0, found + 1) : findIndex(at, place);
  if (segments === null || (!servesDotFiles && isHidden({ mount: at.mount, segments }))) return null;
  const file = documentRoot + joinSegments(segments);
  const realFile = checkLinks(file, { folder: documentRoot, links });
  if (isInCgiFolder(realFile, cgiPaths)) throw new Refusal({ path: file, reason: ELSEWHERE });
  return locateScript(file, { at, segments, handlers });
}

/** What the path of a folder is answered with where that is for an interpreter; null: nothing is, or a file. */
function findIndex(at: Located, { documentRoot, handlers, indexNames }: HandledPlace): readonly string[] | null {
  if (!at.path.endsWith("/") || indexNames.every((name) => interpreterOf(name, handlers) === null)) return null;
  const name = indexNames.find((name) => isFile([...at.segments, name], documentRoot));
  return name === undefined || interpreterOf(name, handlers) === null ? null : [...at.segments, name];
}

function isFile(segments: readonly string[], folder: string): boolean {
  return stat(folder + joinSegments(segments), { folder })?.isFile ?? false;
}

const ELSEWHERE = "is kept for programs, and runs nowhere but below the prefix of these";

/** `segments` are those below the place that name the script. */
function locateScript(
  file: string,
  { at, segments, handlers }: {
    readonly at: Located;
    readonly segments: readonly string[];
    readonly handlers: Interpreters;
  },
): ScriptLocation {
  return {
    file,
    interpreter: interpreterOf(file, handlers),
    scriptName: at.mount + joinSegments(segments),
    pathInfo: restAfter(at.rest, segments.length),
  };
}

/** Throws HttpError 403 or 404. Whether the system will really execute the file is known only when it does. */
function checkRunnable({ file, interpreter }: ScriptLocation, info: Deno.FileInfo | null): void {
  if (info === null) throw new HttpError(404, `No program "${file}"`);
  if (!info.isFile) throw new Refusal({ path: file, reason: "is neither a file nor a folder" });
  const mode = (info.mode ?? 0) & 0o7777;
  if (interpreter !== null || (mode & 0o111) !== 0) return;
  const modeText = mode.toString(8).padStart(4, "0");
  throw new Refusal({ path: file, reason: `is not executable (mode ${modeText}), and its extension has no handler` });
}

/** Where the file really is: links in the folder lead only where the rule lets them. Throws HttpError 403. */
function checkLinks(
  path: string,
  { folder, links }: { readonly folder: string; readonly links: LinkRule },
): string {
  const real = look(path, { folder, ask: Deno.realPathSync });
  if (real === null) throw new HttpError(404, `No program "${path}"`);
  const refused = look(path, { folder, ask: () => refuseLinks({ path, real, folder }, links) });
  if (refused !== null) throw new Refusal(refused);
  return real;
}

interface Look<Found> {
  /** What the path begins with, for whoever is told why it is refused. */
  readonly folder: string;
  readonly ask: (path: string) => Found;
}

/** Null where nothing has that name. Throws HttpError 403 where the server may not look, 503 for want of descriptors. */
function stat(
  path: string,
  { folder, ask = Deno.statSync }: Partial<Look<Deno.FileInfo>> & Pick<Look<Deno.FileInfo>, "folder">,
): Deno.FileInfo | null {
  // The runtime would ask for a name with U+FFFD in place of each byte that is not UTF-8.
  return path.isWellFormed() ? look(path, { folder, ask }) : null;
}

function look<Found>(path: string, { folder, ask }: Look<Found>): Found | null {
  try {
    return ask(path);
  } catch (error) {
    const status = statusOfSystemError(error);
    if (status === 404) return null;
    if (status === 403) throw new Refusal(explainRefusal(path, folder));
    throw status === null ? error : systemHttpError(status, `Cannot look at "${path}"`, error);
  }
}
