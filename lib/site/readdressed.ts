/**
 * A request with another path and query in place of those that the client asked for: by a rewrite or a fallback. All else is the
 * same request, also its content and whom the guards find its user to be. Pure.
 */
import type { HttpRequest, PathAndQuery } from "../http/message.ts";

/** A request whose user the guard is still to find. */
export interface RoutedRequest extends HttpRequest {
  user?: HttpRequest["user"];
}

/** `target` and fields stay as received: a program may still see what was asked for. */
export function readdressed(request: RoutedRequest, { path, query }: PathAndQuery): RoutedRequest {
  const { method, target, version, fields, host, body, connection } = request;
  return {
    ...{ method, target, version, fields, host, body, connection, path, query },
    original: request.original ?? { path: request.path, query: request.query },
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
