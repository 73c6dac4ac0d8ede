/**
 * What a first request, or a first SIGHUP, would find out about the files of a configuration, found out by --check: what the
 * users of --user and --cgi-user may not read, enter or run, links that lead out, names that are answered 403 or 404, programs
 * whose interpreter is not there. None of it keeps the server from starting. Separate from check_config.ts, whose findings do. I/O.
 */
import { basename, dirname } from "@std/path";
import { commandPrefix } from "../child/command_prefix.ts";
import { interpreterOf, isInCgiFolder, programsOf } from "../cgi/is_program.ts";
import {
  type Config,
  credentialPaths,
  errorPageFolders,
  interpreters,
  isMounted,
  logFiles,
  mountedPaths,
  type MountedPlace,
  userFiles,
  usesCgi,
} from "../config/config.ts";
import { folderOf, handledFolders, type PlaceConfig, type SiteConfig } from "../config/sites_config.ts";
import { isHidden, joinSegments } from "../http/located.ts";
import { PrefixTree } from "../http/prefix_tree.ts";
import { isSegment } from "../http/target.ts";
import { throughLinks } from "../log/log_file.ts";
import { standardStream } from "../log/standard_stream.ts";
import { PAGE_NAME } from "../site/load_error_pages.ts";
import { type Tell, TELL_NOBODY } from "../progress.ts";
import { type Given, quoted } from "../start_error.ts";
import type { FileSettings } from "../static/static_files.ts";
import type { LinkRule } from "../link_rule.ts";
import { kindOf, type Programs } from "../static/open_file.ts";
import type { FileUse } from "./file_access.ts";
import { FolderWalk, type WalkedEntry } from "./folder_walk.ts";
import { findObstacle, judge, type NamedUser, realPath, stat } from "./path_rights.ts";
import { programFault } from "./program_fault.ts";

/** Findings of one argument beyond that are only counted. */
const MAX_FINDINGS = 20;

/** Who serves files and who runs programs. */
export interface SurveyUsers {
  readonly server: NamedUser;
  readonly scripts: NamedUser;
  /** Those of --cgi-user in places, by name. */
  readonly others?: ReadonlyMap<string, NamedUser>;
}

/** Who runs the programs of that place. */
function usersOf({ programs: { run } }: PlaceConfig, users: SurveyUsers): SurveyUsers {
  if (run === null) return users;
  return { ...users, scripts: run.user === null ? users.server : users.others?.get(run.user.value) ?? users.scripts };
}

/** One line each, for the operator; none when all is well. */
export function surveyFiles(config: Config, users: SurveyUsers, tell = TELL_NOBODY): readonly string[] {
  return [
    ...mountsOf(config, "files").flatMap((mounted) =>
      surveyFolder(mounted, { config, users: usersOf(mounted.place, users), tell })
    ),
    ...mountsOf(config, "programs").flatMap(({ place }) => surveyPrograms(place, usersOf(place, users))),
    ...(usesCgi(config) ? surveyMeans(config, users) : []),
    ...(config.user === null ? [] : surveyReloads(config, users.server)),
  ];
}

/** A place with something mounted at its own prefix, and its site. */
interface Mounted {
  readonly place: MountedPlace;
  readonly site: SiteConfig;
}

/** What is mounted in several sites is looked at once, as in the first of them. */
function mountsOf({ sites }: Config, kind: MountedPlace["source"]["kind"]): readonly Mounted[] {
  const mounted = new Map<string, Mounted>();
  for (const site of sites) {
    for (const place of site.places) {
      if (!isMounted(place, kind) || mounted.has(place.source.path.value)) continue;
      mounted.set(place.source.path.value, { place, site });
    }
  }
  return [...mounted.values()];
}

/** The findings about one argument, each once. */
class Findings {
  readonly #given: Given;
  readonly #lines = new Set<string>();

  constructor(given: Given) {
    this.#given = given;
  }

  get lines(): readonly string[] {
    const lines = [...this.#lines];
    const more = lines.length - MAX_FINDINGS;
    return more <= 0 ? lines : [...lines.slice(0, MAX_FINDINGS), `${this.#given.argument}: ${more} more of the kind`];
  }

  tell(path: string, text: string): void {
    const line = `${this.#given.argument} "${path}": ${text}`;
    // Names and first lines come from whoever may write there.
    this.#lines.add(line.replace(/\p{Cc}/gu, (character) => quoted(character).slice(1, -1)));
  }

  /** Tells what keeps the user from the file, the way to it included; false where something does. */
  requireWay(path: string, use: FileUse, user: NamedUser, consequence: string | null = null): boolean {
    const found = findObstacle(path, use, user);
    if (found !== null) this.tell(found.path, `${found.text}: ${consequence ?? found.remedy}`);
    return found === null;
  }

  /** The same of what was found below a folder whose way has been seen to. */
  requireEntry(path: string, use: FileUse, user: NamedUser): boolean {
    const found = judge(path, use, user);
    if (found !== null) this.tell(path, `${found.text}: ${found.remedy}`);
    return found === null;
  }

  /** Tells of what is refused wherever it lies below `top`; the target of any other entry. */
  followed(
    { path, target, isLink }: WalkedEntry,
    { top, links }: { readonly top: string; readonly links: LinkRule },
  ): { readonly real: string; readonly info: Deno.FileInfo } | null {
    if (target === null) return null;
    if (typeof target === "string") {
      this.tell(path, target === "round" ? "is a link that leads round" : "is a link that leads nowhere");
    } else if (links === "owner" && isLink && Deno.lstatSync(path).uid !== target.info.uid) {
      this.tell(path, `is a link to ${target.real}, which belongs to another user than the link: it is answered 403`);
    } else if (links === "inside" && !`${target.real}/`.startsWith(top === "/" ? "/" : `${top}/`)) {
      this.tell(path, `leads out of the folder, to ${target.real}: it is answered 403`);
    } else if (!target.info.isFile && !target.info.isDirectory) {
      this.tell(path, "is neither a file nor a folder: it is answered 403");
    } else return target;
    return null;
  }

  finish({ cutAt }: FolderWalk): readonly string[] {
    const { argument } = this.#given;
    return cutAt === null ? this.lines : [...this.lines, `${argument}: only the first ${cutAt} entries were looked at`];
  }
}

function surveyFolder(
  { place, site }: Mounted,
  { config, users, tell }: { readonly config: Config; readonly users: SurveyUsers; readonly tell: Tell },
): readonly string[] {
  const { prefix, source: { path: root } } = place;
  const findings = new Findings(root);
  const top = realPath(root.value);
  if (top !== null && stat(top)?.isFile) {
    findings.requireWay(root.value, "read", users.server);
    return findings.lines;
  }
  // What holds where an entry is asked for.
  const places = new PrefixTree(site.places.map((value) => ({ ...value.prefix, value })));
  const placeAt = ({ segments }: Pick<WalkedEntry, "segments">) =>
    places.nearest([...prefix.segments, ...segments])?.value ?? place;
  // An interpreter opens the files that it runs by itself.
  const readers = Object.keys(place.programs.handlers).length > 0 ? [users.server, users.scripts] : [users.server];
  const isOpen = readers.map((user) => findings.requireWay(root.value, "enter", user));
  if (top === null || isOpen.includes(false)) return findings.lines;
  const cgiPaths = mountedPaths(config, "programs").map(({ value }) => value);
  const folders = handledFolders(site.places);
  const programsAt = (entry: WalkedEntry) => {
    const at = placeAt(entry);
    return programsOf({ cgiPaths, handlers: at.programs.handlers, folder: folderOf(at) ?? root.value, folders });
  };
  const otherAt = (entry: WalkedEntry) => {
    const found = placeAt(entry);
    const isItself = found.prefix.segments.length === prefix.segments.length + entry.segments.length;
    return isItself && found.mount !== prefix && found.mount === found.prefix ? argumentOf(found) : undefined;
  };
  const isPassedOver = ({ segments, path }: WalkedEntry) =>
    (!placeAt({ segments }).files.servesDotFiles && isHidden({ mount: "", segments })) || isInCgiFolder(path, cgiPaths);
  // What is mounted by the name of an index answers the folder.
  const hasMount = (segments: readonly string[], { indexNames }: Pick<FileSettings, "indexNames">) =>
    indexNames.some((name) => {
      const at = [...prefix.segments, ...segments, name];
      return places.get({ segments: at })?.mount.segments.length === at.length;
    });
  const indexless = new Indexless();
  if (!hasMount([], place.files)) indexless.add(top, place.files);
  const closed = new Set<string>();
  const walk = new FolderWalk();
  const entries = walk.entries(
    top,
    (entry) => !isPassedOver(entry) && !closed.has(entry.path) && otherAt(entry) === undefined,
  );
  for (const entry of entries) {
    tell(`looking at ${entry.path}`);
    if (isPassedOver(entry)) continue;
    const target = findings.followed(entry, { top, links: placeAt(entry).settings.links });
    if (target === null) continue;
    if (!isSegment(basename(entry.path))) {
      findings.tell(entry.path, "has a name that no request can hold: it is answered 404");
    } else if (otherAt(entry) !== undefined) {
      const taken = joinSegments([...prefix.segments, ...entry.segments]);
      findings.tell(entry.path, `is never reached, for ${otherAt(entry)} answers ${taken}`);
    } else if (isInCgiFolder(target.real, cgiPaths)) findings.tell(entry.path, `${PROGRAM}: it is answered 403`);
    else if (!target.info.isDirectory) {
      requireFile(findings, entry.path, { real: target.real, programs: programsAt(entry), users });
    } else if (!findings.requireEntry(entry.path, "enter", users.server)) closed.add(entry.path);
    else if (!hasMount(entry.segments, placeAt(entry).files) && indexless.add(entry.path, placeAt(entry).files)) {
      findings.requireEntry(entry.path, "read", users.server);
    }
  }
  return [...findings.finish(walk), ...indexless.lines(root)];
}

/** What made it answer for its prefix. */
function argumentOf({ source, label }: PlaceConfig): string {
  return source.kind === "redirect" ? label || "--redirect" : source.path.argument;
}

const PROGRAM = "leads to what is kept for programs";

/** A file of the root: its reader is the server, or the interpreter of its extension. */
function requireFile(
  findings: Findings,
  path: string,
  { real, programs, users }: { readonly real: string; readonly programs: Programs; readonly users: SurveyUsers },
): void {
  const kinds = [path, real].map((name) => kindOf(name, { programs }));
  if (programs.isProgram(path)) findings.requireEntry(path, "read", users.scripts);
  else if (kinds.includes("backup")) findings.tell(path, "is a backup of a program: it is answered 404");
  else if (kinds.includes("program")) {
    findings.tell(path, "is a program by a name that leads to it, or compressed: it is answered 403");
  } else findings.requireEntry(path, "read", users.server);
}

function hasIndex(folder: string, indexNames: readonly string[]): boolean {
  return indexNames.some((name) => stat(`${folder}/${name}`)?.isFile);
}

type FolderSettings = Pick<FileSettings, "listing" | "indexNames">;

/** Folders that are answered 403 for want of an index: most sites have some and mean it, so one line is for all. */
class Indexless {
  readonly #paths: string[] = [];
  #names: readonly string[] = [];

  /** Whether the folder is listed instead. */
  add(folder: string, { listing, indexNames }: FolderSettings): boolean {
    if (hasIndex(folder, indexNames)) return false;
    if (listing) return true;
    if (this.#paths.length === 0) this.#names = indexNames;
    this.#paths.push(folder);
    return false;
  }

  lines({ argument }: Given): readonly string[] {
    const [first, ...more] = this.#paths;
    if (first === undefined) return [];
    const all = more.length === 0 ? "has" : `and ${more.length} more ${more.length === 1 ? "folder" : "folders"} have`;
    return [
      `${argument} "${first}": ${all} no ${this.#names.join(" or ")}, and --listing is off: 403 for the folder itself`,
    ];
  }
}

function surveyPrograms({ source, programs, settings }: MountedPlace, users: SurveyUsers): readonly string[] {
  const { path: given } = source;
  const findings = new Findings(given);
  const surroundings = { user: users.scripts, searchPath: programs.told.environment.PATH };
  const require = (path: string) => {
    if (interpreterOf(path, programs.handlers) !== null) {
      return void findings.requireEntry(path, "read", users.scripts);
    }
    const fault = programFault(path, surroundings);
    if (fault !== null) findings.tell(path, fault);
  };
  const top = realPath(given.value);
  const info = top === null ? null : stat(top);
  if (top === null || info === null) {
    if (!source.isRequired) findings.tell(given.value, "is not there: until it is, requests for it are refused");
    return findings.lines;
  }
  const folder = info.isDirectory ? given.value : dirname(given.value);
  // The server looks for the program, whose own user then runs it.
  const isOpen = [users.server, users.scripts].map((user) => findings.requireWay(folder, "enter", user));
  if (isOpen.includes(false)) return findings.lines;
  if (!info.isDirectory) {
    require(given.value);
    return findings.lines;
  }
  const closed = new Set<string>();
  const walk = new FolderWalk();
  const isPassedOver = ({ path }: WalkedEntry) => basename(path).startsWith(".");
  for (const entry of walk.entries(top, (entry) => !isPassedOver(entry) && !closed.has(entry.path))) {
    if (isPassedOver(entry)) continue;
    const target = findings.followed(entry, { top, links: settings.links });
    if (target === null) continue;
    if (!target.info.isDirectory) require(entry.path);
    else if (
      [users.server, users.scripts].map((user) => findings.requireEntry(entry.path, "enter", user)).includes(false)
    ) {
      closed.add(entry.path);
    }
  }
  return findings.finish(walk);
}

/** What it takes to run any program: interpreters, the programs in front of each, the folder for content. */
function surveyMeans(config: Config, { server, scripts }: SurveyUsers): readonly string[] {
  const { cgi, sites: [{ places: [{ programs }] }] } = config;
  const handlers = interpreters(config).flatMap((program) => {
    const findings = new Findings(program);
    if (!findings.requireWay(program.value, "run", scripts)) return findings.lines;
    const fault = programFault(program.value, { user: scripts, searchPath: programs.told.environment.PATH });
    if (fault !== null) findings.tell(program.value, fault);
    return findings.lines;
  });
  const prefix = commandPrefix({ user: cgi.user === null ? null : scripts, resources: cgi.resources });
  const missing = prefix.filter((word) => word.startsWith("/") && stat(word) === null)
    .map((word) => `--cgi-user and --cgi-limit-... take ${word}, which is not there`);
  const spool = new Findings(cgi.spoolFolder);
  if (spool.requireWay(cgi.spoolFolder.value, "enter", server)) {
    spool.requireEntry(cgi.spoolFolder.value, "write", server);
  }
  return [...handlers, ...missing, ...spool.lines];
}

/** What is read as root at the start, and by the user of --user ever after. */
function surveyReloads(config: Config, server: NamedUser): readonly string[] {
  const require = (given: Given, path: string, use: FileUse, consequence: string) => {
    const findings = new Findings(given);
    findings.requireWay(path, use, server, consequence);
    return findings.lines;
  };
  const read = [...credentialPaths(config), ...userFiles(config)]
    .flatMap((file) => require(file, file.value, "read", KEPT));
  const pages = errorPageFolders(config)
    .flatMap((folder) => pagesIn(folder.value).flatMap((path) => require(folder, path, "read", KEPT)));
  // The file itself is given to the user at the start.
  const logs = logFiles(config).flatMap((file) => {
    if (standardStream(throughLinks(file).value) !== null) return [];
    return require(file, dirname(file.value), "enter", "the log cannot be opened again after a rename");
  });
  return [...new Set([...read, ...pages, ...logs])];
}

const KEPT = "SIGHUP will keep what was read as root";

/** The folder of error pages and those in it. */
function pagesIn(folder: string): readonly string[] {
  try {
    const names = Array.from(Deno.readDirSync(folder), ({ name }) => name).filter((name) => PAGE_NAME.test(name));
    return [folder, ...names.toSorted().map((name) => `${folder}/${name}`)];
  } catch {
    // That it cannot be read has been told by the check of the start.
    return [folder];
  }
}
