/**
 * From the sections of a configuration to its sites, and the places of each with all that holds there. Of sections around a path
 * the one with the longest prefix says what holds, of two for one prefix that which names the host, and last what stands before
 * all sections: so what is turned off for a folder is off for the folders in it. Pure.
 */
import { parseAccessRule, type PlacedRule } from "../access/access_rules.ts";
import type { RealmFile } from "../access/load_realms.ts";
import { joinSegments } from "../http/located.ts";
import { ALL_PATHS, type PathPrefix } from "../http/path_prefix.ts";
import { PrefixTree } from "../http/prefix_tree.ts";
import { LOOPBACK } from "../ip_address.ts";
import type { Tell } from "../progress.ts";
import type { Rules } from "../rules.ts";
import { type Given, UsageError } from "../start_error.ts";
import type { CredentialFiles } from "../net/load_credentials.ts";
import type { FileSettings } from "../static/static_files.ts";
import {
  type FieldsConfig,
  type GivenRequirement,
  readFields,
  readSiteAccess,
  refuseRequirements,
  type SiteAccess,
} from "./access_config.ts";
import { type PlacePrograms, readPlacePrograms } from "./cgi_config.ts";
import { readPlaceConfig, readRewrites } from "./place_config.ts";
import type { PlaceSettings } from "../site/place_settings.ts";
import type { Rewrite } from "../site/rewrite.ts";
import { readFilesConfig } from "./files_config.ts";
import { logPath } from "./log_path.ts";
import { type Mount, readMounts, type Source } from "./mounts_config.ts";
import type { Section } from "./sections.ts";
import { Settings } from "./settings.ts";

/** A prefix of a site, with what answers there and how. */
export interface PlaceConfig {
  readonly prefix: PathPrefix;
  /** What answers: that of the nearest place around it where it has none of its own. */
  readonly source: Source;
  /** The prefix that `source` is mounted at. */
  readonly mount: PathPrefix;
  readonly files: FileSettings;
  readonly programs: PlacePrograms;
  readonly settings: PlaceSettings;
  /** What its answers say; null: as those of the server. */
  readonly said: SaidConfig | null;
  /** Where it was written, as the operator knows it. */
  readonly label: string;
}

/** What answers say, and what errors look like. */
export interface SaidConfig {
  readonly fields: FieldsConfig;
  /** RFC 6797 6.1.1; null: browsers are not told. */
  readonly hstsSeconds: number | null;
  /** Null: the built-in pages. */
  readonly errorPagesFolder: Given | null;
  /** Where access lines go; "server": where those of all places that say nothing of it do. Null: there are none. */
  readonly accessLogFile: Given | "server" | null;
}

const SAID_NAMES: readonly string[] = ["header", "hsts", "error-pages", "access-log"];

/** What is served under some names of hosts. */
export interface SiteConfig extends SiteAccess {
  /** In lower case, one that begins with "*." for all below it; none where there is but one site. */
  readonly hosts: readonly string[];
  /** The first has the empty prefix; of several around each other the outer one comes first. */
  readonly places: readonly PlaceConfig[];
  readonly rewrites: readonly Rewrite[];
  /** Of its HTTPS; null: there is none. */
  readonly credentials: CredentialFiles | null;
  /** Who is in which group; null: nobody asks. */
  readonly groupFile: Given | null;
}

/** The folder of the files of a place, which may lie in that of the place around it; null: it is none of files. */
export function folderOf({ prefix, mount, source }: PlaceConfig): string | null {
  if (source.kind !== "files") return null;
  return source.path.value.replace(/\/+$/, "") + joinSegments(prefix.segments.slice(mount.segments.length));
}

/** What is run in the folders of all places of files. */
export function handledFolders(places: readonly PlaceConfig[]) {
  return places.flatMap((place) => {
    const folder = folderOf(place);
    return folder === null ? [] : [{ folder, handlers: place.programs.handlers }];
  });
}

export interface SitesOptions {
  /** What stands before all sections, and on the command line. */
  readonly top: Settings;
  readonly rules: Rules;
  /** Whether the program of --cgi must be there at the start. */
  readonly requiresProgram: boolean;
  /** The server's own. */
  readonly environment: { readonly [name: string]: string | undefined };
  readonly tell: Tell;
}

/** At least one site. Throws UsageError. */
export function readSites(sections: readonly Section[], options: SitesOptions): readonly SiteConfig[] {
  const sites = sections.filter(({ hosts, prefix }) => hosts.length > 0 && prefix === null);
  refuseSharedHosts(sites);
  const common = sections.filter(({ hosts, prefix }) => hosts.length === 0 && prefix !== null);
  const placesByHost = Map.groupBy(
    sections.filter(({ prefix }) => prefix !== null).flatMap((section) =>
      section.hosts.map((host) => ({ host, section }))
    ),
    ({ host }) => host,
  );
  for (const [host, [{ section }]] of placesByHost) {
    if (sites.some((site) => site.hosts.includes(host))) continue;
    throw new UsageError({
      argument: section.label,
      value: host,
      problem: "not a site",
      remedy: `begin it by [${host}]`,
    });
  }
  if (sites.length === 0) return [readSite(null, { common, own: [] }, options)];
  return sites.map((site, index) => {
    options.tell(`reading site ${index + 1} of ${sites.length}`);
    const own = new Set(site.hosts.flatMap((host) => placesByHost.get(host) ?? []).map(({ section }) => section));
    return readSite(site, { common, own: [...own] }, options);
  });
}

function refuseSharedHosts(sites: readonly Section[]): void {
  const firsts = new Map<string, Section>();
  for (const site of sites) {
    for (const host of site.hosts) {
      const first = firsts.get(host);
      if (first !== undefined) {
        const problem = `already named by ${first === site ? "itself" : first.label}`;
        throw new UsageError({ argument: site.label, value: host, problem, remedy: "name a host in one site" });
      }
      firsts.set(host, site);
    }
  }
}

/** The parts of one site's configuration that are for a prefix: of every site, and its own. */
interface PlaceSections {
  readonly common: readonly Section[];
  readonly own: readonly Section[];
}

function readSite(site: Section | null, { common, own }: PlaceSections, options: SitesOptions): SiteConfig {
  const { top, requiresProgram } = options;
  const atTop = { given: top, settings: readPlaceConfig(top, ALL_PATHS) };
  // A section of all paths is as wide as one of a host, which is the narrower for its name.
  const ofAll = common.filter(({ prefix }) => prefix?.segments.length === 0).reduce(tell, atTop);
  const whole = site === null ? ofAll : tell(ofAll, site);
  const settings = site === null ? top : new Settings(site.settings, top);
  const layers = [
    { place: null, settings: top, label: "" },
    ...common.map((section) => layerOf(section)),
    ...(site === null ? [] : [{ place: null, settings, label: site.label }]),
    ...own.map((section) => layerOf(section)),
  ];
  // Of two for one prefix the later, which is the narrower.
  const sources = new Map<string, Mount>();
  for (const layer of layers) {
    for (const mount of readMounts(layer.settings, { ...layer, requiresProgram })) {
      sources.set(joinSegments(mount.prefix.segments), mount);
    }
  }
  if (!sources.has("")) throw noRoot(site);
  const told = uniteAccess(layers.map(({ settings, place }) => readSiteAccess(settings, place)));
  const access = { ...told, rules: [...told.rules, ...nearRules([...sources.values()], told)] };
  const groupFile = settings.path("auth-groups");
  refuseRequirements(access, { groupFile });
  return {
    hosts: site?.hosts ?? [],
    places: readPlaces({
      whole,
      sources,
      sections: [...common.filter(({ prefix }) => prefix?.segments.length !== 0), ...own],
      label: site?.label ?? "",
    }, options),
    rewrites: readAllRewrites(layers),
    credentials: readCredentials(settings, site?.label ?? ""),
    groupFile,
    ...access,
  };
}

/** What tells of the server is for clients of this machine, unless rules of its very prefix say otherwise. */
function nearRules(mounts: readonly Mount[], { rules }: SiteAccess): readonly PlacedRule[] {
  const named = new Set(rules.map(({ prefix }) => joinSegments(prefix.segments)));
  return mounts.flatMap(({ prefix, source }) => {
    if (source.kind !== "status" || named.has(joinSegments(prefix.segments))) return [];
    return LOOPBACK.flatMap((text) => {
      const rule = parseAccessRule(text, { isAllowed: true, prefix });
      return rule === null ? [] : [{ ...rule, argument: source.path.argument }];
    });
  });
}

/** A key and its certificate are said together: those around are of each other. */
function readCredentials(settings: Settings, label: string): CredentialFiles | null {
  const own = (["key", "certificate"] as const).filter((name) => settings.hasOwn(name));
  if (own.length === 1 && label !== "") {
    const problem = `--${own[0] === "key" ? "certificate" : "key"} is missing`;
    throw settings.refusal(own[0], { problem, remedy: "give both in one section" });
  }
  const [keyFile, certificateFile] = [settings.path("key"), settings.path("certificate")];
  if (keyFile === null || certificateFile === null) return null;
  const hasPassphrase = own.length === 0 || settings.hasOwn("key-passphrase");
  return { keyFile, certificateFile, passphraseFile: hasPassphrase ? settings.path("key-passphrase") : null };
}

/** Those of the longest prefix first, of two for one prefix those of the section that names the host. */
function readAllRewrites(layers: readonly { readonly settings: Settings; readonly place: PathPrefix | null }[]) {
  return layers.toReversed().toSorted((one, other) => depthOf(other) - depthOf(one))
    .flatMap(({ settings, place }) => readRewrites(settings, place));
}

function depthOf({ place }: { readonly place: PathPrefix | null }): number {
  return place?.segments.length ?? 0;
}

function layerOf({ settings, prefix, label }: Section) {
  return { place: prefix, settings: new Settings(settings), label };
}

function noRoot(site: Section | null): UsageError {
  const problem = "no folder to serve";
  if (site !== null) return new UsageError({ argument: site.label, value: null, problem, remedy: "give it a root" });
  const remedy = "give --root FOLDER or all eight arguments (see lisod --help)";
  return new UsageError({ argument: "--root", value: null, problem, remedy });
}

/** Settings that say nothing of how files and programs are served. */
const MOUNT_NAMES = [
  "root",
  "cgi",
  "redirect",
  "forward",
  "status",
  "websocket",
  "allow",
  "deny",
  "auth",
  "require",
  "fallback",
] as const;

interface SiteParts {
  readonly whole: Told;
  /** By joined prefix. */
  readonly sources: ReadonlyMap<string, Mount>;
  /** Those of places; of two for one prefix the later is the narrower. */
  readonly sections: readonly Section[];
  readonly label: string;
}

function readPlaces({ whole, sources, sections, label }: SiteParts, options: SitesOptions): PlaceConfig[] {
  const records = new SettingsRecords(options);
  const byPrefix = Map.groupBy(sections, ({ prefix }) => joinSegments(prefix?.segments ?? []));
  const prefixes = new Map<string, PathPrefix>([["", ALL_PATHS]]);
  for (const [key, { prefix }] of sources) prefixes.set(key, prefix);
  for (const [key, [{ prefix }]] of byPrefix) if (prefix !== null) prefixes.set(key, prefix);
  const around = new PrefixTree<Told & { readonly mount: Mount }>();
  // What is around another one has fewer segments.
  return [...prefixes].toSorted(([, one], [, other]) => one.segments.length - other.segments.length)
    .map(([key, prefix]): PlaceConfig => {
      const outer = around.nearest(prefix.segments)?.value;
      const own = byPrefix.get(key) ?? [];
      const { given, settings } = own.reduce(tell, outer ?? whole);
      const mount = sources.get(key) ?? outer?.mount;
      if (mount === undefined) throw new Error("Unreachable: a site has something for all of it");
      around.set(prefix, { given, settings, mount });
      return {
        ...{ prefix, source: mount.source, mount: mount.prefix, settings, label: own.at(-1)?.label ?? label },
        ...records.of(given),
      };
    });
}

/** What holds in a place. */
interface Told {
  readonly given: Settings;
  readonly settings: PlaceSettings;
}

/** Places of which no two differ in how files are served share one record of it, and what is made of that. */
function tell(outer: Told, { settings: given, prefix }: Pick<Section, "settings" | "prefix">): Told {
  const own = new Settings(given, outer.given);
  return {
    given: own.hasOnly(MOUNT_NAMES) ? outer.given : own,
    settings: readPlaceConfig(own, prefix ?? ALL_PATHS, outer.settings),
  };
}

class SettingsRecords {
  readonly #options: SitesOptions;
  readonly #known = new Map<Settings, Pick<PlaceConfig, "files" | "programs" | "said">>();

  constructor(options: SitesOptions) {
    this.#options = options;
  }

  of(settings: Settings): Pick<PlaceConfig, "files" | "programs" | "said"> {
    const known = this.#known.get(settings);
    if (known !== undefined) return known;
    const { rules, environment } = this.#options;
    const programs = readPlacePrograms(settings, environment);
    const files = readFilesConfig(settings, { rules, extensions: Object.keys(programs.handlers) });
    const record = { files, programs, said: settings.isNarrowed(SAID_NAMES) ? readSaid(settings) : null };
    this.#known.set(settings, record);
    return record;
  }
}

function readSaid(settings: Settings): SaidConfig {
  return {
    fields: readFields(settings),
    hstsSeconds: settings.count("hsts"),
    errorPagesFolder: settings.path("error-pages"),
    accessLogFile: settings.isNarrowed(["access-log"]) ? logPath(settings, "access-log") : "server",
  };
}

/** For each prefix what the last of them says that names it. */
function uniteAccess(parts: readonly SiteAccess[]): SiteAccess {
  const keyOf = ({ prefix }: { readonly prefix: PathPrefix }) => joinSegments(prefix.segments);
  const rules = new Map<string, readonly PlacedRule[]>();
  const realms = new Map<string, RealmFile>();
  const requirements = new Map<string, readonly GivenRequirement[]>();
  for (const part of parts) {
    for (const [key, group] of Map.groupBy(part.rules, keyOf)) rules.set(key, group);
    for (const [key, [first]] of Map.groupBy(part.realms, keyOf)) realms.set(key, first);
    for (const [key, group] of Map.groupBy(part.requirements, keyOf)) requirements.set(key, group);
  }
  return {
    rules: [...rules.values()].flat(),
    realms: [...realms.values()],
    requirements: [...requirements.values()].flat(),
  };
}
