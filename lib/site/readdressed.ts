/**
 * A request with something else in place of what the client sent: another path and query, by a rewrite or a fallback, or other
 * content. All else is the same request, also whom the guards find its user to be. Pure.
 */
import type { Body, HttpRequest, PathAndQuery } from "../http/message.ts";

/** A request whose user the guard is still to find. */
export interface RoutedRequest extends HttpRequest {
  user?: HttpRequest["user"];
  /** Set to the place that was asked, as that has it. */
  countedAs?: number;
  /** The same, as HttpResponse has it, for what has no answer. */
  accessLog?: string | null;
}

/** `target` and fields stay as received: a program may still see what was asked for. */
export function readdressed(request: RoutedRequest, { path, query }: PathAndQuery): RoutedRequest {
  return changed(request, {
    ...{ path, query, body: request.body },
    original: request.original ?? { path: request.path, query: request.query },
  });
}

export function withContent(request: RoutedRequest, body: Body): RoutedRequest {
  const { path, query, original } = request;
  return changed(request, { path, query, original, body });
}

function changed(
  request: RoutedRequest,
  changes: Pick<RoutedRequest, "path" | "query" | "original" | "body">,
): RoutedRequest {
  const { method, target, version, fields, host, connection, notes } = request;
  return {
    ...{ method, target, version, fields, host, connection, notes },
    ...changes,
    get id() {
      return request.id;
    },
    get user() {
      return request.user;
    },
    set user(user) {
      request.user = user;
    },
    get signal() {
      return request.signal;
    },
  };
}
