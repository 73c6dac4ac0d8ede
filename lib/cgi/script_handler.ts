/**
 * What programs answer in a place: from a path to its script, and to the runner of all scripts. Separate from the runner,
 * for there is one of that in a worker and a handler for each place. RFC 3875.
 */
import { redirectToFolder } from "../http/folder_redirect.ts";
import type { Located } from "../http/located.ts";
import { HttpError, type HttpRequest, type HttpResponse, type LocalRedirect, type Soon } from "../http/message.ts";
import type { MetaVariableSettings } from "../gateway/meta_variables.ts";
import { findHandled, findProgram, type HandledPlace, type ProgramPlace } from "./find_script.ts";
import type { PlaceRun } from "./script_call.ts";
import type { ScriptRunner } from "./script_runner.ts";

/** A place whose every path is for programs, and what it tells them. */
export interface ScriptMount extends ProgramPlace, MetaVariableSettings {
  readonly run?: PlaceRun | null;
}

/** A place of files, some of which interpreters run, and what it tells these. */
export interface HandledMount extends HandledPlace, MetaVariableSettings {
  readonly run?: PlaceRun | null;
}

type Runner = Pick<ScriptRunner, "answer">;

/**
 * Answers each path of the place by its script, and with 301 a folder of scripts without its slash. Throws HttpError as
 * `findProgram` and `ScriptRunner.answer` do.
 */
export function createScriptHandler(
  mount: ScriptMount,
  runner: Runner,
): (request: HttpRequest, at: Located) => Soon<HttpResponse | LocalRedirect> {
  return (request, at) => {
    const script = findProgram(at, mount);
    if (script !== "folder") return runner.answer(request, { script, settings: mount, run: mount.run });
    if (request.method === "GET" || request.method === "HEAD") return redirectToFolder(request);
    throw new HttpError(403, `Method of a folder of scripts: "${request.method}"`);
  };
}

/** Answers the paths that lead to a file with a handler; null for all others. Throws as `findHandled` and the runner do. */
export function createHandledScripts(
  mount: HandledMount,
  runner: Runner,
): (request: HttpRequest, at: Located) => Promise<HttpResponse | LocalRedirect> | null {
  return (request, at) => {
    const script = findHandled(at, mount);
    return script === null ? null : runner.answer(request, { script, settings: mount, run: mount.run });
  };
}
