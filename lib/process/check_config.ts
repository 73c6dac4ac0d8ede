/**
 * Asks the machine for what a Config names: the part of `--check`, and of each start, that is I/O. Nothing is left open
 * and nothing is left behind. Ports are not tried: whoever listens finds out.
 */
import { dirname } from "@std/path";
import { interpreterOf, realPathOf } from "../cgi/is_program.ts";
import type { CgiConfig, PlacePrograms } from "../config/cgi_config.ts";
import {
  type Config,
  errorPageFolders,
  interpreters,
  keepsContent,
  logFiles,
  mountedPaths,
  mountedPlaces,
  programUsers,
  siteCredentials,
  usesCgi,
} from "../config/config.ts";
import { loadErrorPages } from "../site/load_error_pages.ts";
import { loadSiteUsers } from "../access/load_realms.ts";
import { checkLogFile, throughLinks } from "../log/log_file.ts";
import { standardStream } from "../log/standard_stream.ts";
import type { SocketFile } from "../net/listen_address.ts";
import { findIdentity, findOwner, isRoot } from "./privileges.ts";
import { TELL_NOBODY } from "../progress.ts";
import { type Given, osProblem, StartError } from "../start_error.ts";
import { loadCredentials } from "../net/load_credentials.ts";

/** Everything that would keep the server from starting; none when all is well. */
export function checkConfig(config: Config, tell = TELL_NOBODY): readonly StartError[] {
  const { lockFile } = config;
  const checks = [
    ...folderChecks(config),
    ...logFiles(config).map((file) => () => checkLog(file, config)),
    () => lockFile !== null && checkLock(lockFile),
    () => config.user !== null && checkUser(config.user, config.group),
    ...config.reloadFolders.map((folder) => () => checkFolder(folder)),
    ...siteChecks(config),
    ...(usesCgi(config) ? programUsers(config) : []).map((user) => () => checkUser(user)),
    () => keepsContent(config) && checkSpool(config.cgi),
    ...config.socketFiles.map((file) => () => checkSocketFile(file)),
  ];
  return checks.flatMap((check, index) => {
    tell(`checking ${index + 1} of ${checks.length}`);
    return problemsOf(check);
  });
}

/**
 * The same of what SIGHUP reads again. Keys and certificates that were there before are left to whoever has them, for a user whom
 * root has become may not read them.
 */
export function checkSites(config: Config, before: Config): readonly StartError[] {
  const known = new Set(siteCredentials(before).map(({ files }) => files.certificateFile.value));
  const sites = config.sites.map((site) => {
    const isKnown = known.has(site.credentials?.certificateFile.value ?? "");
    return isKnown ? { ...site, credentials: null } : site;
  });
  const unknown = { ...config, sites };
  return [...folderChecks(unknown), ...siteChecks(unknown)].flatMap(problemsOf);
}

type Check = () => unknown;

function folderChecks(config: Config): readonly Check[] {
  return mountedPlaces(config, "files").map(({ prefix, source: { path } }) => () => {
    // All of a site is a folder; what has a prefix of its own may be one file.
    if (prefix.segments.length === 0 || !isFile(path)) checkFolder(path);
    else checkFile(path);
  });
}

function isFile({ value }: Given): boolean {
  try {
    return Deno.statSync(value).isFile;
  } catch {
    return false; // which is told of a folder
  }
}

function checkFile(file: Given): void {
  try {
    Deno.openSync(file.value).close();
  } catch (cause) {
    throw new StartError({ ...file, problem: osProblem(cause), remedy: "name a file that the server may read" }, {
      cause,
    });
  }
}

function siteChecks(config: Config): readonly Check[] {
  const folders = mountedPaths(config, "files");
  const programs = mountedPlaces(config, "programs");
  return [
    ...programs.map((place) => () => place.source.isRequired && checkProgram(place.source.path, place.programs)),
    () => programs.forEach(({ source }) => checkApart(source.path, folders)),
    ...interpreters(config).map((program) => () => checkInterpreter(program)),
    ...[...new Set(siteCredentials(config).map(({ files }) => files))]
      .map((files) => () => loadCredentials(files, Date.now())),
    ...config.sites.map((site) => () => loadSiteUsers(site, folders.map(({ value }) => value))),
    ...errorPageFolders(config).map((folder) => () => loadErrorPages(folder, config.limits)),
  ];
}

function problemsOf(check: Check): readonly StartError[] {
  try {
    check();
    return [];
  } catch (error) {
    if (error instanceof StartError) return [error];
    throw error;
  }
}

/** A stream is none that a daemon has: it lets go of those that it was started with, also where a link leads to one. */
function checkLog(file: Given, { foreground }: Pick<Config, "foreground">): void {
  const real = throughLinks(file);
  if (foreground || standardStream(real.value) === null) return checkLogFile(real);
  const remedy = "name a file, or --foreground";
  throw new StartError({ ...file, problem: "a link to a stream, which a daemon does not have", remedy });
}

/** The folder can be listed and entered. */
function checkFolder(folder: Given): void {
  const { value: path } = folder;
  const refusal = (problem: string, cause?: unknown) =>
    new StartError({ ...folder, problem, remedy: "name a folder that the server may read" }, { cause });
  try {
    if (!Deno.statSync(path).isDirectory) throw refusal("not a folder");
    Deno.statSync(`${path}/.`); // needs the right to enter
    Deno.openSync(path).close(); // needs the right to list, and costs nothing however many entries there are
  } catch (error) {
    throw error instanceof StartError ? error : refusal(osProblem(error), error);
  }
}

/** A program that can be run, by itself or by its handler, or a folder. */
function checkProgram(program: Given, { handlers }: Pick<PlacePrograms, "handlers"> = { handlers: {} }): void {
  let problem: string | null = null;
  try {
    const info = Deno.statSync(program.value);
    const isHandled = interpreterOf(program.value, handlers) !== null;
    const isExecutable = isHandled || ((info.mode ?? 0) & 0o111) !== 0;
    if (!info.isDirectory && (!info.isFile || !isExecutable)) problem = "not executable";
  } catch (error) {
    problem = osProblem(error);
  }
  if (problem === null) return;
  throw new StartError({ ...program, problem, remedy: "name a program that the server may run" });
}

/** A folder has programs for requests, and is none for files. */
function checkInterpreter(program: Given): void {
  checkProgram(program);
  if (!Deno.statSync(program.value).isDirectory) return;
  throw new StartError({ ...program, problem: "a folder", remedy: "name the program that runs such files" });
}

/** No file in a folder of programs is sent: so a folder of files in there would answer 403 to everything. */
function checkApart(program: Given, folders: readonly Given[]): void {
  // One of the two may not be there, which is told in other words or not at all.
  const real = realPathOf(program.value);
  const inside = folders.find(({ value }) => `${realPathOf(value)}/`.startsWith(real.replace(/\/*$/, "/")));
  if (inside === undefined) return;
  const remedy = "name a folder beside the root or in it";
  throw new StartError({ ...program, problem: "holds the root, of which no file would be sent", remedy });
}

function checkSpool({ spoolFolder }: CgiConfig): void {
  try {
    Deno.removeSync(Deno.makeTempFileSync({ dir: spoolFolder.value }));
  } catch (cause) {
    const remedy = "name a folder that the server may write to";
    throw new StartError({ ...spoolFolder, problem: osProblem(cause), remedy }, { cause });
  }
}

/** Only root can become somebody else. */
function checkUser(user: Given, group: Given | null = null): void {
  if (!isRoot()) throw new StartError({ ...user, problem: "not root", remedy: "start as root, or without it" });
  findIdentity(user, group);
}

/** Whether somebody listens there finds out who does. */
function checkSocketFile({ argument, path, owner, group }: SocketFile): void {
  findOwner({ user: owner, group });
  try {
    Deno.removeSync(Deno.makeTempFileSync({ dir: dirname(path), prefix: "lisod-socket-" }));
  } catch (cause) {
    const remedy = "name a file in a folder where the server may make one";
    throw new StartError({ argument, value: path, problem: `its folder: ${osProblem(cause)}`, remedy }, { cause });
  }
}

/** Leaves the lock and its text as they are: lock_file.ts takes it. Where there is none, one can be made. */
function checkLock(lock: Given): void {
  const refusal = (cause: unknown) => {
    const isGone = cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.NotADirectory;
    const problem = isGone ? "its folder does not exist" : osProblem(cause);
    const remedy = isGone ? "make it, or name another" : "name a file in a folder that may be written";
    return new StartError({ ...lock, problem, remedy }, { cause });
  };
  try {
    Deno.openSync(lock.value, { read: true, write: true }).close();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw refusal(error);
    try {
      Deno.removeSync(Deno.makeTempFileSync({ dir: dirname(lock.value), prefix: "lisod-lock-" }));
    } catch (cause) {
      throw refusal(cause);
    }
  }
}
