/**
 * From Config to what is served: the sites with their places. Separate from thread_server.ts, which opens what places share and
 * listens: here alone it is decided which part of the configuration belongs to which place.
 */
import { createGuards } from "../access/access_guard.ts";
import { createRequestLimit } from "../access/address_limit.ts";
import type { Authenticator } from "../access/authenticator.ts";
import type { SiteUsers } from "../access/load_realms.ts";
import { type HandledFolder, interpreterOf, type Interpreters, programsOf } from "../cgi/is_program.ts";
import { createHandledScripts, createScriptHandler } from "../cgi/script_handler.ts";
import type { PlaceRun } from "../cgi/script_call.ts";
import type { ScriptRunner } from "../cgi/script_runner.ts";
import { createWebSocketHandler } from "../cgi/web_socket_handler.ts";
import { commandPrefix, type ScriptUser } from "../child/command_prefix.ts";
import type { FieldsConfig } from "../config/access_config.ts";
import { shareOf } from "../config/share_config.ts";
import type { Part } from "../net/listen_address.ts";
import type { PlacePrograms } from "../config/cgi_config.ts";
import { type Config, mountedPaths, type MountedPlace } from "../config/config.ts";
import { compressedAnswer } from "../coding/compressed_answer.ts";
import type { ForwardSource } from "../config/mounts_config.ts";
import { folderOf, handledFolders, type PlaceConfig, type SiteConfig } from "../config/sites_config.ts";
import type { Forwarder } from "../forward/forwarder.ts";
import { parseUpstreamGroup, type UpstreamGroup } from "../forward/upstream_group.ts";
import { HostMap } from "../host_map.ts";
import { HeaderFields } from "../http/header_fields.ts";
import { cutPath } from "../http/located.ts";
import type { HttpRequest, HttpResponse, LocalRedirect, Soon } from "../http/message.ts";
import { type OperatorFields, OwnFields } from "../http/own_fields.ts";
import type { Limits } from "../limits.ts";
import type { Given } from "../start_error.ts";
import { PrefixTree } from "../http/prefix_tree.ts";
import { type Answerer, buildPlaces } from "../site/build_places.ts";
import { createFilesAnswer } from "../site/files_answer.ts";
import { prefixText } from "../config/sites_text.ts";
import type { PlaceName } from "../status/counters.ts";
import { createStatusAnswer, type GatherStatus } from "../status/status_answer.ts";
import { createRedirect } from "../site/redirect.ts";
import { rewrite } from "../site/rewrite.ts";
import type { ErrorPageSource } from "../site/load_error_pages.ts";
import type { PlaceSettings, RateSetting } from "../site/place_settings.ts";
import type { PlaceSaid, RequestRate, Site } from "../site/site.ts";
import { Sites } from "../site/sites.ts";
import type { ReadNames } from "../system/folder_names.ts";
import type { FileMemory } from "../static/file_memory.ts";
import { createStaticHandler } from "../static/static_files.ts";

/** What the places of a worker share. */
export interface SharedByPlaces {
  readonly memory: FileMemory;
  /** Null where no program is named. */
  readonly runner: Pick<ScriptRunner, "answer" | "converse"> | null;
  /** Null where no upstream is named. */
  readonly forwarder: Pick<Forwarder, "answer"> | null;
  readonly nowMs: () => number;
  /** As StaticOptions has it. */
  readonly isBefore1970: (path: string) => boolean | null;
  readonly readNames?: ReadNames;
  /** Who a user of the configuration is. */
  readonly identityOf: (user: Given) => ScriptUser;
  /** Which part of the server this is. */
  readonly part: Part;
  /** What tells of the server; null: its pages are empty. */
  readonly gatherStatus: GatherStatus | null;
  /** As Counters has it. */
  readonly placeIndex: (name: PlaceName) => number;
}

/** What answers for which prefix of each site, in their order. To be made once: what is known about files hangs on it. */
export function createAnswerers(config: Config, parts: SharedByPlaces): readonly (readonly UnsaidAnswerer[])[] {
  const shared = { ...parts, runner: runnerOrForwarder(parts) };
  const cgiPaths = mountedPaths(config, "programs").map(({ value }) => value);
  const rates = new Rates(shared);
  return config.sites.map((site) => {
    const context = { config, cgiPaths, shared, rates, host: site.hosts[0] ?? "*", ...surroundingsOf(site) };
    return site.places.map((place) => createAnswerer(place, context));
  });
}

interface PlaceContext {
  readonly config: Config;
  /** All programs and folders of programs of all sites. */
  readonly cgiPaths: readonly string[];
  readonly shared: SharedByPlaces;
  readonly rates: Rates;
  /** The first of the site; "*": all. */
  readonly host: string;
  /** The folder of files for all of the site; "" where programs answer for that. */
  readonly documentRoot: string;
  /** Names of the site. */
  readonly hosts: HostMap<true>;
  readonly mounts: PrefixTree<PlaceConfig>;
  /** Whether something is said of that whole path alone: who may have it, or what answers for it. */
  readonly hasOwnRules: (path: string) => boolean;
  /** Of all places of the site. */
  readonly folders: readonly HandledFolder[];
}

type Surroundings = Pick<PlaceContext, "documentRoot" | "hosts" | "mounts" | "hasOwnRules" | "folders">;

function surroundingsOf({ hosts, places, rules, realms, requirements, rewrites }: SiteConfig): Surroundings {
  const { source } = places[0];
  const mounted = places.filter(({ prefix, mount }) => prefix === mount);
  const named = [...places, ...rules, ...realms, ...requirements];
  const ruled = new PrefixTree(named.map(({ prefix }) => ({ ...prefix, value: true })));
  return {
    documentRoot: source.kind === "files" ? source.path.value : "",
    hosts: new HostMap([[hosts, true]]),
    mounts: new PrefixTree(mounted.map((place) => ({ ...place.prefix, value: place }))),
    hasOwnRules: (path) => ruled.get({ segments: cutPath(path) }) !== undefined || rewrite(path, rewrites) !== null,
    folders: handledFolders(places),
  };
}

function createAnswerer(place: PlaceConfig, context: PlaceContext): UnsaidAnswerer {
  const { prefix, mount, settings, files: { indexNames } } = place;
  return {
    prefix,
    mount,
    settings,
    indexNames,
    answer: createAnswer(place, context),
    rate: context.rates.of(settings),
    countedAs: context.shared.placeIndex({ site: context.host, place: prefixText(prefix) }),
  };
}

/** One counter for each setting, which several places may have. */
class Rates {
  readonly #shared: Pick<SharedByPlaces, "nowMs" | "part">;
  readonly #bySetting = new Map<RateSetting, RequestRate>();

  constructor(shared: Pick<SharedByPlaces, "nowMs" | "part">) {
    this.#shared = shared;
  }

  of({ rate }: PlaceSettings): RequestRate | null {
    if (rate === null) return null;
    const { nowMs, part } = this.#shared;
    const counter = this.#bySetting.get(rate) ?? createRequestLimit(shareOf(rate.perSecond, part), nowMs) ?? FREE;
    this.#bySetting.set(rate, counter);
    return counter;
  }
}

const FREE: RequestRate = { take: () => {} };

function createAnswer({ source, ...place }: PlaceConfig, context: PlaceContext): Answerer["answer"] {
  switch (source.kind) {
    case "files":
      return createFiles({ ...place, source }, context);
    case "programs":
      return compressing(place, createScripts({ ...place, source }, context));
    case "redirect":
      return createRedirect(source.redirect);
    case "forward":
      return compressing(place, createForward({ ...place, source }, context));
    case "status":
      return createStatusAnswer(context.shared.gatherStatus);
  }
}

/** Where the place says so, what programs and upstreams answer is compressed as it passes. */
function compressing<Rest extends readonly unknown[], Answer extends Soon<HttpResponse | LocalRedirect>>(
  { files }: Pick<PlaceConfig, "files">,
  answer: (request: HttpRequest, ...rest: Rest) => Answer,
): (request: HttpRequest, ...rest: Rest) => Answer | Promise<HttpResponse | LocalRedirect> {
  if (files.compression !== "all") return answer;
  return async (request, ...rest) => {
    const response = await answer(request, ...rest);
    return "localRedirect" in response ? response : compressedAnswer(request, response);
  };
}

/** A handler of an extension may be an upstream, which lib/cgi/ knows nothing of. */
function runnerOrForwarder({ runner, forwarder }: SharedByPlaces): SharedByPlaces["runner"] {
  if (forwarder === null) return runner;
  const groups = new Map<string, UpstreamGroup | null>();
  const groupOf = (text: string) => {
    const known = groups.get(text);
    const group = known === undefined ? parseUpstreamGroup(text) : known;
    if (known === undefined) groups.set(text, group);
    return group;
  };
  const converse: ScriptRunner["converse"] = (request, call, exchangeOf) => {
    if (runner === null) throw new Error(NO_RUNNER);
    return runner.converse(request, call, exchangeOf);
  };
  return {
    converse,
    answer: (request, { run, ...call }) => {
      const group = call.script.interpreter === null ? null : groupOf(call.script.interpreter);
      if (group !== null) return forwarder.answer(request, { ...call, group, limits: run?.limits });
      if (runner === null) throw new Error(NO_RUNNER);
      return runner.answer(request, { run, ...call });
    },
  };
}

const NO_RUNNER = "Unreachable: a runner is there where a program is";

/** The application has all of the place: SCRIPT_NAME is its prefix, and PATH_INFO what follows. */
function createForward(
  { source: { group }, programs }: Omit<PlaceConfig, "source"> & { readonly source: ForwardSource },
  { config: { rules, limits }, documentRoot, shared: { forwarder, identityOf } }: PlaceContext,
): Answerer["answer"] {
  if (forwarder === null) throw new Error("Unreachable: a forwarder is there where an upstream is");
  const settings = { documentRoot, rules, ...programs.told };
  const own = runOf(programs, { limits, identityOf })?.limits;
  return (request, { mount, rest }) => {
    const script = { file: documentRoot + mount, interpreter: null, scriptName: mount, pathInfo: rest };
    return forwarder.answer(request, { group, script, settings, limits: own });
  };
}

function createScripts(
  { source: { path, webSocket }, programs, settings: { links } }: MountedPlace,
  { config: { rules, limits }, documentRoot, hosts, shared: { runner, identityOf } }: PlaceContext,
): Answerer["answer"] {
  if (runner === null) throw new Error(NO_RUNNER);
  const run = runOf(programs, { limits, identityOf });
  const mount = { documentRoot, rules, ...programs.told, cgiPath: path.value, links, run };
  if (webSocket === undefined) return createScriptHandler({ ...mount, handlers: handlersOf(programs) }, runner);
  const { framing, allowsAnyOrigin } = webSocket;
  const isHost = allowsAnyOrigin ? null : (name: string) => hosts.find(name) === true;
  // What answers requests does not talk.
  return createWebSocketHandler({ ...mount, handlers: {}, framing, isHost }, runner);
}

function createFiles(place: MountedPlace, context: PlaceContext): Answerer["answer"] {
  const { source: { path: { value: root } }, mount: { segments: mount }, files, programs, settings: { links } } = place;
  const { config: { limits, rules }, cgiPaths, shared, mounts } = context;
  const { runner, identityOf, memory, nowMs, isBefore1970, readNames } = shared;
  const handlers = handlersOf(programs);
  const { indexNames, servesDotFiles } = files;
  const hasHandlers = Object.keys(handlers).length > 0;
  const scripts = {
    ...{ documentRoot: root, rules, ...programs.told },
    ...{ handlers, indexNames, servesDotFiles, cgiPaths, links },
    run: runOf(programs, { limits, identityOf }),
  };
  return createFilesAnswer({
    files: createStaticHandler({
      ...{ root, ...files, links, limits, rules, memory, nowMs, isBefore1970, readNames },
      // Who runs programs has been asked for the others.
      indexNames: indexNames.filter((name) => interpreterOf(name, handlers) === null),
      programs: runner === null ? null : programsOf({
        ...{ cgiPaths, handlers, folders: context.folders },
        folder: folderOf(place) ?? root,
      }),
      hasOwnRules: context.hasOwnRules,
      takenNames: (folder) => mounts.namesBelow(folder, (other) => other.prefix.segments.length > mount.length),
    }),
    scripts: runner !== null && hasHandlers
      ? createHandledScripts(scripts, { answer: compressing(place, (...asked) => runner.answer(...asked)) })
      : null,
    rules,
    hasFallback: place.settings.fallback !== null,
  });
}

function runOf(
  { run }: PlacePrograms,
  { limits, identityOf }: { readonly limits: Limits; readonly identityOf: SharedByPlaces["identityOf"] },
): PlaceRun | null {
  if (run === null) return null;
  const user = run.user === null ? null : identityOf(run.user);
  return { prefix: commandPrefix({ user, resources: run.resources }), limits: { ...limits, ...run.times } };
}

function handlersOf({ handlers }: PlacePrograms): Interpreters {
  return Object.fromEntries(Object.entries(handlers).map(([extension, { value }]) => [extension, value]));
}

/** What its answers say besides is added when the sites are put together, and may change. */
type UnsaidAnswerer = Omit<Answerer, "said">;

export interface SiteParts {
  /** Of each site, in their order. */
  readonly answerers: readonly (readonly UnsaidAnswerer[])[];
  /** The same. */
  readonly users: readonly SiteUsers[];
  readonly authenticator: Authenticator;
  /** What answers for errors, with the pages of that source. Throws StartError. */
  readonly errorResponseOf: (source: ErrorPageSource) => Site["errorResponse"];
}

export function buildSites(config: Config, parts: SiteParts): Sites {
  return new Sites(createSites(config, parts), config);
}

/** What every answer of the server says. */
export function operatorFields({ defaultFields, fields, alwaysFields }: FieldsConfig): OperatorFields {
  return {
    defaults: HeaderFields.of(...defaultFields),
    successes: HeaderFields.of(...fields),
    always: HeaderFields.of(...alwaysFields),
  };
}

/** Where all error pages of the sites come from, those for all of the server first. */
export function errorPageSources({ sites, errorPagesFolder }: Config): readonly ErrorPageSource[] {
  const ofPlaces = sites.flatMap(({ places }) => places.flatMap((place) => sourceOf(place) ?? []));
  return [{ charset: sites[0].places[0].files.charset, folder: errorPagesFolder }, ...ofPlaces];
}

function sourceOf({ files: { charset }, said }: PlaceConfig): ErrorPageSource | null {
  return said === null ? null : { charset, folder: said.errorPagesFolder };
}

/** In the order of the configuration. Throws StartError for error pages that cannot be read. */
export function createSites(config: Config, parts: SiteParts): readonly Site[] {
  const { sites, access } = config;
  const fields = operatorFields(access);
  const errorResponse = parts.errorResponseOf(errorPageSources(config)[0]);
  return sites.map(({ hosts, rules, requirements, rewrites, places }, at) => {
    const guards = createGuards({ rules, requirements, ...parts.users[at] }, parts.authenticator);
    const answerers = parts.answerers[at].map((answerer, index) => ({
      ...answerer,
      said: createSaid(places[index], parts),
    }));
    return { hosts, rewrites, places: buildPlaces(answerers, guards), errorResponse, fields };
  });
}

function createSaid(place: PlaceConfig, { errorResponseOf }: SiteParts): PlaceSaid | null {
  const source = sourceOf(place);
  if (place.said === null || source === null) return null;
  const { fields, hstsSeconds, accessLogFile: log } = place.said;
  const plain = operatorFields(fields);
  return {
    plain: new OwnFields(plain),
    secure: new OwnFields(withHsts(plain, hstsSeconds)),
    accessLog: log === "server" ? undefined : log?.value ?? null,
    errorResponse: errorResponseOf(source),
  };
}

/** RFC 6797 6.1.1, for answers over TLS. */
export function withHsts(fields: OperatorFields, seconds: number | null): OperatorFields {
  if (seconds === null) return fields;
  return { ...fields, defaults: fields.defaults.and(["Strict-Transport-Security", `max-age=${seconds}`]) };
}
