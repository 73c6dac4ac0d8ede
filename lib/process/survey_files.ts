/**
 * What a first request would find out about the files of a configuration, found out by --check: what the users of --user and
 * --cgi-user may not read, enter or run, links that lead out, programs whose interpreter is not there. None of it keeps the
 * server from starting. Separate from check_config.ts, whose findings do. I/O.
 */
import { basename, dirname } from "@std/path";
import { readFirstLine } from "../cgi/first_line.ts";
import { interpreterOf } from "../cgi/is_program.ts";
import type { Config } from "../config/config.ts";
import { type FileUse, type FileUser, mayUse } from "./file_access.ts";

/** Of larger sites the first so many entries are looked at, so that a check takes seconds at most. */
const MAX_ENTRIES = 20_000;
/** Findings of one folder beyond that are only counted. */
const MAX_FINDINGS = 20;

/** Who serves files and who runs programs, with their names for messages. */
export interface SurveyUsers {
  readonly server: FileUser & { readonly user: string };
  readonly scripts: FileUser & { readonly user: string };
}

/** One line each, for the operator; none when all is well. */
export function surveyFiles({ root, cgiPath, cgi, files }: Config, users: SurveyUsers): readonly string[] {
  const programFolder = cgiPath === null ? null : realPath(cgiPath.value);
  const rootFindings = new Survey(users).look(root, (survey, entry) => {
    if (basename(entry.path).startsWith(".") && !files.servesDotFiles) return "skip";
    if (entry.real === programFolder) return "skip";
    const isHandled = interpreterOf(entry.path, cgi.handlers) !== null;
    survey.requireFile(entry, isHandled ? users.scripts : users.server);
    return "go on";
  });
  if (cgiPath === null) return rootFindings;
  const programFindings = new Survey(users).look(cgiPath, (survey, entry) => {
    if (basename(entry.path).startsWith(".")) return "skip";
    if (interpreterOf(entry.path, cgi.handlers) !== null) survey.requireFile(entry, users.scripts);
    else survey.requireProgram(entry, cgi.told.environment.PATH ?? "");
    return "go on";
  });
  return [...rootFindings, ...programFindings];
}

interface Entry {
  readonly path: string;
  /** Where it really is. */
  readonly real: string;
  readonly info: Deno.FileInfo;
}

type Visit = (survey: Survey, entry: Entry) => "go on" | "skip";

/** The walk through one folder. */
class Survey {
  readonly #users: SurveyUsers;
  readonly #findings: string[] = [];
  #argument = "";
  #entryCount = 0;
  #moreCount = 0;
  #isCut = false;

  constructor(users: SurveyUsers) {
    this.#users = users;
  }

  look(top: { readonly argument: string; readonly value: string }, visit: Visit): readonly string[] {
    this.#argument = top.argument;
    const real = realPath(top.value);
    if (real === null || !this.#requireWay(real)) return this.#findings;
    const info = Deno.statSync(real);
    if (info.isDirectory) this.#walk(real, { top: real, visit });
    else visit(this, { path: top.value, real, info });
    if (this.#moreCount > 0) this.#findings.push(`${this.#argument}: ${this.#moreCount} more of the kind`);
    if (this.#isCut) this.#findings.push(`${this.#argument}: only the first ${MAX_ENTRIES} entries were looked at`);
    return this.#findings;
  }

  requireFile({ path, info }: Entry, user: SurveyUsers["server"]): void {
    if (info.isDirectory) this.#require(path, { info, use: "enter", user: this.#users.server });
    else this.#require(path, { info, use: "read", user });
  }

  requireProgram({ path, info }: Entry, searchPath: string): void {
    if (info.isDirectory) return this.#require(path, { info, use: "enter", user: this.#users.scripts });
    const line = readFirstLine(path);
    const isScript = line?.startsWith("#!") ?? false;
    // Beside programs stand files that they read, which nobody is to run.
    if (!isScript && (info.mode ?? 0) % 2 === 0) return;
    this.#require(path, { info, use: "run", user: this.#users.scripts });
    if (!isScript || line === null) return;
    if (line.endsWith("\r")) return this.#tell(path, "its first line ends in CR LF and must end in LF alone");
    const missing = missingInterpreter(line, searchPath);
    if (missing !== null) this.#tell(path, `its first line asks for ${missing}, which is not there`);
  }

  #walk(folder: string, place: { readonly top: string; readonly visit: Visit }): void {
    for (const { name, isSymlink } of readFolder(folder)) {
      if (++this.#entryCount > MAX_ENTRIES) {
        this.#isCut = true;
        return;
      }
      const path = `${folder}/${name}`;
      const real = realPath(path);
      if (real === null) {
        // What is no link has gone, or whoever checks may not look at it: that its folder is closed has been told.
        if (isSymlink) this.#tell(path, "is a link that leads nowhere");
      } else if (!`${real}/`.startsWith(place.top === "/" ? "/" : `${place.top}/`)) {
        this.#tell(path, `leads out of the folder, to ${real}: it is answered 403`);
      } else {
        const info = Deno.statSync(real);
        // A link to a folder would be walked twice, or for ever.
        if (place.visit(this, { path, real, info }) === "go on" && info.isDirectory && real === path) {
          this.#walk(path, place);
        }
      }
    }
  }

  /** Whether both users may enter each folder that leads there. */
  #requireWay(real: string): boolean {
    const folders: string[] = [];
    for (let folder = dirname(real);; folder = dirname(folder)) {
      folders.unshift(folder);
      if (folder === "/") break;
    }
    const before = this.#findings.length;
    for (const folder of folders) {
      this.#require(folder, { info: Deno.statSync(folder), use: "enter", user: this.#users.server });
    }
    return this.#findings.length === before;
  }

  #require(
    path: string,
    { info, use, user }: { readonly info: Deno.FileInfo; readonly use: FileUse; readonly user: SurveyUsers["server"] },
  ): void {
    if (mayUse(info, use, user)) return;
    const mode = ((info.mode ?? 0) & 0o7777).toString(8).padStart(4, "0");
    this.#tell(path, `cannot be ${PAST[use]} by ${user.user} (mode ${mode}): ${REMEDY[use]}`);
  }

  #tell(path: string, text: string): void {
    if (this.#findings.length >= MAX_FINDINGS) this.#moreCount++;
    else this.#findings.push(`${this.#argument} "${path}": ${text}`);
  }
}

const PAST: { readonly [use in FileUse]: string } = { read: "read", enter: "entered", run: "run" };
const REMEDY: { readonly [use in FileUse]: string } = {
  read: "chmod a+r, or give it to that user",
  enter: "chmod a+x, or give it to that user",
  run: "chmod a+x, or give it to that user",
};

/** The interpreter of a first line that is not there, as the line names it; null where it is. env(1) looks in PATH. */
function missingInterpreter(line: string, searchPath: string): string | null {
  const [interpreter, ...words] = line.slice(2).trim().split(/[ \t]+/);
  if (!exists(interpreter)) return interpreter;
  if (basename(interpreter) !== "env") return null;
  const name = words.find((word) => !word.startsWith("-") && !word.includes("="));
  if (name === undefined || name.includes("/")) return name === undefined || exists(name) ? null : name;
  return searchPath.split(":").some((folder) => exists(`${folder}/${name}`)) ? null : name;
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    // Not there, or nobody may look: either way nobody can run it.
    return false;
  }
}

/** Null for what is not there, or leads nowhere. */
function realPath(path: string): string | null {
  try {
    return Deno.realPathSync(path);
  } catch {
    // It has gone, or is a link that leads nowhere or round.
    return null;
  }
}

function readFolder(folder: string): Iterable<Deno.DirEntry> {
  try {
    return [...Deno.readDirSync(folder)].sort((a, b) => a.name < b.name ? -1 : 1);
  } catch {
    // Whoever checks may not read it; that the server's user cannot has been told.
    return [];
  }
}
