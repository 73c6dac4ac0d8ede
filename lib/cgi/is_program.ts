/**
 * Whether a file is a program, by its name or by the folder that it really lies in. Separate because two ask: whoever runs
 * programs, and whoever sends files, for the source of a program is never sent. I/O: looks where a link leads.
 */
import { basename, dirname, extname } from "@std/path";

/** Interpreters by extension in lower case, with its dot: ".php" to "/usr/bin/php-cgi". */
export type Interpreters = Readonly<Record<string, string>>;

export interface ProgramPlaces {
  /** Absolute paths of programs and of folders of programs. */
  readonly cgiPaths: readonly string[];
  /** What runs files is of no interest here, only of which extensions. */
  readonly handlers: Readonly<Record<string, unknown>>;
}

/** A folder of files, and by extension what is run in it. */
export interface HandledFolder {
  /** Absolute path. */
  readonly folder: string;
  readonly handlers: Readonly<Record<string, unknown>>;
}

/** Of a place of files among others of its site. */
export interface FilesAmongPrograms extends HandledFolder {
  readonly cgiPaths: readonly string[];
  /** Those of all places of the site. */
  readonly folders: readonly HandledFolder[];
}

/**
 * What is never sent, for whoever sends files. A file is what the place says whose folder is the deepest around it: what another
 * place runs is no text here, whatever link or place leads there; of two places of one folder each says so for itself, and to a
 * third it is what any of them says. What lies in no folder of any place is judged by the handlers of all.
 */
export function programsOf({ cgiPaths, handlers, folder, folders }: FilesAmongPrograms) {
  const at = (path: string) => ({ cgiPaths, handlers: handlersAt(path, { folder, handlers, folders }) });
  return {
    isProgram: (path: string) => isProgram(path, at(path)),
    isBackup: (path: string) => isBackup(path, at(path)),
    isProgramPlace: (realPath: string) => isInCgiFolder(realPath, cgiPaths),
  };
}

function handlersAt(
  path: string,
  { folder, handlers, folders }: Omit<FilesAmongPrograms, "cgiPaths">,
): HandledFolder["handlers"] {
  const { all, byFolder, realPaths, isUniform } = handledFolders(folders);
  if (isUniform) return handlers;
  const own = [trimmed(folder), realPaths.get(folder) ?? trimmed(realPathOf(folder))];
  for (const ancestor of ancestorsOf(path)) {
    if (own.includes(ancestor)) return handlers;
    const found = byFolder.get(ancestor);
    if (found !== undefined) return found;
  }
  return all;
}

interface KnownFolders {
  readonly all: HandledFolder["handlers"];
  readonly byFolder: ReadonlyMap<string, HandledFolder["handlers"]>;
  /** Where each of the folders really lies. */
  readonly realPaths: ReadonlyMap<string, string>;
  /** All have the same. */
  readonly isUniform: boolean;
  readonly untilMs: number;
}

const knownFolders = new WeakMap<readonly HandledFolder[], KnownFolders>();

/** Where links lead is looked at once a second, as for programs. */
function handledFolders(folders: readonly HandledFolder[]): KnownFolders {
  const known = knownFolders.get(folders);
  const nowMs = performance.now();
  if (known !== undefined && (known.isUniform || nowMs < known.untilMs)) return known;
  const all = Object.assign({}, ...folders.map(({ handlers }) => handlers));
  const count = Object.keys(all).length;
  const isUniform = folders.every(({ handlers }) => Object.keys(handlers).length === count);
  const byFolder = new Map<string, HandledFolder["handlers"]>();
  const realPaths = new Map<string, string>();
  for (const { folder, handlers } of isUniform ? [] : folders) {
    const realPath = trimmed(realPathOf(folder));
    realPaths.set(folder, realPath);
    for (const path of [trimmed(folder), realPath]) byFolder.set(path, { ...byFolder.get(path), ...handlers });
  }
  const found = { all, byFolder, realPaths, isUniform, untilMs: nowMs + LOOK_MS };
  knownFolders.set(folders, found);
  return found;
}

/** The path and the folders around it, without slashes at their ends; the root of the disk is "". */
function* ancestorsOf(path: string): Generator<string> {
  for (let end = path.length; end >= 0; end = end === 0 ? -1 : path.lastIndexOf("/", end - 1)) yield path.slice(0, end);
}

function trimmed(path: string): string {
  return path.replace(/\/+$/, "");
}

/** The interpreter for a file of that name, upper and lower case alike, as `handlers` has it; null where there is none. */
export function interpreterOf<Interpreter>(
  name: string,
  handlers: Readonly<Record<string, Interpreter>>,
): Interpreter | null {
  return handlers[extname(name).toLowerCase()] ?? null;
}

/**
 * Whether the file at that absolute path is a program. The path is asked about as it is: who follows links asks for both
 * ends. Dots and blanks at the end of a name do not count, for some file systems leave them out.
 */
export function isProgram(path: string, { cgiPaths, handlers }: ProgramPlaces): boolean {
  const name = basename(path).replace(/[. ]+$/, "");
  return interpreterOf(name, handlers) !== null || isInCgiFolder(path, cgiPaths);
}

/**
 * Whether the file at that absolute path is what an editor, or somebody who copied it before a change, has left of a program:
 * its name is that of a program with an ending for such copies. Who has any of them is asked for by scanners first of all.
 */
export function isBackup(path: string, places: ProgramPlaces): boolean {
  const folder = dirname(path);
  let name = basename(path);
  while (true) {
    const source = withoutBackupMark(name.replace(/[. ]+$/, ""));
    if (source === null) return false;
    // Vim puts a dot before the name.
    if ([source, source.replace(/^\./, "")].some((each) => each !== "" && isProgram(`${folder}/${each}`, places))) {
      return true;
    }
    name = source;
  }
}

/** Of Emacs, nano, vim, patch and people; also numbered, as by `cp --backup` and nano. */
const BACKUP_ENDING = /(?:(?:\.~\d+)?~|\.(?:bak|old|orig|save|swp|swo|tmp)(?:\.\d+)?)$/i;

/** Null for a name without such a mark. */
function withoutBackupMark(name: string): string | null {
  const inner = /^#(.+)#$/.exec(name)?.[1] ?? name.replace(BACKUP_ENDING, "");
  return inner === name ? null : inner;
}

/**
 * Whether a real path is that of a program of `cgiPaths`, or lies in one of these folders, wherever links lead: where they lead
 * is looked at once a second, for there may be thousands.
 */
export function isInCgiFolder(realPath: string, cgiPaths: readonly string[]): boolean {
  const paths = programPaths(cgiPaths);
  if (paths.has("/")) return true;
  for (let end = realPath.length; end > 0; end = realPath.lastIndexOf("/", end - 1)) {
    if (paths.has(realPath.slice(0, end))) return true;
  }
  return false;
}

const LOOK_MS = 1000;

/** By list of an operator's: its paths, and where they lead. */
const knownPaths = new WeakMap<readonly string[], { readonly paths: ReadonlySet<string>; readonly untilMs: number }>();

function programPaths(cgiPaths: readonly string[]): ReadonlySet<string> {
  const known = knownPaths.get(cgiPaths);
  const nowMs = performance.now();
  if (known !== undefined && nowMs < known.untilMs) return known.paths;
  const paths = new Set([...cgiPaths, ...cgiPaths.map(realPathOf)].map((path) => path.replace(/(?!^)\/+$/, "")));
  knownPaths.set(cgiPaths, { paths, untilMs: nowMs + LOOK_MS });
  return paths;
}

/** Where links lead from there; the same where it cannot be looked up. */
export function realPathOf(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch {
    return path; // not there, or closed to the server: nothing in it can be sent either
  }
}
