/**
 * Reads a configuration again while the server serves: all of it is right and may be had, or nothing of it is taken. What takes
 * a restart stays as it was, and is named. I/O.
 */
import {
  type Config,
  interpreters,
  mountedPlaces,
  parseCommandLine,
  programUsers,
  upstreams,
  usesCgi,
} from "../config/config.ts";
import { RUN_NAMES } from "../config/cgi_config.ts";
import { findOption } from "../config/options.ts";
import { type FileRecord, isSameRecord, recordedFiles } from "../config/file_record.ts";
import type { Limits } from "../limits.ts";
import { type Given, StartError } from "../start_error.ts";
import { checkSites } from "./check_config.ts";
import { mayRead, namedPaths } from "./permissions.ts";

/** What the configuration was read from. */
export interface ConfigSource {
  readonly args: readonly string[];
  readonly cwd: string;
  readonly environment: { readonly [name: string]: string | undefined };
  readonly record: FileRecord;
}

export interface Renewal {
  readonly config: Config;
  /** Names of options that have changed, and that a restart alone can change. */
  readonly restarts: readonly string[];
}

/** Options for all of the server that can change. */
const RENEWED: readonly string[] = ["unknown-host"];
/** What places may have of their own, and is for all of the server before the sections. */
const FIXED_AT_TOP: readonly string[] = [...RUN_NAMES, "header", "hsts", "max-body-bytes", "max-rate", "access-log"];
/** Limits that are asked for anew for each file. */
const RENEWED_LIMITS = ["fileCacheMs", "maxCachedFileBytes", "maxListedFileCount", "maxRangeCount"] as const;

/**
 * Null where the source has not changed. `start` is the configuration that the server has started with, whose rights it has. Throws
 * StartError for the first thing that is wrong.
 */
export function renewConfig(
  old: { readonly config: Config; readonly source: ConfigSource; readonly start: Config },
  source: ConfigSource,
): Renewal | null {
  if (isSameRecord(old.source.record, source.record)) return null;
  const renewal = parseAgain(old.config, source);
  const { config } = renewal;
  refuseNewPrograms(old.start, config);
  refuseNew(programUsers(old.start), programUsers(config));
  refuseNew(old.start.ownAccessLogs, config.ownAccessLogs);
  refuseNewUpstreams(old.start, config);
  const closed = namedPaths(config).find(({ value }) => !mayRead(value));
  if (closed !== undefined) throw unreadable(closed);
  const [problem] = checkSites(config, old.config);
  if (problem !== undefined) throw problem;
  return renewal;
}

/** The old configuration with what can change as it is in the source now. Throws StartError for a source that is wrong. */
export function parseAgain(old: Config, source: ConfigSource): Renewal {
  const command = parseCommandLine(source.args, { ...source, configFiles: recordedFiles(source.record) });
  if (command.kind !== "serve") throw new Error(`No order to serve: ${command.kind}`);
  const { sites, refusesUnknownHosts, errorPagesFolder, limits, given } = command.config;
  const renewed: Partial<Limits> = Object.fromEntries(RENEWED_LIMITS.map((name) => [name, limits[name]]));
  const config = {
    ...{ ...old, sites, refusesUnknownHosts, errorPagesFolder },
    limits: { ...old.limits, ...renewed },
  };
  const names = [...new Set([...Object.keys(old.given), ...Object.keys(given)])];
  return { config, restarts: names.filter((name) => takesRestart(name) && !isSame(old.given[name], given[name])) };
}

function takesRestart(name: string): boolean {
  const scope = findOption(name)?.scope ?? "server";
  if (scope !== "server") return FIXED_AT_TOP.includes(name);
  const limit = name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return !RENEWED.includes(name) && !(RENEWED_LIMITS as readonly string[]).includes(limit);
}

function isSame(one: readonly string[] = [], other: readonly string[] = []): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** The folder for contents may be written, and programs be started, only by a server that had some at its start. */
function refuseNewPrograms(old: Config, config: Config): void {
  if (usesCgi(old) || !usesCgi(config)) return;
  const [given = { argument: "--cgi", value: "" }] = [
    ...mountedPlaces(config, "programs").map(({ source }) => source.path),
    ...interpreters(config),
  ];
  throw new StartError({ ...given, problem: "no program was named at the start", remedy: "restart the server" });
}

/** Users were looked up at the start, and logs opened: later the server may not. */
function refuseNew(old: readonly Given[], now: readonly Given[]): void {
  const known = new Set(old.map(({ value }) => value));
  const found = now.find(({ value }) => !known.has(value));
  if (found === undefined) return;
  throw new StartError({ ...found, problem: "was not named at the start", remedy: "restart the server" });
}

/** What connecting to each of them takes was given up at the start, but for those that were named then. */
function refuseNewUpstreams(old: Config, config: Config): void {
  const known = new Set(upstreams(old).map(({ upstream }) => upstream.text));
  const added = upstreams(config).find(({ upstream }) => !known.has(upstream.text));
  if (added === undefined) return;
  throw new StartError({ ...added.given, problem: "was not named at the start", remedy: "restart the server" });
}

/** What the runtime may read was given up at the start, but for what was named then. */
function unreadable(given: Given): StartError {
  const problem = "the server gave up at its start the right to read there";
  const remedy = "restart it; what is below a folder of --reload-folders can be named without";
  return new StartError({ ...given, problem, remedy });
}
