/**
 * What keeps a program from being run by a user, before anybody has tried: its rights, its first line, the interpreter that this
 * asks for. Separate because it is the longest of the questions of --check. I/O. execve(2), env(1).
 */
import { basename, dirname, resolve } from "@std/path";
import { readFirstLine } from "../first_line.ts";
import { findObstacle, judge, type NamedUser, stat } from "./path_rights.ts";

export interface ProgramSurroundings {
  readonly user: NamedUser;
  /** PATH as programs get it; undefined: they get none. */
  readonly searchPath: string | undefined;
}

/** What execvp(3) takes where there is no PATH. */
const DEFAULT_PATH = "/bin:/usr/bin";

/** The fault in words; null for a program without one, and for a file that is none: beside programs stand data that they read. */
export function programFault(path: string, { user, searchPath = DEFAULT_PATH }: ProgramSurroundings): string | null {
  const info = stat(path);
  if (info === null) return null;
  const line = readFirstLine(path);
  const isScript = line?.startsWith("#!") ?? false;
  if (!isScript && ((info.mode ?? 0) & 0o111) === 0) return null;
  // An interpreter opens the script itself.
  const closed = judge(path, "run", user, info) ?? (isScript ? judge(path, "read", user, info) : null);
  if (closed !== null) return `${closed.text}: ${closed.remedy}`;
  if (line === null) return null;
  if (!isScript) return "may be run, but is no program, and its first line does not begin with #!: it is answered 500";
  if (line.endsWith("\r")) return "its first line ends in CR LF and must end in LF alone";
  return interpreterFault(line, { folder: dirname(path), user, searchPath });
}

function interpreterFault(
  line: string,
  { folder, user, searchPath }: { readonly folder: string; readonly user: NamedUser; readonly searchPath: string },
): string | null {
  const [interpreter, ...words] = line.slice(2).trim().split(/[ \t]+/);
  if (interpreter === "") return "its first line names no interpreter after #!";
  const asked = (name: string, paths: readonly string[], none = "which is not there") => {
    const fault = runFault(paths, { user, none });
    return fault === null ? null : `its first line asks for ${name}, ${fault}`;
  };
  // A program starts in its own folder.
  const fault = asked(interpreter, [resolve(folder, interpreter)]);
  if (fault !== null || basename(interpreter) !== "env") return fault;
  const name = words.find((word) => !word.startsWith("-") && !word.includes("="));
  if (name === undefined) return null;
  if (name.includes("/")) return asked(name, [resolve(folder, name)]);
  const paths = searchPath.split(":").map((place) => resolve(folder, place, name));
  return asked(name, paths, `which is not in the PATH of programs (${searchPath})`);
}

/** Null where one of the paths can be run; else what is wrong with the first that is there, or `none`. */
function runFault(
  paths: readonly string[],
  { user, none }: { readonly user: NamedUser; readonly none: string },
): string | null {
  const there = paths.filter((path) => stat(path)?.isFile);
  const obstacles = there.flatMap((path) => findObstacle(path, "run", user) ?? []);
  const [first] = obstacles;
  if (first === undefined) return there.length === 0 ? none : null;
  return obstacles.length < there.length ? null : `which ${user.user} cannot run: "${first.path}" ${first.text}`;
}
