/**
 * From Config to what is served: the site with its places. Separate from thread_server.ts, which opens what places share and
 * listens: here alone it is decided which part of the configuration belongs to which place.
 */
import { createGuards, type PlacedRealm } from "../access/access_guard.ts";
import type { Authenticator } from "../access/authenticator.ts";
import { interpreterOf, type Interpreters, programsOf } from "../cgi/is_program.ts";
import { createHandledScripts, createScriptHandler } from "../cgi/script_handler.ts";
import type { ScriptRunner } from "../cgi/script_runner.ts";
import { type Config, fileMounts, programMounts, usesCgi } from "../config/config.ts";
import type { Mount } from "../config/mounts_config.ts";
import type { MetaVariableSettings } from "../gateway/meta_variables.ts";
import { HeaderFields } from "../http/header_fields.ts";
import type { HttpError, HttpResponse } from "../http/message.ts";
import { type Answerer, buildPlaces } from "../site/build_places.ts";
import { createFilesAnswer } from "../site/files_answer.ts";
import { createRedirect } from "../site/redirect.ts";
import type { Site } from "../site/site.ts";
import type { ReadNames } from "../system/folder_names.ts";
import type { FileMemory } from "../static/file_memory.ts";
import type { Programs } from "../static/open_file.ts";
import { createStaticHandler } from "../static/static_files.ts";

/** What the places of a worker share. */
export interface SharedByPlaces {
  readonly memory: FileMemory;
  /** Null where no program is named. */
  readonly runner: Pick<ScriptRunner, "answer"> | null;
  readonly nowMs: () => number;
  /** As StaticOptions has it. */
  readonly isBefore1970: (path: string) => boolean | null;
  readonly readNames?: ReadNames;
}

/** What answers for which prefix. To be made once: what is known about files hangs on it. */
export function createAnswerers(config: Config, shared: SharedByPlaces): readonly Answerer[] {
  const { runner } = shared;
  const handlers = handlersOf(config);
  const files = fileMounts(config).map((mount) => ({
    prefix: mount.prefix,
    answer: createFiles(config, mount, shared),
    settings: config.place,
  }));
  const programs = runner === null ? [] : programMounts(config).map(({ prefix, path }) => {
    const mount = { ...settingsOf(config), cgiPath: path.value, handlers };
    return { prefix, answer: createScriptHandler(mount, runner), settings: config.place };
  });
  const redirects = config.redirects.map(({ prefix, redirect }) => {
    return { prefix, answer: createRedirect(redirect), settings: config.place };
  });
  return [...files, ...programs, ...redirects];
}

function createFiles(
  config: Config,
  { prefix, path }: Mount,
  { runner, ...shared }: SharedByPlaces,
): Answerer["answer"] {
  const { limits, rules } = config;
  const handlers = handlersOf(config);
  const { indexNames, servesDotFiles } = config.files;
  const files = createStaticHandler({
    ...{ root: path.value, ...config.files, limits, rules, ...shared },
    // Who runs programs has been asked for the others.
    indexNames: indexNames.filter((name) => interpreterOf(name, handlers) === null),
    programs: createPrograms(config),
    otherPrefixes: [...fileMounts(config), ...programMounts(config), ...config.redirects].map((mount) => mount.prefix)
      .filter((other) => other !== prefix),
  });
  const mount = {
    ...{ ...settingsOf(config), documentRoot: path.value, handlers, indexNames, servesDotFiles },
    cgiPaths: cgiPathsOf(config),
  };
  const hasHandlers = Object.keys(handlers).length > 0;
  return createFilesAnswer({
    files,
    scripts: runner !== null && hasHandlers ? createHandledScripts(mount, runner) : null,
    rules,
    hasFallback: config.place.fallback !== null,
  });
}

/** What every program is told. */
function settingsOf({ root, rules, cgi }: Config): MetaVariableSettings {
  return { documentRoot: root.value, rules, ...cgi.told };
}

/** What is run and never sent; null where nothing is run. */
function createPrograms(config: Config): Programs | null {
  if (!usesCgi(config)) return null;
  return programsOf({ cgiPaths: cgiPathsOf(config), handlers: config.cgi.handlers });
}

function handlersOf({ cgi }: Config): Interpreters {
  return Object.fromEntries(Object.entries(cgi.handlers).map(([extension, { value }]) => [extension, value]));
}

function cgiPathsOf(config: Config): readonly string[] {
  return programMounts(config).map(({ path }) => path.value);
}

export interface SiteParts {
  readonly answerers: readonly Answerer[];
  readonly realms: readonly PlacedRealm[];
  readonly authenticator: Authenticator;
  readonly errorResponse: (error: HttpError) => HttpResponse;
}

/** The one site, which answers for every host. */
export function buildSite(
  { access, files, rewrites }: Config,
  { answerers, realms, authenticator, errorResponse }: SiteParts,
): Site {
  return {
    hosts: [],
    indexNames: files.indexNames,
    rewrites,
    places: buildPlaces(answerers, createGuards({ rules: access.rules, realms }, authenticator)),
    errorResponse,
    fields: { defaults: HeaderFields.of(...access.fields), always: HeaderFields.of(...access.alwaysFields) },
  };
}
