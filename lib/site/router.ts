/**
 * Which handler answers a request: methods first, then the path; local redirects of scripts are followed here. Pure.
 * RFC 9110 9 and 15, RFC 3875 6.2.2.
 */
import { HeaderFields } from "../http/header_fields.ts";
import {
  EMPTY_BODY,
  type Handler,
  HttpError,
  type HttpRequest,
  type HttpResponse,
  type LocalRedirect,
  type Soon,
} from "../http/message.ts";
import { parseTarget, type Target } from "../http/target.ts";
import type { Rules } from "../rules.ts";

export interface Routes {
  readonly rules: Rules;
  readonly files: Handler;
  /** Which paths (decoded) scripts answer, and who runs them; null where there are none. */
  readonly scripts: { isScriptPath(path: string): boolean; readonly handle: Handler } | null;
  /** Throws HttpError for whoever may not have the path, and finds out who the user is; without it everybody may have all. */
  readonly guard?: ((request: HttpRequest) => Promise<HttpRequest["user"]>) | null;
}

/** A request whose user the guard is still to find. */
export interface RoutedRequest extends HttpRequest {
  user?: HttpRequest["user"];
}

/** RFC 3875 6.2.2 leaves the bound to the server: a chain this long is a loop. */
const MAX_LOCAL_REDIRECTS = 5;

/**
 * Answers every request; throws HttpError 500 for local redirects that loop or are malformed, 501 for a method, and what the guard and the
 * handlers throw. Sets the user of the request.
 */
export function createRouter(routes: Routes): (request: RoutedRequest) => Soon<HttpResponse> {
  return (request) => {
    const answer = route(routes, request);
    return answer instanceof Promise || "localRedirect" in answer ? follow(routes, request, answer) : answer;
  };
}

async function follow(
  routes: Routes,
  request: RoutedRequest,
  first: Soon<HttpResponse | LocalRedirect>,
): Promise<HttpResponse> {
  let answer = await first;
  for (let count = 0; "localRedirect" in answer; count++) {
    if (count === MAX_LOCAL_REDIRECTS) throw new HttpError(500, `Too many local redirects of "${request.target}"`);
    const inner = redirected(request, answer);
    answer = await route(routes, inner);
    request.user ??= inner.user;
  }
  return answer;
}

/** Where a script sends a request to is guarded as if the client had asked for it. */
function route(routes: Routes, request: RoutedRequest): Soon<HttpResponse | LocalRedirect> {
  if (!routes.guard) return handle(routes, request);
  return routes.guard(request).then((user) => {
    request.user = user;
    return handle(routes, request);
  });
}

function handle({ rules, files, scripts }: Routes, request: HttpRequest): Soon<HttpResponse | LocalRedirect> {
  const { method, path } = request;
  const isForScript = scripts !== null && (isFileMethod(method) || rules.allowsAnyMethod) && scripts.isScriptPath(path);
  if (!isFileMethod(method)) {
    if (isForScript) return scripts.handle(request);
    if (rules.allowsAnyMethod && method === "OPTIONS") return OPTIONS_ANSWER;
    // RFC 9110 15.6.2: the server does not recognize the method, for any resource; decided before it is looked up.
    throw new HttpError(501, `Method "${method}"`);
  }
  return isForScript ? scripts.handle(request) : files(request);
}

function isFileMethod(method: string): boolean {
  return method === "GET" || method === "HEAD" || method === "POST";
}

/** RFC 9110 9.3.7, for a file and for "*". */
const OPTIONS_ANSWER: HttpResponse = {
  status: 204,
  fields: HeaderFields.of(["Allow", "GET, HEAD, OPTIONS"]),
  body: EMPTY_BODY,
};

/** The request that a script asked for in place of the client: the same, but without content. */
function redirected(request: HttpRequest, { localRedirect }: LocalRedirect): RoutedRequest {
  const method = request.method === "HEAD" ? "HEAD" : "GET";
  const { path, query } = parseLocalRedirect(request, localRedirect);
  return {
    method,
    target: localRedirect,
    version: request.version,
    fields: request.fields.without("Content-Length", "Content-Type", "Transfer-Encoding"),
    path,
    query,
    host: request.host,
    body: EMPTY_BODY,
    connection: request.connection,
    user: null,
    get signal() {
      return request.signal;
    },
  };
}

/** RFC 3875 6.3.2: a local redirect is an abs-path, so what is none is the fault of the script and not of the client. */
function parseLocalRedirect(request: HttpRequest, location: string): Target {
  try {
    if (!/^[\x21-\x7e]*$/.test(location)) throw new HttpError(400, "Not visible ASCII");
    return parseTarget("GET", location);
  } catch (cause) {
    if (!(cause instanceof HttpError)) throw cause;
    const text = JSON.stringify(location.slice(0, 200));
    throw new HttpError(500, `Malformed local redirect of "${request.target}": ${text}`, { cause });
  }
}
