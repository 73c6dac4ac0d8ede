/**
 * Asks the machine for what a Config names: the part of `--check`, and of each start, that is I/O. Nothing is left open
 * and nothing is left behind. Ports are not tried: whoever listens finds out.
 */
import { dirname } from "@std/path";
import type { CgiConfig } from "../config/cgi_config.ts";
import { type Config, usesCgi } from "../config/config.ts";
import { loadErrorPages } from "../site/load_error_pages.ts";
import { loadRealms } from "../access/load_realms.ts";
import { checkLogFile } from "../log/log_file.ts";
import { argumentLabel } from "../config/options.ts";
import { findIdentity, isRoot } from "./privileges.ts";
import { osProblem, StartError } from "../start_error.ts";
import { credentialFiles, loadCredentials } from "../net/load_credentials.ts";

/** Everything that would keep the server from starting; none when all is well. */
export function checkConfig(config: Config): readonly StartError[] {
  const { form, root, logFile, accessLogFile, lockFile, errorPagesFolder } = config;
  const checks = [
    () =>
      checkFolder(root, { argument: argumentLabel("root", form), remedy: "name a folder that the server may read" }),
    () => logFile !== null && checkLogFile(logFile, argumentLabel("log", form)),
    () => accessLogFile !== null && checkLogFile(accessLogFile, argumentLabel("access-log", form)),
    () => lockFile !== null && checkLock(lockFile, argumentLabel("lock", form)),
    () => config.user !== null && checkUser("--user", config.user, config.group),
    // The course's form must name a program also where no test will ask for it: requests for it are answered 500.
    () => config.cgiPath !== null && form === "named" && checkProgram(config.cgiPath, "--cgi"),
    () => usesCgi(config) && checkCgi(config.cgi),
    () => config.https !== null && loadCredentials(credentialFiles(config), Date.now()),
    () => loadRealms(config),
    () => errorPagesFolder !== null && loadErrorPages(errorPagesFolder, config.limits),
  ];
  return checks.flatMap((check) => {
    try {
      check();
      return [];
    } catch (error) {
      if (error instanceof StartError) return [error];
      throw error;
    }
  });
}

/** The folder can be listed and entered. */
function checkFolder(path: string, { argument, remedy }: { readonly argument: string; readonly remedy: string }): void {
  const refusal = (problem: string, cause?: unknown) =>
    new StartError({ argument, value: path, problem, remedy }, { cause });
  try {
    if (!Deno.statSync(path).isDirectory) throw refusal("not a folder");
    Deno.statSync(`${path}/.`); // needs the right to enter
    Deno.openSync(path).close(); // needs the right to list, and costs nothing however many entries there are
  } catch (error) {
    throw error instanceof StartError ? error : refusal(osProblem(error), error);
  }
}

/** A program that can be run, or a folder. */
function checkProgram(path: string, argument: string): void {
  let problem: string | null = null;
  try {
    const info = Deno.statSync(path);
    if (!info.isDirectory && (!info.isFile || ((info.mode ?? 0) & 0o111) === 0)) problem = "not executable";
  } catch (error) {
    problem = osProblem(error);
  }
  if (problem === null) return;
  throw new StartError({ argument, value: path, problem, remedy: "name a program that the server may run" });
}

function checkCgi({ user, handlers, spoolFolder }: CgiConfig): void {
  for (const program of Object.values(handlers)) checkProgram(program, "--cgi-handler");
  if (user !== null) checkUser("--cgi-user", user, null);
  try {
    Deno.removeSync(Deno.makeTempFileSync({ dir: spoolFolder }));
  } catch (error) {
    throw new StartError({
      argument: "--cgi-spool",
      value: spoolFolder,
      problem: osProblem(error),
      remedy: "name a folder that the server may write to",
    }, { cause: error });
  }
}

/** Only root can become somebody else. */
function checkUser(argument: string, user: string, group: string | null): void {
  if (!isRoot()) {
    throw new StartError({
      argument,
      value: user,
      problem: "not root",
      remedy: "start as root, or without it",
    });
  }
  findIdentity(user, group, argument);
}

/** Only the folder: the file itself is opened under its lock by lock_file.ts. */
function checkLock(path: string, argument: string): void {
  const folder = dirname(path);
  try {
    if (Deno.statSync(folder).isDirectory) return;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory)) throw error;
  }
  throw new StartError({
    argument,
    value: path,
    problem: "its folder does not exist",
    remedy: "make it, or name another",
  });
}
