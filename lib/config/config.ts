/**
 * From settings to one Config, built whole or not at all. Pure: what depends on the machine (does the folder exist, is
 * the port free) is asked by check_config.ts and by whoever opens it.
 */
import type { Upstream } from "../forward/upstream.ts";
import { parseUpstreamGroup, type UpstreamGroup } from "../forward/upstream_group.ts";
import type { Limits } from "../limits.ts";
import type { HostCredentials } from "../net/load_credentials.ts";
import { type AccessConfig, readAccessConfig } from "./access_config.ts";
import { type CgiConfig, readCgiConfig } from "./cgi_config.ts";
import { type ListenConfig, readListenConfig, refuseTwice } from "./listen_config.ts";
import { readLogFormat } from "./log_format.ts";
import { logPath } from "./log_path.ts";
import type { PathSource } from "./mounts_config.ts";
import type { Section } from "./sections.ts";
import { type PlaceConfig, readSites, type SiteConfig } from "./sites_config.ts";
import { type Tell, TELL_NOBODY } from "../progress.ts";
import { RULES, type Rules, type RulesName } from "../rules.ts";
import { standardStream } from "../log/standard_stream.ts";
import type { LogFormat } from "../log/access_format.ts";
import { LOG_LEVELS, type LogLevel } from "../log/log_lines.ts";
import { type ConfigFiles, parseConfigFile } from "./config_file.ts";
import type { Form } from "./options.ts";
import { addPositionals, readArguments } from "./read_arguments.ts";
import { Settings, type SettingsByName } from "./settings.ts";
import { type Given, UsageError } from "../start_error.ts";

/** All that the server was told. Paths are absolute, and come with the arguments that named them. */
export interface Config extends ListenConfig {
  /** What listens for HTTP only sends clients to the first HTTPS port; there are both then. */
  readonly redirectsToHttps: boolean;
  /** For how long browsers shall use HTTPS alone (RFC 6797 6.1.1); null: they are not told. */
  readonly hstsSeconds: number | null;
  /** At least one; the first answers for hosts that none names. */
  readonly sites: readonly SiteConfig[];
  /** Nobody answers for hosts that no site names. */
  readonly refusesUnknownHosts: boolean;
  readonly cgi: CgiConfig;
  readonly access: AccessConfig;
  readonly rules: Rules;
  readonly rulesName: RulesName;
  /** Whether HTTP/2 is spoken beside HTTP/1. */
  readonly usesHttp2: boolean;
  /** Null: the built-in pages. */
  readonly errorPagesFolder: Given | null;
  /** Null: standard error. */
  readonly logFile: Given | null;
  readonly isAccessLogged: boolean;
  /** Null: access lines go where messages go. */
  readonly accessLogFile: Given | null;
  /** Of places that have one of their own, once each. */
  readonly ownAccessLogs: readonly Given[];
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  /** Null: no lock is taken. */
  readonly lockFile: Given | null;
  /** Threads that serve. */
  readonly workerCount: number;
  /** Whether functions of the C library may be called, where there is one. */
  readonly usesNative: boolean;
  /** Whom to become once everything is open; null: stay as started. `group` is null without `user`. */
  readonly user: Given | null;
  readonly group: Given | null;
  readonly foreground: boolean;
  /** Takes the place of the server that holds the lock. */
  readonly isUpgrade: boolean;
  readonly limits: Limits;
  /** Below these, a configuration that is read again may name what it did not name before. */
  readonly reloadFolders: readonly Given[];
  /** What was given before all sections, as text. */
  readonly given: Readonly<Record<string, readonly string[]>>;
}

/** The credentials of each site, those of the first for clients that name no host; none without HTTPS. */
export function siteCredentials({ https, sites }: Pick<Config, "https" | "sites">): readonly HostCredentials[] {
  if (https.length === 0) return [];
  return sites.flatMap(({ hosts, credentials }) => credentials === null ? [] : [{ hosts, files: credentials }]);
}

/** All files of these, once each. */
export function credentialPaths(config: Pick<Config, "https" | "sites">): readonly Given[] {
  const files = siteCredentials(config).flatMap(({ files }) => {
    return [files.keyFile, files.certificateFile, files.passphraseFile].filter((file) => file !== null);
  });
  return [...new Map(files.map((file) => [file.value, file])).values()];
}

/** A place with files or programs mounted at its own prefix. */
export interface MountedPlace extends PlaceConfig {
  readonly source: PathSource;
}

export function isMounted(place: PlaceConfig, kind: PathSource["kind"]): place is MountedPlace {
  return place.source.kind === kind && place.prefix === place.mount;
}

/** The places of all sites with something of that kind, each path once. */
export function mountedPlaces({ sites }: Pick<Config, "sites">, kind: PathSource["kind"]): readonly MountedPlace[] {
  const places = new Map<string, MountedPlace>();
  for (const place of sites.flatMap(({ places }) => places)) {
    if (isMounted(place, kind) && !places.has(place.source.path.value)) places.set(place.source.path.value, place);
  }
  return [...places.values()];
}

/** The paths of these. */
export function mountedPaths(config: Pick<Config, "sites">, kind: PathSource["kind"]): readonly Given[] {
  return mountedPlaces(config, kind).map(({ source }) => source.path);
}

/** The programs that are interpreters of any place, once each. */
export function interpreters(config: Pick<Config, "sites">): readonly Given[] {
  return handlers(config).filter(({ value }) => value.startsWith("/"));
}

function handlers({ sites }: Pick<Config, "sites">): readonly Given[] {
  const all = sites.flatMap(({ places }) => places.flatMap(({ programs }) => Object.values(programs.handlers)));
  return [...new Map(all.map((program) => [program.value, program])).values()];
}

/** What requests of any place are handed on to, once each, with what named it. */
export function upstreamGroups(
  config: Pick<Config, "sites">,
): readonly { readonly group: UpstreamGroup; readonly given: Given }[] {
  const places = config.sites.flatMap(({ places }) => places);
  const mounted = places.flatMap(({ source }) => source.kind === "forward" ? [source.path] : []);
  const all = [...mounted, ...handlers(config)].flatMap((given) => {
    const group = parseUpstreamGroup(given.value);
    return group === null ? [] : [{ group, given }];
  });
  return [...new Map(all.map((each) => [each.group.text, each])).values()];
}

/** All of these, once each. */
export function upstreams(
  config: Pick<Config, "sites">,
): readonly { readonly upstream: Upstream; readonly given: Given }[] {
  const all = upstreamGroups(config).flatMap(({ group: { members }, given }) =>
    members.map(({ upstream }) => ({ upstream, given }))
  );
  return [...new Map(all.map((each) => [each.upstream.text, each])).values()];
}

/** The files of users and groups of all sites. */
export function userFiles({ sites }: Pick<Config, "sites">): readonly Given[] {
  const files = sites.flatMap(({ realms, groupFile }) => [...realms.map(({ file }) => file), groupFile]);
  return [...new Set(files)].filter((file) => file !== null);
}

/** The folders of error pages, once each. */
export function errorPageFolders({ sites, errorPagesFolder }: Pick<Config, "sites" | "errorPagesFolder">) {
  const folders = [
    errorPagesFolder,
    ...sites.flatMap(({ places }) => places.map(({ said }) => said?.errorPagesFolder)),
  ];
  return [...new Map(folders.flatMap((folder) => folder ? [[folder.value, folder] as const] : [])).values()];
}

/** The users that programs run as, once each. */
export function programUsers({ sites, cgi }: Pick<Config, "sites" | "cgi">): readonly Given[] {
  const users = [cgi.user, ...sites.flatMap(({ places }) => places.map(({ programs }) => programs.run?.user ?? null))];
  return [...new Map(users.flatMap((user) => user === null ? [] : [[user.value, user]])).values()];
}

/** Whether any program or interpreter was named. */
export function usesCgi(config: Pick<Config, "sites">): boolean {
  return mountedPaths(config, "programs").length > 0 || interpreters(config).length > 0;
}

/** Whether content may have to be kept on its way to a program or an application. */
export function keepsContent(config: Pick<Config, "sites">): boolean {
  return usesCgi(config) || upstreams(config).length > 0;
}

export type Command =
  | { readonly kind: "serve"; readonly config: Config }
  | CheckCommand
  | { readonly kind: "explain"; readonly config: Config; readonly url: Given }
  | { readonly kind: "help" }
  | { readonly kind: "version" };

export interface CheckCommand {
  readonly kind: "check";
  readonly config: Config;
  readonly isVerbose: boolean;
  /** Keys and certificates that nothing listens with, once each. */
  readonly unused: readonly Given[];
}

/** What the arguments mean depends on these and nothing else. */
export interface Surroundings {
  /** Absolute; relative paths start here. */
  readonly cwd: string;
  /**
   * LISOD_FOREGROUND=1 does what `--foreground` does and leaves the eight arguments alone; PATH, LANG and TZ are for CGI
   * programs; LISTEN_FDS and LISTEN_FDNAMES, where they are for this process, tell of sockets that were handed over.
   */
  readonly environment: { readonly [name: string]: string | undefined };
  /** Reads what --config names, and what that includes. */
  readonly configFiles: ConfigFiles;
  /** Of each site that is read. */
  readonly tell?: Tell;
}

/** `args` without the program's name. Throws UsageError, whose message names the argument, its value and what to do. */
export function parseCommandLine(args: readonly string[], surroundings: Surroundings): Command {
  const { cwd, environment, tell = TELL_NOBODY } = surroundings;
  const { positionals, settingsByName } = readArguments(args, cwd);
  for (const kind of ["help", "version"] as const) {
    if (settingsByName.get(kind)?.some((setting) => setting.text === "true")) return { kind };
  }
  const form = addPositionals(positionals, { settingsByName, cwd });
  const [top, ...sections] = addConfigFile(new Settings(settingsByName), { settingsByName, surroundings });
  const settings = new Settings(top.settings);
  const config = buildConfig({ settings, sections }, { form, environment, tell });
  const url = settings.given("explain");
  if (url !== null) return { kind: "explain", config, url };
  return settings.flag("check")
    ? { kind: "check", config, isVerbose: settings.flag("verbose"), unused: unusedCredentials(config, settings) }
    : { kind: "serve", config };
}

/** One of the two alone is no mistake then, and no site has it. */
function unusedCredentials({ https, sites }: Config, settings: Settings): readonly Given[] {
  if (https.length > 0) return [];
  const ofSites = sites.flatMap(({ credentials: files }) =>
    files === null ? [] : [files.keyFile, files.certificateFile]
  );
  const files = [settings.path("key"), settings.path("certificate"), ...ofSites].filter((file) => file !== null);
  return [...new Map(files.map((file) => [file.argument, file])).values()];
}

/**
 * What the file of --config sets and the command line does not: that wins over what stands before the sections, also where an
 * option may be repeated, and --foreground there over daemon here.
 */
function addConfigFile(
  given: Settings,
  { settingsByName, surroundings }: { readonly settingsByName: SettingsByName; readonly surroundings: Surroundings },
): readonly Section[] {
  const path = given.path("config");
  const top = { label: "", hosts: [], prefix: null };
  if (path === null) return [{ ...top, settings: settingsByName }];
  const { configFiles } = surroundings;
  const [file, ...sections] = parseConfigFile(configFiles.load(path.value, path.argument), configFiles);
  const fromFile = new Map(file.settings);
  if (given.has("foreground") || given.has("daemon")) {
    fromFile.delete("foreground");
    fromFile.delete("daemon");
  }
  return [{ ...top, settings: new Map([...fromFile, ...settingsByName]) }, ...sections];
}

const RULES_OF_FORM: { readonly [form in Form]: RulesName } = { positional: "course", named: "standard" };
const RULES_NAMES: readonly RulesName[] = ["course", "standard"];

function buildConfig(
  { settings, sections }: { readonly settings: Settings; readonly sections: readonly Section[] },
  { form, environment, tell }: {
    readonly form: Form;
    readonly environment: Surroundings["environment"];
    readonly tell: Tell;
  },
): Config {
  const listen = readListenConfig(settings, environment);
  refuseConflicts(settings, listen);
  const foreground = staysInForeground(settings, { form, environment });
  if (!foreground) {
    refuseStreamsOfDaemon(settings);
    refuseHandedToDaemon(listen);
  }
  const rulesName = settings.has("rules") ? settings.choice("rules", RULES_NAMES) : RULES_OF_FORM[form];
  // The eight arguments name a program also where nobody will ask for it.
  const options = { top: settings, rules: RULES[rulesName], requiresProgram: form === "named", environment, tell };
  const sites = readSites(sections, options);
  if (listen.https.length > 0) requireCredentials(sites, { settings, listen });
  else refuseHsts(sites);
  const cgi = readCgiConfig(settings);
  const [programUser] = programUsers({ sites, cgi });
  if (programUser !== undefined && settings.has("user")) {
    throw new UsageError({ ...programUser, problem: "--user gives up the right to it", remedy: "give one of the two" });
  }
  // Whoever reads content knows no place.
  const limits = settings.limits(RULES[rulesName].defaultLimits);
  return {
    ...listen,
    redirectsToHttps: settings.flag("https-redirect"),
    hstsSeconds: settings.count("hsts"),
    sites,
    refusesUnknownHosts: settings.choice("unknown-host", ["first", "refuse"]) === "refuse",
    cgi,
    access: readAccessConfig(settings),
    rules: RULES[rulesName],
    rulesName,
    errorPagesFolder: settings.path("error-pages"),
    logFile: logPath(settings, "log"),
    isAccessLogged: settings.text("access-log") !== "off",
    accessLogFile: logPath(settings, "access-log"),
    ownAccessLogs: ownAccessLogs(sites, settings),
    logLevel: settings.choice("log-level", LOG_LEVELS),
    logFormat: readLogFormat(settings),
    lockFile: settings.path("lock"),
    workerCount: readWorkerCount(settings),
    usesHttp2: settings.has("http2") ? settings.choice("http2", SWITCH) === "on" : RULES[rulesName].speaksHttp2,
    usesNative: settings.choice("native", SWITCH) === "on",
    user: settings.given("user"),
    group: settings.given("group"),
    foreground,
    isUpgrade: readUpgrade(settings, listen),
    limits: { ...limits, maxBodyBytes: Math.max(limits.maxBodyBytes, ...bodyLimits(sites)) },
    reloadFolders: settings.each("reload-folders", {
      parse: (text, { argument, resolvePath }) => {
        const value = resolvePath(text);
        return value === null ? null : { argument, value };
      },
      problem: "holds a NUL character",
      remedy: "give a path",
    }),
    given: settings.ownTexts,
  };
}

const SWITCH = ["on", "off"] as const;

function readUpgrade(settings: Settings, { http, https }: Pick<Config, "http" | "https">): boolean {
  if (!settings.flag("upgrade")) return false;
  const free = [...http, ...https].find(({ port }) => port === 0);
  if (free !== undefined) {
    const problem = "any free port is not the one of the server that runs";
    throw new UsageError({ argument: free.argument, value: "0", problem, remedy: "give its port beside --upgrade" });
  }
  if (settings.has("lock")) return true;
  throw new UsageError({
    argument: "--upgrade",
    value: null,
    problem: "--lock is missing, which says whose place it takes",
    remedy: "give the --lock of the server that runs",
  });
}

/** Beyond that no machine of today has a use for them, and each takes 20 MiB. */
const MAX_WORKERS = 64;

function readWorkerCount(settings: Settings): number {
  const count = settings.countOrDefault("workers");
  if (count > 1 && settings.text("native") === "off") {
    const problem = "several cannot listen on one port with --native off";
    throw settings.refusal("workers", { problem, remedy: "give 1" });
  }
  if (count >= 1 && count <= MAX_WORKERS) return count;
  const remedy = `give 1 to ${MAX_WORKERS}`;
  throw settings.refusal("workers", { problem: count < 1 ? "too small" : "too large", remedy });
}

/** The positional form is a daemon unless told otherwise, the named one the other way round. */
function staysInForeground(
  settings: Settings,
  { form, environment }: { readonly form: Form; readonly environment: Surroundings["environment"] },
): boolean {
  if (settings.flag("foreground") || environment.LISOD_FOREGROUND === "1") return true;
  return form === "named" && !settings.flag("daemon");
}

function missing(name: string, needed: string): UsageError {
  const problem = `--${needed} is missing`;
  return new UsageError({ argument: `--${name}`, value: null, problem, remedy: `give --${needed} too` });
}

/** A lock is emptied when it is taken. Throws UsageError. */
function ownAccessLogs(sites: readonly SiteConfig[], settings: Settings): readonly Given[] {
  const all = sites.flatMap(({ places }) => places.map(({ said }) => said?.accessLogFile ?? "server"));
  const files = [...new Map(all.flatMap((file) => file === "server" ? [] : [[file.value, file]])).values()];
  const lock = settings.path("lock")?.value;
  const shared = files.find(({ value }) => value === lock);
  if (shared === undefined) return files;
  throw new UsageError({ ...shared, problem: "the same file as the lock", remedy: "give two files" });
}

/** All that is logged to. */
export function logFiles({ logFile, accessLogFile, ownAccessLogs }: Config): readonly Given[] {
  return [logFile, accessLogFile, ...ownAccessLogs].filter((file) => file !== null);
}

function bodyLimits(sites: readonly SiteConfig[]): readonly number[] {
  return [...new Set(sites.flatMap(({ places }) => places.map(({ settings }) => settings.maxBodyBytes)))];
}

/** Each site has its own, or those before all sections. */
function requireCredentials(
  sites: readonly SiteConfig[],
  { settings, listen: { https: [{ argument, port }] } }: {
    readonly settings: Settings;
    readonly listen: ListenConfig;
  },
): void {
  const site = sites.find(({ credentials }) => credentials === null);
  if (site === undefined) return;
  const name = settings.has("key") ? "certificate" : "key";
  const ofSite = site.hosts.length === 0 ? "" : ` for ${site.hosts[0]}`;
  const problem = `--${name} is missing${ofSite}`;
  throw new UsageError({ argument, value: `${port}`, problem, remedy: `give --${name} FILE` });
}

function refuseHsts(sites: readonly SiteConfig[]): void {
  const place = sites.flatMap(({ places }) => places).find(({ said }) => (said?.hstsSeconds ?? null) !== null);
  if (place === undefined) return;
  throw new UsageError({
    argument: place.label,
    value: "hsts",
    problem: "--https is missing",
    remedy: "give --https too",
  });
}

/** Settings that are right by themselves and cannot stand together. */
function refuseConflicts(settings: Settings, listen: ListenConfig): void {
  if (settings.flag("verbose") && !settings.flag("check")) throw missing("verbose", "check");
  if (settings.flag("check") && settings.has("explain")) {
    throw settings.refusal("explain", { problem: "together with --check", remedy: "give one of the two" });
  }
  for (const name of ["key-passphrase", "https-redirect", "hsts"] as const) {
    if (settings.has(name) && listen.https.length === 0) throw missing(name, "https");
  }
  const hasPlain = [listen.http, listen.socketFiles, listen.handedSockets].some(({ length }) => length > 0);
  if (settings.flag("https-redirect") && !hasPlain) throw missing("https-redirect", "http");
  if (settings.has("group") && !settings.has("user")) {
    throw settings.refusal("group", { problem: "--user is missing", remedy: "give --user NAME too" });
  }
  if (settings.flag("daemon") && settings.flag("foreground")) {
    throw new UsageError({
      argument: "--daemon",
      value: null,
      problem: "together with --foreground",
      remedy: "give one of the two",
    });
  }
  if (settings.flag("daemon") && !settings.has("log")) {
    // Its standard error is /dev/null.
    throw new UsageError({ argument: "--daemon", value: null, problem: "--log is missing", remedy: "give --log FILE" });
  }
  const hasBoth = settings.has("http") && settings.has("https");
  if (hasBoth && settings.port("http") === settings.port("https") && settings.port("http") !== 0) {
    throw settings.refusal("https", { problem: "also the port for HTTP", remedy: "give two ports" });
  }
  refuseTwice(listen);
  refuseSharedFiles(settings);
}

/** A daemon lets go of the streams that it was started with. */
function refuseStreamsOfDaemon(settings: Settings): void {
  for (const name of ["log", "access-log"] as const) {
    const path = logPath(settings, name);
    if (path === null || standardStream(path.value) === null) continue;
    throw settings.refusal(name, { problem: "a daemon has no such stream", remedy: "name a file, or --foreground" });
  }
}

/** The one that serves is another process, which gets no more than its streams. */
function refuseHandedToDaemon({ handedSockets }: ListenConfig): void {
  if (handedSockets.length === 0) return;
  const problem = "a daemon does not get the sockets that were handed over";
  throw new UsageError({
    argument: "LISTEN_FDS",
    value: `${handedSockets.length}`,
    problem,
    remedy: "give --foreground",
  });
}

/** A lock is emptied when it is taken, and two writers would mix their lines. */
function refuseSharedFiles(settings: Settings): void {
  const files = (["log", "access-log", "lock"] as const).map((name) => ({ name, path: logPath(settings, name) }));
  files.forEach(({ name, path }, index) => {
    // A stream is one log for both.
    if (path === null || (name !== "lock" && standardStream(path.value) !== null)) return;
    const same = files.slice(0, index).find((file) => file.path?.value === path.value);
    if (same === undefined) return;
    throw settings.refusal(name, {
      problem: `the same file as ${settings.label(same.name)}`,
      remedy: "give two files",
    });
  });
}
