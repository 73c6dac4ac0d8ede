/**
 * The answer of a place that has moved: elsewhere on the site, or to another one. The rest of the path and the query are kept.
 * Pure. RFC 9110 15.4.
 */
import { HeaderFields } from "../http/header_fields.ts";
import { EMPTY_BODY, type HttpResponse } from "../http/message.ts";
import { encodePath } from "../http/target.ts";
import type { PlaceAnswer } from "./site.ts";

const STATUSES = [301, 302, 303, 307, 308] as const;

export type RedirectStatus = (typeof STATUSES)[number];

/** That of the word; the first where there is none, null for one that sends nobody anywhere. */
export function readRedirectStatus(word: string | undefined): RedirectStatus | null {
  return word === undefined ? STATUSES[0] : STATUSES.find((status) => status === Number(word)) ?? null;
}

export interface Redirect {
  readonly status: RedirectStatus;
  /** A path of the site or a URL, without query and fragment; as it is sent. */
  readonly base: string;
  /** Raw; "" for none. */
  readonly query: string;
  /** With its "#"; "" for none. */
  readonly fragment: string;
}

/** Reads `/new`, `308 /new` or `https://example.org/new?from=old#top`; null for anything else. */
export function parseRedirect(text: string): Redirect | null {
  const [, word, base, query = "", fragment = ""] =
    /^(?:(\d+)[ \t]+)?((?:https?:\/\/[^/?#]+)?(?:\/(?!\/)[^?#]*)?)(?:\?([^#]*))?(#.*)?$/i.exec(text) ?? [];
  const status = readRedirectStatus(word);
  if (status === null || !base || !/^[\x21-\x7e]+$/.test(base + query + fragment) || base.includes("\\")) {
    return null;
  }
  return { status, base, query, fragment };
}

/** Answers all that is below the place, by any method. */
export function createRedirect({ status, base, query, fragment }: Redirect): PlaceAnswer {
  return (request, { path }) => {
    // A slash in front of it is the one that the path begins with: "//host" would lead to another host.
    const rest = path === "" ? base : base.replace(/\/$/, "") + encodePath(path);
    const queries = [query, request.query].filter((part) => part !== "").join("&");
    const location = `${rest}${queries === "" ? "" : `?${queries}`}${fragment}`;
    return redirectTo(location, status);
  };
}

export function redirectTo(location: string, status: RedirectStatus): HttpResponse {
  return { status, fields: HeaderFields.of(["Location", location]), body: EMPTY_BODY };
}
