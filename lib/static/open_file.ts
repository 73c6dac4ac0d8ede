/**
 * Opens a file of the root, and nothing that is none: no FIFO or device, nothing that a symlink takes outside. Separate
 * because every access to the disk goes through here, with the errors of the system turned into statuses.
 */
import { existsSync } from "node:fs";
import { HttpError, NotThere, Refusal } from "../http/message.ts";
import { statusOfSystemError, systemHttpError } from "../http/system_error.ts";
import { type LinkRule, refuseLinks } from "../link_rule.ts";
import { explainRefusal } from "../refused_path.ts";
import { type FileFacts, isSameState, type Representation } from "./representation.ts";
import type { RangeFile } from "../system/file_ranges.ts";
import { type FileHandle, openByRuntime, type OpenHandle } from "./file_handle.ts";
import { Semaphore } from "./turnstile.ts";
import { PRECOMPRESSED } from "../coding/select_encoding.ts";

/** What is run, and so is never sent. */
export interface Programs {
  /** Whether the file of that path is a program; asked for the path of the request and for the real one. */
  isProgram(path: string): boolean;
  /** Whether what really lies there is kept for programs: one of them, a folder of them, or something in that. */
  isProgramPlace(realPath: string): boolean;
  /** Whether the file of that path is what an editor or a copy by hand has left of a program: its source by another name. */
  isBackup(path: string): boolean;
}

/** What may be sent. */
export interface Scope {
  /** Absolute path of the folder in which it really lies. */
  readonly root: string;
  /** Null: there are none. */
  readonly programs: Programs | null;
  /** Where links may lead; nowhere but inside when absent. */
  readonly links?: LinkRule;
  /** How files are opened; by the runtime when absent. */
  readonly open?: OpenHandle;
}

/** A regular file, open for reading. Whoever gets it closes its handle. */
export interface OpenFile {
  /** By which it was opened. */
  readonly path: string;
  readonly handle: FileHandle;
  readonly facts: FileFacts;
}

/** A file that is sent, perhaps to several at once. Whoever gets it calls `leave` once, and uses no descriptor after that. */
export interface SharedFile extends OpenFile {
  /** What the system may send of it; null: all is read. */
  readonly ranges: RangeFile | null;
  /** To be entered for each read, for what is read into takes memory. */
  readonly reads: Semaphore;
  leave(): void;
}

/** The files that are being sent, by what is known of each: however many get one of them, it is open once. */
export class SharedFiles {
  /** Of one file at once: while 9,900 clients were sent the same file, as many reads waited, each with the buffer that it was to fill. */
  static readonly #MOST_READS = 4;

  readonly #entries = new Map<Representation, Sharing>();

  /** The file that is open in the very state that is known; null where there is none. */
  join(known: Representation): SharedFile | null {
    const sharing = this.#entries.get(known);
    if (sharing === undefined || !isSameState(statOpenFile(sharing.file.handle), known.facts)) return null;
    return this.#enter(known, sharing);
  }

  /** Takes it over: it is closed when the last one has left. `isSent`: by the system, where that can be. */
  share(known: Representation, file: OpenFile, isSent: boolean): SharedFile {
    const ranges = isSent ? file.handle.ranges : null;
    const reads = new Semaphore(SharedFiles.#MOST_READS);
    const sharing = { file: { ...file, facts: known.facts }, ranges, reads, userCount: 0 };
    this.#entries.set(known, sharing);
    return this.#enter(known, sharing);
  }

  #enter(known: Representation, sharing: Sharing): SharedFile {
    sharing.userCount++;
    const { file, ranges, reads } = sharing;
    return { ...file, ranges, reads, leave: () => this.#leave(known, sharing) };
  }

  #leave(known: Representation, sharing: Sharing): void {
    if (--sharing.userCount > 0) return;
    // Another opening of the same may have taken its place.
    if (this.#entries.get(known) === sharing) this.#entries.delete(known);
    sharing.file.handle.close();
  }
}

interface Sharing {
  readonly file: OpenFile;
  readonly ranges: RangeFile | null;
  readonly reads: Semaphore;
  userCount: number;
}

/** The facts of what `path` leads to, links followed: a file, or null for a folder. Throws as `openFile` does. */
export function statFile(path: string, { root }: Pick<Scope, "root">): FileFacts | null {
  try {
    const info = Deno.statSync(path);
    if (info.isDirectory) return null;
    if (!info.isFile) throw new Refusal({ path, reason: "is neither a file nor a folder" });
    return {
      dev: info.dev,
      ino: info.ino ?? 0,
      size: info.size,
      mode: info.mode ?? 0,
      mtimeMs: info.mtime?.getTime() ?? 0,
      ctimeMs: info.ctime?.getTime() ?? 0,
    };
  } catch (error) {
    throw asHttpError(error, path, root);
  }
}

/**
 * Opens the file; null for a folder. `known` are facts that an earlier call found for this path: when they still hold,
 * that it may be sent is known too. Throws HttpError: 404 for nothing there and for a program's backup, 403 for what is no
 * file, leaves the root, is a program or may not be read, 503 when the descriptors have run out.
 */
export function openFile(path: string, options: OpenOptions): OpenFile | null {
  for (let count = 0; count < MAX_OPENINGS; count++) {
    const opened = openOnce(path, options);
    if (opened !== "replaced") return opened;
  }
  throw new HttpError(403, `Replaced each time that it was opened: "${path}"`);
}

interface OpenOptions extends Scope {
  readonly known?: FileFacts;
}

/** A file that is replaced all the time is still there for its readers; one that changes this often hides something. */
const MAX_OPENINGS = 8;

function openOnce(path: string, { known, ...scope }: OpenOptions): OpenFile | "replaced" | null {
  // Looked at before it is opened, for opening a device may already do something to it.
  if (known === undefined && statFile(path, scope) === null) return null;
  const { open = openByRuntime } = scope;
  let handle: FileHandle;
  try {
    handle = open(path);
  } catch (error) {
    throw asHttpError(error, path, scope.root);
  }
  try {
    const facts = statOpenFile(handle);
    const isKnown = known !== undefined && isSameState(facts, known);
    if (isKnown || isServable(path, { scope, facts })) return { path, handle, facts };
    handle.close();
    return "replaced";
  } catch (error) {
    handle.close();
    throw asHttpError(error, path, scope.root);
  }
}

/** The facts of a file that is open. Throws HttpError 403 when it is no regular file. */
export function statOpenFile(handle: FileHandle): FileFacts {
  const facts = handle.stat();
  if (facts === null) throw new HttpError(403, "Not a file any more when it was opened");
  return facts;
}

/** Where what has that name really is, all links followed. Throws HttpError as `openFile` does. */
export function realPathWithin(path: string, { root, programs, links = "inside" }: Scope): string {
  try {
    const real = Deno.realPathSync(path);
    const refused = refuseLinks({ path, real, folder: root }, links);
    if (refused !== null) throw new Refusal(refused);
    if (programs?.isProgramPlace(real)) {
      // With a slash after it or not, it is one path to mend.
      throw new Refusal({ path: path.replace(/\/+$/, ""), reason: "is kept for programs, and is sent to nobody" });
    }
    return real;
  } catch (error) {
    throw asHttpError(error, path, root);
  }
}

/** Where the folder really is. Throws HttpError as `openFile` does, and 404 for what is no folder. */
export function folderWithin(path: string, scope: Scope): string {
  const real = realPathWithin(path, scope);
  try {
    // The runtime drops the slash that would make the system find out.
    if (!Deno.statSync(real).isDirectory) throw new NotThere(path);
  } catch (error) {
    throw asHttpError(error, path, scope.root);
  }
  return real;
}

/** False where `openFile` and `folderWithin` throw NotThere for that name; true for all else, refused or not. */
export function isThere(path: string, scope: Scope): boolean {
  try {
    if (path.endsWith("/") || statFile(path, scope) === null) folderWithin(path, scope);
    else if ([path, realPathWithin(path, scope)].some((name) => kindOf(name, scope) === "backup")) return false;
    return true;
  } catch (error) {
    if (error instanceof HttpError) return !(error instanceof NotThere);
    throw error;
  }
}

/**
 * The name may be swapped between any two calls, so the opened file itself is what counts: the place that the name leads
 * to now must be one whose files are sent (else this throws), and the file found there must be the one that was opened.
 */
function isServable(path: string, { scope, facts }: { readonly scope: Scope; readonly facts: FileFacts }): boolean {
  const real = realPathWithin(path, scope);
  const kinds = [path, real].map((name) => kindOf(name, scope));
  // As for a hidden name, nothing is told: editors make and remove them, and there is nothing to mend.
  if (kinds.includes("backup")) throw new NotThere(path);
  if (kinds.includes("program")) {
    throw new Refusal({
      path,
      reason: "is a program by a name that leads to it, or by its content, and is sent to nobody",
    });
  }
  const found = Deno.statSync(real);
  return found.dev === facts.dev && found.ino === facts.ino;
}

/**
 * What the file is by its path: only content is sent. A program, or its backup, is that also in another coding: whatever
 * compresses all files beside them makes those too.
 */
export function kindOf(path: string, { programs }: Pick<Scope, "programs">): "content" | "program" | "backup" {
  if (programs === null) return "content";
  if (programs.isProgram(path)) return "program";
  const suffix = PRECOMPRESSED.find((known) => path.toLowerCase().endsWith(known.suffix))?.suffix;
  const source = suffix === undefined ? path : path.slice(0, -suffix.length);
  if (programs.isBackup(source)) return "backup";
  return suffix !== undefined && programs.isProgram(source) && existsSync(source) ? "program" : "content";
}

/** What an error of the system means for the client; an unknown one comes back as it is, and is a fault of ours. */
export function asHttpError(error: unknown, path: string, root: string): unknown {
  const status = statusOfSystemError(error);
  if (status === null) return error;
  // That a client asks for what is not there is its affair; what is there and cannot be read, the operator must know.
  if (status === 404) return new NotThere(path);
  return status === 403
    ? new Refusal(explainRefusal(path, root))
    : systemHttpError(status, `Cannot open "${path}"`, error);
}
