/**
 * Answers a request by the place that it is for: the guard of that place first, then its answer; local redirects of scripts
 * are followed here. Pure. RFC 9110 9 and 15, RFC 3875 6.2.2.
 */
import {
  EMPTY_BODY,
  HttpError,
  type HttpRequest,
  type HttpResponse,
  type LocalRedirect,
  NotThere,
  type Soon,
} from "../http/message.ts";
import { ENCODED_SLASH, parseTarget, type Target } from "../http/target.ts";
import type { Rules } from "../rules.ts";
import { type Fallback, fallBack } from "./fallback.ts";
import { boundContent } from "./bounded_content.ts";
import { answerOtherMethod, isFileMethod, requireMethod } from "./other_methods.ts";
import { readdressed, type RoutedRequest } from "./readdressed.ts";
import { sendThere } from "./rewrite.ts";
import type { Guard, PlaceSaid, RequestRate } from "./site.ts";
import type { Location, Sites } from "./sites.ts";

export interface RouterOptions {
  readonly sites: Sites;
  readonly rules: Pick<Rules, "allowsAnyMethod">;
  /** Counts requests for places that say nothing of it; null: they are not counted. */
  readonly rate: RequestRate | null;
}

/** RFC 3875 6.2.2 leaves the bound to the server: a chain this long is a loop. */
const MAX_LOCAL_REDIRECTS = 5;

export class Router {
  readonly #options: Omit<RouterOptions, "sites">;
  #sites: Sites;

  constructor({ sites, ...options }: RouterOptions) {
    this.#sites = sites;
    this.#options = options;
  }

  /** Sites in place of those before, for requests that come. */
  replaceSites(sites: Sites): void {
    this.#sites = sites;
  }

  /** The answer for an error of a request, as far as it was told. */
  errorResponse(error: HttpError, request?: Pick<HttpRequest, "host" | "path" | "connection">): HttpResponse {
    if (request === undefined) return this.#sites.of("").errorResponse(error);
    const { host, path } = request;
    const said = path.startsWith("/") ? this.#sites.find(host, path)?.place.said ?? null : null;
    return said === null ? this.#sites.of(host).errorResponse(error) : saying(said, request, said.errorResponse(error));
  }

  /**
   * Answers every request; throws HttpError 500 for local redirects that loop or are malformed, 501 for a method, and what
   * rate, guards and places throw. Sets the user of the request. What is in memory comes without a promise.
   */
  answer(request: RoutedRequest): Soon<HttpResponse> {
    const location = this.#sites.find(request.host, request.path);
    if (location !== null) {
      request.countedAs = location.place.countedAs;
      if (location.place.said !== null) request.accessLog = location.place.said.accessLog;
    }
    const rate = location?.place.rate ?? this.#options.rate;
    if (rate !== null) rate.take(request.connection.remoteAddress);
    const answer = this.#routeTo(request, location);
    const orFollow = (answer: HttpResponse | LocalRedirect) =>
      "localRedirect" in answer ? this.#follow(request, answer) : answer;
    return answer instanceof Promise ? answer.then(orFollow) : orFollow(answer);
  }

  async #follow(request: RoutedRequest, first: LocalRedirect): Promise<HttpResponse> {
    let answer: HttpResponse | LocalRedirect = first;
    for (let count = 0; "localRedirect" in answer; count++) {
      if (count === MAX_LOCAL_REDIRECTS) throw new HttpError(500, `Too many local redirects of "${request.target}"`);
      const inner = redirected(request, answer);
      answer = await this.#route(inner);
      request.user ??= inner.user;
    }
    return answer;
  }

  /** Where a script sends a request to is guarded as if the client had asked for it. */
  #route(request: RoutedRequest): Soon<HttpResponse | LocalRedirect> {
    return this.#routeTo(request, this.#sites.find(request.host, request.path));
  }

  #routeTo(request: RoutedRequest, location: Location | null): Soon<HttpResponse | LocalRedirect> {
    // RFC 9110 15.5.20: over TLS another connection may reach who answers for it.
    if (location === null) throw new HttpError(request.connection.secure ? 421 : 404, `No site "${request.host}"`);
    const { rewritten, place: { settings } } = location;
    if (!settings.passesEncodedSlash && request.path.includes(ENCODED_SLASH)) {
      throw new HttpError(404, `Encoded slash in "${request.target}"`);
    }
    const isServed = rewritten === null || rewritten.redirect !== null;
    const served = isServed ? request : readdressed(request, rewritten.address(request.query));
    return this.#enter(served, location, settings.fallback);
  }

  /** Asks all who guard the place, and then the place; `fallback` is what answers where nothing is. */
  #enter(request: RoutedRequest, location: Location, fallback: Fallback | null): Soon<HttpResponse | LocalRedirect> {
    const { place: { guard, settings }, others } = location;
    const { notes } = request;
    if (notes) notes.location = location;
    if (request.path.startsWith("/")) requireMethod(request.method, settings);
    if (guard === null && others.length === 0) return this.#answerOr(fallback, request, location);
    const guards = new Set([guard, ...others.map((other) => other.guard)]);
    return this.#admit(request, guards).then(() => this.#answerOr(fallback, request, location));
  }

  /** What a fallback leads to is guarded as itself, after what was asked for. */
  #answerOr(
    fallback: Fallback | null,
    request: RoutedRequest,
    location: Location,
  ): Soon<HttpResponse | LocalRedirect> {
    if (fallback === null) return this.#answer(request, location);
    const answerInstead = (error: unknown) => {
      if (!(error instanceof NotThere)) throw error;
      const inner = readdressed(request, fallBack(request, fallback));
      return this.#enter(inner, this.#sites.findServed(inner.host, inner.path), null);
    };
    try {
      const answer = this.#answer(request, location);
      return answer instanceof Promise ? answer.catch(answerInstead) : answer;
    } catch (error) {
      return answerInstead(error);
    }
  }

  async #admit(request: RoutedRequest, guards: ReadonlySet<Guard | null>): Promise<void> {
    request.user ??= null;
    try {
      for (const guard of guards) {
        const user = guard === null ? null : await guard.admit(request);
        request.user = user ?? request.user;
      }
    } finally {
      request.notes?.mark("access");
    }
  }

  #answer(asked: RoutedRequest, { place, at, rewritten }: Location): Soon<HttpResponse | LocalRedirect> {
    const { method, path } = asked;
    const isOfServer = path === "*" || path === "";
    // RFC 9110 15.6.2: the server does not recognize the method, for any resource; decided before it is looked up.
    if (!isFileMethod(method) && (isOfServer || !this.#options.rules.allowsAnyMethod)) {
      return answerOtherMethod(method, this.#options.rules);
    }
    const request = boundContent(asked, place.settings.maxBodyBytes);
    const answer = rewritten === null
      ? place.answer(request, at)
      : sendThere(request, rewritten) ?? place.answer(request, at);
    const { said } = place;
    if (said === null) return answer;
    return answer instanceof Promise
      ? answer.then((each) => saying(said, request, each))
      : saying(said, request, answer);
  }
}

/** The answer as its place says it. */
function saying<Answer extends HttpResponse | LocalRedirect>(
  { plain, secure, accessLog }: PlaceSaid,
  { connection }: Pick<HttpRequest, "connection">,
  answer: Answer,
): Answer {
  return "localRedirect" in answer ? answer : { ...answer, own: connection.secure ? secure : plain, accessLog };
}

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
    notes: request.notes,
    user: null,
    get id() {
      return request.id;
    },
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
